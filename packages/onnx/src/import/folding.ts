import { sizeOf } from '@unfold/core';
import { isFloat } from '@unfold/core/internal';
import { lookUp } from '../model/model.js';
import { Known, type Call } from './call.js';

/*
 * Arithmetic of shapes, which exporters write as operations on small tensors of whole numbers: it is done
 * on numbers that are known before the model runs, so that none of it is read back from tensors, and a
 * trace of the model shows none of it. Here are the operators that occur in it; all others make tensors.
 */

/** Of the first input and the others. */
type Fold = (call: Call, x: Known, others: readonly Known[]) => Known | null;

/** More numbers than this are no shape. */
const MOST = 1024;

/** What an operator gives of numbers that are known; null where it has to run on tensors. */
export function folded(op: string, call: Call): Known | null {
  const fold = lookUp(FOLDS, op);
  if (!fold) return null;
  const given = call.all;
  const known = given.filter((one): one is Known => one instanceof Known);
  if (known.length < given.length || known.some(({ numbers }) => numbers.length > MOST))
    return null;
  const [x, ...others] = known;
  return x ? fold(call, x, others) : null;
}

/** Of two lists of one length, or of a list and a number. */
const arithmetic =
  (compute: (a: number, b: number) => number): Fold =>
  (_, a, [b]) => {
    if (!b || isFloat(a.dtype) || isFloat(b.dtype)) return null;
    if (a.shape.length > 1 || b.shape.length > 1) return null;
    const larger = a.numbers.length < b.numbers.length ? b : a;
    const at = (one: Known, i: number): number =>
      one.numbers[one.numbers.length === 1 ? 0 : i] ?? NaN;
    const both = Array.from(larger.numbers, (_, i) => compute(at(a, i), at(b, i)));
    if (both.some((number) => !Number.isSafeInteger(number))) return null;
    const shape = a.shape.length >= b.shape.length && larger === a ? a.shape : larger.shape;
    return new Known(a.dtype, shape, both);
  };

/** Of a list. */
const ofList =
  (fold: Fold): Fold =>
  (call, x, others) =>
    x.shape.length === 1 ? fold(call, x, others) : null;

const FOLDS: Readonly<Record<string, Fold>> = {
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b) => Math.trunc(a / b)),
  Identity: (_, x) => x,
  Unsqueeze: (call, x) => {
    const [axis = 1, ...others] = call.listed('axes', 1) ?? [];
    const isList = x.shape.length === 0 && others.length === 0 && (axis === 0 || axis === -1);
    return isList ? Known.list(x.numbers, x.dtype) : null;
  },
  Squeeze: ofList((call, x) =>
    x.numbers.length === 1 && !call.listed('axes', 1)?.some((axis) => axis !== 0)
      ? new Known(x.dtype, [], x.numbers)
      : null,
  ),
  Reshape: (_, x, [shape]) =>
    shape?.numbers.length === 1 && [-1, x.numbers.length].includes(shape.numbers[0] ?? 0)
      ? Known.list(x.numbers, x.dtype)
      : null,
  Concat: (call, x, others) => {
    const parts = [x, ...others];
    const axis = call.attribute('axis', 'int');
    if ((axis !== 0 && axis !== -1) || parts.some(({ shape }) => shape.length !== 1)) return null;
    return Known.list(
      parts.flatMap(({ numbers }) => Array.from(numbers)),
      x.dtype,
    );
  },
  Gather: ofList((call, x, [at]) => {
    if (!at || ![0, -1].includes(call.int('axis', 0)) || isFloat(at.dtype)) return null;
    const picked = Array.from(at.numbers, (i) => x.numbers[i < 0 ? i + x.numbers.length : i]);
    if (picked.includes(undefined)) return null;
    return new Known(x.dtype, at.shape, picked as number[]);
  }),
  Slice: ofList((call, x) => {
    const starts = call.listed('starts', 1);
    const ends = call.listed('ends', 2);
    const [step = 1] = call.numbersOr(4, []);
    const [axis] = call.listed('axes', 3) ?? [0];
    if (step !== 1 || starts?.length !== 1 || ends?.length !== 1 || axis !== 0) return null;
    return Known.list(Array.from(x.numbers).slice(starts[0], ends[0]), x.dtype);
  }),
  ReduceProd: ofList((call, x) =>
    call.int('keepdims', 1) === 1 ? Known.list([sizeOf(Array.from(x.numbers))], x.dtype) : null,
  ),
};
