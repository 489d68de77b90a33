import { describe, expect, it } from 'vitest';
import { findFault } from '../../packages/core/src/engine/verify.js';
import type { Kernels } from '../../packages/core/src/kernels/contract.js';
import { referenceKernels } from '../../packages/core/src/kernels/reference/index.js';

type Checked =
  | 'matmul'
  | 'relu'
  | 'exp'
  | 'tanh'
  | 'gelu'
  | 'conv2d'
  | 'conv2dBackwardInput'
  | 'conv2dBackwardWeight';

/** The reference kernels, except that one of them gets its last element wrong. */
function broken(name: Checked, wrong: (right: number) => number): Kernels<Float32Array> {
  const kernel = referenceKernels[name] as (out: Float32Array, ...rest: unknown[]) => void;
  return {
    ...referenceKernels,
    [name]: (out: Float32Array, ...rest: unknown[]) => {
      kernel(out, ...rest);
      out[out.length - 1] = wrong(out.at(-1) ?? 0);
    },
  };
}

describe('findFault', () => {
  it('finds none in the reference kernels', () => {
    expect(findFault(referenceKernels)).toBe(null);
  });

  it.each<Checked>([
    'matmul',
    'relu',
    'exp',
    'tanh',
    'gelu',
    'conv2d',
    'conv2dBackwardInput',
    'conv2dBackwardWeight',
  ])('names %s when its last element is wrong', (name) => {
    expect(findFault(broken(name, (right) => right + 1e-3))).toContain(name);
    expect(findFault(broken(name, () => NaN))).toContain(name);
  });
});
