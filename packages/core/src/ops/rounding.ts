import { defineFunction, type Context } from '../autograd/function.js';
import { moreKernelsFor } from '../engine/more.js';
import { copyOf } from '../copy.js';
import { isFloat } from '../dtype.js';
import type { Tensor } from '../tensor.js';
import { requireNumber, zerosOf, type Unary, unary } from './support.js';

type Step = 'floor' | 'ceil' | 'round' | 'trunc' | 'sign';

/** Functions that are constant between their jumps: the gradient is 0, at a jump too, as PyTorch's. */
const stepFunction = (name: Step) =>
  defineFunction(name, {
    forward(_ctx: Context<object>, x: Tensor) {
      requireNumber(name, x);
      // Integers are whole; a sign they have all the same.
      if (name !== 'sign' && !isFloat(x.dtype)) return copyOf(x, name);
      return unary(moreKernelsFor, name, x, (k, out, data) => k[name](out, data));
    },
    backward: (_ctx, dOut) => zerosOf(name, dOut.shape, dOut.dtype),
  });

/**
 * The largest whole number that is at most x; integers stay. The gradient is 0.
 * @function
 */
export const floor = stepFunction('floor') as Unary;

/**
 * The smallest whole number that is at least x; integers stay. The gradient is 0.
 * @function
 */
export const ceil = stepFunction('ceil') as Unary;

/**
 * The whole number that is nearest to x, of two the even one: 0.5 and -0.5 give 0, 1.5 and 2.5 give 2.
 * Integers stay. The gradient is 0.
 * @function
 */
export const round = stepFunction('round') as Unary;

/**
 * x without what is behind the point; integers stay. The gradient is 0.
 * @function
 */
export const trunc = stepFunction('trunc') as Unary;

/**
 * -1, 0 or 1; 0 at NaN, as PyTorch's. The gradient is 0.
 * @function
 */
export const sign = stepFunction('sign') as Unary;
