import {
  add,
  reshape,
  ShapeError,
  slice,
  tensor,
  type DType,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  requireFloat,
  requireTensor,
  share,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { Dropout } from '../dropout.js';
import { Module } from '../module.js';
import { formatOptions } from '../tree.js';

/** Options of `PositionalEncoding`. */
export interface PositionalEncodingOptions {
  /** The probability that a value becomes 0 in training. Default 0.1. */
  readonly dropout?: number;
  /** The longest sequence. Default 5000. */
  readonly maxLen?: number;
  /** Whether sequences are `[N, L, E]`; else they are `[L, N, E]`. Default false. */
  readonly batchFirst?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const OPTIONS: OptionRules<PositionalEncodingOptions> = {
  dropout: share,
  maxLen: checkedInUse,
  batchFirst: flag,
  dtype: floatDType,
};

/**
 * Adds to each vector of a sequence where it stands, which attention alone can't tell (Vaswani et al., 2017):
 * sin(t/10000^(2i/dModel)) at place 2i of vector t, the cosine at 2i + 1. Then dropout. As the class of that
 * name in PyTorch's tutorials, with its `pe` in the state. Positions that are learnt are an `Embedding`.
 */
export class PositionalEncoding extends Module {
  readonly dropout: Dropout;
  readonly #table: Tensor;
  readonly #batchFirst: boolean;

  /**
   * @param dModel The width of the vectors.
   * @throws ConfigError for a bad size or option.
   */
  constructor(dModel: number, options: PositionalEncodingOptions = {}) {
    super();
    checkOptions('PositionalEncoding', options, OPTIONS);
    const { dropout = 0.1, maxLen = 5000, batchFirst = false, dtype = 'float32' } = options;
    requireSizes('PositionalEncoding', 'positive integers', dModel, maxLen);
    const waves = Float64Array.from({ length: maxLen * dModel }, (_, place) => {
      const at = place % dModel;
      const phase = Math.floor(place / dModel) / 10_000 ** ((at - (at % 2)) / dModel);
      return at % 2 === 0 ? Math.sin(phase) : Math.cos(phase);
    });
    this.dropout = new Dropout(dropout);
    this.#table = this.registerBuffer('pe', tensor(waves, [maxLen, 1, dModel], { dtype }));
    this.#batchFirst = batchFirst;
  }

  /**
   * @param x `[L, N, dModel]`, `[N, L, dModel]` where the batch is first, or `[L, dModel]`.
   * @returns The shape of x.
   * @throws ShapeError for another width, or a sequence longer than maxLen, DTypeError for another dtype.
   */
  forward(x: Tensor): Tensor {
    requireTensor('PositionalEncoding', 'x', x);
    requireFloat('PositionalEncoding', x);
    const [maxLen, , dModel] = this.#table.shape;
    const L = x.shape[x.ndim === 3 && this.#batchFirst ? 1 : 0];
    if ((x.ndim !== 2 && x.ndim !== 3) || x.shape.at(-1) !== dModel || L > maxLen) {
      const shape = this.#batchFirst ? 'N,L' : 'L,N';
      throw new ShapeError(
        `PositionalEncoding: expected x [${shape},${dModel}] with L up to maxLen, ${maxLen}, got ` +
          x.describe(),
      );
    }
    const positions = slice(this.#table, [[0, L]]);
    const fits = x.ndim === 3 && !this.#batchFirst;
    const encoded = add(x, fits ? positions : reshape(positions, [L, dModel]));
    return this.dropout.forward(encoded);
  }

  override extraRepr(): string {
    const [maxLen, , dModel] = this.#table.shape;
    return `${dModel}, ${formatOptions({ maxLen })}`;
  }
}
