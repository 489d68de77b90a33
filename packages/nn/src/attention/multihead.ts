import {
  ConfigError,
  formatShape,
  matmul,
  mean,
  reshape,
  ShapeError,
  split,
  squeeze,
  unsqueeze,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  requireFloat,
  requireTensor,
  sameShape,
  share,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { dropout } from '../dropout.js';
import { xavierUniform } from '../init.js';
import { linear, Linear } from '../layers.js';
import { Module } from '../module.js';
import { emptyParameter, filledParameter } from '../parameter.js';
import { joinHeads, splitHeads, type HeadLayout } from './heads.js';
import { joinedMask, requireKeyMask, type MultiheadAttentionMasks } from './masks.js';
import { attentionWeights, scaledDotProductAttention } from './scaled-dot-product.js';

/** Options of `MultiheadAttention`, named and defaulted as PyTorch's. */
export interface MultiheadAttentionOptions {
  /** The probability that a weight becomes 0 in training. Default 0. */
  readonly dropout?: number;
  /** Whether the projections have biases. Default true. */
  readonly bias?: boolean;
  /** The width of the keys that `forward` takes. Default embedDim. */
  readonly kdim?: number | null;
  /** The width of the values. Default embedDim. */
  readonly vdim?: number | null;
  /** Whether sequences are `[N, L, E]`; else they are `[L, N, E]`. Default false. */
  readonly batchFirst?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const OPTIONS: OptionRules<MultiheadAttentionOptions> = {
  dropout: share,
  bias: flag,
  kdim: checkedInUse,
  vdim: checkedInUse,
  batchFirst: flag,
  dtype: floatDType,
};

/**
 * Options of a call of `MultiheadAttention`, named and defaulted as PyTorch's. Masks are bool, true for what
 * is left out, as PyTorch's are, the opposite of `scaledDotProductAttention`'s; or floats that are added to
 * the scores.
 */
export interface MultiheadAttentionCallOptions extends MultiheadAttentionMasks {
  /** Whether the weights are returned. Default true; without them it is faster. */
  readonly needWeights?: boolean;
  /** Whether they are the mean over the heads. Default true. */
  readonly averageAttnWeights?: boolean;
}

const CALL_OPTIONS: OptionRules<MultiheadAttentionCallOptions> = {
  keyPaddingMask: checkedInUse,
  attnMask: checkedInUse,
  isCausal: flag,
  needWeights: flag,
  averageAttnWeights: flag,
};

/**
 * Attention by several heads at once, as `torch.nn.MultiheadAttention` (Vaswani et al., 2017): queries,
 * keys and values are projected, cut into heads, which attend each on their own, joined, and projected
 * again. The projections start by Glorot's uniform (`out_proj` as a `Linear`), the biases 0. The names of
 * the parameters are PyTorch's; `bias_k`, `bias_v` and `add_zero_attn` are left out.
 */
export class MultiheadAttention extends Module {
  /** `[embedDim, embedDim]`, null where `in_proj_weight` holds all three. */
  readonly q_proj_weight: Parameter | null;
  /** `[embedDim, kdim]`, or null likewise. */
  readonly k_proj_weight: Parameter | null;
  /** `[embedDim, vdim]`, or null likewise. */
  readonly v_proj_weight: Parameter | null;
  /** Those of queries, keys and values below each other, `[3·embedDim, embedDim]`; null with other widths. */
  readonly in_proj_weight: Parameter | null;
  /** `[3·embedDim]`, or null without biases. */
  readonly in_proj_bias: Parameter | null;
  readonly out_proj: Linear;
  readonly #widths: Readonly<Record<'query' | 'key' | 'value', number>>;
  readonly #heads: number;
  readonly #dropout: number;
  readonly #batchFirst: boolean;

  /**
   * @param embedDim The width of queries and results.
   * @param numHeads Divides embedDim.
   * @throws ConfigError for a bad size or option.
   */
  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    requireSizes('MultiheadAttention', 'positive integers', embedDim, numHeads);
    checkOptions('MultiheadAttention', options, OPTIONS);
    const { bias = true, batchFirst = false, dtype = 'float32' } = options;
    const [kdim, vdim] = [options.kdim ?? embedDim, options.vdim ?? embedDim];
    requireSizes('MultiheadAttention', 'positive integers for kdim and vdim', kdim, vdim);
    if (embedDim % numHeads !== 0) {
      throw new ConfigError(
        `MultiheadAttention: expected an embedDim that the heads divide, got ${embedDim} and ` +
          `${numHeads} heads`,
      );
    }
    const projection = (rows: number, width: number): Parameter => {
      const weight = emptyParameter([rows, width], dtype);
      xavierUniform(weight);
      return weight;
    };
    const isOne = kdim === embedDim && vdim === embedDim;
    this.q_proj_weight = isOne ? null : projection(embedDim, embedDim);
    this.k_proj_weight = isOne ? null : projection(embedDim, kdim);
    this.v_proj_weight = isOne ? null : projection(embedDim, vdim);
    this.in_proj_weight = isOne ? projection(3 * embedDim, embedDim) : null;
    this.in_proj_bias = bias ? filledParameter([3 * embedDim], dtype, 0) : null;
    this.out_proj = new Linear(embedDim, embedDim, { bias, dtype });
    this.out_proj.bias?.update((data) => data.fill(0));
    this.#widths = { query: embedDim, key: kdim, value: vdim };
    this.#heads = numHeads;
    this.#dropout = options.dropout ?? 0;
    this.#batchFirst = batchFirst;
  }

  /**
   * What each query takes from the values: `const [output, weights] = attention.forward(x, x, x)`. Without
   * a batch axis too, `[L, embedDim]` and `[S, …]`. A query that the masks leave no key gets weights of 0,
   * and of its output the bias is left; PyTorch does the same without `needWeights`, and gives NaN with it.
   * @param query `[L, N, embedDim]`, or `[N, L, embedDim]` where the batch is first.
   * @param key `[S, N, kdim]`, or `[N, S, kdim]`
   * @param value `[S, N, vdim]`, or `[N, S, vdim]`
   * @returns The output, in query's shape, and the weights after dropout, `[N, L, S]`, or of each head
   * `[N, numHeads, L, S]`; null for them without `needWeights`.
   * @throws ShapeError for shapes that don't fit, DTypeError for other dtypes than that of the weights,
   * or masks that are neither bool nor of it, ConfigError for an unknown option.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCallOptions = {},
  ): readonly [output: Tensor, weights: Tensor | null] {
    this.#check({ query, key, value });
    checkOptions('MultiheadAttention', options, CALL_OPTIONS);
    if (query.ndim === 2) return this.#single(query, key, value, options);
    const { needWeights = true, averageAttnWeights = true } = options;
    const layout = { heads: this.#heads, batchFirst: this.#batchFirst };
    const [q, k, v] = this.#projected(query, key, value, layout);
    const mask = joinedMask(q, k, options);
    const p = this.training ? this.#dropout : 0;
    const output = (heads: Tensor): Tensor => this.out_proj.forward(joinHeads(heads, layout));
    if (!needWeights) {
      const masking = mask === 'causal' ? { isCausal: true } : { attnMask: mask };
      return [output(scaledDotProductAttention(q, k, v, { ...masking, dropoutP: p })), null];
    }
    const weights = dropout(attentionWeights(q, k, mask), { p });
    return [output(matmul(weights, v)), averageAttnWeights ? mean(weights, 1) : weights];
  }

  /** A sequence without a batch axis, as a batch of one. */
  #single(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCallOptions,
  ): readonly [output: Tensor, weights: Tensor | null] {
    const batched = (x: Tensor): Tensor => unsqueeze(x, this.#batchFirst ? 0 : 1);
    const q = batched(query);
    const k = key === query ? q : batched(key);
    const v = value === key ? k : batched(value);
    const { keyPaddingMask } = options;
    if (keyPaddingMask) requireKeyMask(keyPaddingMask, key.shape[0]);
    const given = keyPaddingMask ? { keyPaddingMask: unsqueeze(keyPaddingMask, 0) } : {};
    const [output, weights] = this.forward(q, k, v, { ...options, ...given });
    return [reshape(output, query.shape), weights && squeeze(weights, 0)];
  }

  /** The heads of queries, keys and values: `[N, heads, L, D]`. */
  #projected(query: Tensor, key: Tensor, value: Tensor, layout: HeadLayout): readonly Tensor[] {
    const { in_proj_weight: weight, in_proj_bias: bias } = this;
    if (weight && query === key && key === value) {
      return splitHeads(linear(query, weight, bias), 3, layout);
    }
    const weights = weight
      ? split(weight, this.#widths.query)
      : [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    const biases = bias ? split(bias, this.#widths.query) : [];
    return [query, key, value].flatMap((x, i) => {
      const own = weights[i];
      return own ? splitHeads(linear(x, own, biases[i] ?? null), 1, layout) : [];
    });
  }

  /** @hidden */
  override constructedWith(): object {
    const { query: embedDim, key: kdim, value: vdim } = this.#widths;
    return {
      embedDim,
      numHeads: this.#heads,
      dropout: this.#dropout,
      bias: this.in_proj_bias !== null,
      kdim: kdim === embedDim ? undefined : kdim,
      vdim: vdim === embedDim ? undefined : vdim,
      batchFirst: this.#batchFirst,
    };
  }

  override extraRepr(): string {
    return ''; // As PyTorch's.
  }

  /** @throws DTypeError for what is no float tensor, ShapeError for shapes that don't fit. */
  #check(given: Readonly<Record<'query' | 'key' | 'value', Tensor>>): void {
    for (const [name, x] of Object.entries(given)) {
      requireTensor('MultiheadAttention', name, x);
      requireFloat('MultiheadAttention', x);
    }
    const { query, key, value } = given;
    const widths = this.#widths;
    const { ndim } = query;
    const batch = this.#batchFirst ? 0 : 1;
    const isFit =
      (ndim === 2 || ndim === 3) &&
      [key, value].every((x) => x.ndim === ndim) &&
      query.shape.at(-1) === widths.query &&
      key.shape.at(-1) === widths.key &&
      sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)) &&
      value.shape.at(-1) === widths.value &&
      (ndim === 2 || query.shape[batch] === key.shape[batch]);
    if (isFit) return;
    const expected = (length: string, width: number): string =>
      this.#batchFirst ? `[N,${length},${width}]` : `[${length},N,${width}]`;
    throw new ShapeError(
      `MultiheadAttention: expected query ${expected('L', widths.query)}, key ` +
        `${expected('S', widths.key)} and value ${expected('S', widths.value)}, got ` +
        `${formatShape(query.shape)}, ${formatShape(key.shape)} and ${formatShape(value.shape)}; ` +
        'batchFirst says which axis is the batch',
    );
  }
}
