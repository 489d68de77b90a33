import type { MoreKernels } from '../kernels/contract.js';
import { moreReferenceKernels } from '../kernels/reference/more.js';
import type { Heap } from '../memory/heap.js';
import { differs, Operands, sequence } from './verify-operands.js';

/** Rows and columns, neither of which fills vectors. */
const [ROWS, COLUMNS] = [5, 23];

/** Functions of all numbers between -1 and 1. */
const MAPS = ['exp', 'tanh', 'gelu'] as const;
const BY_ROWS = ['softmax', 'logSoftmax'] as const;

/**
 * Runs some kernels of the second binary on odd shapes, and compares them with the reference in double
 * precision, as verify.ts does those of the first.
 * @returns The name of one that differs, or null if none does.
 */
export function findMoreFault(kernels: MoreKernels, heap: Heap): string | null {
  const operands = new Operands(heap);
  try {
    return faultOf(kernels, operands);
  } finally {
    operands.free();
  }
}

function faultOf(kernels: MoreKernels, operands: Operands): string | null {
  const next = sequence();
  const x = Float32Array.from({ length: ROWS * COLUMNS }, next);
  const wide = Float64Array.from(x);
  const xAt = operands.place(x);
  const out = operands.place(new Float32Array(x.length));
  const expected = new Float64Array(x.length);
  for (const name of MAPS) {
    kernels[name](out, xAt);
    moreReferenceKernels[name](expected, wide);
    if (differs(operands.read(out), expected)) return name;
  }
  const rows = { rows: ROWS, n: COLUMNS };
  for (const name of BY_ROWS) {
    kernels[name](out, xAt, rows);
    moreReferenceKernels[name](expected, wide, rows);
    if (differs(operands.read(out), expected)) return name;
  }
  const moments = { outer: 1, channels: ROWS, inner: COLUMNS, eps: 1e-5 };
  const statistics = operands.place(new Float32Array(3 * ROWS));
  const expectedStatistics = new Float64Array(3 * ROWS);
  kernels.moments(statistics, xAt, moments);
  moreReferenceKernels.moments(expectedStatistics, wide, moments);
  return differs(operands.read(statistics), expectedStatistics) ? 'moments' : null;
}
