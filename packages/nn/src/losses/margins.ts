import {
  add,
  broadcastTo,
  clamp,
  div,
  eq,
  formatShape,
  minimum,
  mul,
  neg,
  norm,
  ShapeError,
  sqrt,
  sub,
  sum,
  where,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  atLeast0,
  broadcastShapes,
  checkOptions,
  finite,
  flag,
  normalizeAxis,
  positive,
  requireFloat,
  requireTensor,
  sameShape,
  tracer,
} from '@unfold/core/internal';
import { LossModule } from './loss-module.js';
import {
  LOSS_OPTIONS,
  reduce,
  requireAlike,
  requireFloats,
  requireOneShape,
  type LossOptions,
} from './reduction.js';
import { requireSigns } from './targets.js';

/** Options of the losses that leave alone what is apart by a margin. */
export interface MarginOptions extends LossOptions {
  /** How far apart is far enough. Default 0 for `cosineEmbedding` and `marginRanking`, else 1. */
  readonly margin?: number;
}

const MARGIN_OPTIONS: OptionRules<MarginOptions> = { ...LOSS_OPTIONS, margin: finite };

/** max(x, 0), with the derivative 1 at 0, as PyTorch's in these losses. */
const above0 = (x: Tensor): Tensor => clamp(x, { min: 0 });

/** Options of `cosineSimilarity`. */
export interface CosineSimilarityOptions {
  /** What a length counts at least. Default 1e-8. */
  readonly eps?: number;
}

const COSINE_SIMILARITY_OPTIONS: OptionRules<CosineSimilarityOptions> = { eps: atLeast0 };

/**
 * Σ x1·x2 / (|x1|·|x2|), the cosine of the angle between vectors along an axis, as
 * `torch.nn.functional.cosine_similarity`. A vector shorter than eps is divided by eps, in the gradient
 * too, where PyTorch divides by its length; that with a vector of zeros is 0.
 * @param x1 Of a shape that broadcasts with that of x2.
 * @param axis Along which the vectors lie, of the shape that both broadcast to. Default 1.
 * @returns That shape, without the axis.
 * @throws ShapeError for shapes that don't broadcast or lack the axis, DTypeError for integers or mixed
 * dtypes, ConfigError for a bad option.
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  axis = 1,
  options: CosineSimilarityOptions = {},
): Tensor {
  const name = 'cosineSimilarity';
  checkOptions(name, options, COSINE_SIMILARITY_OPTIONS);
  const { eps = 1e-8 } = options;
  if (tracer) return tracer.operation(name, cosineSimilarity, { x1, x2, axis, options: { eps } });
  requireFloats(name, { x1, x2 });
  const shape = broadcastShapes(name, x1.shape, x2.shape);
  normalizeAxis(name, axis, shape.length, 'third');
  const unit = (x: Tensor): Tensor => {
    const wide = sameShape(x.shape, shape) ? x : broadcastTo(x, shape);
    return div(wide, clamp(norm(wide, axis, { keepdim: true }), { min: eps }));
  };
  return sum(mul(unit(x1), unit(x2)), axis);
}

/** PyTorch's: is added to each square of a length. */
const LEAST_SQUARE = 1e-12;

/**
 * How far two vectors are from one direction, where the target is 1: 1 - cos; else how much they have in
 * common beyond the margin: max(cos - margin, 0). As `torch.nn.functional.cosine_embedding_loss`.
 * @param x1 `[…, D]`, as x2: vectors along the last axis.
 * @param target `[…]`, 1 or -1, of any dtype that holds them.
 * @param options The margin is 0 by default.
 * @throws ShapeError for other shapes, DTypeError for integers or mixed dtypes of x1 and x2, ConfigError
 * for a bad option or another target.
 */
export function cosineEmbedding(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  options: MarginOptions = {},
): Tensor {
  const name = 'cosineEmbedding';
  checkOptions(name, options, MARGIN_OPTIONS);
  const { margin = 0, reduction = 'mean' } = options;
  if (tracer) {
    const completed = { margin, reduction };
    return tracer.operation(name, cosineEmbedding, { x1, x2, target, options: completed });
  }
  requireAlike(name, { x1, x2 });
  requireTensor(name, 'target', target);
  requireVectors(name, 'x1', x1);
  const rows = x1.shape.slice(0, -1);
  if (!sameShape(target.shape, rows)) {
    throw new ShapeError(
      `${name}: expected target ${formatShape(rows)}, one for each vector of x1 ` +
        `${formatShape(x1.shape)}, got ${formatShape(target.shape)}`,
    );
  }
  requireSigns(name, target);
  const square = (x: Tensor): Tensor => add(sum(mul(x, x), -1), LEAST_SQUARE);
  const cos = div(sum(mul(x1, x2), -1), sqrt(mul(square(x1), square(x2))));
  return reduce(where(eq(target, 1), sub(1, cos), above0(sub(cos, margin))), reduction);
}

/** @throws ShapeError for a scalar. */
function requireVectors(operation: string, name: string, x: Tensor): void {
  if (x.ndim > 0) return;
  throw new ShapeError(`${operation}: expected ${name} […,D], vectors along the last axis, got []`);
}

/** `cosineEmbedding` as a module. */
export class CosineEmbeddingLoss extends LossModule<MarginOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: MarginOptions = {}) {
    super(options, MARGIN_OPTIONS);
  }

  /** The loss, as `cosineEmbedding` takes its arguments. */
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return cosineEmbedding(x1, x2, target, this.options);
  }
}

/** Options of `tripletMargin` and `TripletMarginLoss`. */
export interface TripletMarginOptions extends MarginOptions {
  /** The order of the norm that measures distances, also ∞. Default 2. */
  readonly p?: number;
  /** Is added to every difference before. Default 1e-6. */
  readonly eps?: number;
  /**
   * Whether the negative's distance is that to the positive, where that is smaller (Balntas et al., 2016).
   * Default false.
   */
  readonly swap?: boolean;
}

const TRIPLET_OPTIONS: OptionRules<TripletMarginOptions> = {
  ...LOSS_OPTIONS,
  margin: positive,
  p: {
    expected: 'a number above 0',
    accepts: (value) => typeof value === 'number' && value > 0,
  },
  eps: atLeast0,
  swap: flag,
};

/**
 * max(margin + d(anchor, positive) - d(anchor, negative), 0), d being the p-norm of the difference, as
 * `torch.nn.functional.triplet_margin_loss`.
 * @param anchor `[…, D]`, as positive and negative: vectors along the last axis.
 * @param options The margin is 1 by default, and above 0.
 * @returns A scalar, or losses `[…]` with reduction 'none'.
 * @throws ShapeError unless all have one shape, DTypeError for integers or mixed dtypes, ConfigError
 * for a bad option.
 */
export function tripletMargin(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginOptions = {},
): Tensor {
  const name = 'tripletMargin';
  checkOptions(name, options, TRIPLET_OPTIONS);
  const { margin = 1, p = 2, eps = 1e-6, swap = false, reduction = 'mean' } = options;
  if (tracer) {
    const completed = { margin, p, eps, swap, reduction };
    const given = { anchor, positive, negative, options: completed };
    return tracer.operation(name, tripletMargin, given);
  }
  requireAlike(name, { anchor, positive, negative });
  requireVectors(name, 'anchor', anchor);
  const distance = (a: Tensor, b: Tensor): Tensor => norm(add(sub(a, b), eps), -1, { p });
  const near = distance(anchor, positive);
  const far = distance(anchor, negative);
  const apart = swap ? minimum(far, distance(positive, negative)) : far;
  return reduce(above0(add(sub(near, apart), margin)), reduction);
}

/** `tripletMargin` as a module. */
export class TripletMarginLoss extends LossModule<TripletMarginOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: TripletMarginOptions = {}) {
    super(options, TRIPLET_OPTIONS);
  }

  /** The loss, as `tripletMargin` takes its arguments. */
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMargin(anchor, positive, negative, this.options);
  }
}

/**
 * x where the target is 1, else max(margin - x, 0): of distances x of what belongs together or not. As
 * `torch.nn.functional.hinge_embedding_loss`.
 * @param target 1 or -1, of the shape of x and of any dtype that holds them.
 * @param options The margin is 1 by default.
 * @throws ShapeError unless both have one shape, DTypeError for integers x, ConfigError for a bad option
 * or another target.
 */
export function hingeEmbedding(x: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  const name = 'hingeEmbedding';
  checkOptions(name, options, MARGIN_OPTIONS);
  const { margin = 1, reduction = 'mean' } = options;
  if (tracer) {
    return tracer.operation(name, hingeEmbedding, { x, target, options: { margin, reduction } });
  }
  requireOneShape(name, { x, target });
  requireFloat(name, x);
  requireSigns(name, target);
  return reduce(where(eq(target, 1), x, above0(sub(margin, x))), reduction);
}

/** `hingeEmbedding` as a module. */
export class HingeEmbeddingLoss extends LossModule<MarginOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: MarginOptions = {}) {
    super(options, MARGIN_OPTIONS);
  }

  /** The loss, as `hingeEmbedding` takes its arguments. */
  forward(x: Tensor, target: Tensor): Tensor {
    return hingeEmbedding(x, target, this.options);
  }
}

/**
 * max(margin - target·(x1 - x2), 0): x1 should be above x2 where the target is 1, below where it is -1.
 * As `torch.nn.functional.margin_ranking_loss`.
 * @param target 1 or -1, of the shape of x1 and x2, and of any dtype that holds them.
 * @param options The margin is 0 by default.
 * @throws ShapeError unless all have one shape, DTypeError for integers or mixed dtypes of x1 and x2,
 * ConfigError for a bad option or another target.
 */
export function marginRanking(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  options: MarginOptions = {},
): Tensor {
  const name = 'marginRanking';
  checkOptions(name, options, MARGIN_OPTIONS);
  const { margin = 0, reduction = 'mean' } = options;
  if (tracer) {
    const completed = { margin, reduction };
    return tracer.operation(name, marginRanking, { x1, x2, target, options: completed });
  }
  requireAlike(name, { x1, x2 });
  requireOneShape(name, { x1, target });
  requireSigns(name, target);
  const lead = sub(x1, x2);
  const missing = where(eq(target, 1), neg(lead), lead);
  return reduce(above0(add(missing, margin)), reduction);
}

/** `marginRanking` as a module. */
export class MarginRankingLoss extends LossModule<MarginOptions> {
  /** @throws ConfigError for a bad option. */
  constructor(options: MarginOptions = {}) {
    super(options, MARGIN_OPTIONS);
  }

  /** The loss, as `marginRanking` takes its arguments. */
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return marginRanking(x1, x2, target, this.options);
  }
}
