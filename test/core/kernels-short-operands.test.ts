import { configureEngine, ShapeError } from '@unfold/core';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { heap } from '../../packages/core/src/engine/engine.js';
import type { KernelName, Kernels } from '../../packages/core/src/kernels/contract.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import type { KernelArray, Problem } from '../support/kernels/problem.js';
import { PROBLEMS } from '../support/kernels/problems.js';
import { NAMES, kernelsFor } from '../support/kernels/all-kernels.js';

type Arrays = Record<string, KernelArray>;

afterAll(() => configureEngine({ kernels: 'wasm' }));

/** Some calls of a kernel, each once for every operand, which lacks its last element there. */
function shortCalls(name: KernelName): { problem: Problem; arrays: Arrays }[] {
  return fc.sample(PROBLEMS[name], { numRuns: 12, seed: 5 }).flatMap((problem) =>
    Object.entries(problem.arrays)
      .filter(([, { length }]) => length > 0)
      .map(([short, array]) => ({
        problem,
        arrays: { ...problem.arrays, [short]: array.slice(0, -1) },
      })),
  );
}

/** What is said of each call; null where it was computed, as the operand isn't read. */
function messages(kernels: Kernels, name: KernelName, double = false): (string | null)[] {
  const calls = overArrays(kernels, heap);
  const copyOf = (array: KernelArray): NonNullable<unknown> =>
    double && array instanceof Float32Array ? Float64Array.from(array) : array.slice();
  return shortCalls(name).map(({ problem, arrays }) => {
    const copies = Object.entries(arrays).map(([key, array]) => [key, copyOf(array)] as const);
    try {
      problem.call(calls as never, Object.fromEntries(copies) as Arrays);
      return null;
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      return error.message;
    }
  });
}

it.each(NAMES)('%s refuses a short operand on every engine alike', async (name) => {
  await configureEngine({ kernels: 'wasm', threads: 1 });
  const expected = messages(kernelsFor('float32'), name);
  // One operand says how many elements there are.
  if (name !== 'fill') expect(expected.some((message) => message !== null)).toBe(true);
  expect(messages(kernelsFor('float64'), name, true)).toEqual(expected);
  await configureEngine({ kernels: 'reference' });
  expect(messages(kernelsFor('float32'), name)).toEqual(expected);
});
