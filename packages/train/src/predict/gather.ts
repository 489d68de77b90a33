import {
  ConfigError,
  DTypeError,
  formatShape,
  ShapeError,
  Tensor,
  unscoped,
  zeros,
} from '@unfold/core';
import { isOptions, sameShape, valueText } from '@unfold/core/internal';

/** An output without its tensors, which are their places among all of them. */
type Form = number | readonly Form[] | { readonly [name: string]: Form };

/** A tensor of the output, of all batches so far. */
interface Gathered {
  /** How to write it, as `output.boxes[0]`. */
  readonly path: string;
  readonly dtype: Tensor['dtype'];
  /** The shape of one example. */
  readonly shape: readonly number[];
  /** The numbers of each batch. */
  readonly parts: ReturnType<Tensor['toTypedArray']>[];
}

/** A tensor of an output, and how to write it. */
interface Part {
  readonly path: string;
  readonly tensor: Tensor;
}

/**
 * The tensors of an output, and the lists and plain objects that they are in.
 * @throws ConfigError for anything else.
 */
export function takeApart(operation: string, output: unknown): { form: Form; tensors: Part[] } {
  const tensors: Part[] = [];
  const take = (part: unknown, path: string): Form => {
    if (part instanceof Tensor) return tensors.push({ path, tensor: part }) - 1;
    if (Array.isArray(part) && part.length > 0) {
      return part.map((inner, i) => take(inner, `${path}[${i}]`));
    }
    if (isOptions(part) && Object.keys(part).length > 0) {
      const parts = Object.entries(part).map(([name, inner]) => [
        name,
        take(inner, `${path}.${name}`),
      ]);
      return Object.fromEntries(parts) as Form;
    }
    throw new ConfigError(
      `${operation}: expected a model that gives tensors, or lists and plain objects of tensors, got ` +
        `${valueText(part)} for ${path}`,
    );
  };
  return { form: take(output, 'output'), tensors };
}

/** Gathers what a model makes of batches: copies, which belong to no scope. */
export class Gathering {
  readonly #operation: string;
  #examples = 0;
  #form: Form | null = null;
  #gathered: readonly Gathered[] = [];

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** Examples so far. */
  get examples(): number {
    return this.#examples;
  }

  /**
   * Takes the output for `size` examples.
   * @throws ConfigError for what is neither a tensor nor lists and plain objects of such; ShapeError where a
   * first axis isn't that of the examples; ShapeError or DTypeError where it differs from that of earlier
   * batches in more than their number.
   */
  add(output: unknown, size: number): void {
    const { form, tensors } = takeApart(this.#operation, output);
    for (const { path, tensor } of tensors) this.#checkFirstAxis(path, tensor, size);
    if (this.#form === null) {
      this.#form = form;
      this.#gathered = tensors.map(({ path, tensor: { dtype, shape } }) => {
        return { path, dtype, shape: shape.slice(1), parts: [] };
      });
    }
    const paths = (all: readonly { readonly path: string }[]): string =>
      all.map(({ path }) => path).join(', ');
    if (paths(tensors) !== paths(this.#gathered)) {
      throw new ShapeError(
        `${this.#operation}: expected the same parts of each batch, got ${paths(tensors)} after ` +
          paths(this.#gathered),
      );
    }
    for (const [i, { tensor }] of tensors.entries()) this.#checkAlike(this.#gathered[i], tensor);
    for (const [i, { tensor }] of tensors.entries()) {
      this.#gathered[i].parts.push(tensor.toTypedArray());
    }
    this.#examples += size;
  }

  #checkFirstAxis(path: string, tensor: Tensor, size: number): void {
    if (tensor.shape[0] === size) return;
    throw new ShapeError(
      `${this.#operation}: expected a first axis that goes over the ${size} examples of the batch, got ` +
        `${tensor.describe()} for ${path}; one example by itself has a first axis of 1`,
    );
  }

  #checkAlike({ path, dtype, shape }: Gathered, tensor: Tensor): void {
    if (!sameShape(shape, tensor.shape.slice(1))) {
      throw new ShapeError(
        `${this.#operation}: expected ${formatShape(shape)} of each example for ${path}, as in the batches ` +
          `before, got ${tensor.describe()}`,
      );
    }
    if (dtype !== tensor.dtype) {
      throw new DTypeError(
        `${this.#operation}: expected ${dtype} for ${path}, as in the batches before, got ` +
          tensor.describe(),
      );
    }
  }

  /**
   * The output for all examples, of which there is at least one: tensors that belong to no scope.
   * @throws EngineError if there is no room for them, of which then none is left.
   */
  whole(): unknown {
    const tensors: Tensor[] = [];
    try {
      for (const { dtype, shape, parts } of this.#gathered) {
        const tensor = unscoped(() => zeros([this.#examples, ...shape], { dtype }));
        tensors.push(tensor);
        tensor.update((data) => {
          let at = 0;
          for (const part of parts.splice(0)) {
            data.set(part, at);
            at += part.length;
          }
        });
      }
    } catch (error) {
      for (const tensor of tensors) tensor.dispose();
      throw error;
    }
    return this.#form === null ? undefined : putTogether(this.#form, tensors);
  }
}

function putTogether(form: Form, tensors: readonly Tensor[]): unknown {
  if (typeof form === 'number') return tensors[form];
  if (Array.isArray(form)) return form.map((part: Form) => putTogether(part, tensors));
  return Object.fromEntries(
    Object.entries(form).map(([name, part]) => [name, putTogether(part as Form, tensors)]),
  );
}
