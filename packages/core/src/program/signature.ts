import type { DType } from '../dtype.js';
import { sameShape, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Arguments } from './values.js';

/** Whether a gradient of an input is wanted; `recorded` where a tape around the call wants it. */
type Mark = boolean | 'recorded';

/** Whether two inputs are one tensor, or live in the same memory, or have nothing to do with each other. */
type Relation = 'one' | 'shared' | 'none';

/** What the arguments of a call were, their numbers apart: a program is for those that are the same. */
export class Signature {
  readonly #shapes: readonly Shape[];
  readonly #dtypes: readonly DType[];
  readonly #marks: readonly Mark[];
  /** For each pair of inputs, what they are to each other. */
  readonly #relations: readonly Relation[];
  readonly #statics: readonly unknown[];

  constructor({ tensors, statics }: Arguments) {
    this.#shapes = tensors.map(({ shape }) => shape);
    this.#dtypes = tensors.map(({ dtype }) => dtype);
    this.#marks = tensors.map(markOf);
    this.#relations = tensors.flatMap((tensor, i) => {
      return tensors.slice(0, i).map((other) => relationOf(tensor, other));
    });
    this.#statics = statics;
  }

  /** Whether other arguments have the same. */
  fits({ tensors, statics }: Arguments): boolean {
    if (tensors.length !== this.#shapes.length) return false;
    if (statics.length !== this.#statics.length) return false;
    let pair = 0;
    for (let i = 0; i < tensors.length; i++) {
      const tensor = tensors[i];
      if (tensor.dtype !== this.#dtypes[i]) return false;
      if (!sameShape(tensor.shape, this.#shapes[i])) return false;
      if (markOf(tensor) !== this.#marks[i]) return false;
      for (let other = 0; other < i; other++) {
        if (relationOf(tensor, tensors[other]) !== this.#relations[pair++]) return false;
      }
    }
    for (let i = 0; i < statics.length; i++) {
      if (!Object.is(statics[i], this.#statics[i])) return false;
    }
    return true;
  }
}

function markOf({ isLeaf, requiresGrad }: Tensor): Mark {
  return isLeaf ? requiresGrad : 'recorded';
}

function relationOf(a: Tensor, b: Tensor): Relation {
  if (a === b) return 'one';
  return a.storage === b.storage ? 'shared' : 'none';
}
