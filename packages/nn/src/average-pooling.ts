import {
  defineFunction,
  bufferOf,
  empty,
  kernelsFor,
  mean,
  zeros,
  type Context,
  type OptionRules,
  type Shape,
  type Tensor,
  type WindowGeometry,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  defineGradient,
  flag,
  positiveCount,
  tracer,
} from '@unfold/core/internal';
import { ownCopy, ownOptions } from './checks.js';
import { vectorOf } from './buffers.js';
import type { Size2d } from './conv2d/geometry.js';
import { Module } from './module.js';
import { checkPool, poolOptions, recentPoolWindow } from './pooling.js';

/** Options of `avgPool2d`, named and defaulted as PyTorch's. */
export interface AvgPool2dOptions {
  /** Default: the kernel's size, so that windows touch and don't overlap. */
  readonly stride?: Size2d;
  /** Zeros on each side; at most half the kernel. Default 0. */
  readonly padding?: Size2d;
  /**
   * Whether a last window that leaves the padded image counts, too, if it begins in the image or in the
   * padding before it. Default false.
   */
  readonly ceilMode?: boolean;
  /**
   * Whether the zeros of the padding count as pixels of a window; what lies behind them never does.
   * Default true.
   */
  readonly countIncludePad?: boolean;
  /** What each window's sum is divided by, in place of the number of its pixels. */
  readonly divisorOverride?: number;
}

const AVG_POOL_OPTIONS: OptionRules<AvgPool2dOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  ceilMode: flag,
  countIncludePad: flag,
  divisorOverride: positiveCount,
};

interface Pool {
  /** Over the images' planes: its C is N·C. */
  readonly window: WindowGeometry;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;
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

/** How many pixels each window averages: one number, or `[OH·OW]` where they may differ. */
function pixelCounts({ window: w, countIncludePad, divisorOverride }: Pool): number[] {
  if (divisorOverride !== undefined) return [divisorOverride];
  const counts = (count: number, stride: number, padding: number, kernel: number, size: number) => {
    const around = countIncludePad ? padding : 0;
    return Array.from({ length: count }, (_, i) => {
      const start = i * stride - padding;
      return Math.min(start + kernel, size + around) - Math.max(start, -around);
    });
  };
  const rows = counts(w.OH, w.strideH, w.padTop, w.KH, w.H);
  const columns = counts(w.OW, w.strideW, w.padLeft, w.KW, w.W);
  const areWhole = rows.every((row) => row === w.KH) && columns.every((each) => each === w.KW);
  if (areWhole) return [w.KH * w.KW];
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

/** `avgPool2d` of x that was checked to be of four axes, for errors that name `operation`. */
export function avgPoolImages(
  operation: string,
  x: Tensor,
  kernelSize: Size2d,
  options: AvgPool2dOptions,
): Tensor {
  const { countIncludePad = true, divisorOverride } = options;
  const window = recentPoolWindow(operation, x, kernelSize, options);
  const { H, W, KH, KW, padTop, padLeft } = window;
  // A window as large as the image needs no unfold.
  if (KH === H && KW === W && padTop === 0 && padLeft === 0 && divisorOverride === undefined) {
    return mean(x, { axis: [2, 3], keepdim: true });
  }
  return avgPool2dFunction(x, { window, countIncludePad, divisorOverride });
}

/**
 * The mean of each window, as `torch.nn.functional.avg_pool2d`.
 * @param x `[N, C, H, W]`
 * @returns `[N, C, OH, OW]`; `outputSize` says how OH and OW follow, unless `ceilMode` rounds up.
 * @throws ShapeError if x has another number of dimensions or the kernel does not fit,
 * ConfigError for a bad size, DTypeError for integers.
 */
export function avgPool2d(x: Tensor, kernelSize: Size2d, options: AvgPool2dOptions = {}): Tensor {
  checkOptions('avgPool2d', options, AVG_POOL_OPTIONS);
  if (tracer) {
    const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options;
    const { divisorOverride } = options;
    const completed = { stride, padding, ceilMode, countIncludePad, divisorOverride };
    return tracer.operation('avgPool2d', avgPool2d, { x, kernelSize, options: completed });
  }
  return avgPoolImages('avgPool2d', x, kernelSize, options);
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

  /** @hidden */
  override constructedWith(): object {
    return poolOptions(this.#kernelSize, this.#options);
  }
}
