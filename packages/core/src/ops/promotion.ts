import { copyChecked, isFloat, type DType } from '../dtype.js';
import { DTypeError } from '../errors.js';
import { hostCall, reads } from '../host-call.js';
import { empty, noTensor, Tensor } from '../tensor.js';
import { cast } from './movement.js';
import { composed, type Operand } from './support.js';

/** From the dtype that holds least to the one that holds most: what two dtypes meet in comes last. */
const ORDER: Readonly<Record<DType, number>> = {
  bool: 0,
  uint8: 1,
  int32: 2,
  float32: 3,
  float64: 4,
};

/**
 * What an operation makes of integers: `kept`, it has a meaning for them; `float`, they become
 * float32, as a quotient or an angle is none.
 */
export type IntegerRule = 'kept' | 'float';

/**
 * Runs an operation on two operands, brought to one dtype where nothing is lost by it.
 *
 * - A number takes the tensor's dtype, beside bool float32; two numbers are float32.
 * - bool and uint8 become whatever the other tensor is; int32 becomes float64, and without dimensions
 *   float32, if that holds its value.
 * - Everything else stays as it is, for `fn` to refuse: int32 beside float32, float32 beside float64.
 *
 * @throws DTypeError for what is no operand, for a number that the tensor's dtype cannot hold, or for
 * an int32 without dimensions that float32 cannot hold.
 */
export function onTensors<T extends Tensor>(
  name: string,
  a: Operand,
  b: Operand,
  fn: (a: Tensor, b: Tensor) => T,
  integers: IntegerRule = 'kept',
): T {
  requireOperand(name, 'a', a);
  requireOperand(name, 'b', b);
  if (typeof a !== 'number' && typeof b !== 'number') {
    if (a.dtype === b.dtype && (integers === 'kept' || isFloat(a.dtype))) return fn(a, b);
    a.assertAlive();
    b.assertAlive();
    const dtype = meetingPoint(a, b, integers);
    if (dtype === null || (a.dtype === dtype && b.dtype === dtype)) return fn(a, b);
    return composed(() => fn(converted(name, a, dtype), converted(name, b, dtype)));
  }
  const tensor = typeof a !== 'number' ? a : typeof b !== 'number' ? b : null;
  const dtype = tensor === null ? 'float32' : besideNumber(tensor, integers);
  const made = (x: Operand): Tensor =>
    typeof x === 'number' ? scalar(name, x, dtype) : converted(name, x, dtype);
  return composed(() => fn(made(a), made(b)));
}

/** @throws DTypeError unless `x` is a tensor or a number. */
export function requireOperand(name: string, which: string, x: unknown): void {
  if (x instanceof Tensor || typeof x === 'number') return;
  throw noTensor(name, `a tensor or a number for ${which}`, x);
}

/** The dtype of a number and a tensor. bool has no arithmetic, and a number is no truth value. */
function besideNumber(x: Tensor, integers: IntegerRule): DType {
  if (x.dtype === 'bool') return 'float32';
  return (integers === 'float' ? asFloat(x) : null) ?? x.dtype;
}

/** The dtype that two tensors meet in; null where something could be lost. */
function meetingPoint(a: Tensor, b: Tensor, integers: IntegerRule): DType | null {
  const larger = ORDER[a.dtype] < ORDER[b.dtype] ? b : a;
  const smaller = larger === a ? b : a;
  if (isFloat(larger.dtype)) {
    const isFit = smaller.dtype === larger.dtype || fits(smaller, larger.dtype);
    return isFit ? larger.dtype : null;
  }
  if (integers === 'kept') return larger.dtype;
  return asFloat(a) === null || asFloat(b) === null ? null : 'float32';
}

/** Whether a float dtype holds what a tensor of another dtype holds, or it can be looked at. */
function fits(x: Tensor, float: DType): boolean {
  if (isFloat(x.dtype)) return false;
  return x.dtype !== 'int32' || float === 'float64' || x.ndim === 0;
}

/** float32 for integers that it holds, else null. */
function asFloat(x: Tensor): DType | null {
  return fits(x, 'float32') ? 'float32' : null;
}

/** A number as a tensor without dimensions. @throws DTypeError if the dtype cannot hold it. */
export function scalar(name: string, value: number, dtype: DType): Tensor {
  const made = empty([], dtype, name);
  copyChecked(
    name,
    dtype,
    made.elements,
    [value],
    "; cast the tensor first, as cast(x, 'float64')",
  );
  return made;
}

function converted(name: string, x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (x.dtype === 'int32' && dtype === 'float32') requireExact(name, x);
  return cast(x, dtype);
}

/** @throws DTypeError for an int32 of one element that float32 would round. */
function requireExact(name: string, x: Tensor): void {
  hostCall(name, [reads(x)], ([value]) => {
    if (Math.fround(value) === value) return;
    throw new DTypeError(
      `${name}: float32 cannot hold ${value}, the value of an int32 tensor [], exactly; cast(x, ` +
        "'float32') rounds it, cast(x, 'float64') doesn't",
    );
  });
}
