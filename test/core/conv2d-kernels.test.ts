import { describe, expect, it } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { expectClose } from '../support/compare.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { windowGeometry, type WindowSpec } from '../support/kernels/kernels.js';
import {
  Data,
  type Float32Kernels,
  type KernelArray,
  type Problem,
} from '../support/kernels/problem.js';
import {
  backwardInputProblem,
  backwardWeightProblem,
  forwardProblem,
  type ConvSpec,
} from '../support/kernels/problems-convolution.js';
import { referenceKernels, startBinaries } from '../support/kernels/all-kernels.js';

/*
 * kernels-parity.test.ts holds the convolutions to the reference on small random geometries. Here
 * are those that reach each route through the kernels, on narrow and wide tiles: the two must give
 * the same bits.
 */

interface Case extends WindowSpec {
  readonly name: string;
  readonly N?: number;
  readonly OC: number;
  readonly groups?: number;
  /** Windows more than the padding on both sides gives: padding below and right alone. */
  readonly more?: readonly [number, number];
}

const CASES: readonly Case[] = [
  { name: 'read in place', C: 3, OC: 7, image: [9, 12], kernel: [3, 3], N: 2 },
  { name: '1×1, the image as one row', C: 5, OC: 13, image: [6, 7], kernel: [1, 1], N: 2 },
  { name: '1×1 with padding', C: 2, OC: 3, image: [4, 9], kernel: [1, 1], padding: [1, 2] },
  { name: 'a column of taps', C: 2, OC: 3, image: [9, 17], kernel: [3, 1], N: 3 },
  { name: 'rows of whole runs', C: 8, OC: 16, image: [12, 12], kernel: [5, 5], N: 3 },
  { name: 'rows of less than a run', C: 3, OC: 8, image: [5, 5], kernel: [3, 3], N: 2 },
  { name: 'rows of one window', C: 4, OC: 6, image: [3, 3], kernel: [3, 3], N: 2 },
  { name: 'an odd number of runs', C: 2, OC: 9, image: [3, 10], kernel: [1, 3] },
  { name: 'many taps', C: 60, OC: 7, image: [5, 15], kernel: [3, 3] },
  { name: 'padding on every side', C: 3, OC: 5, image: [7, 9], kernel: [3, 3], padding: [1, 2] },
  { name: 'padding right and below', C: 3, OC: 5, image: [7, 9], kernel: [3, 2], more: [1, 2] },
  {
    name: 'stride 2',
    C: 3,
    OC: 20,
    image: [12, 21],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
    N: 2,
  },
  {
    name: 'a stride larger than the kernel',
    C: 2,
    OC: 5,
    image: [11, 30],
    kernel: [2, 1],
    stride: [3, 3],
  },
  {
    name: 'stride and dilation share a factor',
    C: 2,
    OC: 4,
    image: [13, 40],
    kernel: [3, 3],
    stride: [2, 3],
    dilation: [2, 3],
    padding: [2, 0],
  },
  {
    name: 'stride 3, dilation 2',
    C: 2,
    OC: 4,
    image: [13, 40],
    kernel: [4, 3],
    stride: [3, 3],
    dilation: [2, 2],
    padding: [1, 3],
  },
  {
    name: 'dilation',
    C: 4,
    OC: 10,
    image: [13, 20],
    kernel: [3, 3],
    dilation: [2, 3],
    padding: [2, 3],
  },
  {
    name: 'groups',
    C: 3,
    OC: 21,
    groups: 3,
    image: [8, 11],
    kernel: [3, 2],
    padding: [1, 0],
    N: 2,
  },
  {
    name: 'depthwise',
    C: 1,
    OC: 6,
    groups: 6,
    image: [9, 28],
    kernel: [3, 3],
    padding: [1, 1],
    N: 2,
  },
  { name: 'one channel, read in place', C: 1, OC: 9, image: [10, 21], kernel: [3, 3], N: 3 },
  {
    name: 'one channel, rows of eight, padded unevenly',
    C: 1,
    OC: 4,
    groups: 2,
    image: [6, 5],
    kernel: [3, 3],
    padding: [2, 3],
    more: [1, 2],
    N: 3,
  },
  { name: 'one channel, a single row of windows', C: 1, OC: 2, image: [3, 14], kernel: [3, 3] },
  {
    name: 'depthwise, two outputs each, stride 2',
    C: 1,
    OC: 10,
    groups: 5,
    image: [9, 19],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
    N: 3,
  },
  { name: 'more images than parts', C: 4, OC: 16, image: [17, 17], kernel: [5, 5], N: 37 },
  {
    name: 'rows of 28, many images',
    C: 8,
    OC: 9,
    image: [28, 28],
    kernel: [3, 3],
    padding: [1, 1],
    N: 3,
  },
  {
    name: 'rows of 14, many images',
    C: 7,
    OC: 8,
    image: [14, 14],
    kernel: [3, 5],
    padding: [1, 2],
    N: 7,
  },
  {
    name: 'images woven, in groups, dilated',
    C: 8,
    OC: 18,
    groups: 2,
    image: [9, 7],
    kernel: [3, 3],
    dilation: [2, 1],
    padding: [2, 1],
    N: 67,
  },
  { name: 'woven, without padding', C: 3, OC: 11, image: [11, 9], kernel: [5, 5], N: 9 },
  {
    name: 'Winograd: several images a block, padded',
    C: 32,
    OC: 40,
    image: [14, 14],
    kernel: [3, 3],
    padding: [1, 1],
    N: 19,
  },
  {
    name: 'Winograd: odd sizes and channels',
    C: 33,
    OC: 35,
    image: [15, 13],
    kernel: [3, 3],
    padding: [1, 1],
    N: 18,
  },
  {
    name: 'Winograd: bands of an image, read in place',
    C: 32,
    OC: 43,
    image: [62, 64],
    kernel: [3, 3],
  },
  {
    name: 'Winograd: bands of a padded image',
    C: 67,
    OC: 32,
    image: [23, 25],
    kernel: [3, 3],
    padding: [2, 0],
    more: [1, 2],
    N: 5,
  },
  { name: 'no images', C: 2, OC: 3, image: [5, 9], kernel: [2, 2], N: 0 },
  { name: 'no input channels', C: 0, OC: 3, image: [5, 9], kernel: [2, 2], N: 2 },
];

const KERNELS = {
  conv2d: forwardProblem,
  conv2dBackwardInput: backwardInputProblem,
  conv2dBackwardWeight: backwardWeightProblem,
};

function specOf({ N = 1, OC, groups = 1, more = [0, 0], ...window }: Case): ConvSpec {
  const geometry = windowGeometry(window);
  const [moreH, moreW] = more;
  return {
    N,
    OC,
    groups,
    window: { ...geometry, OH: geometry.OH + moreH, OW: geometry.OW + moreW },
    hasBias: true,
  };
}

/** What the problem's outputs hold after the call. */
function outcome(kernels: Float32Kernels, problem: Problem): Record<string, KernelArray> {
  const arrays = Object.fromEntries(
    Object.entries(problem.arrays).map(([name, array]) => [name, array.slice()]),
  );
  problem.call(kernels, arrays);
  return Object.fromEntries(
    Object.entries(arrays).filter(([name]) => problem.writes.includes(name)),
  );
}

/** A case and what the reference makes of it; both binaries meet the same. */
const known = new Map<string, { problem: Problem; expected: Record<string, KernelArray> }>();

function expectedOf(kernel: string, problemOf: typeof forwardProblem, entry: Case) {
  const key = `${kernel}, ${entry.name}`;
  let found = known.get(key);
  if (!found) {
    const problem = problemOf(specOf(entry), new Data(31));
    found = { problem, expected: outcome(referenceKernels, problem) };
    known.set(key, found);
  }
  return found;
}

/** The first element whose bits differ, or -1. */
const firstDifference = (a: KernelArray, b: KernelArray) =>
  a.findIndex((value, i) => !Object.is(value, b[i]));

describe.each(['unfold-local-plain', 'unfold-local-fused'] as const)(
  'convolution, %s',
  (binary) => {
    const heap = new Heap({ shared: false });
    const { wasm, kernels: ofBuffers } = startBinaries(binary, heap);
    const kernels = overArrays(ofBuffers, heap);

    describe.each(Object.entries(KERNELS))('%s', (kernel, problemOf) => {
      it.each(CASES)('$name', (entry) => {
        const { problem, expected } = expectedOf(kernel, problemOf, entry);
        wasm.setTileWidth(8);
        const narrow = outcome(kernels, problem);
        wasm.setTileWidth(16);
        const wide = outcome(kernels, problem);
        for (const [name, values] of Object.entries(expected)) {
          const nothing = new Float32Array(0);
          const [ours = nothing, wider = nothing] = [narrow[name], wide[name]];
          expectClose(ours, values, problem.tolerance(name, values));
          expect(wider.length).toBe(ours.length);
          expect(firstDifference(wider, ours)).toBe(-1);
        }
      });
    });
  },
);

describe('convolution by definition', () => {
  it('gives the weight and the bias zeros where there are no images', () => {
    const spec = specOf({ name: 'small', C: 1, OC: 2, image: [3, 3], kernel: [2, 2], N: 0 });
    const { dWeight, dBias } = outcome(referenceKernels, backwardWeightProblem(spec, new Data(1)));
    expect(dWeight).toEqual(new Float32Array(8));
    expect(dBias).toEqual(new Float32Array(2));
  });
});
