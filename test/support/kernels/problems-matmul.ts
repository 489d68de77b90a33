import fc from 'fast-check';
import type { MatmulGeometry } from '../../../packages/core/src/kernels/contract.js';
import { Data, integer, problem, type Problem, problems, sumTolerance } from './problem.js';

const extent = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 1) },
  { weight: 5, arbitrary: integer(2, 20) },
  { weight: 2, arbitrary: integer(21, 70) },
  { weight: 1, arbitrary: fc.constantFrom(64, 127, 129, 258) },
);

const matmulSpec = fc
  .record({
    M: extent,
    N: extent,
    K: fc.oneof({ weight: 6, arbitrary: extent }, { weight: 1, arbitrary: integer(250, 1100) }),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    accumulate: fc.boolean(),
    batch: fc.constantFrom(1, 1, 1, 0, 2, 3),
    share: fc.constantFrom('none', 'a', 'b'),
  })
  .filter(({ M, N, K, batch }) => M * N * K * batch < 300_000);

export interface MatmulSpec {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly accumulate: boolean;
  readonly batch: number;
  /** The operand that serves the whole batch. */
  readonly share: 'none' | 'a' | 'b';
}

function matmulProblem({ share, ...sizes }: MatmulSpec, data: Data): Problem {
  const { M, N, K, batch } = sizes;
  const geometry: MatmulGeometry = {
    ...sizes,
    aBatchStride: share === 'a' ? 0 : M * K,
    bBatchStride: share === 'b' ? 0 : K * N,
  };
  const size = batch * M * N;
  return problem({
    arrays: {
      out: sizes.accumulate ? data.floats(size) : data.junk(size),
      a: data.floats((share === 'a' ? 1 : batch) * M * K),
      b: data.floats((share === 'b' ? 1 : batch) * K * N),
    },
    writes: ['out'],
    call: (kernels, { out, a, b }) => kernels.matmul(out, a, b, geometry),
    rtol: sumTolerance(K + 1),
    scale: 'terms',
  });
}

const ACTIVATION_NAMES = ['none', 'relu', 'leakyRelu'] as const;

/** Whole numbers, whose sums are exact: behind an activation nothing says how large the terms were. */
function joinedProblem({ share, ...sizes }: MatmulSpec, data: Data): Problem {
  const { M, N, K, batch } = sizes;
  const geometry = {
    ...sizes,
    aBatchStride: share === 'a' ? 0 : M * K,
    bBatchStride: share === 'b' ? 0 : K * N,
    activation: ACTIVATION_NAMES[data.below(3)] ?? 'none',
    slope: 0.25,
  };
  const size = batch * M * N;
  const hasBias = data.below(3) > 0;
  return problem({
    arrays: {
      out: sizes.accumulate ? data.whole(size) : data.junk(size),
      a: data.whole((share === 'a' ? 1 : batch) * M * K),
      b: data.whole((share === 'b' ? 1 : batch) * K * N),
      bias: data.whole(N),
    },
    writes: ['out'],
    call: (kernels, { out, a, b, bias }) =>
      kernels.matmulJoined(out, a, b, hasBias ? bias : null, geometry),
  });
}

/** A matmul of given sizes, past every block of the fast kernels. */
export function largeMatmul(spec: MatmulSpec): Problem {
  return matmulProblem(spec, new Data(7));
}

export const MATMUL_PROBLEMS = {
  matmul: problems(matmulSpec, matmulProblem),
  matmulJoined: problems(matmulSpec, joinedProblem),
};
