import fc from 'fast-check';
import { integer, problem, type Problem, problems, sumTolerance } from './problem.js';

const alongSpec = fc.record({
  outer: integer(0, 3),
  n: integer(1, 9),
  inner: fc.oneof(integer(0, 9), fc.constantFrom(1, 16, 37)),
  count: integer(0, 15),
});

const scanSpec = fc.record({
  outer: integer(0, 4),
  n: fc.oneof(integer(0, 9), integer(0, 300)),
  inner: fc.oneof(fc.constant(1), integer(0, 21)),
  reverse: fc.boolean(),
});

const orderSpec = fc.oneof(
  fc.record({ rows: integer(0, 9), n: integer(0, 40), descending: fc.boolean() }),
  fc.record({ rows: integer(1, 2), n: integer(1, 3000), descending: fc.boolean() }),
);

function scatter(name: 'scatterAlong' | 'scatterAddAlong'): fc.Arbitrary<Problem> {
  return problems(alongSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    const size = outer * count * inner;
    return problem({
      arrays: {
        out: data.floats(outer * n * inner),
        src: data.floats(size),
        index: data.indices(size, n),
      },
      writes: ['out'],
      call: (kernels, { out, src, index }) => kernels[name](out, src, index, geometry),
      ...(name === 'scatterAddAlong' && { rtol: sumTolerance(count + 1), scale: 'terms' as const }),
    });
  });
}

/** In doubles, in the same order: the same bits. */
function scan(name: 'cumsum' | 'cumprod'): fc.Arbitrary<Problem> {
  return problems(scanSpec, (geometry, data) => {
    const size = geometry.outer * geometry.n * geometry.inner;
    return problem({
      arrays: { out: data.junk(size), x: data.floats(size) },
      writes: ['out'],
      aliases: [['out', 'x']],
      call: (kernels, { out, x }) => kernels[name](out, x, geometry),
    });
  });
}

/**
 * Numbers that make the middle one of three a bad pivot again and again: David R. Musser, "Introspective
 * sorting and selection algorithms", Software: Practice and Experience 27 (1997). From some hundred on,
 * a heap sorts what is left.
 */
function bad(n: number): Float32Array {
  const half = n >> 1;
  const values = new Float32Array(n);
  for (let i = 1; i <= half; i++) {
    if (i % 2 === 1) {
      values[i - 1] = i;
      values[i] = half + i;
    }
    values[half + i - 1] = 2 * i;
  }
  return values;
}

export const ORDER_PROBLEMS = {
  gatherAlong: problems(alongSpec, (geometry, data) => {
    const { outer, n, inner, count } = geometry;
    const size = outer * count * inner;
    return problem({
      arrays: {
        out: data.junk(size),
        x: data.floats(outer * n * inner),
        index: data.indices(size, n),
      },
      writes: ['out'],
      call: (kernels, { out, x, index }) => kernels.gatherAlong(out, x, index, geometry),
    });
  }),
  scatterAlong: scatter('scatterAlong'),
  scatterAddAlong: scatter('scatterAddAlong'),
  cumsum: scan('cumsum'),
  cumprod: scan('cumprod'),
  recurrence: problems(scanSpec, (geometry, data) => {
    const size = geometry.outer * geometry.n * geometry.inner;
    return problem({
      arrays: { out: data.junk(size), factor: data.floats(size), x: data.floats(size) },
      writes: ['out'],
      aliases: [
        ['out', 'x'],
        ['out', 'factor'],
      ],
      call: (kernels, { out, factor, x }) => kernels.recurrence(out, factor, x, geometry),
    });
  }),
  sortRows: problems(orderSpec, (geometry, data) => {
    const size = geometry.rows * geometry.n;
    const kind = data.below(4);
    const x =
      kind === 0
        ? data.ties(size)
        : kind === 1
          ? data.floats(size).sort()
          : kind === 2
            ? bad(size)
            : data.floats(size);
    return problem({
      arrays: { values: data.junk(size), indices: data.junkIndices(size), x },
      writes: ['values', 'indices'],
      call: (kernels, { values, indices, x }) => kernels.sortRows(values, indices, x, geometry),
    });
  }),
};
