import {
  defineFunction,
  empty,
  formatShape,
  kernelsFor,
  ShapeError,
  zeros,
  type Context,
  type OptionRules,
  type Tensor,
  type WindowGeometry,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  requireFloat,
  requireTensor,
  tracer,
} from '@unfold/core/internal';
import { part } from '../buffers.js';
import { pair, windowGeometry, type Size2d } from './geometry.js';

/** Where the patches lie; named and defaulted as PyTorch's. */
export interface UnfoldOptions {
  /** Default 1. */
  readonly stride?: Size2d;
  /** Zeros on each side. Default 0. */
  readonly padding?: Size2d;
  /** Distance of the pixels of a patch. Default 1. */
  readonly dilation?: Size2d;
}

const UNFOLD_OPTIONS: OptionRules<UnfoldOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  dilation: checkedInUse,
};

interface Window {
  readonly window: WindowGeometry;
}

/** Every patch of x `[N, C, H, W]` as a column of `[N, C·KH·KW, OH·OW]`. */
function toColumns(x: Tensor, window: WindowGeometry): Tensor {
  const [N] = x.shape;
  const { C, KH, KW, OH, OW } = window;
  const out = empty([N, C * KH * KW, OH * OW], x.dtype, 'unfold');
  const kernels = kernelsFor(x.dtype);
  const [columns, image] = [out.size / N, x.size / N];
  for (let n = 0; n < N; n++) kernels.unfold(part(out, n, columns), part(x, n, image), window);
  return out;
}

/** Adds every column of `[N, C·KH·KW, OH·OW]` to the pixels of its patch in `[N, C, H, W]`. */
function toImages(columns: Tensor, window: WindowGeometry): Tensor {
  const [N] = columns.shape;
  const out = zeros([N, window.C, window.H, window.W], { dtype: columns.dtype });
  const kernels = kernelsFor(columns.dtype);
  const [image, patches] = [out.size / N, columns.size / N];
  for (let n = 0; n < N; n++) kernels.fold(part(out, n, image), part(columns, n, patches), window);
  return out;
}

// Each is linear, and the other is its transpose: so each is the other's gradient.

const unfoldFunction = defineFunction('unfold', {
  forward(ctx: Context<Window>, x: Tensor, { window }: Window) {
    ctx.save({ window });
    return toColumns(x, window);
  },
  backward: (ctx, dOut) => toImages(dOut, ctx.saved.window),
  recordedBackward: (ctx, dOut): Tensor => foldFunction(dOut, ctx.saved),
});

const foldFunction = defineFunction('fold', {
  forward(ctx: Context<Window>, columns: Tensor, { window }: Window) {
    ctx.save({ window });
    return toImages(columns, window);
  },
  backward: (ctx, dOut) => toColumns(dOut, ctx.saved.window),
  recordedBackward: (ctx, dOut): Tensor => unfoldFunction(dOut, ctx.saved),
});

/** @throws ConfigError for a bad option. */
function completeUnfold(operation: string, options: UnfoldOptions): Required<UnfoldOptions> {
  checkOptions(operation, options, UNFOLD_OPTIONS);
  const { stride = 1, padding = 0, dilation = 1 } = options;
  return { stride, padding, dilation };
}

function windowOf(
  operation: string,
  C: number,
  size: readonly [number, number],
  kernelSize: Size2d,
  options: UnfoldOptions,
): WindowGeometry {
  const { stride, padding, dilation } = completeUnfold(operation, options);
  const [padH, padW] = pair(operation, 'padding', padding, 0);
  return windowGeometry(operation, C, size, {
    kernel: pair(operation, 'kernel size', kernelSize, 1),
    stride: pair(operation, 'stride', stride, 1),
    padding: [
      [padH, padH],
      [padW, padW],
    ],
    dilation: pair(operation, 'dilation', dilation, 1),
  });
}

/**
 * Copies every patch into a column, as `torch.nn.functional.unfold`: patches row after row, inside
 * a patch channel, row, column. A convolution is the weight `[OC, C·KH·KW]` times these columns.
 * @param x `[N, C, H, W]`
 * @returns `[N, C·KH·KW, OH·OW]`; `outputSize` says how OH and OW follow.
 * @throws ShapeError if x has another number of dimensions or the kernel does not fit,
 * ConfigError for a bad option, DTypeError for integers.
 */
export function unfold(x: Tensor, kernelSize: Size2d, options: UnfoldOptions = {}): Tensor {
  if (tracer) {
    const completed = completeUnfold('unfold', options);
    return tracer.operation('unfold', unfold, { x, kernelSize, options: completed });
  }
  requireTensor('unfold', 'x', x);
  if (x.ndim !== 4) {
    throw new ShapeError(`unfold: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  requireFloat('unfold', x);
  const [, C, H, W] = x.shape;
  return unfoldFunction(x, { window: windowOf('unfold', C, [H, W], kernelSize, options) });
}

/**
 * The transpose of `unfold`, as `torch.nn.functional.fold`: adds every value to the pixel that
 * unfold would have copied it from. Not its inverse: where patches overlap, values add up.
 * @param columns `[N, C·KH·KW, OH·OW]`
 * @param size `[H, W]` of the images
 * @returns `[N, C, H, W]`
 * @throws ShapeError if the columns are not those of such images, ConfigError for a bad option,
 * DTypeError for integers.
 */
export function fold(
  columns: Tensor,
  size: Size2d,
  kernelSize: Size2d,
  options: UnfoldOptions = {},
): Tensor {
  if (tracer) {
    const completed = completeUnfold('fold', options);
    return tracer.operation('fold', fold, { columns, size, kernelSize, options: completed });
  }
  requireTensor('fold', 'columns', columns);
  if (columns.ndim !== 3) {
    throw new ShapeError(
      `fold: expected columns [N,C·KH·KW,OH·OW], got ${formatShape(columns.shape)}`,
    );
  }
  requireFloat('fold', columns);
  const [, k, p] = columns.shape;
  const [KH, KW] = pair('fold', 'kernel size', kernelSize, 1);
  const images = pair('fold', 'size', size, 1);
  const C = k / (KH * KW);
  const window = windowOf('fold', Math.floor(C), images, [KH, KW], options);
  if (window.C !== C || window.OH * window.OW !== p) {
    throw new ShapeError(
      `fold: images of ${formatShape(images)} and patches of ${formatShape([KH, KW])} expect ` +
        `columns [N,C·${KH * KW},${window.OH * window.OW}], got ${formatShape(columns.shape)}`,
    );
  }
  return foldFunction(columns, { window });
}
