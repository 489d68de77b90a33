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

/** @throws DTypeError or ShapeError unless a first state is null, or of `shape` and the weight's dtype. */
export function requireState(
  layer: string,
  name: string,
  state: Tensor | null,
  shape: Shape,
  weight: Tensor,
): void {
  if (state === null) return;
  requireDTypeOf(layer, name, state, weight);
  if (sameShape(state.shape, shape)) return;
  throw new ShapeError(
    `${layer}: expected ${name} ${formatShape(shape)}, got ${formatShape(state.shape)}`,
  );
}
