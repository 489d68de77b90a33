import type { Tensor } from '../tensor.js';
import { jsonOf, type Attributes, type JsonData } from './attributes.js';
import type { Value } from './value.js';

/**
 * An argument of the call that a node stands for: an attribute or a tensor by its name, a list of
 * tensors, or an object of options with some of both.
 */
export type Slot =
  string | { readonly list: readonly string[] } | { readonly options: readonly string[] };

/** The function behind a node, and how its arguments stand in the node. */
export interface Call {
  run(args: readonly unknown[]): unknown;
  readonly slots: readonly Slot[];
}

/** The public fields of a node. */
export type NodeParts = Pick<
  GraphNode,
  'op' | 'inputs' | 'operands' | 'outputs' | 'attributes' | 'module' | 'call'
>;

/** One operation of a graph. */
export class GraphNode {
  /** Its name: that of the function, `conv2d`, or the one that `defineFunction` was given. */
  readonly op: string;
  /** The tensors that it takes. */
  readonly inputs: readonly Value[];
  /**
   * The names of the inputs, by the function's parameters and options: `x`, `weight`, `bias`;
   * `tensors.0` of a list.
   */
  readonly operands: readonly string[];
  /** The tensors that it gives. */
  readonly outputs: readonly Value[];
  /**
   * All other arguments, as they were given, with defaults where they were not: `stride`, `padding`.
   * A number in the place of a tensor is among them too, as `b` in `mul(x, 2)`.
   */
  readonly attributes: Attributes;
  /**
   * The module that ran it, by its path in the model: `layers.0`, or '' for the model itself. Null
   * where no model was traced.
   */
  readonly module: string | null;
  /** Which call of that module it was in, from 0. */
  readonly call: number;
  readonly #call: Call;

  /** @internal */
  constructor(parts: NodeParts, call: Call) {
    this.op = parts.op;
    this.inputs = Object.freeze(parts.inputs);
    this.operands = Object.freeze(parts.operands);
    this.outputs = Object.freeze(parts.outputs);
    this.attributes = Object.freeze(parts.attributes);
    this.module = parts.module;
    this.call = parts.call;
    this.#call = call;
  }

  /** @internal In what order the arguments stand. */
  get slots(): readonly Slot[] {
    return this.#call.slots;
  }

  /** The input that is `operand` to the operation, such as `'weight'`; undefined if there is none. */
  input(operand: string): Value | undefined {
    return this.inputs[this.operands.indexOf(operand)];
  }

  /** @internal Runs it on other tensors, one for each input. */
  run(tensors: readonly Tensor[]): unknown {
    const named = (name: string): unknown => {
      const position = this.operands.indexOf(name);
      return position < 0 ? this.attributes[name] : tensors[position];
    };
    const args = this.#call.slots.map((slot) => {
      if (typeof slot === 'string') return named(slot);
      if ('list' in slot) return slot.list.map(named);
      return Object.fromEntries(slot.options.map((name) => [name, named(name)]));
    });
    return this.#call.run(args);
  }

  /** The operation with the names of what it takes, and what it gives. */
  toJSON(): Readonly<Record<string, JsonData>> {
    return {
      op: this.op,
      inputs: this.inputs.map(({ name }) => name),
      operands: this.operands,
      outputs: this.outputs.map((value) => value.toJSON()),
      attributes: jsonOf(this.attributes),
      module: this.module,
      call: this.call,
    };
  }
}
