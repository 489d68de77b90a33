import {
  formatShape,
  ShapeError,
  squeeze,
  unsqueeze,
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
  requireList,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from '../checks.js';
import { Module } from '../module.js';
import { formatOptions } from '../tree.js';
import { recurrentParameters, requireDTypeOf, requireStates } from './parameters.js';
import { gru, lstm, rnn, type Recurrence } from './sequence.js';

/** Options of `GRUCell` and `LSTMCell`, named and defaulted as PyTorch's. */
export interface RecurrentCellOptions {
  /** Whether biases are learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

/** Options of `RNNCell`, named and defaulted as PyTorch's. */
export interface RNNCellOptions extends RecurrentCellOptions {
  /** Default `'tanh'`. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

const CELL_OPTIONS: OptionRules<RecurrentCellOptions> = { bias: flag, dtype: floatDType };

const DEFAULTS: Required<RecurrentCellOptions> = { bias: true, dtype: 'float32' };

const RNN_CELL_OPTIONS: OptionRules<RNNCellOptions> = {
  ...CELL_OPTIONS,
  nonlinearity: oneOf('tanh', 'relu'),
};

/** What the cells share: parameters by PyTorch's names, and a sequence of one step. */
abstract class RecurrentCell extends Module {
  /** `[gates·H, C]` */
  readonly weight_ih: Parameter;
  /** `[gates·H, H]` */
  readonly weight_hh: Parameter;
  /** `[gates·H]`; null without `bias`, as the other. */
  readonly bias_ih: Parameter | null;
  readonly bias_hh: Parameter | null;
  readonly #name: string;
  readonly #recurrence: Recurrence;

  constructor(
    name: string,
    recurrence: Recurrence,
    [inputSize, hiddenSize]: readonly [number, number],
    options: RecurrentCellOptions,
  ) {
    super();
    requireSizes(name, 'positive integers', inputSize, hiddenSize);
    const completed = completeOptions(name, CELL_OPTIONS, DEFAULTS, options);
    const made = recurrentParameters(inputSize, hiddenSize, recurrence.gates, completed);
    this.weight_ih = made.weight_ih;
    this.weight_hh = made.weight_hh;
    this.bias_ih = made.bias_ih;
    this.bias_hh = made.bias_hh;
    this.#name = name;
    this.#recurrence = recurrence;
  }

  /** The new states for the old ones, which may be null for zeros. */
  protected step(x: Tensor, states: readonly (Tensor | null)[]): readonly Tensor[] {
    const { weight_ih, weight_hh, bias_ih, bias_hh } = this;
    requireDTypeOf(this.#name, 'x', x, weight_ih);
    const [, C] = weight_ih.shape;
    const [, H] = weight_hh.shape;
    const isBatch = x.ndim === 2;
    if ((!isBatch && x.ndim !== 1) || x.shape.at(-1) !== C) {
      throw new ShapeError(
        `${this.#name}: expected x [N,${C}], or [${C}], got ${formatShape(x.shape)}`,
      );
    }
    const shape = [...x.shape.slice(0, -1), H];
    requireStates(this.#name, states, shape, weight_ih);
    const inBatch = (part: Tensor): Tensor => (isBatch ? part : unsqueeze(part, 0));
    return composed(() => {
      const [h, c = null] = states.map((state) => state && inBatch(state));
      const sequence = unsqueeze(inBatch(x), 0);
      const weights = [weight_ih, weight_hh, bias_ih, bias_hh] as const;
      const [, ...next] = this.#recurrence.run(sequence, ...weights, h, c, { reverse: false });
      return next.map((state) => (isBatch ? state : squeeze(state, 0)));
    });
  }

  /** @hidden */
  override constructedWith(): object {
    const [, inputSize] = this.weight_ih.shape;
    const [, hiddenSize] = this.weight_hh.shape;
    return {
      inputSize,
      hiddenSize,
      bias: this.bias_ih ? undefined : false,
      nonlinearity: this.#recurrence.nonlinearity,
    };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}

/** A step of an `RNN`, as `torch.nn.RNNCell`. */
export class RNNCell extends RecurrentCell {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    checkOptions('RNNCell', options, RNN_CELL_OPTIONS);
    const { nonlinearity = 'tanh', ...others } = options;
    super('RNNCell', rnn[nonlinearity], [inputSize, hiddenSize], others);
  }

  /** As that of `GRUCell`. */
  forward(x: Tensor, h: Tensor | null = null): Tensor {
    return this.step(x, [h])[0];
  }
}

/** A step of an `LSTM`, as `torch.nn.LSTMCell`. */
export class LSTMCell extends RecurrentCell {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super('LSTMCell', lstm, [inputSize, hiddenSize], options);
  }

  /**
   * As that of `GRUCell`, with two states: `[h, c] = cell.forward(x, [h, c])`.
   * @throws ConfigError for states that are no list.
   */
  forward(
    x: Tensor,
    states: readonly [h: Tensor, c: Tensor] | null = null,
  ): readonly [h: Tensor, c: Tensor] {
    if (states !== null) requireList('LSTMCell', 'the states in a list', states, '[h, c]');
    const [h, c] = this.step(x, states ? [states[0], states[1]] : [null, null]);
    return [h, c];
  }
}

/** A step of a `GRU`, as `torch.nn.GRUCell`. */
export class GRUCell extends RecurrentCell {
  /** @throws ConfigError unless both sizes are positive integers, or for a bad option. */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super('GRUCell', gru, [inputSize, hiddenSize], options);
  }

  /**
   * The next state.
   * @param x `[N, C]`, or `[C]`.
   * @param h The state before, `[N, H]`, or `[H]`. Default: zeros.
   * @throws ShapeError for shapes that don't fit, DTypeError unless all is of the weights' dtype.
   */
  forward(x: Tensor, h: Tensor | null = null): Tensor {
    return this.step(x, [h])[0];
  }
}
