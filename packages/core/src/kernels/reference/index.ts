import { viewOver } from '../../dtype.js';
import { DTypeError } from '../../errors.js';
import { DeviceBuffer, noteWrite } from '../buffer.js';
import type { ArrayKernels, KernelName, Kernels } from '../contract.js';
import { KERNELS } from '../table/kernels.js';
import { KERNEL_NAMES, writesOf } from '../table/layout.js';
import { adamStep } from './adam.js';
import * as broadcast from './broadcast.js';
import * as bytes from './bytes.js';
import * as comparisons from './comparisons.js';
import * as conv2d from './conv2d.js';
import * as elementwise from './elementwise.js';
import * as loss from './loss.js';
import { matmul, matmulJoined } from './matmul.js';
import * as movement from './movement.js';
import * as normalisation from './normalisation.js';
import * as pointwise from './pointwise.js';
import { prod } from './products.js';
import * as quotients from './quotients.js';
import { drawMask } from './random.js';
import * as reductions from './reductions.js';
import { sgdStep } from './sgd.js';
import * as windows from './windows.js';

/**
 * The definition of every kernel, as plain loops. They compute in doubles and round once, when an
 * element is stored: on a Float32Array they are more exact than any float32 kernel, on a
 * Float64Array they serve gradient checks.
 *
 * Int32Array and Uint8Array work wherever the operation makes sense for whole numbers: neg, abs,
 * sign, clamp, add, sub, mul, remainder, floorDivide, maximum, minimum, eq, lt, gt, ne, ge, where, fill,
 * copyStrided, indexSelect, indexAdd, sum, prod, max and min. What does not fit wraps, as the array's store does; `sum` is exact
 * while its value stays within ±2⁵³.
 */
export const referenceKernels: ArrayKernels = {
  ...elementwise,
  ...broadcast,
  ...pointwise,
  ...quotients,
  ...comparisons,
  ...bytes,
  ...movement,
  ...reductions,
  prod,
  ...normalisation,
  matmul,
  matmulJoined,
  ...windows,
  ...conv2d,
  drawMask,
  ...loss,
  sgdStep,
  adamStep,
};

/** Any kernel's call; declared as a method is, so that all of them pass. */
type Call = { call(...operandsAndOptions: unknown[]): void }['call'];

/**
 * The same kernels over buffers in a memory that JavaScript reaches: the one place that makes views
 * for kernels, for the length of a call. They check nothing; the engine's stand behind checked.ts.
 * @throws DTypeError, when called, for an array in the place of a buffer.
 */
export function referenceOver(memory: { readonly buffer: ArrayBufferLike }): Kernels {
  const calls: Partial<Record<KernelName, Call>> = {};
  for (const name of KERNEL_NAMES) calls[name] = overViews(name, memory);
  return calls as Kernels;
}

function overViews(name: KernelName, memory: { readonly buffer: ArrayBufferLike }): Call {
  const run: Call = referenceKernels[name];
  const writes = writesOf(KERNELS[name]);
  return (...given) => {
    const views = given.map((operand, i) => {
      if (ArrayBuffer.isView(operand)) {
        throw new DTypeError(
          `${name}: expected buffers, got an array; bufferOf(x) gives a tensor's`,
        );
      }
      if (!(operand instanceof DeviceBuffer)) return operand;
      if (writes[i]) noteWrite(operand);
      return viewOver(operand.dtype, memory.buffer, operand.address, operand.length);
    });
    run(...views);
  };
}
