import type { DType, Tensor } from '@unfold/core';
import type { Construction } from './construction.js';

/** Types of elements by PyTorch's names. */
export const TORCH_DTYPES: Readonly<Record<DType, string>> = {
  float32: 'torch.float32',
  float64: 'torch.float64',
  int32: 'torch.int32',
  uint8: 'torch.uint8',
  bool: 'torch.bool',
};

/** A tensor of zeros, whose numbers come from the file of weights. */
export function zerosOf({ shape, dtype }: Tensor): Construction {
  const sizes = shape.length === 0 ? [[]] : shape;
  return {
    callee: 'torch.zeros',
    args: [
      ...sizes.map((value) => ({ name: 'size', value, isPositional: true })),
      ...(dtype === 'float32'
        ? []
        : [{ name: 'dtype', value: { parameter: TORCH_DTYPES[dtype] }, isPositional: false }]),
    ],
  };
}
