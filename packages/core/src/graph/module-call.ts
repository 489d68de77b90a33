import { isOptions } from '../options.js';
import { Tensor } from '../tensor.js';
import type { Value } from './value.js';

/** A call of a module's forward while a model was traced. */
export interface ModuleCall {
  /** The module's path in the model: `layers.0`, or '' for the model itself. */
  readonly module: string;
  /** Which call of that module it was, from 0. */
  readonly call: number;
  /**
   * The arguments, with `Value`s in the place of tensors, in arrays and plain objects too; null for a
   * tensor that nothing used.
   */
  readonly inputs: readonly unknown[];
  /** What it gave, likewise. */
  readonly output: unknown;
  /** The place of the call that it was made in; null for none. */
  readonly parent: number | null;
  /** The place of its first node. */
  readonly first: number;
  /** The place behind its last node. */
  readonly end: number;
}

/** The same with values in the place of tensors. */
export function valuesIn(part: unknown, find: (tensor: Tensor) => Value | null): unknown {
  if (part instanceof Tensor) return find(part);
  if (Array.isArray(part)) return part.map((inner: unknown) => valuesIn(inner, find));
  if (!isOptions(part)) return part;
  return Object.fromEntries(
    Object.entries(part).map(([name, inner]) => [name, valuesIn(inner, find)]),
  );
}
