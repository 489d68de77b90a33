import fc from 'fast-check';
import { type Data, integer, problem, problems, U } from './problem.js';

const spec = fc.oneof(
  fc.record({ rows: integer(0, 9), n: integer(0, 40) }),
  fc.record({ rows: integer(1, 3), n: integer(41, 300) }),
);

/** What gates held, and states: numbers below 1, so that nothing infinite meets a gate that underflowed. */
const signed = (data: Data, n: number): Float32Array =>
  data.fractions(n).map((value) => 2 * value - 1);

/** A state is a sum of some numbers below 4, which may cancel. */
const CLOSE = { rtol: 16 * U, atol: 64 * U };

export const RECURRENT_PROBLEMS = {
  gruCell: problems(spec, (geometry, data) => {
    const size = geometry.rows * geometry.n;
    return problem({
      arrays: {
        h: data.junk(size),
        gates: data.junk(4 * size),
        fromX: data.logits(3 * size),
        fromH: data.finite(3 * size),
        before: signed(data, size),
      },
      writes: ['h', 'gates'],
      call: (kernels, { h, gates, fromX, fromH, before }) =>
        kernels.gruCell(h, gates, fromX, fromH, before, geometry),
      ...CLOSE,
    });
  }),
  gruCellBackward: problems(spec, (geometry, data) => {
    const size = geometry.rows * geometry.n;
    return problem({
      arrays: {
        dFromX: data.junk(3 * size),
        dFromH: data.junk(3 * size),
        dBefore: data.finite(size),
        dH: data.floats(size),
        gates: data.fractions(4 * size),
        before: signed(data, size),
      },
      writes: ['dFromX', 'dFromH', 'dBefore'],
      call: (kernels, { dFromX, dFromH, dBefore, dH, gates, before }) =>
        kernels.gruCellBackward(dFromX, dFromH, dBefore, dH, gates, before, geometry),
      ...CLOSE,
    });
  }),
  lstmCell: problems(spec, (geometry, data) => {
    const size = geometry.rows * geometry.n;
    return problem({
      arrays: {
        h: data.junk(size),
        c: data.junk(size),
        gates: data.junk(4 * size),
        fromX: data.logits(4 * size),
        fromH: data.finite(4 * size),
        before: data.finite(size),
      },
      writes: ['h', 'c', 'gates'],
      call: (kernels, { h, c, gates, fromX, fromH, before }) =>
        kernels.lstmCell(h, c, gates, fromX, fromH, before, geometry),
      ...CLOSE,
    });
  }),
  lstmCellBackward: problems(spec, (geometry, data) => {
    const size = geometry.rows * geometry.n;
    return problem({
      arrays: {
        dGates: data.junk(4 * size),
        dC: data.finite(size),
        dH: data.finite(size),
        gates: data.fractions(4 * size),
        c: data.finite(size),
        before: data.finite(size),
      },
      writes: ['dGates', 'dC'],
      call: (kernels, { dGates, dC, dH, gates, c, before }) =>
        kernels.lstmCellBackward(dGates, dC, dH, gates, c, before, geometry),
      ...CLOSE,
    });
  }),
};
