import {
  add,
  any,
  ConfigError,
  DTypeError,
  formatShape,
  gt,
  logicalNot,
  logicalOr,
  matmul,
  mul,
  ShapeError,
  softmax,
  where,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  broadcastShapes,
  checkedInUse,
  checkOptions,
  composed,
  finite,
  flag,
  requireFloat,
  requireTensor,
  share,
  tracer,
} from '@unfold/core/internal';
import { dropout } from '../dropout.js';
import { causalMask, checkMask, type Mask } from './masks.js';

/** Options of `scaledDotProductAttention`, named and defaulted as PyTorch's. */
export interface AttentionOptions {
  /**
   * Which keys a query takes into account, in a shape that broadcasts to `[…, L, S]`: bool, true for a
   * key that takes part, or of q's dtype, to be added to the scores. Default: all.
   */
  readonly attnMask?: Tensor | null;
  /** The probability that a weight becomes 0; whoever calls sets it to 0 in evaluation. Default 0. */
  readonly dropoutP?: number;
  /** Whether query i takes keys 0 … i alone; not beside a mask. Default false. */
  readonly isCausal?: boolean;
  /** What the products are multiplied by. Default 1/√E. */
  readonly scale?: number | null;
}

const ATTENTION_OPTIONS: OptionRules<AttentionOptions> = {
  attnMask: checkedInUse,
  dropoutP: share,
  isCausal: flag,
  scale: {
    expected: `${finite.expected}, or null for 1/√E`,
    accepts: (value) => value === null || finite.accepts(value),
  },
};

/**
 * softmax(q·kᵀ·scale + mask) over the keys: `[…, L, S]`. Where no key takes part the weights are 0, and so
 * is what flows back through them.
 */
export function attentionWeights(
  q: Tensor,
  k: Tensor,
  mask: Mask,
  scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1),
): Tensor {
  const scores = matmul(mul(q, scale), k, { transposeB: true });
  if (mask === null) return softmax(scores);
  if (mask === 'causal') {
    const takesPart = causalMask(q.shape.at(-2) ?? 0, k.shape.at(-2) ?? 0);
    return softmax(where(takesPart, scores, -Infinity));
  }
  // A row of nothing but -∞ would be NaN: it stays as if there were no mask, and is dropped afterwards.
  const takesPart = mask.dtype === 'bool' ? mask : gt(mask, -Infinity);
  const isUsed = any(takesPart, -1, { keepdim: true });
  const masked =
    mask.dtype === 'bool'
      ? where(logicalOr(mask, logicalNot(isUsed)), scores, -Infinity)
      : add(scores, where(isUsed, mask, 0));
  return where(isUsed, softmax(masked), 0);
}

/** @throws DTypeError or ShapeError for operands that don't fit each other. */
function checkOperands(q: Tensor, k: Tensor, v: Tensor): void {
  const all = [q, k, v];
  if (all.some(({ dtype }) => dtype !== q.dtype)) {
    throw new DTypeError(
      'scaledDotProductAttention: expected q, k and v of one dtype, got ' +
        `${q.dtype}, ${k.dtype} and ${v.dtype}; cast(x, dtype) converts`,
    );
  }
  const [ofQ, ofK, ofV] = all.map(({ shape }) => shape.slice(-2));
  const isFit = all.every(({ ndim }) => ndim >= 2) && ofQ[1] === ofK[1] && ofK[0] === ofV[0];
  if (isFit) return;
  throw new ShapeError(
    'scaledDotProductAttention: expected q […,L,E], k […,S,E] and v […,S,Ev], got ' +
      `${formatShape(q.shape)}, ${formatShape(k.shape)} and ${formatShape(v.shape)}`,
  );
}

/** @throws ShapeError unless the mask broadcasts to the scores, or q and k don't go together. */
function checkMaskShape(q: Tensor, k: Tensor, mask: Tensor): void {
  const operation = 'scaledDotProductAttention';
  const lead = broadcastShapes(operation, q.shape.slice(0, -2), k.shape.slice(0, -2));
  const scores = [...lead, q.shape.at(-2) ?? 0, k.shape.at(-2) ?? 0];
  const from = scores.length - mask.ndim;
  if (from >= 0 && mask.shape.every((size, axis) => size === 1 || size === scores[from + axis])) {
    return;
  }
  throw new ShapeError(
    `${operation}: expected attnMask in a shape that broadcasts to the scores ${formatShape(scores)}, ` +
      `got ${formatShape(mask.shape)}`,
  );
}

/**
 * softmax(q·kᵀ·scale + mask)·v, as `torch.nn.functional.scaled_dot_product_attention` (Vaswani et al.,
 * 2017, https://arxiv.org/abs/1706.03762): each query gets the mean of the values, weighted by how well
 * their keys fit it. Leading axes are a batch, heads among them, and broadcast. A query that the mask
 * leaves no key gets 0, and gives no gradient. The weights are dropped from the global stream
 * `'dropout'`.
 * @param q Queries, `[…, L, E]`
 * @param k Keys, `[…, S, E]`
 * @param v Values, `[…, S, Ev]`
 * @returns `[…, L, Ev]`
 * @throws ShapeError for shapes that don't fit, DTypeError unless q, k and v are floats of one dtype and
 * the mask is bool or of that dtype, ConfigError for a bad option, or a mask beside `isCausal`.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  for (const [name, x] of Object.entries({ q, k, v })) {
    requireTensor('scaledDotProductAttention', name, x);
    requireFloat('scaledDotProductAttention', x);
  }
  checkOptions('scaledDotProductAttention', options, ATTENTION_OPTIONS);
  const { attnMask = null, dropoutP = 0, isCausal = false, scale = null } = options;
  if (attnMask) checkMask('scaledDotProductAttention', 'attnMask', attnMask, q);
  if (tracer) {
    const completed = { attnMask, dropoutP, isCausal, scale };
    return tracer.operation('scaledDotProductAttention', scaledDotProductAttention, {
      q,
      k,
      v,
      options: completed,
    });
  }
  if (attnMask && isCausal) {
    throw new ConfigError(
      'scaledDotProductAttention: expected attnMask or isCausal, got both; put the causal part into ' +
        'the mask',
    );
  }
  checkOperands(q, k, v);
  if (attnMask) checkMaskShape(q, k, attnMask);
  return composed(() => {
    const mask = isCausal ? 'causal' : attnMask;
    const weights = attentionWeights(q, k, mask, scale ?? undefined);
    return matmul(dropout(weights, { p: dropoutP }), v);
  });
}
