import type {
  CrossEntropyGeometry,
  IndexGeometry,
  KernelName,
  ReduceGeometry,
} from '../kernels/contract.js';

/** The elements of an operand that must be positions in 0 … limit - 1. */
export interface Positions {
  /** The operand's number. */
  readonly operand: number;
  readonly count: number;
  readonly limit: number;
}

/** The operand that holds positions, for each kernel that reads where they say. */
const OPERANDS: Partial<Record<KernelName, number>> = {
  indexSelect: 2,
  indexAdd: 2,
  gatherAlong: 2,
  scatterAlong: 2,
  scatterAddAlong: 2,
  selectBackward: 2,
  crossEntropy: 2,
  crossEntropyBackward: 3,
};

/**
 * The positions that a kernel call is given. The call itself looks at them (checked.ts); a program,
 * which makes the call without looking, has to do so before.
 */
export function positionsOf(kernel: KernelName, options: unknown): Positions | null {
  const operand = OPERANDS[kernel];
  if (operand === undefined) return null;
  if (kernel === 'indexSelect' || kernel === 'indexAdd') {
    const { count, n } = options as IndexGeometry;
    return { operand, count, limit: n };
  }
  if (kernel === 'gatherAlong' || kernel === 'scatterAlong' || kernel === 'scatterAddAlong') {
    const { outer, inner, n, count } = options as IndexGeometry;
    return { operand, count: outer * count * inner, limit: n };
  }
  if (kernel === 'selectBackward') {
    const { outer, inner, n } = options as ReduceGeometry;
    return { operand, count: outer * inner, limit: n };
  }
  const { N, C } = options as CrossEntropyGeometry;
  return { operand, count: N, limit: C };
}
