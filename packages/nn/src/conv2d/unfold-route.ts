import {
  bufferOf,
  empty,
  kernelsFor,
  type Conv2dGeometry,
  type DType,
  type CoreKernels,
  type MatmulGeometry,
  type Tensor,
  type DeviceBuffer,
} from '@unfold/core';
import { part } from '../buffers.js';
import { addByChannel, sumByChannel } from '../channels.js';
import type { ConvRoute } from './conv-route.js';

/*
 * A convolution is unfold → matmul → fold. docs/convolution.md derives it with pictures.
 *
 * For one image and one group, with k = C·KH·KW values in a patch, p = OH·OW patches, and W the
 * weight seen as [OC, k]:
 *
 *   forward         U   = unfold(x)            [k, p]    every patch becomes a column
 *                   out = W·U (+ bias)         [OC, p]   one product for all patches
 *
 *   backwardInput   dU  = Wᵀ·dOut              [k, p]
 *                   dX  = fold(dU)             [C, H, W] each value goes back, added, to its pixel
 *
 *   backwardWeight  dWeight = Σ dOut·Uᵀ        [OC, k]   summed over the images
 *                   dBias = Σ dOut             [OC]      over images and pixels
 *
 * One image at a time, U stays in the cache between the kernel that writes it and the one that
 * reads it; backward unfolds again, which costs less than keeping every image's U in memory.
 *
 * Core's WebAssembly kernels know all of this as one kernel each, which reads the patches where
 * they lie in x: kernel-route.ts. This route serves every other dtype and engine, and says what
 * that one computes.
 */
export const unfoldRoute: ConvRoute = {
  forward(out, x, weight, bias, geometry) {
    const parts = new Parts(geometry, x.dtype);
    const { kernels, p, k, groupOC } = parts;
    const U = parts.patches();
    try {
      parts.forEach((image, group) => {
        kernels.unfold(bufferOf(U), parts.ofInput(x, image, group), geometry.window);
        // out = W·U
        kernels.matmul(
          parts.ofOutput(out, image, group),
          parts.ofWeight(weight, group),
          bufferOf(U),
          product({ M: groupOC, N: p, K: k }),
        );
      });
      if (bias) addByChannel(out, bias);
    } finally {
      U.dispose();
    }
  },

  backwardInput(dX, dOut, weight, geometry) {
    const parts = new Parts(geometry, dX.dtype);
    const { kernels, p, k, groupOC } = parts;
    const dU = parts.patches();
    try {
      kernels.fill(bufferOf(dX), { value: 0 }); // Fold adds to what is there.
      parts.forEach((image, group) => {
        // dU = Wᵀ·dOut
        kernels.matmul(
          bufferOf(dU),
          parts.ofWeight(weight, group),
          parts.ofOutput(dOut, image, group),
          product({ M: k, N: p, K: groupOC, transposeA: true }),
        );
        // dX += fold(dU)
        kernels.fold(parts.ofInput(dX, image, group), bufferOf(dU), geometry.window);
      });
    } finally {
      dU.dispose();
    }
  },

  backwardWeight(dWeight, dBias, x, dOut, geometry) {
    const parts = new Parts(geometry, x.dtype);
    const { kernels, p, k, groupOC } = parts;
    const U = parts.patches();
    try {
      kernels.fill(bufferOf(dWeight), { value: 0 }); // The sum over the images begins here.
      parts.forEach((image, group) => {
        kernels.unfold(bufferOf(U), parts.ofInput(x, image, group), geometry.window);
        // dWeight += dOut·Uᵀ
        kernels.matmul(
          parts.ofWeight(dWeight, group),
          parts.ofOutput(dOut, image, group),
          bufferOf(U),
          product({ M: groupOC, N: k, K: p, transposeB: true, accumulate: true }),
        );
      });
      if (dBias) sumByChannel(dBias, dOut);
    } finally {
      U.dispose();
    }
  },
};

/**
 * The images and groups of one convolution, and where each lies in the tensors.
 * Row-major layout puts a group's channels side by side, so every part is one run of memory.
 */
class Parts {
  readonly kernels: CoreKernels;
  /** Values in a patch, C·KH·KW. */
  readonly k: number;
  /** Patches in an image, OH·OW. */
  readonly p: number;
  readonly groupOC: number;
  readonly #geometry: Conv2dGeometry;
  readonly #dtype: DType;

  constructor(geometry: Conv2dGeometry, dtype: DType) {
    const { C, KH, KW, OH, OW } = geometry.window;
    this.#geometry = geometry;
    this.#dtype = dtype;
    this.kernels = kernelsFor(dtype);
    this.k = C * KH * KW;
    this.p = OH * OW;
    this.groupOC = geometry.OC / geometry.groups;
  }

  /** Room for the patches of one image and group, `[k, p]`. */
  patches(): Tensor {
    return empty([this.k, this.p], this.#dtype, 'conv2d');
  }

  forEach(visit: (image: number, group: number) => void): void {
    const { N, groups } = this.#geometry;
    for (let image = 0; image < N; image++) {
      for (let group = 0; group < groups; group++) visit(image, group);
    }
  }

  /** `[C, H, W]` of x or dX. */
  ofInput(x: Tensor, image: number, group: number): DeviceBuffer {
    const { C, H, W } = this.#geometry.window;
    return part(x, image * this.#geometry.groups + group, C * H * W);
  }

  /** `[groupOC, p]` of out or dOut. */
  ofOutput(out: Tensor, image: number, group: number): DeviceBuffer {
    return part(out, image * this.#geometry.groups + group, this.groupOC * this.p);
  }

  /** `[groupOC, k]` of weight or dWeight. */
  ofWeight(weight: Tensor, group: number): DeviceBuffer {
    return part(weight, group, this.groupOC * this.k);
  }
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
