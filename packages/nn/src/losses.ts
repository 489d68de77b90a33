import {
  add,
  ConfigError,
  defineFunction,
  DTypeError,
  empty,
  formatShape,
  indexSelect,
  kernelsFor,
  logSoftmax,
  mean,
  mul,
  neg,
  permute,
  reshape,
  ShapeError,
  sub,
  sum,
  tensor,
  type Context,
  type CrossEntropyGeometry,
  type Tensor,
} from '@unfold/core';
import { requireFloat } from './checks.js';
import { Module } from './module.js';

/** What becomes of the losses: their mean (the default), their sum, or each by itself. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of every loss. */
export interface LossOptions {
  /** Default `'mean'`. */
  readonly reduction?: Reduction;
}

/** Options of `crossEntropy` and `CrossEntropyLoss`. */
export interface CrossEntropyOptions extends LossOptions {
  /** ε in 0 … 1: the target becomes (1-ε)·target + ε/C. Default 0. */
  readonly labelSmoothing?: number;
}

/** @throws ConfigError for an unknown reduction, ShapeError for the mean over nothing. */
function reduce(losses: Tensor, reduction: Reduction = 'mean'): Tensor {
  switch (reduction) {
    case 'mean':
      return mean(losses);
    case 'sum':
      return sum(losses);
    case 'none':
      return losses;
    default:
      throw new ConfigError(
        `reduction: expected 'mean', 'sum' or 'none', got '${String(reduction)}'`,
      );
  }
}

/** `[N, C, d…]` as rows `[N·d…, C]`: what belongs together side by side. */
function toRows(x: Tensor): Tensor {
  if (x.ndim === 2) return x;
  const axes = x.shape.map((_, axis) => axis);
  return reshape(permute(x, [0, ...axes.slice(2), 1]), [-1, x.shape[1] ?? 1]);
}

/**
 * Labels for `[N, C, d…]` as a flat copy off the heap.
 * @throws DTypeError unless they are int32 or uint8, ShapeError if their shape or a value is off.
 */
function labelsOf(name: string, scores: Tensor, target: Tensor): Int32Array {
  if (target.dtype !== 'int32' && target.dtype !== 'uint8') {
    throw new DTypeError(
      `${name}: expected integer labels (int32 or uint8), got ${target.describe()}; ` +
        `cast(labels, 'int32'), or give probabilities in the shape and dtype of the scores`,
    );
  }
  const [N = 0, C = 0, ...others] = scores.shape;
  if (formatShape(target.shape) !== formatShape([N, ...others])) {
    throw new ShapeError(
      `${name}: scores ${formatShape(scores.shape)} expect labels ${formatShape([N, ...others])}, ` +
        `got ${formatShape(target.shape)}`,
    );
  }
  // A copy, which is int32 whatever the labels were.
  const labels = new Int32Array(target.data);
  for (const label of labels) {
    if (label >= 0 && label < C) continue;
    throw new ShapeError(
      `${name}: label ${label} at element ${labels.indexOf(label)} is outside 0 … ${C - 1}, ` +
        `the classes of scores ${formatShape(scores.shape)}`,
    );
  }
  return labels;
}

interface Saved {
  readonly logProbs: Tensor;
  readonly labels: Int32Array;
  readonly geometry: CrossEntropyGeometry;
}

/** Losses `[N]` of logits `[N, C]`: logSoftmax and the choice of the label in one. */
const crossEntropyFunction = defineFunction('crossEntropy', {
  forward(
    ctx: Context<Saved>,
    logits: Tensor,
    { labels, labelSmoothing }: { labels: Int32Array; labelSmoothing: number },
  ) {
    const [N = 0, C = 0] = logits.shape;
    const geometry = { N, C, labelSmoothing };
    const kernels = kernelsFor(logits.dtype);
    const logProbs = empty([N, C], logits.dtype, 'crossEntropy');
    const losses = empty([N], logits.dtype, 'crossEntropy');
    kernels.logSoftmax(logProbs.data, logits.data, { rows: N, n: C });
    kernels.crossEntropy(losses.data, logProbs.data, labels, geometry);
    ctx.save({ logProbs, labels, geometry });
    return losses;
  },
  backward(ctx, dOut) {
    const { logProbs, labels, geometry } = ctx.saved;
    const dX = empty(logProbs.shape, dOut.dtype, 'crossEntropy');
    kernelsFor(dX.dtype).crossEntropyBackward(dX.data, dOut.data, logProbs.data, labels, geometry);
    return dX;
  },
});

/**
 * -Σ target·log softmax(logits), as `torch.nn.functional.cross_entropy`; finite for any finite
 * logits.
 * @param logits `[N, C]` or `[N, C, d…]`
 * @param target Labels in 0 … C-1 (int32 or uint8, `[N]` or `[N, d…]`), or probabilities in the
 * shape and dtype of the logits.
 * @returns A scalar, or losses `[N, d…]` with reduction 'none'.
 * @throws DTypeError for labels that are not integers, ShapeError for shapes that don't fit,
 * labels out of range or the mean over an empty batch, ConfigError for a bad option.
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  { reduction = 'mean', labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  if (logits.ndim < 2) {
    throw new ShapeError(
      `crossEntropy: expected logits [N,C] or [N,C,…], got ${formatShape(logits.shape)}`,
    );
  }
  requireFloat('crossEntropy', logits);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ConfigError(`crossEntropy: labelSmoothing must be in 0 … 1, got ${labelSmoothing}`);
  }
  const [N = 0, C = 0, ...others] = logits.shape;
  const isProbabilities =
    target.dtype === logits.dtype && formatShape(target.shape) === formatShape(logits.shape);
  if (isProbabilities) {
    const smooth = add(mul(target, 1 - labelSmoothing), labelSmoothing / C);
    const losses = neg(sum(mul(smooth, logSoftmax(logits, 1)), { axis: 1 }));
    return reduce(losses, reduction);
  }
  const labels = labelsOf('crossEntropy', logits, target);
  const losses = crossEntropyFunction(toRows(logits), { labels, labelSmoothing });
  return reduce(others.length > 0 ? reshape(losses, [N, ...others]) : losses, reduction);
}

/** `crossEntropy` as a module. */
export class CrossEntropyLoss extends Module {
  readonly #options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    super();
    this.#options = options;
  }

  /** The loss, as `crossEntropy` takes its arguments. */
  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.#options);
  }
}

/**
 * -logProbs[label], as `torch.nn.functional.nll_loss`.
 * @param logProbs `[N, C]` or `[N, C, d…]`, from `logSoftmax`
 * @param target Labels in 0 … C-1 (int32 or uint8), `[N]` or `[N, d…]`
 * @throws As `crossEntropy`.
 */
export function nllLoss(logProbs: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  if (logProbs.ndim < 2) {
    throw new ShapeError(
      `nllLoss: expected logProbs [N,C] or [N,C,…], got ${formatShape(logProbs.shape)}`,
    );
  }
  requireFloat('nllLoss', logProbs);
  const C = logProbs.shape[1] ?? 0;
  const labels = labelsOf('nllLoss', logProbs, target);
  const places = tensor(labels.map((label, row) => row * C + label));
  const losses = neg(indexSelect(reshape(toRows(logProbs), [-1]), 0, places));
  return reduce(reshape(losses, target.shape), reduction);
}

/**
 * (x - target)², as `torch.nn.functional.mse_loss`.
 * @throws ShapeError unless both have one shape: broadcasting here is nearly always a mistake.
 * DTypeError for integers or mixed dtypes.
 */
export function mseLoss(x: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  if (formatShape(x.shape) !== formatShape(target.shape)) {
    throw new ShapeError(
      `mseLoss: x ${formatShape(x.shape)} and target ${formatShape(target.shape)} must have one shape`,
    );
  }
  requireFloat('mseLoss', x);
  const difference = sub(x, target);
  return reduce(mul(difference, difference), reduction);
}
