import type { Kernels, NumericArray } from '../contract.js';
import { adamStep } from './adam.js';
import * as broadcast from './broadcast.js';
import * as conv2d from './conv2d.js';
import * as elementwise from './elementwise.js';
import * as loss from './loss.js';
import { matmul } from './matmul.js';
import * as movement from './movement.js';
import * as normalisation from './normalisation.js';
import * as reductions from './reductions.js';
import { sgdStep } from './sgd.js';
import * as windows from './windows.js';

/**
 * The definition of every kernel, as plain loops. They compute in doubles and round once, when an
 * element is stored: on a Float32Array they are more exact than any float32 kernel, on a
 * Float64Array they serve gradient checks.
 *
 * Int32Array and Uint8Array work wherever the operation makes sense for whole numbers: neg, abs,
 * clamp, add, sub, mul, maximum, minimum, eq, lt, gt, where, fill, copyStrided, indexSelect,
 * indexAdd, sum, max and min. What does not fit wraps, as the array's store does; `sum` is exact
 * while its value stays within ±2⁵³.
 */
export const referenceKernels: Kernels<NumericArray> = {
  ...elementwise,
  ...broadcast,
  ...movement,
  ...reductions,
  ...normalisation,
  matmul,
  ...windows,
  ...conv2d,
  ...loss,
  sgdStep,
  adamStep,
};
