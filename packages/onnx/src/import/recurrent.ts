import {
  add,
  concat,
  mul,
  permute,
  relu,
  select,
  sigmoid,
  slice,
  stack,
  sub,
  tanh,
  unsqueeze,
  zeros,
  type Tensor,
} from '@unfold/core';
import { sliceAlong } from '@unfold/core/internal';
import { linear } from '@unfold/nn';
import { lookUp } from '../model/model.js';
import type { Call, Operator, Operators } from './call.js';

const ACTIVATIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = { sigmoid, tanh, relu };

/** What a step makes of its input's part and of the old states. */
interface Cell {
  /** Gates, each of H rows of a weight. */
  readonly gates: number;
  /** The names of its functions, one set for each direction. */
  readonly activations: readonly string[];
  /** The new states; where there is one, c stays. */
  step(parts: StepParts): [h: Tensor, c: Tensor];
}

/** What a gate is given, `[N, H]`. */
type Gate = (gate: number) => Tensor;

interface StepParts {
  readonly call: Call;
  readonly h: Tensor;
  readonly c: Tensor;
  /** x·Wᵀ + Wb. */
  readonly input: Gate;
  /** h·Rᵀ + Rb. */
  readonly state: (h: Tensor) => Gate;
  /** One of the cell's functions. */
  readonly activate: (which: number, x: Tensor) => Tensor;
}

const LSTM: Cell = {
  gates: 4,
  activations: ['sigmoid', 'tanh', 'tanh'],
  step({ h, c, input, state, activate }) {
    const given = state(h);
    const gate = (at: number, which = 0): Tensor => activate(which, add(input(at), given(at)));
    const cell = add(mul(gate(2), c), mul(gate(0), gate(3, 1)));
    return [mul(gate(1), activate(2, cell)), cell];
  },
};

const GRU: Cell = {
  gates: 3,
  activations: ['sigmoid', 'tanh'],
  step({ call, h, c, input, state, activate }) {
    const given = state(h);
    const gate = (at: number): Tensor => activate(0, add(input(at), given(at)));
    const z = gate(0);
    const r = gate(1);
    const isResetFirst = call.int('linear_before_reset', 0) === 0;
    const fresh = isResetFirst ? state(mul(r, h))(2) : mul(r, given(2));
    return [add(mul(sub(1, z), activate(1, add(input(2), fresh))), mul(z, h)), c];
  },
};

const RNN: Cell = {
  gates: 1,
  activations: ['tanh'],
  step: ({ h, c, input, state, activate }) => [activate(0, add(input(0), state(h)(0))), c],
};

/** A layer in one or both directions. */
const recurrent =
  (cell: Cell): Operator =>
  (call) => {
    const isBatchFirst = call.int('layout', 0) === 1;
    const x = isBatchFirst ? permute(call.x, [1, 0, 2]) : call.x;
    const [L = 0, N = 0] = x.shape;
    if (call.numbersOr(4, []).some((length) => length !== L)) {
      throw call.lacking('a batch of sequences of several lengths');
    }
    if (call.has(7)) throw call.lacking('a peephole');
    if (call.attribute('clip', 'float') !== undefined) throw call.lacking('a bound of its gates');
    if (call.int('input_forget', 0) !== 0) throw call.lacking('input_forget');
    const direction = call.text('direction', 'forward');
    const ways = direction === 'bidirectional' ? ['forward', 'reverse'] : [direction];
    const count = cell.activations.length;
    const functions = call.attribute('activations', 'strings');
    const done = ways.map((way, d) => {
      const part = (position: number): Tensor => select(call.tensor(position), 0, d);
      const R = part(2);
      const H = R.shape[1] ?? 0;
      const rows = cell.gates * H;
      const [bias, stateBias] = [0, rows].map((from) =>
        call.has(3) ? slice(part(3), [[from, from + rows]]) : null,
      );
      const gateOf =
        (all: Tensor): Gate =>
        (gate) =>
          sliceAlong(all, 1, [gate * H, (gate + 1) * H]);
      const state = (h: Tensor): Gate => gateOf(linear(h, R, stateBias));
      const inputs = linear(x, part(1), bias);
      const names = functions?.slice(d * count) ?? cell.activations;
      const activate = (which: number, given: Tensor): Tensor => {
        const name = names[which] ?? 'none';
        const compute = lookUp(ACTIVATIONS, name.toLowerCase());
        if (!compute) throw call.lacking(`the activation ${name}`);
        return compute(given);
      };
      const initial = (position: number): Tensor =>
        call.has(position)
          ? select(call.tensor(position), isBatchFirst ? 1 : 0, d)
          : zeros([N, H], { dtype: x.dtype });
      let [h, c] = [initial(5), initial(6)];
      const outputs: Tensor[] = [];
      for (let i = 0; i < L; i++) {
        const t = way === 'reverse' ? L - 1 - i : i;
        [h, c] = cell.step({ call, h, c, input: gateOf(select(inputs, 0, t)), state, activate });
        outputs[t] = h;
      }
      return { outputs: unsqueeze(stack(outputs), 1), h, c };
    });
    const last = (states: readonly Tensor[]): Tensor => stack(states, isBatchFirst ? 1 : 0);
    const all = concat(
      done.map(({ outputs }) => outputs),
      1,
    );
    return [
      // [L, directions, N, H], or with the batch in front [N, L, directions, H].
      isBatchFirst ? permute(all, [2, 0, 1, 3]) : all,
      last(done.map(({ h }) => h)),
      call.gives(2) ? last(done.map(({ c }) => c)) : null,
    ];
  };

/** Recurrent layers. */
export const RECURRENT: Operators = {
  RNN: recurrent(RNN),
  GRU: recurrent(GRU),
  LSTM: recurrent(LSTM),
};
