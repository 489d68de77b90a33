import {
  defineFunction,
  DTypeError,
  empty,
  engine,
  kernelsFor,
  zeros,
  type Context,
  type Conv2dGeometry,
  type Kernels,
  type MatmulGeometry,
  type NumericArray,
  type Tensor,
} from '@unfold/core';
import { conv2dGeometry, type Conv2dOptions } from './geometry.js';
import { conv2dByKernel } from './kernel-route.js';

/*
 * A convolution is unfold → matmul → fold. docs/convolution.md derives it with pictures.
 *
 * For one image and one group, with k = C·KH·KW values in a patch, p = OH·OW patches, and W the
 * weight seen as [OC, k]:
 *
 *   forward    U   = unfold(x)            [k, p]    every patch becomes a column
 *              out = W·U (+ bias)         [OC, p]   one product for all patches
 *
 *   backward   dWeight = Σ dOut·Uᵀ        [OC, k]   summed over the images
 *              dU  = Wᵀ·dOut              [k, p]
 *              dX  = fold(dU)             [C, H, W] each value goes back, added, to its pixel
 *              dBias = Σ dOut             [OC]      over images and pixels
 *
 * One image at a time, U stays in the cache between the kernel that writes it and the one that
 * reads it; backward unfolds again, which costs less than keeping every image's U in memory.
 *
 * Core's WebAssembly kernels know all of this as one kernel each, which reads the patches where
 * they lie in x: kernel-route.ts. This route serves every other dtype and engine, and says what
 * that one computes.
 */

interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly geometry: Conv2dGeometry;
}

/** conv2d, spelled out. */
export const conv2dByUnfold = defineFunction('conv2d', {
  forward(
    ctx: Context<Saved>,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    options: Conv2dOptions,
  ): Tensor {
    const geometry = conv2dGeometry(x.shape, weight.shape, bias?.shape ?? null, options);
    const { N, OC, window } = geometry;
    ctx.save({ x, weight, geometry });
    const out = empty([N, OC, window.OH, window.OW], x.dtype, 'conv2d');
    const parts = new Parts(geometry, x.dtype);
    const { kernels, U, p, k, groupOC } = parts;
    parts.forEach((image, group) => {
      kernels.unfold(U.data, parts.ofInput(x, image, group), window);
      // out = W·U
      kernels.matmul(
        parts.ofOutput(out, image, group),
        parts.ofWeight(weight, group),
        U.data,
        product({ M: groupOC, N: p, K: k }),
      );
    });
    if (bias) {
      // The bias [OC] is repeated, by strides of 0, over images and pixels.
      const repeated = { shape: [N, OC, p], aStrides: [OC * p, p, 1], bStrides: [0, 1, 0] };
      kernels.add(out.data, out.data, bias.data, repeated);
    }
    return out;
  },

  backward(ctx, dOut) {
    const { x, weight, geometry } = ctx.saved;
    const { N, OC, window } = geometry;
    const [needsDX, needsDWeight, needsDBias] = ctx.needsInputGrad;
    // Fold and the sum over images add to what is there, so both gradients start at zero.
    const dX = needsDX ? zeros(x.shape, { dtype: x.dtype }) : null;
    const dWeight = needsDWeight ? zeros(weight.shape, { dtype: x.dtype }) : null;
    const parts = new Parts(geometry, x.dtype);
    const { kernels, U, p, k, groupOC } = parts;
    parts.forEach((image, group) => {
      if (dWeight) {
        kernels.unfold(U.data, parts.ofInput(x, image, group), window);
        // dWeight += dOut·Uᵀ
        kernels.matmul(
          parts.ofWeight(dWeight, group),
          parts.ofOutput(dOut, image, group),
          U.data,
          product({ M: groupOC, N: k, K: p, transposeB: true, accumulate: true }),
        );
      }
      if (dX) {
        const dU = U; // The patches are not needed any more: their memory serves.
        // dU = Wᵀ·dOut, and dX += fold(dU)
        kernels.matmul(
          dU.data,
          parts.ofWeight(weight, group),
          parts.ofOutput(dOut, image, group),
          product({ M: k, N: p, K: groupOC, transposeA: true }),
        );
        kernels.fold(parts.ofInput(dX, image, group), dU.data, window);
      }
    });
    let dBias: Tensor | null = null;
    if (needsDBias) {
      const overPixels = empty([N, OC], x.dtype, 'conv2d');
      dBias = empty([OC], x.dtype, 'conv2d');
      kernels.sum(overPixels.data, dOut.data, { outer: N * OC, n: p, inner: 1 });
      kernels.sum(dBias.data, overPixels.data, { outer: 1, n: N, inner: OC });
    }
    return [dX, dWeight, dBias];
  },
});

/**
 * The images and groups of one convolution, and where each lies in the tensors.
 * Row-major layout puts a group's channels side by side, so every part is one run of memory.
 */
class Parts {
  readonly kernels: Kernels<NumericArray>;
  /** Values in a patch, C·KH·KW. */
  readonly k: number;
  /** Patches in an image, OH·OW. */
  readonly p: number;
  readonly groupOC: number;
  /** Room for the patches of one image and group, `[k, p]`. */
  readonly U: Tensor;
  readonly #geometry: Conv2dGeometry;

  constructor(geometry: Conv2dGeometry, dtype: Tensor['dtype']) {
    const { C, KH, KW, OH, OW } = geometry.window;
    this.#geometry = geometry;
    this.kernels = kernelsFor(dtype);
    this.k = C * KH * KW;
    this.p = OH * OW;
    this.groupOC = geometry.OC / geometry.groups;
    this.U = empty([this.k, this.p], dtype, 'conv2d');
  }

  forEach(visit: (image: number, group: number) => void): void {
    const { N, groups } = this.#geometry;
    for (let image = 0; image < N; image++) {
      for (let group = 0; group < groups; group++) visit(image, group);
    }
  }

  /** `[C, H, W]` of x or dX. */
  ofInput(x: Tensor, image: number, group: number): NumericArray {
    const { C, H, W } = this.#geometry.window;
    return part(x, image * this.#geometry.groups + group, C * H * W);
  }

  /** `[groupOC, p]` of out or dOut. */
  ofOutput(out: Tensor, image: number, group: number): NumericArray {
    return part(out, image * this.#geometry.groups + group, this.groupOC * this.p);
  }

  /** `[groupOC, k]` of weight or dWeight. */
  ofWeight(weight: Tensor, group: number): NumericArray {
    return part(weight, group, this.groupOC * this.k);
  }
}

/** The `index`-th run of `length` elements. */
function part(x: Tensor, index: number, length: number): NumericArray {
  return x.data.subarray(index * length, (index + 1) * length);
}

/** One product [M, K]·[K, N] that overwrites its output, unless `options` say otherwise. */
function product(
  options: Partial<MatmulGeometry> & { M: number; N: number; K: number },
): MatmulGeometry {
  return {
    transposeA: false,
    transposeB: false,
    accumulate: false,
    batch: 1,
    aBatchStride: 0,
    bBatchStride: 0,
    ...options,
  };
}

/**
 * The two-dimensional convolution (cross-correlation) of x with weight, as `torch.conv2d`:
 * out[n, o, i, j] = bias[o] + Σ weight[o, c, m, q] · x[n, c, i·stride + m·dilation - padding, …].
 * @param x `[N, C, H, W]`
 * @param weight `[OC, C/groups, KH, KW]`
 * @param bias `[OC]`, or null for none
 * @returns `[N, OC, OH, OW]`; `outputSize` says how OH and OW follow.
 * @throws ShapeError if the shapes don't fit each other, ConfigError for a bad option, DTypeError
 * if the dtypes differ or are integers.
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv2dOptions = {},
): Tensor {
  for (const operand of bias ? [x, weight, bias] : [x, weight]) {
    if ((operand.dtype !== 'float32' && operand.dtype !== 'float64') || operand.dtype !== x.dtype) {
      throw new DTypeError(
        `conv2d: expected x, weight and bias of one float dtype, got ${x.describe()}, ` +
          `${weight.describe()}${bias ? ` and ${bias.describe()}` : ''}; cast(x, 'float32') converts`,
      );
    }
  }
  const hasKernel = x.dtype === 'float32' && engine().kernels === 'wasm';
  return (hasKernel ? conv2dByKernel : conv2dByUnfold)(x, weight, bias, options);
}
