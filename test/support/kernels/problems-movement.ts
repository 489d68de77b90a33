import fc from 'fast-check';
import { type Data, integer, length, problem, problems, sumTolerance } from './problem.js';

interface LayoutSpec {
  /** Position of each axis in memory, slowest first. */
  readonly order: readonly number[];
  readonly steps: readonly number[];
  readonly flips: readonly boolean[];
  readonly repeats: readonly boolean[];
  readonly before: number;
}

const layoutSpec: fc.Arbitrary<LayoutSpec> = fc.record({
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
  steps: fc.array(fc.constantFrom(1, 1, 1, 2, 3), { minLength: 4, maxLength: 4 }),
  flips: fc.array(fc.constantFrom(false, false, true), { minLength: 4, maxLength: 4 }),
  repeats: fc.array(fc.constantFrom(false, false, false, true), { minLength: 4, maxLength: 4 }),
  before: integer(0, 5),
});

/** Lays `shape` out in memory; with `mayRepeat` some axes have stride 0. */
function layout(shape: readonly number[], spec: LayoutSpec, mayRepeat: boolean) {
  const strides = shape.map(() => 0);
  let extent = 1;
  let offset = spec.before;
  for (const axis of spec.order) {
    const n = shape[axis];
    if (n === undefined || (mayRepeat && spec.repeats[axis])) continue;
    const stride = extent * (spec.steps[axis] ?? 1);
    if (spec.flips[axis]) offset += stride * Math.max(0, n - 1);
    strides[axis] = spec.flips[axis] ? -stride : stride;
    extent = stride * Math.max(1, n);
  }
  return { strides, offset, size: spec.before + extent };
}

/** An order that leaves memory order as it is makes the contiguous walks come up too. */
const straight: fc.Arbitrary<LayoutSpec> = fc.constant({
  order: [3, 2, 1, 0],
  steps: [1, 1, 1, 1],
  flips: [false, false, false, false],
  repeats: [false, false, false, false],
  before: 0,
});

const copySpec = fc.record({
  shape: fc.oneof(
    fc.array(integer(0, 9), { maxLength: 4 }),
    fc.tuple(integer(1, 40), integer(1, 40)),
  ),
  out: fc.oneof(straight, layoutSpec),
  x: fc.oneof(straight, layoutSpec),
});

const indexSpec = fc.record({
  outer: integer(0, 3),
  n: integer(1, 9),
  inner: fc.oneof(integer(0, 9), fc.constantFrom(16, 37)),
  count: integer(0, 15),
});

/** Shares of two elements, which add up to 1; many second ones are 0. */
function shares(data: Data, count: number): Float32Array {
  const second = data.fractions(count).map((share) => (data.below(3) === 0 ? 0 : share));
  return Float32Array.from([...second.map((share) => 1 - share), ...second]);
}

export const MOVEMENT_PROBLEMS = {
  fill: problems(
    fc.tuple(length, fc.constantFrom(0, -1.5, 0.1, 1e-40, NaN, -Infinity)),
    ([n, value], data) =>
      problem({
        arrays: { out: data.junk(n) },
        writes: ['out'],
        call: (kernels, { out }) => kernels.fill(out, { value }),
      }),
  ),
  copyStrided: problems(copySpec, ({ shape, ...specs }, data) => {
    const out = layout(shape, specs.out, false);
    const x = layout(shape, specs.x, true);
    const geometry = {
      shape,
      outStrides: out.strides,
      outOffset: out.offset,
      xStrides: x.strides,
      xOffset: x.offset,
    };
    return problem({
      arrays: { out: data.junk(out.size), x: data.floats(x.size) },
      writes: ['out'],
      call: (kernels, { out, x }) => kernels.copyStrided(out, x, geometry),
    });
  }),
  indexSelect: problems(indexSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    return problem({
      arrays: {
        out: data.junk(outer * count * inner),
        x: data.floats(outer * n * inner),
        index: data.indices(count, n),
      },
      writes: ['out'],
      call: (kernels, { out, x, index }) => kernels.indexSelect(out, x, index, geometry),
    });
  }),
  indexAdd: problems(indexSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    return problem({
      arrays: {
        dX: data.floats(outer * n * inner),
        dOut: data.floats(outer * count * inner),
        index: data.indices(count, n),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, index }) => kernels.indexAdd(dX, dOut, index, geometry),
      rtol: sumTolerance(count + 1),
      scale: 'terms',
    });
  }),
  resample: problems(indexSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    return problem({
      arrays: {
        out: data.junk(outer * count * inner),
        x: data.floats(outer * n * inner),
        index: data.indices(2 * count, n),
        shares: shares(data, count),
      },
      writes: ['out'],
      call: (kernels, { out, x, index, shares }) =>
        kernels.resample(out, x, index, shares, geometry),
      rtol: sumTolerance(2),
      scale: 'terms',
    });
  }),
  resampleBackward: problems(indexSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    return problem({
      arrays: {
        dX: data.floats(outer * n * inner),
        dOut: data.floats(outer * count * inner),
        index: data.indices(2 * count, n),
        shares: shares(data, count),
      },
      writes: ['dX'],
      call: (kernels, { dX, dOut, index, shares }) =>
        kernels.resampleBackward(dX, dOut, index, shares, geometry),
      rtol: sumTolerance(2 * count + 1),
      scale: 'terms',
    });
  }),
};
