import {
  DTypeError,
  formatShape,
  generator,
  ShapeError,
  type DType,
  type Parameter,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { requireTensor, sameShape } from '@unfold/core/internal';
import { uniform } from '../init.js';
import { emptyParameter } from '../parameter.js';

/** The parameters of one layer in one direction, by PyTorch's names and in its order. */
export interface RecurrentParameters {
  /** `[gates·H, C]` */
  readonly weight_ih: Parameter;
  /** `[gates·H, H]` */
  readonly weight_hh: Parameter;
  /** `[gates·H]`, as the other. */
  readonly bias_ih: Parameter | null;
  readonly bias_hh: Parameter | null;
}

/** All uniform in ±1/√H, from the stream `'init'`. */
export function recurrentParameters(
  inputSize: number,
  hiddenSize: number,
  gates: number,
  { bias, dtype }: { readonly bias: boolean; readonly dtype: DType },
): RecurrentParameters {
  const bound = 1 / Math.sqrt(hiddenSize);
  const source = generator('init');
  const width = gates * hiddenSize;
  const made = (...shape: number[]): Parameter => {
    const parameter = emptyParameter(shape, dtype);
    uniform(parameter, { bound, generator: source });
    return parameter;
  };
  return {
    weight_ih: made(width, inputSize),
    weight_hh: made(width, hiddenSize),
    bias_ih: bias ? made(width) : null,
    bias_hh: bias ? made(width) : null,
  };
}

/** @throws DTypeError unless `x` is a tensor of the weight's dtype. */
export function requireDTypeOf(layer: string, name: string, x: Tensor, weight: Tensor): void {
  requireTensor(layer, name, x);
  if (x.dtype === weight.dtype) return;
  throw new DTypeError(
    `${layer}: expected ${name} of the weights' dtype ${weight.dtype}, got ${x.describe()}; ` +
      `cast(${name}, '${weight.dtype}') converts`,
  );
}

/**
 * @param states h, and c of an LSTM; null for zeros.
 * @throws DTypeError or ShapeError unless those that are given have `shape` and the weight's dtype.
 */
export function requireStates(
  layer: string,
  states: readonly (Tensor | null)[],
  shape: Shape,
  weight: Tensor,
): void {
  for (const [i, state] of states.entries()) {
    if (state === null) continue;
    const name = i === 0 ? 'h' : 'c';
    requireDTypeOf(layer, name, state, weight);
    if (sameShape(state.shape, shape)) continue;
    throw new ShapeError(
      `${layer}: expected ${name} ${formatShape(shape)}, got ${formatShape(state.shape)}`,
    );
  }
}
