import { add, Generator, mul, randn, sum, type DType, type Tensor } from '@unfold/core';
import { GRU, GRUCell, LSTM, LSTMCell, RNN, RNNCell, type Module } from '@unfold/nn';
import type { RecurrentCase } from './fixtures/recurrent-fixtures.js';

type Kind = RecurrentCase['kind'];

/** A recurrent layer or cell whose results, however they are nested, are a list. */
export interface Recurrent {
  readonly module: Module;
  call(x: Tensor, states: readonly Tensor[]): readonly Tensor[];
}

function pair(states: readonly Tensor[]): readonly [Tensor, Tensor] | null {
  const [h, c] = states;
  return h && c ? [h, c] : null;
}

/** The layer or cell of a name. */
export function makeRecurrent(
  kind: Kind,
  inputSize: number,
  hiddenSize: number,
  options: RecurrentCase['options'],
): Recurrent {
  if (kind === 'LSTM') {
    const module = new LSTM(inputSize, hiddenSize, options);
    const call = (x: Tensor, states: readonly Tensor[]): Tensor[] => {
      const [output, last] = module.forward(x, pair(states));
      return [output, ...last];
    };
    return { module, call };
  }
  if (kind === 'LSTMCell') {
    const module = new LSTMCell(inputSize, hiddenSize, options);
    return { module, call: (x, states) => module.forward(x, pair(states)) };
  }
  if (kind === 'RNN' || kind === 'GRU') {
    const module = new { RNN, GRU }[kind](inputSize, hiddenSize, options);
    return { module, call: (x, [h = null]) => module.forward(x, h) };
  }
  const module = new { RNNCell, GRUCell }[kind](inputSize, hiddenSize, options);
  return { module, call: (x, [h = null]) => [module.forward(x, h)] };
}

/** Random numbers that are the same every time. */
export function draw(seed: number, dtype: DType, ...shape: number[]): Tensor {
  return randn(shape, { dtype, generator: new Generator(seed) });
}

/** A number that depends on every element of several results, on each differently. */
export function score(results: readonly Tensor[]): Tensor {
  return results
    .map((result, i) => sum(mul(result, add(result, i + 0.5))))
    .reduce((total, term) => add(total, term));
}
