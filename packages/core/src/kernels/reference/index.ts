import type { ArrayKernels, CoreKernels } from '../contract.js';
import { KERNELS } from '../table/kernels.js';
import * as broadcast from './broadcast.js';
import { sumBytes } from './bytes.js';
import * as conv2d from './conv2d.js';
import * as elementwise from './elementwise.js';
import { matmul, matmulJoined } from './matmul.js';
import * as movement from './movement.js';
import { overViews } from './over-views.js';
import * as reductions from './reductions.js';
import * as windows from './windows.js';

/**
 * The definition of the kernels of the first table, as plain loops. They compute in doubles and round
 * once, when an element is stored: on a Float32Array they are more exact than any float32 kernel, on a
 * Float64Array they serve gradient checks.
 *
 * Int32Array and Uint8Array work wherever the operation makes sense for whole numbers: neg, add, sub,
 * mul, where, fill, copyStrided, sum, max and min. What does not fit
 * wraps, as the array's store does; `sum` is exact while its value stays within ±2⁵³.
 */
export const referenceKernels: Pick<ArrayKernels, keyof typeof KERNELS> = {
  ...elementwise,
  ...broadcast,
  sumBytes,
  ...movement,
  ...reductions,
  matmul,
  matmulJoined,
  ...windows,
  ...conv2d,
};

/**
 * The same kernels over buffers in a memory that JavaScript reaches. They check nothing; the engine's
 * stand behind checked.ts.
 * @throws DTypeError, when called, for an array in the place of a buffer.
 */
export function referenceOver(memory: { readonly buffer: ArrayBufferLike }): CoreKernels {
  return overViews(KERNELS, referenceKernels, memory) as CoreKernels;
}
