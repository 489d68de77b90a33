import {
  add,
  ConfigError,
  gelu,
  relu,
  type DType,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  completeOptions,
  flag,
  oneOf,
  share,
  valueText,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { Dropout } from '../dropout.js';
import { Linear } from '../layers.js';
import { Module } from '../module.js';
import { LayerNorm } from '../norm/layer-norm.js';
import { MultiheadAttention } from './multihead.js';

/** Options of `TransformerEncoderLayer`, named and defaulted as PyTorch's. */
export interface TransformerEncoderLayerOptions {
  /** The width between the two linear layers. Default 2048. */
  readonly dimFeedforward?: number;
  /** The probability that a value becomes 0 in training, in all places. Default 0.1. */
  readonly dropout?: number;
  /** What is between the two linear layers. Default `'relu'`. */
  readonly activation?: 'relu' | 'gelu';
  /** Is added to the variances. Default 1e-5. */
  readonly layerNormEps?: number;
  /** Whether sequences are `[N, L, E]`; else they are `[L, N, E]`. Default false. */
  readonly batchFirst?: boolean;
  /** Whether attention and linear layers get normalised inputs; else their sums are. Default false. */
  readonly normFirst?: boolean;
  /** Whether there are biases. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LAYER_OPTIONS: OptionRules<TransformerEncoderLayerOptions> = {
  dimFeedforward: checkedInUse,
  dropout: share,
  activation: oneOf('relu', 'gelu'),
  layerNormEps: checkedInUse,
  batchFirst: flag,
  normFirst: flag,
  bias: flag,
  dtype: floatDType,
};

const DEFAULTS: Required<TransformerEncoderLayerOptions> = {
  dimFeedforward: 2048,
  dropout: 0.1,
  activation: 'relu',
  layerNormEps: 1e-5,
  batchFirst: false,
  normFirst: false,
  bias: true,
  dtype: 'float32',
};

/** Options of a call of `TransformerEncoderLayer`; masks as of `MultiheadAttention`. */
export interface TransformerEncoderLayerCallOptions {
  /** What is left out for each position: `[L, L]`, or `[N·nhead, L, L]`. Default: nothing. */
  readonly srcMask?: Tensor | null;
  /** Positions of each sequence that are left out: `[N, L]`. Default: none. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether a position takes those up to itself alone; needs no mask. Default false. */
  readonly isCausal?: boolean;
}

const LAYER_CALL_OPTIONS: OptionRules<TransformerEncoderLayerCallOptions> = {
  srcMask: checkedInUse,
  srcKeyPaddingMask: checkedInUse,
  isCausal: flag,
};

/**
 * Self-attention, then two linear layers, each added to what it was made of and normalised, as
 * `torch.nn.TransformerEncoderLayer` (Vaswani et al., 2017). With `isCausal` it is a layer of a decoder
 * alone, as language models have them.
 */
export class TransformerEncoderLayer extends Module {
  readonly self_attn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly #made: Required<TransformerEncoderLayerOptions> & Record<'dModel' | 'nhead', number>;

  /**
   * @param dModel The width of inputs and outputs.
   * @param nhead The heads of the attention, which divide dModel.
   * @throws ConfigError for a bad size or option.
   */
  constructor(dModel: number, nhead: number, options: TransformerEncoderLayerOptions = {}) {
    super();
    const completed = completeOptions('TransformerEncoderLayer', LAYER_OPTIONS, DEFAULTS, options);
    const { dimFeedforward, dropout: p, layerNormEps: eps, batchFirst, bias, dtype } = completed;
    requireSizes('TransformerEncoderLayer', 'positive integers', dModel, nhead, dimFeedforward);
    this.self_attn = new MultiheadAttention(dModel, nhead, { dropout: p, bias, batchFirst, dtype });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype });
    this.dropout = new Dropout(p);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype });
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype });
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype });
    this.dropout1 = new Dropout(p);
    this.dropout2 = new Dropout(p);
    this.#made = { dModel, nhead, ...completed };
  }

  /**
   * @param src `[L, N, dModel]`, `[N, L, dModel]` where the batch is first, or `[L, dModel]`.
   * @returns The shape of src.
   * @throws ShapeError for shapes that don't fit, DTypeError for dtypes that don't, ConfigError for an
   * unknown option.
   */
  forward(src: Tensor, options: TransformerEncoderLayerCallOptions = {}): Tensor {
    checkOptions('TransformerEncoderLayer', options, LAYER_CALL_OPTIONS);
    if (this.#made.normFirst) {
      const x = add(src, this.#attend(this.norm1.forward(src), options));
      return add(x, this.#feedForward(this.norm2.forward(x)));
    }
    const x = this.norm1.forward(add(src, this.#attend(src, options)));
    return this.norm2.forward(add(x, this.#feedForward(x)));
  }

  #attend(x: Tensor, options: TransformerEncoderLayerCallOptions): Tensor {
    const { srcMask = null, srcKeyPaddingMask = null, isCausal = false } = options;
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal };
    const [output] = this.self_attn.forward(x, x, x, { ...masks, needWeights: false });
    return this.dropout1.forward(output);
  }

  #feedForward(x: Tensor): Tensor {
    const wide = this.linear1.forward(x);
    const inner = this.#made.activation === 'relu' ? relu(wide) : gelu(wide);
    return this.dropout2.forward(this.linear2.forward(this.dropout.forward(inner)));
  }

  /** @hidden */
  override constructedWith(): object {
    return this.#made;
  }

  override extraRepr(): string {
    return ''; // As PyTorch's.
  }
}

/** Options of `TransformerEncoder`. */
export interface TransformerEncoderOptions {
  /** What is done with the last layer's output. Default: nothing. */
  readonly norm?: LayerNorm | null;
}

const ENCODER_OPTIONS: OptionRules<TransformerEncoderOptions> = {
  norm: {
    expected: 'a LayerNorm, or null for none',
    accepts: (value) => value === null || value instanceof LayerNorm,
  },
};

/** Options of a call of `TransformerEncoder`; masks as of `MultiheadAttention`, for all layers. */
export interface TransformerEncoderCallOptions {
  /** What is left out for each position: `[L, L]`, or `[N·nhead, L, L]`. Default: nothing. */
  readonly mask?: Tensor | null;
  /** Positions of each sequence that are left out: `[N, L]`. Default: none. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether a position takes those up to itself alone; needs no mask. Default false. */
  readonly isCausal?: boolean;
}

const ENCODER_CALL_OPTIONS: OptionRules<TransformerEncoderCallOptions> = {
  mask: checkedInUse,
  srcKeyPaddingMask: checkedInUse,
  isCausal: flag,
};

/** Layers one after another, as `torch.nn.TransformerEncoder`. */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: LayerNorm | null;

  /**
   * @param makeLayer Makes a layer: `() => new TransformerEncoderLayer(512, 8)`. PyTorch copies one,
   * so that all begin with the same weights; here each draws its own.
   * @throws ConfigError for a bad number or option, or what makes no layer.
   */
  constructor(
    makeLayer: () => TransformerEncoderLayer,
    numLayers: number,
    options: TransformerEncoderOptions = {},
  ) {
    super();
    if (typeof makeLayer !== 'function') {
      throw noLayer(`${valueText(makeLayer)}; write () => new TransformerEncoderLayer(…)`);
    }
    requireSizes('TransformerEncoder', 'a positive integer for numLayers', numLayers);
    checkOptions('TransformerEncoder', options, ENCODER_OPTIONS);
    this.layers = Array.from({ length: numLayers }, () => requireLayer(makeLayer()));
    this.norm = options.norm ?? null;
  }

  /** As `TransformerEncoderLayer`. */
  forward(src: Tensor, options: TransformerEncoderCallOptions = {}): Tensor {
    checkOptions('TransformerEncoder', options, ENCODER_CALL_OPTIONS);
    const { mask: srcMask = null, ...others } = options;
    let x = src;
    for (const layer of this.layers) x = layer.forward(x, { srcMask, ...others });
    return this.norm ? this.norm.forward(x) : x;
  }
}

/** @throws ConfigError unless `value` is a layer of an encoder. */
function requireLayer(value: unknown): TransformerEncoderLayer {
  if (value instanceof TransformerEncoderLayer) return value;
  throw noLayer(`one that makes ${valueText(value)}`);
}

function noLayer(got: string): ConfigError {
  return new ConfigError(
    `TransformerEncoder: expected a function that makes a TransformerEncoderLayer, got ${got}`,
  );
}
