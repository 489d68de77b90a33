import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { findFault } from '../../packages/core/src/engine/verify.js';
import { findMoreFault } from '../../packages/core/src/engine/verify-more.js';
import type { DeviceBuffer } from '../../packages/core/src/kernels/buffer.js';
import type { KernelName, Kernels } from '../../packages/core/src/kernels/contract.js';
import { referenceOver } from '../support/kernels/all-kernels.js';

const heap = new Heap({ shared: false });
const reference = referenceOver(heap);

/** The reference kernels, except that one of them gets its last element wrong. */
function broken(name: KernelName, wrong: (right: number) => number): Kernels {
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

describe.each([
  {
    find: findFault,
    names: [
      'matmul',
      'neg',
      'relu',
      'conv2d',
      'conv2dBackwardInput',
      'conv2dBackwardWeight',
    ] as const,
  },
  {
    find: findMoreFault,
    names: ['exp', 'tanh', 'gelu', 'softmax', 'logSoftmax', 'moments'] as const,
  },
])('$find.name', ({ find, names }) => {
  it('finds none in the reference kernels', () => {
    expect(find(reference, heap)).toBe(null);
  });

  it.each<KernelName>(names)('names %s when its last element is wrong', (name) => {
    const wrong = broken(name, (right) => right + 1e-3);
    expect(find(wrong, heap)).toContain(name);
    const missing = broken(name, () => NaN);
    expect(find(missing, heap)).toContain(name);
  });
});
