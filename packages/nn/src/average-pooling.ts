import {
  concat,
  defineFunction,
  bufferOf,
  empty,
  formatShape,
  kernelsFor,
  mean,
  ShapeError,
  slice,
  zeros,
  type Context,
  type OptionRules,
  type Shape,
  type SliceRange,
  type Tensor,
  type WindowGeometry,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  checkShape,
  defineGradient,
  flag,
  requireFloat,
  requireTensor,
  tracer,
} from '@unfold/core/internal';
import { ownCopy, ownOptions } from './checks.js';
import { vectorOf } from './buffers.js';
import { pair, type Size2d } from './conv2d/geometry.js';
import { Module } from './module.js';
import { checkPool, recentPoolWindow } from './pooling.js';
import { formatOptions } from './tree.js';

/** Options of `avgPool2d`, named and defaulted as PyTorch's. */
export interface AvgPool2dOptions {
  /** Default: the kernel's size, so that windows touch and don't overlap. */
  readonly stride?: Size2d;
  /** Zeros on each side; at most half the kernel. Default 0. */
  readonly padding?: Size2d;
  /** Whether the zeros of the padding count as pixels of a window. Default true. */
  readonly countIncludePad?: boolean;
}

const AVG_POOL_OPTIONS: OptionRules<AvgPool2dOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  countIncludePad: flag,
};

interface Pool {
  /** Over the images' planes: its C is N·C. */
  readonly window: WindowGeometry;
  readonly countIncludePad: boolean;
}

/** Floats that are unfolded at a time: as much as stays in a processor's cache. */
const CHUNK = 1 << 18;

/** Calls `run` for some planes after another, with a window over as many, and room for its unfold. */
function inChunks(
  window: WindowGeometry,
  dtype: Tensor['dtype'],
  run: (first: number, some: WindowGeometry, columns: Tensor) => void,
): void {
  const taps = window.KH * window.KW * window.OH * window.OW;
  const planes = Math.max(1, Math.min(window.C, Math.floor(CHUNK / taps)));
  const columns = empty([planes, taps], dtype, 'avgPool2d');
  try {
    for (let first = 0; first < window.C; first += planes) {
      run(first, { ...window, C: Math.min(planes, window.C - first) }, columns);
    }
  } finally {
    columns.dispose();
  }
}

/** How many pixels each window averages: one number, or `[OH·OW]` where they differ. */
function pixelCounts({ window: w, countIncludePad }: Pool): number[] {
  const isPadded = w.padTop > 0 || w.padLeft > 0;
  if (countIncludePad || !isPadded) return [w.KH * w.KW];
  const inside = (count: number, stride: number, pad: number, kernel: number, size: number) =>
    Array.from({ length: count }, (_, i) => {
      const start = i * stride - pad;
      return Math.min(start + kernel, size) - Math.max(start, 0);
    });
  const rows = inside(w.OH, w.strideH, w.padTop, w.KH, w.H);
  const columns = inside(w.OW, w.strideW, w.padLeft, w.KW, w.W);
  return rows.flatMap((row) => columns.map((column) => row * column));
}

/** out = x / counts over `[planes, OH·OW]`; `out` may be x. */
function divideByCounts(out: Tensor, x: Tensor, pool: Pool): void {
  const p = pool.window.OH * pool.window.OW;
  const counts = vectorOf(pixelCounts(pool), x.dtype, 'avgPool2d');
  kernelsFor(x.dtype).div(
    bufferOf(out),
    bufferOf(x),
    bufferOf(counts),
    counts.size === 1
      ? { shape: [x.size], aStrides: [1], bStrides: [0] }
      : { shape: [pool.window.C, p], aStrides: [p, 1], bStrides: [0, 1] },
  );
}

/** unfold → sum, and back: spread → fold. */
const avgPool2dFunction = defineFunction('avgPool2d', {
  forward(ctx: Context<{ pool: Pool; shape: Shape }>, x: Tensor, pool: Pool) {
    const { H, W, KH, KW, OH, OW } = pool.window;
    const out = empty([...x.shape.slice(0, 2), OH, OW], x.dtype, 'avgPool2d');
    const kernels = kernelsFor(x.dtype);
    inChunks(pool.window, x.dtype, (first, some, columns) => {
      kernels.unfold(bufferOf(columns), bufferOf(x).slice(first * H * W), some);
      const sums = bufferOf(out).slice(first * OH * OW);
      kernels.sum(sums, bufferOf(columns), { outer: some.C, n: KH * KW, inner: OH * OW });
    });
    divideByCounts(out, out, pool);
    ctx.save({ pool, shape: x.shape });
    return out;
  },
  backward: (ctx, dOut): Tensor => spreadFunction(dOut, ctx.saved),
});

/** The transpose, and so the gradient: each value is shared among the pixels of its window. */
const spreadFunction = defineGradient('avgPool2dBackward', {
  forward(
    ctx: Context<{ pool: Pool }>,
    dOut: Tensor,
    { pool, shape }: { pool: Pool; shape: Shape },
  ) {
    ctx.save({ pool });
    const { H, W, KH, KW, OH, OW } = pool.window;
    const p = OH * OW;
    const dX = zeros(shape, { dtype: dOut.dtype });
    const shares = empty(dOut.shape, dOut.dtype, 'avgPool2d');
    divideByCounts(shares, dOut, pool);
    const kernels = kernelsFor(dOut.dtype);
    inChunks(pool.window, dOut.dtype, (first, some, columns) => {
      kernels.copyStrided(bufferOf(columns), bufferOf(shares), {
        shape: [some.C, KH * KW, p],
        outStrides: [KH * KW * p, p, 1],
        outOffset: 0,
        xStrides: [p, 0, 1],
        xOffset: first * p,
      });
      kernels.fold(bufferOf(dX).slice(first * H * W), bufferOf(columns), some);
    });
    return dX;
  },
  backward: (ctx, d) => avgPool2dFunction(d, ctx.saved.pool),
});

/**
 * The mean of each window, as `torch.nn.functional.avg_pool2d`.
 * @param x `[N, C, H, W]`
 * @returns `[N, C, OH, OW]`; `outputSize` says how OH and OW follow.
 * @throws ShapeError if x has another number of dimensions or the kernel does not fit,
 * ConfigError for a bad size, DTypeError for integers.
 */
export function avgPool2d(x: Tensor, kernelSize: Size2d, options: AvgPool2dOptions = {}): Tensor {
  checkOptions('avgPool2d', options, AVG_POOL_OPTIONS);
  const { countIncludePad = true } = options;
  if (tracer) {
    const { stride = kernelSize, padding = 0 } = options;
    const completed = { stride, padding, countIncludePad };
    return tracer.operation('avgPool2d', avgPool2d, { x, kernelSize, options: completed });
  }
  const window = recentPoolWindow('avgPool2d', x, kernelSize, options);
  const { H, W, KH, KW, padTop, padLeft } = window;
  // A window as large as the image needs no unfold.
  if (KH === H && KW === W && padTop === 0 && padLeft === 0) {
    return mean(x, { axis: [2, 3], keepdim: true });
  }
  return avgPool2dFunction(x, { window, countIncludePad });
}

/**
 * The means of windows that are chosen so that the output has a given size, as
 * `torch.nn.functional.adaptive_avg_pool2d`: along an axis, window i of n reaches from ⌊i·size/n⌋
 * to, not including, ⌈(i+1)·size/n⌉. With output size 1, the mean of each channel.
 * @param x `[N, C, H, W]`
 * @param outputSize OH and OW.
 * @returns `[N, C, OH, OW]`
 * @throws ShapeError if x has another number of dimensions or no pixels, ConfigError for a bad
 * size, DTypeError for integers.
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Size2d): Tensor {
  requireTensor('adaptiveAvgPool2d', 'x', x);
  if (tracer) {
    return tracer.operation('adaptiveAvgPool2d', adaptiveAvgPool2d, { x, outputSize });
  }
  const [OH, OW] = pair('adaptiveAvgPool2d', 'output size', outputSize, 1);
  if (x.ndim !== 4) {
    throw new ShapeError(`adaptiveAvgPool2d: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  requireFloat('adaptiveAvgPool2d', x);
  const [N, C, H, W] = x.shape;
  // Before a list of so many windows is made.
  checkShape('adaptiveAvgPool2d', [N, C, OH, OW]);
  if (H === 0 || W === 0) {
    throw new ShapeError(
      `adaptiveAvgPool2d: expected images with pixels, got x ${formatShape(x.shape)}`,
    );
  }
  if (H % OH === 0 && W % OW === 0) return avgPool2d(x, [H / OH, W / OW]);
  // A window is a rectangle: its mean is the mean along one axis of means along the other.
  return meansAlong(meansAlong(x, 2, OH), 3, OW);
}

/** The means of `count` windows along an axis. */
function meansAlong(x: Tensor, axis: number, count: number): Tensor {
  const size = x.shape[axis];
  const windows = Array.from({ length: count }, (_, i) => {
    const range: SliceRange = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    const ranges = x.shape.map((_, at) => (at === axis ? range : null));
    return mean(slice(x, ranges), { axis, keepdim: true });
  });
  return concat(windows, axis);
}

/** The mean of each window, as `torch.nn.AvgPool2d`: `[N, C, H, W]` → `[N, C, OH, OW]`. */
export class AvgPool2d extends Module {
  readonly #kernelSize: Size2d;
  readonly #options: AvgPool2dOptions;

  /**
   * The stride is the kernel's size by default, the padding 0.
   * @throws ConfigError for a bad size.
   */
  constructor(kernelSize: Size2d, options: AvgPool2dOptions = {}) {
    super();
    checkOptions('AvgPool2d', options, AVG_POOL_OPTIONS);
    checkPool('AvgPool2d', kernelSize, options);
    this.#kernelSize = ownCopy(kernelSize);
    this.#options = ownOptions(options);
  }

  /** `[N, C, H, W]` → `[N, C, OH, OW]`. */
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.#kernelSize, this.#options);
  }

  override extraRepr(): string {
    const kernelSize = this.#kernelSize;
    const { stride = kernelSize, padding = 0, countIncludePad } = this.#options;
    return formatOptions({ kernelSize, stride, padding, countIncludePad });
  }
}

/** Means over windows of whatever size gives the output its own, as `torch.nn.AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends Module {
  readonly #outputSize: Size2d;

  /** @throws ConfigError unless OH and OW are positive integers. */
  constructor(outputSize: Size2d) {
    super();
    this.#outputSize = pair('AdaptiveAvgPool2d', 'output size', outputSize, 1);
  }

  /** `[N, C, H, W]` → `[N, C, OH, OW]`. */
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.#outputSize);
  }

  override extraRepr(): string {
    return formatOptions({ outputSize: this.#outputSize });
  }
}
