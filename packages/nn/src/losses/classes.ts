import {
  add,
  ConfigError,
  defineFunction,
  div,
  bufferOf,
  empty,
  eq,
  exp,
  formatShape,
  indexSelect,
  gt,
  moreKernelsFor,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  ShapeError,
  sub,
  sum,
  where,
  type Context,
  type CrossEntropyGeometry,
  type DType,
  type NumericArray,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  defineGradient,
  fills,
  hostCall,
  hostDecision,
  int32Of,
  reads,
  requireFloat,
  requireTensor,
  sameShape,
  share,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { requireTensorOrNone } from '../checks.js';
import { checkClassWeights, kernelLabels, labelsOf, toRows, type Labels } from './labels.js';
import { LossModule } from './loss-module.js';
import { LOSS_OPTIONS, reduce, type LossOptions } from './reduction.js';
import { requireProbabilities, warnOfSigns, warnOfSums } from './targets.js';

/** Options of `nllLoss`, and of `crossEntropy` too. */
export interface ClassLossOptions extends LossOptions {
  /**
   * The weight of each class, `[C]`, in the dtype of the scores; a constant, without gradient. The
   * mean over labels is divided by the sum of their weights. A term of weight 0 is 0, also of an
   * infinite loss, which PyTorch makes NaN. Default: all alike.
   */
  readonly weight?: Tensor;
  /**
   * Rows of this label have loss 0, gradient 0 and no part in the mean, whatever their scores hold,
   * also ±∞ and NaN. Default -100, PyTorch's.
   */
  readonly ignoreIndex?: number;
}

/** Options of `crossEntropy` and `CrossEntropyLoss`. */
export interface CrossEntropyOptions extends ClassLossOptions {
  /** ε in 0 … 1: the target becomes (1-ε)·target + ε/C. Default 0. */
  readonly labelSmoothing?: number;
}

const CLASS_LOSS_OPTIONS: OptionRules<ClassLossOptions> = {
  ...LOSS_OPTIONS,
  weight: checkedInUse,
  ignoreIndex: checkedInUse,
};

const CROSS_ENTROPY_OPTIONS: OptionRules<CrossEntropyOptions> = {
  ...CLASS_LOSS_OPTIONS,
  labelSmoothing: checkedInUse,
};

const IGNORED = -100;

/** @throws ConfigError for a smoothing out of range, DTypeError for weights that are no tensor. */
function checkCrossEntropy(name: string, options: CrossEntropyOptions): void {
  const { weight, labelSmoothing = 0 } = options;
  requireTensorOrNone(name, 'weight', weight);
  if (!share.accepts(labelSmoothing)) {
    throw new ConfigError(
      `${name}: labelSmoothing must be in 0 … 1, got ${valueText(labelSmoothing)}`,
    );
  }
}

interface Saved {
  readonly logProbs: Tensor;
  readonly labels: Tensor;
  readonly geometry: CrossEntropyGeometry;
}

/** Losses `[N]` of logits `[N, C]`: logSoftmax and the choice of the label in one. */
const crossEntropyFunction = defineFunction('crossEntropy', {
  forward(
    ctx: Context<Saved>,
    logits: Tensor,
    target: Tensor,
    { labelSmoothing, ...found }: Omit<Labels, 'target'> & { readonly labelSmoothing: number },
  ) {
    const [N, C] = logits.shape;
    const geometry = { N, C, labelSmoothing };
    const kernels = moreKernelsFor(logits.dtype);
    const logProbs = empty([N, C], logits.dtype, 'crossEntropy');
    const losses = empty([N], logits.dtype, 'crossEntropy');
    kernels.logSoftmax(bufferOf(logProbs), bufferOf(logits), { rows: N, n: C });
    const labels = kernelLabels('crossEntropy', { target, ...found });
    const at = int32Of('crossEntropy', labels);
    kernels.crossEntropy(bufferOf(losses), bufferOf(logProbs), at, geometry);
    ctx.save({ logProbs, labels, geometry });
    return losses;
  },
  backward: (ctx, dOut) => [crossEntropySlope(dOut, ctx.saved.logProbs, ctx.saved), null],
  recordedBackward(ctx, dOut) {
    return [crossEntropySlope(dOut, logSoftmax(ctx.input(0), 1), ctx.saved), null];
  },
});

/** dOut·(softmax - shares) for each row, the shares being 1 for the label's class but for the smoothing. */
const crossEntropySlope = defineGradient('crossEntropyBackward', {
  forward(
    ctx: Context<Saved & { dOut: Tensor }>,
    dOut: Tensor,
    logProbs: Tensor,
    { labels, geometry }: Omit<Saved, 'logProbs'>,
  ) {
    ctx.save({ dOut, logProbs, labels, geometry });
    const dX = empty(logProbs.shape, dOut.dtype, 'crossEntropy');
    moreKernelsFor(dX.dtype).crossEntropyBackward(
      bufferOf(dX),
      bufferOf(dOut),
      bufferOf(logProbs),
      int32Of('crossEntropy', labels),
      geometry,
    );
    return dX;
  },
  backward(ctx, d) {
    const { dOut, logProbs, labels, geometry } = ctx.saved;
    const { N, C, labelSmoothing } = geometry;
    const [needsDOut, needsLogProbs] = ctx.needsInputGrad;
    const byDOut = (): Tensor => {
      const shares = empty([N, C], d.dtype, 'crossEntropy');
      hostCall('crossEntropy', [fills(shares), reads(labels)], (to, given) => {
        to.fill(labelSmoothing / C);
        for (let row = 0; row < N; row++) to[row * C + given[row]] += 1 - labelSmoothing;
      });
      return sum(mul(d, sub(exp(logProbs), shares)), 1);
    };
    const column = reshape(dOut, [N, 1]);
    // What has no part in the loss has none here, whatever its scores: 0·NaN is NaN.
    const byLogProbs = (): Tensor => where(eq(column, 0), 0, mul(mul(d, exp(logProbs)), column));
    return [needsDOut ? byDOut() : null, needsLogProbs ? byLogProbs() : null];
  },
});

/** How the labels of a loss count. */
interface Counting extends Labels {
  readonly name: string;
  /** Of the classes, `[C]`; null if all count alike. */
  readonly weight: Tensor | null;
}

/** What a row's label counts: the weight of its class, and 0 if it is ignored. */
function countOf(label: number, ignoreIndex: number, weights?: NumericArray): number {
  if (label === ignoreIndex) return 0;
  return weights ? weights[label] : 1;
}

/** What the labels count, `[rows]` in the losses' dtype. */
function countsOf({ name, target, ignoreIndex, weight }: Counting, dtype: DType): Tensor {
  const counts = empty([target.size], dtype, name);
  const given = weight ? [reads(target), reads(weight)] : [reads(target)];
  hostCall(name, [fills(counts), ...given], (to, labels, weights?) => {
    for (let row = 0; row < to.length; row++) to[row] = countOf(labels[row], ignoreIndex, weights);
  });
  return counts;
}

/** Losses `[rows]`, each times what its label counts. */
function counted(losses: Tensor, counting: Counting): Tensor {
  const { name, weight, target, ignoreIndex, hasIgnored } = counting;
  if (!weight && !hasIgnored) return losses;
  const counts = countsOf(counting, losses.dtype);
  const weighted = weight ? mul(losses, counts) : losses;
  const given = weight ? [target, weight] : [target];
  const leavesOut = hostDecision(name, given, (labels, weights?) =>
    labels.some((label) => countOf(label, ignoreIndex, weights) === 0),
  );
  // Chosen rather than multiplied: 0 times an infinite loss is NaN.
  return leavesOut ? where(gt(counts, 0), weighted, 0) : weighted;
}

/**
 * share·logProb, and 0 where the share is 0, as of a class that a mask of -∞ rules out: 0·∞ is NaN.
 * Spelt out as one operation, because the derivative by the share is logProb there too.
 */
const shareFunction = defineFunction('crossEntropy', {
  forward(ctx: Context<{ share: Tensor; logProbs: Tensor }>, share: Tensor, logProbs: Tensor) {
    ctx.save({ share, logProbs });
    return where(eq(share, 0), 0, mul(share, logProbs));
  },
  backward(ctx, dOut) {
    const { share, logProbs } = ctx.saved;
    const [needsShare, needsLogProbs] = ctx.needsInputGrad;
    return [needsShare ? mul(dOut, logProbs) : null, needsLogProbs ? mul(dOut, share) : null];
  },
});

/** -Σ share·log softmax(logits) over the classes, the second axis. */
function sharedLosses(share: Tensor, logits: Tensor): Tensor {
  return neg(sum(shareFunction(share, logSoftmax(logits, 1)), { axis: 1 }));
}

/**
 * The sum of counted losses divided by what their labels count together.
 * @throws ShapeError if all labels are ignored, or there are none; ConfigError if all weights are 0.
 */
function meanOfCounted(losses: Tensor, counting: Counting): Tensor {
  const { name, target, ignoreIndex, hasIgnored, weight } = counting;
  if ((!weight && !hasIgnored) || target.size === 0) return mean(losses);
  const total = empty([], losses.dtype, name);
  const given = weight ? [reads(target), reads(weight)] : [reads(target)];
  hostCall(name, [fills(total), ...given], (to, labels, weights?) => {
    let counts = 0;
    for (const label of labels) counts += countOf(label, ignoreIndex, weights);
    to[0] = counts;
    if (counts > 0) return;
    if (labels.every((label) => label === ignoreIndex)) {
      throw new ShapeError(
        `${name}: all ${labels.length} labels are ignoreIndex, which leaves no mean; skip such a ` +
          "batch, or take reduction 'sum'",
      );
    }
    throw new ConfigError(
      `${name}: the weights of all ${labels.length} labels are 0, which leaves no mean; give one a ` +
        "weight, or take reduction 'sum'",
    );
  });
  return div(sum(losses), total);
}

/** Losses `[rows]` of logits `[rows, C]` where each class c counts its weight in the smoothing too. */
function smoothedLosses(
  rows: Tensor,
  { target, ignoreIndex }: Labels,
  weight: Tensor,
  labelSmoothing: number,
): Tensor {
  const C = weight.size;
  const shares = empty(rows.shape, rows.dtype, 'crossEntropy');
  const given = [reads(target), reads(weight)];
  hostCall('crossEntropy', [fills(shares), ...given], (to, labels, weights) => {
    to.fill(0);
    for (let row = 0; row < labels.length; row++) {
      if (labels[row] === ignoreIndex) continue;
      for (let c = 0; c < C; c++) {
        const share = labelSmoothing / C + (c === labels[row] ? 1 - labelSmoothing : 0);
        to[row * C + c] = weights[c] * share;
      }
    }
  });
  return sharedLosses(shares, rows);
}

/**
 * -Σ target·log softmax(logits), as `torch.nn.functional.cross_entropy`; finite for any finite
 * logits. With class weights, each term counts the weight of its class.
 * @param logits `[N, C]` or `[N, C, d…]`
 * @param target Labels in 0 … C-1 or ignoreIndex (int32 or uint8, `[N]` or `[N, d…]`), or
 * probabilities in the shape and dtype of the logits. A class of probability 0 has no part, also where
 * its logit is -∞, which PyTorch makes NaN. Over the classes they sum to 1, or to 0 in a row that
 * counts nothing; of other sums a warning says once that they count as they are.
 * @returns A scalar, or losses `[N, d…]` with reduction 'none'. The mean over labels is the sum
 * divided by the sum of their weights; the mean over probabilities is the plain one, as PyTorch's.
 * @throws DTypeError for labels that are not integers, ShapeError for shapes that don't fit,
 * labels out of range or the mean over an empty batch or ignored labels only, ConfigError for a bad
 * option, or a probability outside 0 … 1.
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const name = 'crossEntropy';
  requireScores(name, 'logits', logits);
  requireTensor(name, 'target', target);
  checkOptions(name, options, CROSS_ENTROPY_OPTIONS);
  checkCrossEntropy(name, options);
  const { reduction = 'mean', weight, labelSmoothing = 0, ignoreIndex = IGNORED } = options;
  if (tracer) {
    const completed = { reduction, weight, labelSmoothing, ignoreIndex };
    return tracer.operation(name, crossEntropy, { logits, target, options: completed });
  }
  const [N, C, ...others] = logits.shape;
  if (weight) checkClassWeights(name, logits, weight);
  const isProbabilities = target.dtype === logits.dtype && sameShape(target.shape, logits.shape);
  if (isProbabilities) {
    if (ignoreIndex >= 0) {
      throw new ConfigError(
        `crossEntropy: ignoreIndex ${ignoreIndex} needs labels, got probabilities; leave it out, ` +
          "or choose among the losses of reduction 'none' with where",
      );
    }
    requireProbabilities(
      name,
      target,
      'softmax(scores, 1) makes them of scores, and labels are int32 or uint8',
    );
    warnOfSums(name, target);
    const smooth = add(mul(target, 1 - labelSmoothing), labelSmoothing / C);
    const shape = [C, ...others.map(() => 1)];
    // Detached: weights are constants.
    const share = weight ? mul(smooth, reshape(weight.detach(), shape)) : smooth;
    return reduce(sharedLosses(share, logits), reduction);
  }
  const found = labelsOf(name, logits, target, ignoreIndex);
  const counting = { ...found, name, weight: weight ?? null };
  const rows = toRows(logits);
  const losses =
    weight && labelSmoothing > 0
      ? smoothedLosses(rows, found, weight, labelSmoothing)
      : counted(crossEntropyFunction(rows, target, { ...found, labelSmoothing }), counting);
  const shaped = others.length > 0 ? reshape(losses, [N, ...others]) : losses;
  return reduce(shaped, reduction, (each) => meanOfCounted(each, counting));
}

/** @throws ShapeError unless there is an axis of classes, DTypeError for integers. */
function requireScores(operation: string, what: string, scores: Tensor): void {
  requireTensor(operation, what, scores);
  if (scores.ndim < 2) {
    throw new ShapeError(
      `${operation}: expected ${what} [N,C] or [N,C,…], got ${formatShape(scores.shape)}`,
    );
  }
  requireFloat(operation, scores);
}

/** `crossEntropy` as a module; class weights are a part of its state, as `weight`. */
export class CrossEntropyLoss extends LossModule<CrossEntropyOptions> {
  /** @throws ConfigError for a bad option, DTypeError for weights that are no tensor. */
  constructor(options: CrossEntropyOptions = {}) {
    super(options, CROSS_ENTROPY_OPTIONS);
    checkCrossEntropy('CrossEntropyLoss', options);
    if (options.weight) this.registerBuffer('weight', options.weight);
  }

  /** The loss, as `crossEntropy` takes its arguments. */
  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.options);
  }
}

/** `nllLoss` as a module; class weights are a part of its state, as `weight`. */
export class NLLLoss extends LossModule<ClassLossOptions> {
  /** @throws ConfigError for an unknown option, DTypeError for weights that are no tensor. */
  constructor(options: ClassLossOptions = {}) {
    super(options, CLASS_LOSS_OPTIONS);
    requireTensorOrNone('NLLLoss', 'weight', options.weight);
    if (options.weight) this.registerBuffer('weight', options.weight);
  }

  /** The loss, as `nllLoss` takes its arguments. */
  forward(logProbs: Tensor, target: Tensor): Tensor {
    return nllLoss(logProbs, target, this.options);
  }
}

/**
 * -weight[label]·logProbs[label], as `torch.nn.functional.nll_loss`.
 * @param logProbs `[N, C]` or `[N, C, d…]`, from `logSoftmax`: at most 0. Of a label's value above
 * 0, as probabilities and logits have, a warning says once that it counts as it is.
 * @param target Labels in 0 … C-1 or ignoreIndex (int32 or uint8), `[N]` or `[N, d…]`
 * @throws As `crossEntropy`.
 */
export function nllLoss(logProbs: Tensor, target: Tensor, options: ClassLossOptions = {}): Tensor {
  const name = 'nllLoss';
  requireScores(name, 'logProbs', logProbs);
  requireTensor(name, 'target', target);
  checkOptions(name, options, CLASS_LOSS_OPTIONS);
  const { reduction = 'mean', weight, ignoreIndex = IGNORED } = options;
  if (tracer) {
    const completed = { reduction, weight, ignoreIndex };
    return tracer.operation(name, nllLoss, { logProbs, target, options: completed });
  }
  requireTensorOrNone(name, 'weight', weight);
  const C = logProbs.shape[1];
  if (weight) checkClassWeights(name, logProbs, weight);
  const found = labelsOf(name, logProbs, target, ignoreIndex);
  const counting = { ...found, name, weight: weight ?? null };
  const places = empty([target.size], 'int32', name);
  hostCall(name, [fills(places), reads(target)], (to, labels) => {
    for (let row = 0; row < to.length; row++) {
      to[row] = row * C + (labels[row] === ignoreIndex ? 0 : labels[row]);
    }
  });
  const losses = neg(indexSelect(reshape(toRows(logProbs), [-1]), 0, places));
  warnOfSigns(name, losses, countsOf(counting, losses.dtype));
  const shaped = reshape(counted(losses, counting), target.shape);
  return reduce(shaped, reduction, (each) => meanOfCounted(each, counting));
}
