import type { Conv2dGeometry, Conv2dJoinedGeometry, NumericArray } from '../contract.js';
import { activate } from './activate.js';
import { reluBackward } from './elementwise.js';
import { maxPool2d } from './windows.js';

/*
 * The convolution by definition. Output channel o belongs to group ⌊o / (OC/groups)⌋ and sees that
 * group's C input channels. All three kernels are sums of products, weight·x or their like, over the
 * same triples of a weight, a pixel and an output, so all three walk them with `forEachProduct`.
 */

export function conv2d(
  out: NumericArray,
  x: NumericArray,
  weight: NumericArray,
  bias: NumericArray | null,
  geometry: Conv2dGeometry,
): void {
  const { OC, window } = geometry;
  const p = window.OH * window.OW;
  const sums = new Float64Array(out.length);
  forEachProduct(geometry, (output, pixel, tap) => {
    const value = pixel < 0 ? 0 : x[pixel];
    sums[output] = sums[output] + weight[tap] * value;
  });
  if (bias) {
    // Last, so that small products are not lost one by one beside a large bias.
    for (let i = 0; i < sums.length; i++) {
      sums[i] = sums[i] + bias[Math.floor(i / p) % OC];
    }
  }
  store(out, sums);
}

/** The three kernels one after another, with a rounding after the first two. */
export function conv2dJoined(
  out: NumericArray | null,
  pooled: NumericArray | null,
  indices: Int32Array | null,
  x: NumericArray,
  weight: NumericArray,
  bias: NumericArray | null,
  geometry: Conv2dJoinedGeometry,
): void {
  const { N, OC, window, pool } = geometry;
  const planes = N * OC;
  const size = planes * window.OH * window.OW;
  const values =
    out ?? (x instanceof Float64Array ? new Float64Array(size) : new Float32Array(size));
  conv2d(values, x, weight, bias, geometry);
  activate(values, geometry);
  if (pool === null || pooled === null) return;
  const places = indices ?? new Int32Array(planes * pool.OH * pool.OW);
  maxPool2d(pooled, places, values, { ...pool, C: planes });
}

export function conv2dBackwardInput(
  dX: NumericArray,
  dOut: NumericArray,
  weight: NumericArray,
  geometry: Conv2dGeometry,
): void {
  const sums = new Float64Array(dX.length);
  forEachProduct(geometry, (output, pixel, tap) => {
    if (pixel < 0) return;
    sums[pixel] = sums[pixel] + weight[tap] * dOut[output];
  });
  store(dX, sums);
}

export function conv2dBackwardInputRelu(
  dX: NumericArray,
  dOut: NumericArray,
  weight: NumericArray,
  saved: NumericArray,
  geometry: Conv2dGeometry,
): void {
  conv2dBackwardInput(dX, dOut, weight, geometry);
  reluBackward(dX, dX, saved);
}

export function conv2dBackwardWeight(
  dWeight: NumericArray,
  dBias: NumericArray | null,
  x: NumericArray,
  dOut: NumericArray,
  geometry: Conv2dGeometry,
): void {
  const { OC, window } = geometry;
  const p = window.OH * window.OW;
  const sums = new Float64Array(dWeight.length);
  forEachProduct(geometry, (output, pixel, tap) => {
    const value = pixel < 0 ? 0 : x[pixel];
    sums[tap] = sums[tap] + dOut[output] * value;
  });
  store(dWeight, sums);
  if (!dBias) return;
  const biasSums = new Float64Array(OC);
  for (let i = 0; i < dOut.length; i++) {
    const o = Math.floor(i / p) % OC;
    biasSums[o] = biasSums[o] + dOut[i];
  }
  store(dBias, biasSums);
}

/**
 * Calls `visit` wherever a weight joins a pixel to an output, with their indices in weight, x and
 * out; -1 stands for a pixel on the padding.
 */
function forEachProduct(
  { N, OC, groups, window }: Conv2dGeometry,
  visit: (output: number, pixel: number, tap: number) => void,
): void {
  const { C, H, W, KH, KW, OH, OW } = window;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW } = window;
  let output = 0;
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < OC; o++) {
      const firstChannel = n * groups * C + Math.floor(o / (OC / groups)) * C;
      for (let i = 0; i < OH; i++) {
        for (let j = 0; j < OW; j++, output++) {
          let tap = o * C * KH * KW;
          for (let c = firstChannel; c < firstChannel + C; c++) {
            for (let kh = 0; kh < KH; kh++) {
              const h = i * strideH - padTop + kh * dilationH;
              for (let kw = 0; kw < KW; kw++, tap++) {
                const w = j * strideW - padLeft + kw * dilationW;
                const inside = h >= 0 && h < H && w >= 0 && w < W;
                visit(output, inside ? (c * H + h) * W + w : -1, tap);
              }
            }
          }
        }
      }
    }
  }
}

function store(out: NumericArray, sums: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = sums[i];
}
