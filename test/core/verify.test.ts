import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { findFault } from '../../packages/core/src/engine/verify.js';
import type { DeviceBuffer } from '../../packages/core/src/kernels/buffer.js';
import type { Kernels } from '../../packages/core/src/kernels/contract.js';
import { referenceOver } from '../../packages/core/src/kernels/reference/index.js';

type Checked =
  | 'matmul'
  | 'relu'
  | 'exp'
  | 'tanh'
  | 'gelu'
  | 'conv2d'
  | 'conv2dBackwardInput'
  | 'conv2dBackwardWeight';

const heap = new Heap({ shared: false });
const reference = referenceOver(heap);

/** The reference kernels, except that one of them gets its last element wrong. */
function broken(name: Checked, wrong: (right: number) => number): Kernels {
  const kernel = reference[name] as (out: DeviceBuffer, ...rest: unknown[]) => void;
  return {
    ...reference,
    [name]: (out: DeviceBuffer, ...rest: unknown[]) => {
      kernel(out, ...rest);
      const elements = new Float32Array(heap.buffer, out.address, out.length);
      elements[out.length - 1] = wrong(elements.at(-1) ?? 0);
    },
  };
}

describe('findFault', () => {
  it('finds none in the reference kernels', () => {
    expect(findFault(reference, heap)).toBe(null);
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
    expect(
      findFault(
        broken(name, (right) => right + 1e-3),
        heap,
      ),
    ).toContain(name);
    expect(
      findFault(
        broken(name, () => NaN),
        heap,
      ),
    ).toContain(name);
  });
});
