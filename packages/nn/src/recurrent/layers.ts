import {
  concat,
  formatShape,
  ShapeError,
  stack,
  transpose,
  unbind,
  unsqueeze,
  squeeze,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  checkOptions,
  completeOptions,
  composed,
  flag,
  oneOf,
  positiveCount,
  requireList,
  share,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { dropout } from '../dropout.js';
import { Module } from '../module.js';
import { formatOptions } from '../tree.js';
import { recurrentParameters, requireDTypeOf, requireStates } from './parameters.js';
import { gru, lstm, rnn, type Recurrence } from './sequence.js';

/** Options of `GRU` and `LSTM`, named and defaulted as PyTorch's. */
export interface RecurrentOptions {
  /** How many layers stand on each other, each of which takes the outputs of the one below. Default 1. */
  readonly numLayers?: number;
  /** Whether biases are learnt. Default true. */
  readonly bias?: boolean;
  /** Whether sequences are `[N, L, C]`, and not `[L, N, C]`. States stay as they are. Default false. */
  readonly batchFirst?: boolean;
  /** The probability by which outputs between two layers become 0 in training. Default 0. */
  readonly dropout?: number;
  /** Whether each layer also walks from the end to the beginning. Default false. */
  readonly bidirectional?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

/** Options of `RNN`, named and defaulted as PyTorch's. */
export interface RNNOptions extends RecurrentOptions {
  /** Default `'tanh'`. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

const RECURRENT_OPTIONS: OptionRules<RecurrentOptions> = {
  numLayers: positiveCount,
  bias: flag,
  batchFirst: flag,
  dropout: share,
  bidirectional: flag,
  dtype: floatDType,
};

const DEFAULTS: Required<RecurrentOptions> = {
  numLayers: 1,
  bias: true,
  batchFirst: false,
  dropout: 0,
  bidirectional: false,
  dtype: 'float32',
};

const RNN_OPTIONS: OptionRules<RNNOptions> = {
  ...RECURRENT_OPTIONS,
  nonlinearity: oneOf('tanh', 'relu'),
};

/** What the recurrent layers share: parameters by PyTorch's names, and the walk through layers. */
abstract class Recurrent extends Module {
  /** Weights of layer k: `weight_ih_lk` `[gates·H, …]` and `weight_hh_lk`, backwards `…_reverse`. */
  [weight: `weight_${string}`]: Parameter;
  /** Biases likewise, `[gates·H]`; none without `bias`. */
  [bias: `bias_${string}`]: Parameter | undefined;
  readonly #name: string;
  readonly #recurrence: Recurrence;
  readonly #inputSize: number;
  readonly #hiddenSize: number;
  readonly #options: Required<RecurrentOptions>;

  constructor(
    name: string,
    recurrence: Recurrence,
    [inputSize, hiddenSize]: readonly [number, number],
    options: RecurrentOptions,
  ) {
    super();
    requireSizes(name, 'positive integers', inputSize, hiddenSize);
    this.#name = name;
    this.#recurrence = recurrence;
    this.#inputSize = inputSize;
    this.#hiddenSize = hiddenSize;
    this.#options = completeOptions(name, RECURRENT_OPTIONS, DEFAULTS, options);
    const { numLayers } = this.#options;
    for (let layer = 0; layer < numLayers; layer++) {
      const size = layer === 0 ? inputSize : hiddenSize * this.#directions.length;
      for (const direction of this.#directions) {
        const made = recurrentParameters(size, hiddenSize, recurrence.gates, this.#options);
        const suffix = `_l${layer}${direction}`;
        this[`weight_ih${suffix}`] = made.weight_ih;
        this[`weight_hh${suffix}`] = made.weight_hh;
        if (made.bias_ih) this[`bias_ih${suffix}`] = made.bias_ih;
        if (made.bias_hh) this[`bias_hh${suffix}`] = made.bias_hh;
      }
    }
  }

  /** What the names of each direction's parameters end in. */
  get #directions(): readonly string[] {
    return this.#options.bidirectional ? ['', '_reverse'] : [''];
  }

  /**
   * @param initial The first states h, and c of an LSTM; null for zeros.
   * @returns The outputs of the last layer, and the last states of all.
   */
  protected run(
    x: Tensor,
    initial: readonly (Tensor | null)[],
  ): readonly [output: Tensor, states: readonly Tensor[]] {
    this.#check(x, initial);
    return composed(() => this.#walk(x, initial));
  }

  #walk(
    x: Tensor,
    initial: readonly (Tensor | null)[],
  ): readonly [output: Tensor, states: readonly Tensor[]] {
    const { numLayers, batchFirst, dropout: p } = this.#options;
    const directions = this.#directions;
    const isBatch = x.ndim === 3;
    const turns = isBatch && batchFirst;
    const first = initial.map((state) => state && unbind(isBatch ? state : unsqueeze(state, 1)));
    const last: Tensor[][] = initial.map(() => []);
    let out = turns ? transpose(x, 0, 1) : isBatch ? x : unsqueeze(x, 1);
    for (let layer = 0; layer < numLayers; layer++) {
      if (layer > 0 && p > 0) out = dropout(out, { p, training: this.training });
      const outputs = directions.map((direction, i) => {
        const suffix = `_l${layer}${direction}`;
        const [h, c = null] = first.map(
          (states) => states && states[layer * directions.length + i],
        );
        const [output, ...states] = this.#recurrence.run(
          out,
          this[`weight_ih${suffix}`],
          this[`weight_hh${suffix}`],
          this[`bias_ih${suffix}`] ?? null,
          this[`bias_hh${suffix}`] ?? null,
          h,
          c,
          { reverse: direction !== '' },
        );
        states.forEach((state, which) => last[which].push(state));
        return output;
      });
      out = outputs.length === 1 ? outputs[0] : concat(outputs, 2);
    }
    const states = last.map((each) => stack(each));
    if (isBatch) return [turns ? transpose(out, 0, 1) : out, states];
    return [squeeze(out, 1), states.map((state) => squeeze(state, 1))];
  }

  /** @throws ShapeError or DTypeError for an input or first states that don't fit. */
  #check(x: Tensor, initial: readonly (Tensor | null)[]): void {
    const name = this.#name;
    const { numLayers, batchFirst } = this.#options;
    const weight = this.weight_hh_l0;
    requireDTypeOf(name, 'x', x, weight);
    const isBatch = x.ndim === 3;
    const [first, second] = x.shape;
    const [L, N] = isBatch && batchFirst ? [second, first] : [first, second];
    if ((!isBatch && x.ndim !== 2) || x.shape.at(-1) !== this.#inputSize) {
      throw new ShapeError(
        `${name}: expected x [${batchFirst ? 'N,L' : 'L,N'},${this.#inputSize}], or ` +
          `[L,${this.#inputSize}] for one sequence, got ${formatShape(x.shape)}`,
      );
    }
    if (L === 0) {
      throw new ShapeError(`${name}: expected sequences of one step at least, got ${x.describe()}`);
    }
    const count = numLayers * this.#directions.length;
    const shape = isBatch ? [count, N, this.#hiddenSize] : [count, this.#hiddenSize];
    requireStates(name, initial, shape, weight);
  }

  /** @hidden */
  override constructedWith(): object {
    const { numLayers, bias, batchFirst, dropout, bidirectional } = this.#options;
    return {
      inputSize: this.#inputSize,
      hiddenSize: this.#hiddenSize,
      numLayers: numLayers === 1 ? undefined : numLayers,
      bias: bias ? undefined : bias,
      batchFirst: batchFirst || undefined,
      dropout: dropout || undefined,
      bidirectional: bidirectional || undefined,
      nonlinearity: this.#recurrence.nonlinearity,
    };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}

/**
 * An Elman network, as `torch.nn.RNN`: h' = tanh(x·weight_ihᵀ + bias_ih + h·weight_hhᵀ + bias_hh), or
 * relu of it. See `GRU` for shapes, for sequences of several lengths and for how layers stand on each other.
 */
export class RNN extends Recurrent {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    checkOptions('RNN', options, RNN_OPTIONS);
    const { nonlinearity = 'tanh', ...others } = options;
    super('RNN', rnn[nonlinearity], [inputSize, hiddenSize], others);
  }

  /** As that of `GRU`. */
  forward(x: Tensor, h: Tensor | null = null): readonly [output: Tensor, h: Tensor] {
    const [output, [last]] = this.run(x, [h]);
    return [output, last];
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997, with the forget gate of Gers, Schmidhuber and
 * Cummins, 2000), as `torch.nn.LSTM` without projections. With the sum of both products, bias included,
 * cut into i, f, g and o, c' = σ(f)·c + σ(i)·tanh(g) and h' = σ(o)·tanh(c'). See `GRU` for shapes, for
 * sequences of several lengths and for how layers stand on each other.
 */
export class LSTM extends Recurrent {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('LSTM', lstm, [inputSize, hiddenSize], options);
  }

  /**
   * As that of `GRU`, with two states: `const [output, [h, c]] = lstm.forward(x, [h0, c0])`.
   * @throws ConfigError for states that are no list.
   */
  forward(
    x: Tensor,
    states: readonly [h: Tensor, c: Tensor] | null = null,
  ): readonly [output: Tensor, states: readonly [h: Tensor, c: Tensor]] {
    if (states !== null) requireList('LSTM', 'the first states in a list', states, '[h, c]');
    const [output, [h, c]] = this.run(x, states ? [states[0], states[1]] : [null, null]);
    return [output, [h, c]];
  }
}

/**
 * Gated recurrent units (Cho et al., 2014), as `torch.nn.GRU`, where r gates the product with the state:
 * of x·weight_ihᵀ + bias_ih and h·weight_hhᵀ + bias_hh, each cut into r, z and n, r = σ(xr + hr),
 * z = σ(xz + hz), n = tanh(xn + r·hn) and h' = (1 - z)·n + z·h.
 *
 * ```ts
 * const gru = new GRU(8, 16, { numLayers: 2, batchFirst: true });
 * const [output, h] = gru.forward(randn([4, 10, 8])); // [4, 10, 16] and [2, 4, 16]
 * const logits = new Linear(16, 3).forward(select(output, 1, -1));
 * ```
 *
 * Layer k has `weight_ih_lk`, `weight_hh_lk`, `bias_ih_lk` and `bias_hh_lk`, with `bidirectional` also
 * each with `_reverse`, as PyTorch names and lays them out; all start uniform in ±1/√H, from the stream
 * `'init'`. The layers after the first take the outputs of the one below, both directions side by side;
 * with `dropout` some of these are 0 in training, so that of one layer it does nothing.
 *
 * Sequences of several lengths are padded at their ends to the longest one. The outputs before the padding
 * don't depend on it, unless the layer is `bidirectional`: take the last true step of each with `gather`, or
 * weigh the losses of padded steps with 0 (`crossEntropy` has `ignoreIndex`).
 *
 * The result is a pair, so a `Sequential` can't hold the layer: call it in a `forward` of your own, which
 * takes the part of the pair that it needs.
 */
export class GRU extends Recurrent {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('GRU', gru, [inputSize, hiddenSize], options);
  }

  /**
   * The outputs at all steps, and the last state of each layer and direction.
   * @param x `[L, N, C]`, with `batchFirst` `[N, L, C]`; or one sequence, `[L, C]`.
   * @param h The first states, `[layers·directions, N, H]`, of one sequence without N. Default: zeros.
   * @returns `[L, N, directions·H]` as x lies, and the last states as `h` lies: layer by layer, of each the
   * one at the end of the sequence, then with `bidirectional` that at its beginning.
   * @throws ShapeError for shapes that don't fit or sequences of no step, DTypeError unless all is of the
   * weights' dtype.
   */
  forward(x: Tensor, h: Tensor | null = null): readonly [output: Tensor, h: Tensor] {
    const [output, [last]] = this.run(x, [h]);
    return [output, last];
  }
}
