import { checkDType, type DType } from '../dtype.js';
import { ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { fills, hostCall, hostDecision, reads } from '../host-call.js';
import type { NumericArray } from '../kernels/contract.js';
import {
  checkOptions,
  checkValue,
  integerBetween,
  type OptionRule,
  type OptionRules,
} from '../options.js';
import { checkShape, stridesOf } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { int32Of } from './support.js';

/** What a tracer is told of a result whose shape no graph can fix. */
const OPEN_SHAPE = 'a result whose shape follows from numbers; call it outside of the function';

/** Options of `oneHot`. */
export interface OneHotOptions {
  /** Default int32. */
  readonly dtype?: DType;
}

const dtypeRule: OptionRule = {
  expected: "a dtype, such as 'float32'",
  accepts: (value) => typeof value === 'string',
};

const ONE_HOT_OPTIONS: OptionRules<OneHotOptions> = { dtype: dtypeRule };

/**
 * A 1 at the position that `index` (int32) holds, and zeros beside it, for each of its elements: its
 * shape with `numClasses` behind. As of `torch.nn.functional.one_hot`, -1, the default, is one more than
 * the largest position; a number costs no look at them. No gradient.
 * @throws DTypeError unless the index is int32, ShapeError for a position outside of 0 … numClasses-1,
 * and for no positions without a number of classes.
 */
export function oneHot(index: Tensor, numClasses = -1, options: OneHotOptions = {}): Tensor {
  int32Of('oneHot', index);
  checkValue('oneHot: the number of classes', integerBetween(-1, 2 ** 31 - 1), numClasses);
  checkOptions('oneHot', options, ONE_HOT_OPTIONS);
  const { dtype = 'int32' } = options;
  checkDType('oneHot', dtype);
  if (tracer) {
    if (numClasses < 0) tracer.refuses('oneHot', OPEN_SHAPE);
    return tracer.operation('oneHot', oneHot, { index, numClasses, options: { dtype } });
  }
  const classes = numClasses < 0 ? classesOf(index) : numClasses;
  const shape = [...index.shape, classes];
  checkShape('oneHot', shape);
  const out = empty(shape, dtype, 'oneHot');
  hostCall('oneHot', [fills(out), reads(index)], (to, positions) => {
    to.fill(0);
    positions.forEach((position, i) => {
      if (position < 0 || position >= classes) {
        throw new ShapeError(
          `oneHot: position ${position} at element ${i} is outside 0 … ${classes - 1}`,
        );
      }
      to[i * classes + position] = 1;
    });
  });
  return out;
}

/** One more than the largest position. */
function classesOf(index: Tensor): number {
  if (index.size === 0) {
    throw new ShapeError(
      `oneHot: expected a number of classes for ${index.describe()}, which has no positions; ` +
        'oneHot(index, numClasses)',
    );
  }
  return hostDecision('oneHot', [index], (positions) => {
    let largest = 0;
    for (const position of positions) largest = Math.max(largest, position);
    return largest + 1;
  });
}

/**
 * The positions of the elements of x that are not 0, in row-major order: int32 `[count, x.ndim]`. NaN is
 * not 0. JavaScript does it; there is a program for each count, and no graph. No gradient.
 */
export function nonzero(x: Tensor): Tensor<'int32'> {
  requireTensor('nonzero', 'x', x);
  if (tracer) {
    tracer.refuses('nonzero', OPEN_SHAPE);
    return tracer.operation('nonzero', nonzero, { x });
  }
  const { shape } = x;
  const strides = stridesOf(shape);
  const count = hostDecision('nonzero', [x], (elements) => {
    let found = 0;
    for (const value of elements) if (value !== 0) found++;
    return found;
  });
  const out = empty([count, shape.length], 'int32', 'nonzero');
  hostCall('nonzero', [fills(out), reads(x)], (to, elements) => {
    let next = 0;
    elements.forEach((value, i) => {
      if (value === 0) return;
      for (let axis = 0; axis < shape.length; axis++) {
        to[next++] = Math.floor(i / strides[axis]) % shape[axis];
      }
    });
  });
  return out;
}

/** The different numbers of an array, in order. Each NaN differs from every other; 0 is -0. */
function different(elements: NumericArray): NumericArray {
  // Typed arrays sort by numbers, NaN last, and -0 before 0.
  const sorted = elements.slice().sort();
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}

/**
 * The different elements of x in ascending order, a vector, as of `torch.unique`: each NaN counts for
 * itself and comes last, -0 and 0 are one. JavaScript does it; there is a program for each count, and no
 * graph. No gradient.
 */
export function unique(x: Tensor): Tensor {
  requireTensor('unique', 'x', x);
  if (tracer) {
    tracer.refuses('unique', OPEN_SHAPE);
    return tracer.operation('unique', unique, { x });
  }
  const count = hostDecision('unique', [x], (elements) => different(elements).length);
  const out = empty([count], x.dtype, 'unique');
  hostCall('unique', [fills(out), reads(x)], (to, elements) => to.set(different(elements)));
  return out;
}
