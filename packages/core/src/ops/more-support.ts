import { moreKernelsFor } from '../engine/more.js';
import type { DeviceBuffer } from '../kernels/buffer.js';
import type { MoreKernels } from '../kernels/contract.js';
import { empty, type Tensor } from '../tensor.js';
import { broadcast, type BroadcastKernel, requireNumber } from './support.js';

/*
 * `unary`, `pairwise` and `binary` of support.ts for kernels of the second table. Who imports this file
 * has the second binary in a bundle.
 */

/** Runs an elementwise kernel of one input. */
export function moreUnary(
  name: string,
  x: Tensor,
  kernel: (kernels: MoreKernels, out: DeviceBuffer, x: DeviceBuffer) => void,
): Tensor {
  const out = empty(x.shape, x.dtype, name);
  kernel(moreKernelsFor(x.dtype), out.buffer, x.buffer);
  return out;
}

/** Runs an elementwise kernel of two inputs of one shape, as backward has them. */
export function morePairwise(
  name: string,
  a: Tensor,
  b: Tensor,
  kernel: (kernels: MoreKernels, out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer) => void,
): Tensor {
  const out = empty(a.shape, a.dtype, name);
  kernel(moreKernelsFor(a.dtype), out.buffer, a.buffer, b.buffer);
  return out;
}

/** Runs an elementwise kernel of two broadcast inputs, whose result has their dtype, which is not bool. */
export function moreBinary(
  name: string,
  a: Tensor,
  b: Tensor,
  kernel: BroadcastKernel<MoreKernels>,
): Tensor {
  requireNumber(name, a);
  return broadcast(moreKernelsFor, name, a, b, a.dtype, (buffer) => buffer, kernel);
}
