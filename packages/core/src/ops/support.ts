import { Scope } from '../memory/scope.js';
import { recordingTape } from '../autograd/tape.js';
import { isFloat, type DType } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { DTypeError } from '../errors.js';
import type { DeviceBuffer } from '../kernels/buffer.js';
import type { BroadcastGeometry } from '../kernels/contract.js';
import { broadcastGeometry, broadcastShapes, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';

/** An operation of one tensor, whose result has its dtype. */
export interface Unary {
  <D extends DType>(x: Tensor<D>): Tensor<D>;
}

/** A tensor, or a plain number, which takes the other operand's dtype. */
export type Operand = Tensor | number;

/**
 * Runs an operation that is made of others. Its temporaries are freed at its end, unless a tape
 * records, which needs them for backward.
 */
export function composed<T>(fn: () => T): T {
  return recordingTape() ? fn() : Scope.run(fn);
}

/** @throws DTypeError unless two tensors have one dtype: what could lose something is no promotion. */
export function sameDType(name: string, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype) {
    throw new DTypeError(
      `${name}: expected operands of one dtype, got ${a.dtype} and ${b.dtype}; cast(x, dtype) ` +
        'converts',
    );
  }
}

/** @throws DTypeError unless `x` holds floats. */
export function requireFloat(name: string, x: Tensor): void {
  requireTensor(name, 'x', x);
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${name}: expected a float tensor, got ${x.describe()}; cast it first`);
  }
}

/** @throws DTypeError for bool, which has no arithmetic. */
export function requireNumber(name: string, x: Tensor): void {
  requireTensor(name, 'x', x);
  if (x.dtype === 'bool') {
    throw new DTypeError(`${name}: bool has no arithmetic, got ${x.describe()}; cast it first`);
  }
}

/**
 * Zeros by a kernel, as a program can make them again: for a gradient that is 0 wherever x is. It is a
 * constant, so its own gradient is 0, too.
 */
export function zerosOf<D extends DType>(name: string, shape: Shape, dtype: D): Tensor<D> {
  const out = empty(shape, dtype, name);
  kernelsFor(dtype).fill(out.buffer, { value: 0 });
  return out;
}

/**
 * What gives the kernels of a table for a dtype: `kernelsFor`, or `moreKernelsFor`, which brings the
 * second binary into a bundle. The functions below take either.
 */
export type KernelsOf<K> = (dtype: DType) => K;

/** Runs an elementwise kernel of one input. */
export function unary<K>(
  kernelsOf: KernelsOf<K>,
  name: string,
  x: Tensor,
  kernel: (kernels: K, out: DeviceBuffer, x: DeviceBuffer) => void,
): Tensor {
  const out = empty(x.shape, x.dtype, name);
  kernel(kernelsOf(x.dtype), out.buffer, x.buffer);
  return out;
}

/** Runs an elementwise kernel of two inputs of one shape, as backward has them. */
export function pairwise<K>(
  kernelsOf: KernelsOf<K>,
  name: string,
  a: Tensor,
  b: Tensor,
  kernel: (kernels: K, out: DeviceBuffer, a: DeviceBuffer, b: DeviceBuffer) => void,
): Tensor {
  const out = empty(a.shape, a.dtype, name);
  kernel(kernelsOf(a.dtype), out.buffer, a.buffer, b.buffer);
  return out;
}

/** How a broadcasting kernel walks two operands of one shape, of which this is one. */
export function flat({ length }: DeviceBuffer): BroadcastGeometry {
  return { shape: [length], aStrides: [1], bStrides: [1] };
}

/** An elementwise kernel of two broadcast inputs, of one of these. */
export type BroadcastKernel<K, Out = DeviceBuffer> = (
  kernels: K,
  out: Out,
  a: DeviceBuffer,
  b: DeviceBuffer,
  geometry: BroadcastGeometry,
) => void;

/**
 * Runs an elementwise kernel of two broadcast inputs of one dtype.
 * @throws DTypeError if the dtypes differ, ShapeError if the shapes do not broadcast.
 */
export function broadcast<K, D extends DType, Out extends DeviceBuffer>(
  kernelsOf: KernelsOf<K>,
  name: string,
  a: Tensor,
  b: Tensor,
  outDType: D,
  asOut: (buffer: DeviceBuffer) => Out,
  kernel: BroadcastKernel<K, Out>,
): Tensor<D> {
  a.assertAlive();
  b.assertAlive();
  sameDType(name, a, b);
  const shape = broadcastShapes(name, a.shape, b.shape);
  const out = empty(shape, outDType, name);
  const geometry = broadcastGeometry(a.shape, b.shape, shape);
  kernel(kernelsOf(a.dtype), asOut(out.buffer), a.buffer, b.buffer, geometry);
  return out;
}

/** `broadcast` for arithmetic: the result has the operands' dtype, which is not bool. */
export function binary<K>(
  kernelsOf: KernelsOf<K>,
  name: string,
  a: Tensor,
  b: Tensor,
  kernel: BroadcastKernel<K>,
): Tensor {
  requireNumber(name, a);
  return broadcast(kernelsOf, name, a, b, a.dtype, (buffer) => buffer, kernel);
}

/** The bytes of a bool or uint8 tensor. @throws DTypeError for other dtypes. */
export function bytesOf(name: string, buffer: DeviceBuffer): DeviceBuffer<'uint8'> {
  if (buffer.isOf('uint8')) return buffer;
  throw new DTypeError(`${name}: expected bool, got ${buffer.dtype}`);
}

/** The doubles of a float64 tensor. @throws DTypeError for other dtypes. */
export function doublesOf(name: string, buffer: DeviceBuffer): DeviceBuffer<'float64'> {
  if (buffer.isOf('float64')) return buffer;
  throw new DTypeError(`${name}: expected float64, got ${buffer.dtype}`);
}

/** The elements of an int32 tensor. @throws DTypeError for other dtypes. */
export function int32Of(name: string, x: Tensor): DeviceBuffer<'int32'> {
  requireTensor(name, 'index', x);
  const { buffer } = x;
  if (buffer.isOf('int32')) return buffer;
  throw new DTypeError(`${name}: expected an int32 tensor, got ${x.describe()}; cast it first`);
}
