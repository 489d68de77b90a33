import type { NumericArray, WindowGeometry } from '../contract.js';

/*
 * Windows over one image `[C, H, W]`. The window at (oh, ow) has its element (kh, kw) over the
 * pixel h = oh·strideH - padTop + kh·dilationH, w = ow·strideW - padLeft + kw·dilationW, which
 * lies on the padding when h or w is outside the image.
 */

export function unfold(out: NumericArray, x: NumericArray, geometry: WindowGeometry): void {
  const { C, H, W, KH, KW, OH, OW } = geometry;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW } = geometry;
  // Row r = (c·KH + kh)·KW + kw of `out` holds, for every window, the value under (c, kh, kw).
  let at = 0;
  for (let c = 0; c < C; c++) {
    for (let kh = 0; kh < KH; kh++) {
      for (let kw = 0; kw < KW; kw++) {
        for (let oh = 0; oh < OH; oh++) {
          const h = oh * strideH - padTop + kh * dilationH;
          const rowStart = (c * H + h) * W;
          const rowInside = h >= 0 && h < H;
          for (let ow = 0; ow < OW; ow++) {
            const w = ow * strideW - padLeft + kw * dilationW;
            out[at++] = rowInside && w >= 0 && w < W ? x[rowStart + w] : 0;
          }
        }
      }
    }
  }
}

/** Walks as `unfold` does and copies the other way; one plane's sums are held as doubles. */
export function fold(dX: NumericArray, columns: NumericArray, geometry: WindowGeometry): void {
  const { C, H, W, KH, KW, OH, OW } = geometry;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW } = geometry;
  const sums = new Float64Array(H * W);
  let at = 0;
  for (let c = 0; c < C; c++) {
    const planeStart = c * H * W;
    for (let i = 0; i < H * W; i++) sums[i] = dX[planeStart + i];
    for (let kh = 0; kh < KH; kh++) {
      for (let kw = 0; kw < KW; kw++) {
        for (let oh = 0; oh < OH; oh++, at += OW) {
          const h = oh * strideH - padTop + kh * dilationH;
          if (h < 0 || h >= H) continue;
          for (let ow = 0; ow < OW; ow++) {
            const w = ow * strideW - padLeft + kw * dilationW;
            if (w < 0 || w >= W) continue;
            sums[h * W + w] = sums[h * W + w] + columns[at + ow];
          }
        }
      }
    }
    for (let i = 0; i < H * W; i++) dX[planeStart + i] = sums[i];
  }
}

export function maxPool2d(
  out: NumericArray,
  indices: Int32Array,
  x: NumericArray,
  geometry: WindowGeometry,
): void {
  const { C, H, W, KH, KW, OH, OW } = geometry;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW } = geometry;
  let at = 0;
  for (let c = 0; c < C; c++) {
    const planeStart = c * H * W;
    for (let oh = 0; oh < OH; oh++) {
      for (let ow = 0; ow < OW; ow++) {
        let best = 0;
        // No pixel yet. The first one is taken whatever it is, also -Infinity.
        let bestAt = -1;
        const top = oh * strideH - padTop;
        const left = ow * strideW - padLeft;
        // A kernel may be far larger than the image: only what lies over pixels is looked at.
        for (let kh = firstInside(top, dilationH); kh < KH && top + kh * dilationH < H; kh++) {
          const h = top + kh * dilationH;
          for (let kw = firstInside(left, dilationW); kw < KW; kw++) {
            const w = left + kw * dilationW;
            if (w >= W) break;
            const value = x[planeStart + h * W + w];
            const wins = value > best || (Number.isNaN(value) && !Number.isNaN(best));
            if (bestAt < 0 || wins) {
              best = value;
              bestAt = h * W + w;
            }
          }
        }
        out[at] = best;
        indices[at] = bestAt;
        at++;
      }
    }
  }
}

/** The first element of a window that is not before the image, where the window begins at `start`. */
function firstInside(start: number, dilation: number): number {
  return Math.max(0, Math.ceil(-start / dilation));
}

/** Windows overlap, so a pixel may win several times: one plane's sums are held as doubles. */
export function maxPool2dBackward(
  dX: NumericArray,
  dOut: NumericArray,
  indices: Int32Array,
  geometry: WindowGeometry,
): void {
  scatterMax(dX, dOut, indices, null, geometry);
}

/** What relu made 0 has no gradient: windows that a pixel won by no more than that are left out. */
export function maxPool2dReluBackward(
  dX: NumericArray,
  dOut: NumericArray,
  indices: Int32Array,
  pooled: NumericArray,
  geometry: WindowGeometry,
): void {
  scatterMax(dX, dOut, indices, pooled, geometry);
}

function scatterMax(
  dX: NumericArray,
  dOut: NumericArray,
  indices: Int32Array,
  pooled: NumericArray | null,
  { C, H, W, OH, OW }: WindowGeometry,
): void {
  const sums = new Float64Array(H * W);
  for (let c = 0; c < C; c++) {
    sums.fill(0);
    for (let i = c * OH * OW; i < (c + 1) * OH * OW; i++) {
      const pixel = indices[i];
      if (pixel < 0 || pixel >= H * W || (pooled && pooled[i] <= 0)) continue;
      sums[pixel] = sums[pixel] + dOut[i];
    }
    for (let i = 0; i < H * W; i++) dX[c * H * W + i] = sums[i];
  }
}
