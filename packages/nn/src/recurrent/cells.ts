import {
  add,
  chunk,
  kernelsFor,
  moreKernelsFor,
  mul,
  relu,
  sigmoid,
  sub,
  tanh,
  type DeviceBuffer,
  type DType,
  type RowsGeometry,
  type Tensor,
} from '@unfold/core';
import { flat } from '@unfold/core/internal';

/** What a step of a whole batch reads and writes, a row to a sequence. */
export interface Places {
  readonly dtype: DType;
  readonly geometry: RowsGeometry;
  /** The old states, and the new ones: h, and c of an LSTM. */
  readonly before: readonly DeviceBuffer[];
  readonly states: readonly DeviceBuffer[];
  /** What backward needs besides. */
  readonly saved: DeviceBuffer;
}

/** A step forward: the products of input and old state are there, the new states are written. */
export interface Step extends Places {
  readonly fromX: DeviceBuffer;
  /** May be written over. */
  readonly fromH: DeviceBuffer;
}

/** A step back. */
export interface BackwardStep extends Places {
  /** The gradients of the new states; that of c becomes the old one's. */
  readonly dStates: readonly DeviceBuffer[];
  /** The gradient of the old h, to which is added what does not go through a product. */
  readonly dBefore: DeviceBuffer;
  /** The gradients of the two products: one buffer where they are alike. */
  readonly dFromX: DeviceBuffer;
  readonly dFromH: DeviceBuffer;
}

/** A recurrent cell: what becomes of the products of its input and of its state. */
export interface Cell {
  /** Its gates, each of which has a block of rows in the weights. */
  readonly gates: number;
  /** Whether the gradients of the two products differ. */
  readonly differ: boolean;
  /** Values that a step saves for each unit. */
  readonly saved: number;
  /** Its states: h, and c. */
  readonly states: number;
  /** Of an RNN, where it is another one than tanh: what modules show. */
  readonly nonlinearity?: 'relu' | undefined;
  forward(step: Step): void;
  backward(step: BackwardStep): void;
  /** The new states by operations, of `[N, gates·H]` twice and of the old states `[N, H]`. */
  compose(fromX: Tensor, fromH: Tensor, before: readonly Tensor[]): Tensor[];
}

/** The cell of an RNN: an activation of the sum. */
function plain(activation: 'tanh' | 'relu'): Cell {
  return {
    gates: 1,
    differ: false,
    saved: 0,
    states: 1,
    nonlinearity: activation === 'relu' ? activation : undefined,
    forward({ dtype, fromX, fromH, states: [h] }) {
      kernelsFor(dtype).add(h, fromX, fromH, flat(h));
      if (activation === 'relu') kernelsFor(dtype).relu(h, h);
      else moreKernelsFor(dtype).tanh(h, h);
    },
    backward({ dtype, dFromX, dStates: [dH], states: [h] }) {
      if (activation === 'relu') kernelsFor(dtype).reluBackward(dFromX, dH, h);
      else moreKernelsFor(dtype).tanhBackward(dFromX, dH, h);
    },
    compose: (fromX, fromH) => [(activation === 'relu' ? relu : tanh)(add(fromX, fromH))],
  };
}

export const RNN_TANH_CELL: Cell = plain('tanh');
export const RNN_RELU_CELL: Cell = plain('relu');

export const LSTM_CELL: Cell = {
  gates: 4,
  differ: false,
  saved: 4,
  states: 2,
  forward({ dtype, geometry, before, states: [h, c], saved, fromX, fromH }) {
    moreKernelsFor(dtype).lstmCell(h, c, saved, fromX, fromH, before[1], geometry);
  },
  backward({ dtype, geometry, before, states, saved, dStates: [dH, dC], dFromX }) {
    const kernels = moreKernelsFor(dtype);
    kernels.lstmCellBackward(dFromX, dC, dH, saved, states[1], before[1], geometry);
  },
  compose(fromX, fromH, [, before]) {
    const [i, f, m, o] = chunk(add(fromX, fromH), 4, 1);
    const c = add(mul(sigmoid(f), before), mul(sigmoid(i), tanh(m)));
    return [mul(sigmoid(o), tanh(c)), c];
  },
};

export const GRU_CELL: Cell = {
  gates: 3,
  differ: true,
  saved: 4,
  states: 1,
  forward({ dtype, geometry, before, states: [h], saved, fromX, fromH }) {
    moreKernelsFor(dtype).gruCell(h, saved, fromX, fromH, before[0], geometry);
  },
  backward({ dtype, geometry, before, saved, dStates: [dH], dBefore, dFromX, dFromH }) {
    const kernels = moreKernelsFor(dtype);
    kernels.gruCellBackward(dFromX, dFromH, dBefore, dH, saved, before[0], geometry);
  },
  compose(fromX, fromH, [before]) {
    const [xR, xZ, xM] = chunk(fromX, 3, 1);
    const [hR, hZ, hM] = chunk(fromH, 3, 1);
    const m = tanh(add(xM, mul(sigmoid(add(xR, hR)), hM)));
    return [add(m, mul(sigmoid(add(xZ, hZ)), sub(before, m)))];
  },
};
