import type { Tensor } from '@unfold/core';
import { torchDtype } from '../names.js';
import type { Construction } from './construction.js';

/** A tensor of zeros, whose numbers come from the file of weights. */
export function zerosOf({ shape, dtype }: Tensor): Construction {
  const sizes = shape.length === 0 ? [[]] : shape;
  return {
    callee: 'torch.zeros',
    args: [
      ...sizes.map((value) => ({ name: 'size', value, isPositional: true })),
      ...(dtype === 'float32'
        ? []
        : [{ name: 'dtype', value: { parameter: torchDtype(dtype) }, isPositional: false }]),
    ],
  };
}
