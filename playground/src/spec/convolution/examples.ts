import type { Convolution } from './convolution.js';
import { geometryOf, type Setting } from './geometry.js';

/** Small convolutions whose numbers are whole, so that every sum is exact. */
export interface Example {
  /** As the address says it: `#/inside/4x4`. */
  readonly name: string;
  readonly setting: Setting;
  /** Its own numbers, which also begin those of a setting with planes of the same size. */
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly dOut: readonly number[];
}

const PLAIN = { N: 1, C: 1, OC: 1, stride: 1, padding: 0, dilation: 1, groups: 1 } as const;

const counting = (length: number): number[] => Array.from({ length }, (_, i) => i + 1);

/** Those of docs/convolution.md and of its test. The first is the view's beginning. */
export const EXAMPLES: readonly [Example, Example, ...Example[]] = [
  {
    name: '4x4',
    setting: { ...PLAIN, H: 4, W: 4, KH: 2, KW: 2 },
    // The pixels are their own names.
    x: counting(16),
    weight: [1, 2, 3, 4, 1, 0, 0, -1],
    dOut: [1, 2, 0, 3, 1, -1, 0, -2, 1],
  },
  {
    name: '5x5-stride-2',
    setting: { ...PLAIN, H: 5, W: 5, KH: 2, KW: 2, stride: 2 },
    x: [
      [5, 27, 9, -15, 12],
      [2, 4, -2, -7, 8],
      [-8, 16, 5, 23, -6],
      [-17, 7, 9, -14, 3],
      [10, -5, 13, 6, -11],
    ].flat(),
    weight: [8, 4, 2, 6],
    dOut: [1, 1, 1, 1],
  },
  {
    name: '7x7-stride-2',
    setting: { ...PLAIN, H: 7, W: 7, KH: 2, KW: 2, stride: 2 },
    x: counting(49),
    weight: [1, 2, 3, 4],
    dOut: counting(9),
  },
];

/**
 * The convolution of a setting with an example's numbers, as far as its planes are of the same size, and
 * small numbers that are drawn where they are not or end.
 * @param seed Others than 0 draw all numbers.
 */
export function exampleOf(example: Example, setting: Setting, seed: number): Convolution {
  const geometry = geometryOf(setting);
  const { N, C, H, W, OC, KH, KW, groupC, OH, OW } = geometry;
  const own = geometryOf(example.setting);
  const keep = (numbers: readonly number[], sameSize: boolean): readonly number[] =>
    sameSize && seed === 0 ? numbers : [];
  const x = keep(example.x, H === own.H && W === own.W);
  const weight = keep(example.weight, KH === own.KH && KW === own.KW);
  const dOut = keep(example.dOut, OH === own.OH && OW === own.OW);
  return {
    geometry,
    // An image that is drawn over a counting one's place counts on, so that pixels stay their own names.
    x: seed === 0 ? filled(N * C * H * W, x, (i) => i + 1) : draw(N * C * H * W, [], seed, 9),
    weight: draw(OC * groupC * KH * KW, weight, seed + 1, 3),
    bias: null,
    dOut: draw(N * OC * OH * OW, dOut, seed + 2, 3),
  };
}

function filled(
  length: number,
  beginning: readonly number[],
  rest: (index: number) => number,
): Float64Array {
  return Float64Array.from({ length }, (_, i) => beginning[i] ?? rest(i));
}

/** Whole numbers from -most to most, as a seed has them. */
function draw(
  length: number,
  beginning: readonly number[],
  seed: number,
  most: number,
): Float64Array {
  const next = generator(seed);
  return filled(length, beginning, () => Math.floor(next() * (2 * most + 1)) - most);
}

/** Numbers in [0, 1) by the linear congruence of Numerical Recipes: nothing here depends on their quality. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
