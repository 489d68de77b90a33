import {
  add,
  bufferOf,
  clone,
  defineFunction,
  empty,
  grad,
  kernelsFor,
  matmul,
  mul,
  pad,
  reshape,
  select,
  slice,
  stack,
  sum,
  unbind,
  zeros,
  type Context,
  type DeviceBuffer,
  type Tensor,
} from '@unfold/core';
import { flat } from '@unfold/core/internal';
import { linear } from '../layers.js';
import {
  GRU_CELL,
  LSTM_CELL,
  RNN_RELU_CELL,
  RNN_TANH_CELL,
  type Cell,
  type Places,
} from './cells.js';

/** Which way a sequence is walked. */
interface Direction {
  /** Whether from its end to its beginning. */
  readonly reverse: boolean;
}

/** What forward takes, as far as it is tensors; biases and first states may be null, these for zeros. */
type Inputs = readonly [
  x: Tensor,
  weightIh: Tensor,
  weightHh: Tensor,
  biasIh: Tensor | null,
  biasHh: Tensor | null,
  h0: Tensor | null,
  c0: Tensor | null,
];

interface Saved extends Direction {
  readonly inputs: Inputs;
  /** Each state at all times, the first one included, `[L + 1, N, H]`. */
  readonly states: readonly Tensor[];
  /** What the cell's backward needs besides. */
  readonly gates: Tensor;
}

/**
 * The order of the steps, and where states lie among all L + 1, of which the first one comes before all
 * others, or with `reverse` behind them: the old state of step t at `old + t`, the new one at `fresh + t`.
 */
function walkOf(length: number, reverse: boolean) {
  const times = Array.from({ length }, (_, i) => (reverse ? length - 1 - i : i));
  const [first, last] = reverse ? [length, 0] : [0, length];
  const [old, fresh] = reverse ? [1, 0] : [0, 1];
  return { times, first, last, old, fresh };
}

/** The slice of a tensor's buffer at a place along the first axis. */
function at(x: Tensor, place: number): DeviceBuffer {
  const size = x.size / x.shape[0];
  return bufferOf(x).slice(place * size, (place + 1) * size);
}

/** What step t reads and writes both ways. */
function placesOf(
  t: number,
  states: readonly Tensor[],
  gates: Tensor,
  { old, fresh }: ReturnType<typeof walkOf>,
): Places {
  const [, N, H] = states[0].shape;
  return {
    dtype: gates.dtype,
    geometry: { rows: N, n: H },
    before: states.map((all) => at(all, old + t)),
    states: states.map((all) => at(all, fresh + t)),
    saved: at(gates, t),
  };
}

const SINGLE = { batch: 1, aBatchStride: 0, bBatchStride: 0 };
const PLAIN = { ...SINGLE, activation: 'none', slope: 0 } as const;

/** out = x·weightᵀ + bias, row by row. */
function project(out: DeviceBuffer, x: DeviceBuffer, weight: Tensor, bias: Tensor | null): void {
  const [N, K] = weight.shape;
  const flags = { transposeA: false, transposeB: true, accumulate: false };
  const geometry = { ...PLAIN, ...flags, M: x.length / K, N, K };
  const kernels = kernelsFor(weight.dtype);
  kernels.matmulJoined(out, x, bufferOf(weight), bias && bufferOf(bias), geometry);
}

/** The inputs under names of their own, so that a tensor that is given twice has two gradients. */
function namedAnew([x, weightIh, weightHh, ...others]: Inputs): Inputs {
  const anew = (input: Tensor): Tensor => reshape(input, input.shape);
  const [biasIh, biasHh, h0, c0] = others.map((input) => input && anew(input));
  return [anew(x), anew(weightIh), anew(weightHh), biasIh, biasHh, h0, c0];
}

/** The same results by operations, step by step. */
function composed(
  cell: Cell,
  [x, weightIh, weightHh, biasIh, biasHh, ...initial]: Inputs,
  reverse: boolean,
): Tensor[] {
  const [L, N] = x.shape;
  const H = weightHh.shape[1];
  const fromX = unbind(linear(x, weightIh, biasIh));
  let states = initial
    .slice(0, cell.states)
    .map((state) => state ?? zeros([N, H], { dtype: x.dtype }));
  const h: Tensor[] = [];
  for (const t of walkOf(L, reverse).times) {
    states = cell.compose(fromX[t], linear(states[0], weightHh, biasHh), states);
    h[t] = states[0];
  }
  return [stack(h), ...states];
}

/** The recurrence of a cell. */
export interface Recurrence extends Pick<Cell, 'gates' | 'nonlinearity'> {
  /**
   * Over x `[L, N, C]`: h at all times, `[L, N, H]`, then the last h `[N, H]`, and of an LSTM the last c.
   * The products with the input are one for all steps, and so is each weight's gradient; a step is one
   * product with the state, and the cell's own kernel.
   */
  readonly run: (...inputs: [...Inputs, Direction]) => readonly Tensor[];
}

// @__NO_SIDE_EFFECTS__
function recurrence(name: string, cell: Cell): Recurrence {
  const run = defineFunction(name, {
    forward(
      ctx: Context<Saved>,
      ...[x, weightIh, weightHh, biasIh, biasHh, h0, c0, { reverse }]: [...Inputs, Direction]
    ): Tensor[] {
      const { dtype } = x;
      const [L, N] = x.shape;
      const [width, H] = weightHh.shape;
      const walk = walkOf(L, reverse);
      const { times, first, last, fresh } = walk;
      const states = [h0, c0].slice(0, cell.states).map((initial) => {
        const all = empty([L + 1, N, H], dtype, name);
        const start = initial ?? zeros([N, H], { dtype });
        kernelsFor(dtype).copyStrided(at(all, first), bufferOf(start), {
          shape: [N * H],
          outStrides: [1],
          outOffset: 0,
          xStrides: [1],
          xOffset: 0,
        });
        return all;
      });
      const gates = empty([L, N, cell.saved * H], dtype, name);
      const fromX = empty([L, N, width], dtype, name);
      const fromH = empty([N, width], dtype, name);
      project(bufferOf(fromX), bufferOf(x), weightIh, biasIh);
      for (const t of times) {
        const places = placesOf(t, states, gates, walk);
        project(bufferOf(fromH), places.before[0], weightHh, biasHh);
        cell.forward({ ...places, fromX: at(fromX, t), fromH: bufferOf(fromH) });
      }
      const inputs: Inputs = [x, weightIh, weightHh, biasIh, biasHh, h0, c0];
      ctx.save({ inputs, states, gates, reverse });
      const [h] = states;
      return [slice(h, [[fresh, fresh + L]]), ...states.map((all) => select(all, 0, last))];
    },

    backward(ctx, dOut, ...dLast) {
      const { inputs, states, gates, reverse } = ctx.saved;
      const [x, weightIh, weightHh] = inputs;
      const { dtype } = x;
      const [L, N, C] = x.shape;
      const [width, H] = weightHh.shape;
      const walk = walkOf(L, reverse);
      const { times, first, last, old, fresh } = walk;
      const kernels = kernelsFor(dtype);
      // The gradients of h lie as h does; of c there is only that of now.
      const dH = pad(dOut, [reverse ? [0, 1] : [1, 0], [0, 0], [0, 0]]);
      const dEnd = at(dH, last);
      kernels.add(dEnd, dEnd, bufferOf(dLast[0]), flat(dEnd));
      const dC = dLast.slice(1).map((d) => clone(d));
      const dFromX = empty([L, N, width], dtype, name);
      const dFromH = cell.differ ? empty([L, N, width], dtype, name) : dFromX;
      const flags = { transposeA: false, transposeB: false, accumulate: true };
      const product = { ...SINGLE, ...flags, M: N, N: H, K: width };
      for (const t of times.reverse()) {
        const dBefore = at(dH, old + t);
        cell.backward({
          ...placesOf(t, states, gates, walk),
          dStates: [at(dH, fresh + t), ...dC.map((d) => bufferOf(d))],
          dBefore,
          dFromX: at(dFromX, t),
          dFromH: at(dFromH, t),
        });
        kernels.matmul(dBefore, at(dFromH, t), bufferOf(weightHh), product);
      }

      const [needsX, needsIh, needsHh, needsBiasIh, needsBiasHh, needsH, needsC] =
        ctx.needsInputGrad;
      const ofWeight = (d: Tensor, values: Tensor, size: number): Tensor =>
        matmul(reshape(d, [L * N, width]), reshape(values, [L * N, size]), { transposeA: true });
      const ofBias = (d: Tensor): Tensor => sum(d, [0, 1]);
      return [
        needsX ? matmul(dFromX, weightIh) : null,
        needsIh ? ofWeight(dFromX, x, C) : null,
        needsHh ? ofWeight(dFromH, slice(states[0], [[old, old + L]]), H) : null,
        needsBiasIh ? ofBias(dFromX) : null,
        needsBiasHh ? ofBias(dFromH) : null,
        needsH ? select(dH, 0, first) : null,
        needsC ? dC[0] : null,
      ];
    },

    recordedBackward(ctx, ...dOut) {
      const { inputs, reverse } = ctx.saved;
      const own = namedAnew(inputs);
      const wanted = own.flatMap((input, i) => (input && ctx.needsInputGrad[i] ? [input] : []));
      const outputs = composed(cell, own, reverse);
      const terms = outputs.map((output, i) => sum(mul(output, dOut[i])));
      const score = terms.reduce((total, term) => add(total, term));
      const found = grad(score, wanted, { createGraph: true });
      return own.map((input) => (input && found[wanted.indexOf(input)]) ?? null);
    },
  });
  return { gates: cell.gates, nonlinearity: cell.nonlinearity, run };
}

/** By the nonlinearity. */
export const rnn = {
  tanh: recurrence('rnnTanh', RNN_TANH_CELL),
  relu: recurrence('rnnRelu', RNN_RELU_CELL),
};
export const lstm = recurrence('lstm', LSTM_CELL);
export const gru = recurrence('gru', GRU_CELL);
