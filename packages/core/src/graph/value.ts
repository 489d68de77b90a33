import type { DType } from '../dtype.js';
import type { Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { jsonOf, type JsonData } from './attributes.js';

/**
 * The kinds of a graph's values: given to `run`, part of the model's state, taken from outside or made
 * of numbers, or given by a node.
 */
export type ValueKind = 'input' | 'parameter' | 'buffer' | 'constant' | 'result';

/** Constants of at most so many elements are written out. */
const FEW = 16;

/** A tensor as a graph knows it. */
export class Value {
  /**
   * Its name, which is the only one of a graph: that in the model of a parameter or buffer
   * (`layers.0.weight`), `x` of an input, `constant0` of a constant, `%0` of a result.
   */
  readonly name: string;
  /** Where it comes from. */
  readonly kind: ValueKind;
  /** The type of its elements. */
  readonly dtype: DType;
  /** Its dimensions. */
  readonly shape: Shape;
  /** @internal Whether the function makes it anew at each call. */
  readonly isMade: boolean;
  readonly #tensor: Tensor | null;

  /** @internal */
  constructor(name: string, kind: ValueKind, tensor: Tensor, isMade = false) {
    this.name = name;
    this.kind = kind;
    this.dtype = tensor.dtype;
    this.shape = tensor.shape;
    this.isMade = isMade;
    this.#tensor = kind === 'input' || kind === 'result' ? null : tensor;
  }

  /**
   * The tensor of a parameter, buffer or constant: itself, not a copy, so that a graph of a model
   * computes with the weights that it has now. Null for inputs and results.
   */
  get tensor(): Tensor | null {
    return this.#tensor;
  }

  /** @internal The numbers of a small constant, in row-major order; null for all else. */
  get few(): readonly number[] | null {
    const tensor = this.kind === 'constant' ? this.#tensor : null;
    return tensor && tensor.size <= FEW && !tensor.isDisposed ? [...tensor.elements] : null;
  }

  /** Its name. */
  toString(): string {
    return this.name;
  }

  /** Name, dtype and shape; a small constant's numbers too. */
  toJSON(): Readonly<Record<string, JsonData>> {
    const { name, dtype, shape, few } = this;
    return { name, dtype, shape: [...shape], ...(few && { data: jsonOf(few) }) };
  }
}
