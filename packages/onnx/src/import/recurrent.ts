import {
  add,
  concat,
  matmul,
  mul,
  permute,
  relu,
  select,
  sigmoid,
  slice,
  split,
  stack,
  sub,
  tanh,
  unbind,
  unsqueeze,
  zeros,
  type Tensor,
} from '@unfold/core';
import { linear } from '@unfold/nn';
import type { Call, Operator, Operators } from './call.js';

/** A gate's function. */
type Activation = (x: Tensor) => Tensor;

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  sigmoid,
  tanh,
  relu,
};

/** What a step makes of its input's part and of the old states. */
interface Cell {
  /** Gates, each of H rows of a weight. */
  readonly gates: number;
  /** 2 where there is a cell's state beside h. */
  readonly states: number;
  /** The names of its functions, one set for each direction. */
  readonly activations: readonly string[];
  step(parts: StepParts): Tensor[];
}

interface StepParts {
  readonly call: Call;
  /** x·Wᵀ + Wb of each gate, `[N, H]`. */
  readonly input: readonly Tensor[];
  readonly states: readonly Tensor[];
  /** The weights of the state and their biases, by gate. */
  readonly weights: readonly Tensor[];
  readonly biases: readonly (Tensor | null)[];
  readonly activations: readonly Activation[];
}

const LSTM: Cell = {
  gates: 4,
  states: 2,
  activations: ['sigmoid', 'tanh', 'tanh'],
  step({ input, states: [h, c], weights, biases, activations: [f, g, last] }) {
    const [i, o, forget, fresh] = input.map((x, gate) =>
      fromState(x, h, weights[gate], biases[gate]),
    );
    if (!i || !o || !forget || !fresh || !c || !f || !g || !last) return [];
    const cell = add(mul(f(forget), c), mul(f(i), g(fresh)));
    return [mul(f(o), last(cell)), cell];
  },
};

const GRU: Cell = {
  gates: 3,
  states: 1,
  activations: ['sigmoid', 'tanh'],
  step({ call, input, states: [h], weights, biases, activations: [f, g] }) {
    const [inputZ, inputR, inputN] = input;
    const weight = weights[2];
    if (!h || !inputZ || !inputR || !inputN || !weight || !f || !g) return [];
    const z = f(fromState(inputZ, h, weights[0], biases[0]));
    const r = f(fromState(inputR, h, weights[1], biases[1]));
    const bias = biases[2] ?? null;
    const n =
      call.int('linear_before_reset', 0) === 0
        ? fromState(inputN, mul(r, h), weight, bias)
        : add(inputN, mul(r, linear(h, weight, bias)));
    return [add(mul(sub(1, z), g(n)), mul(z, h))];
  },
};

const RNN: Cell = {
  gates: 1,
  states: 1,
  activations: ['tanh'],
  step({ input: [x], states: [h], weights, biases, activations: [f] }) {
    return x && f ? [f(fromState(x, h, weights[0], biases[0]))] : [];
  },
};

/** A gate's part of the input, and that of the state. */
function fromState(
  input: Tensor,
  h: Tensor | undefined,
  weight: Tensor | undefined,
  bias: Tensor | null | undefined,
): Tensor {
  if (!h || !weight) return input;
  const product = matmul(h, weight, { transposeB: true });
  return add(input, bias ? add(product, bias) : product);
}

/** The names of the functions of a direction. @throws FileFormatError for others than three. */
function activationsOf(call: Call, cell: Cell, direction: number): Activation[] {
  const count = cell.activations.length;
  const given = call.attribute('activations', 'strings');
  const names = given?.slice(direction * count, (direction + 1) * count) ?? cell.activations;
  return names.map((name) => {
    const found = Object.hasOwn(ACTIVATIONS, name.toLowerCase())
      ? ACTIVATIONS[name.toLowerCase()]
      : undefined;
    if (!found) throw call.lacking(`the activation ${name}`);
    return found;
  });
}

/** A layer in one or both directions. */
const recurrent =
  (cell: Cell): Operator =>
  (call) => {
    const isBatchFirst = call.int('layout', 0) === 1;
    const given = call.tensor(0);
    const x = isBatchFirst ? permute(given, [1, 0, 2]) : given;
    const [L = 0, N = 0] = x.shape;
    if (call.has(4) && call.numbers(4).some((length) => length !== L)) {
      throw call.lacking('a batch of sequences of several lengths');
    }
    if (call.has(7)) throw call.lacking('a peephole');
    if (call.attribute('clip', 'float') !== undefined) throw call.lacking('a bound of its gates');
    if (call.int('input_forget', 0) !== 0) throw call.lacking('input_forget');
    const direction = call.text('direction', 'forward');
    const ways = direction === 'bidirectional' ? ['forward', 'reverse'] : [direction];
    const done = ways.map((way, d) => {
      const part = (position: number): Tensor => select(call.tensor(position), 0, d);
      const R = part(2);
      const H = R.shape[1] ?? 0;
      const rows = cell.gates * H;
      const both = call.has(3) ? part(3) : null;
      const bias = both && slice(both, [[0, rows]]);
      const stateBias = both && split(slice(both, [[rows, 2 * rows]]), H);
      const input = unbind(linear(x, part(1), bias));
      const initial = (position: number): Tensor => {
        if (!call.has(position)) return zeros([N, H], { dtype: x.dtype });
        const all = call.tensor(position);
        return select(all, isBatchFirst ? 1 : 0, d);
      };
      let states = [5, 6].slice(0, cell.states).map(initial);
      const weights = split(R, H);
      const activations = activationsOf(call, cell, d);
      const outputs: Tensor[] = [];
      for (let i = 0; i < L; i++) {
        const t = way === 'reverse' ? L - 1 - i : i;
        const now = input[t];
        if (!now) break;
        states = cell.step({
          call,
          input: split(now, H, 1),
          states,
          weights,
          biases: weights.map((_, gate) => stateBias?.[gate] ?? null),
          activations,
        });
        const [h] = states;
        if (h) outputs[t] = h;
      }
      return { outputs: unsqueeze(stack(outputs), 1), states };
    });
    const all = concat(
      done.map(({ outputs }) => outputs),
      1,
    );
    const last = Array.from({ length: cell.states }, (_, state) =>
      stack(
        done.flatMap(({ states }) => states[state] ?? []),
        isBatchFirst ? 1 : 0,
      ),
    );
    // [L, directions, N, H], or with the batch in front [N, L, directions, H].
    return [isBatchFirst ? permute(all, [2, 0, 1, 3]) : all, ...last];
  };

/** Recurrent layers. */
export const RECURRENT: Operators = {
  RNN: recurrent(RNN),
  GRU: recurrent(GRU),
  LSTM: recurrent(LSTM),
};
