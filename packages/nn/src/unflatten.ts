import {
  ConfigError,
  formatShape,
  reshape,
  ShapeError,
  sizeOf,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { requireTensor, tracer, valueText } from '@unfold/core/internal';
import { ownCopy, requireInteger } from './checks.js';
import { Module } from './module.js';

/** @throws ConfigError unless `sizes` is a list of sizes, one of which may be -1. */
function requireSplit(operation: string, sizes: unknown): asserts sizes is Shape {
  const isSize = (size: unknown): boolean => Number.isInteger(size) && Number(size) >= -1;
  const isSplit =
    Array.isArray(sizes) &&
    sizes.length > 0 &&
    sizes.every(isSize) &&
    sizes.filter((size) => size === -1).length < 2;
  if (isSplit) return;
  throw new ConfigError(
    `${operation}: expected sizes, at most one of them -1, got ${valueText(sizes)}; ` +
      `${operation}(…, [2, 3])`,
  );
}

/**
 * x with an axis split into several, as `torch.unflatten`; the memory is shared, as by `reshape`.
 * @param axis Negative ones count from the back.
 * @param sizes Of the axes that it becomes; one may be -1, and is what is left.
 * @throws ShapeError for an axis that x does not have, or that has another size; ConfigError for bad
 * sizes.
 */
export function unflatten(x: Tensor, axis: number, sizes: Shape): Tensor {
  requireTensor('unflatten', 'x', x);
  requireInteger('unflatten', 'axis', axis);
  requireSplit('unflatten', sizes);
  if (tracer) return tracer.operation('unflatten', unflatten, { x, axis, sizes });
  const at = axis < 0 ? axis + x.ndim : axis;
  const known = sizeOf(sizes.filter((size) => size >= 0));
  const whole = sizes.map((size) => (size < 0 ? x.shape[at] / known : size));
  if (at < 0 || at >= x.ndim || !whole.every(Number.isInteger) || sizeOf(whole) !== x.shape[at]) {
    throw new ShapeError(
      `unflatten: axis ${axis} of x ${formatShape(x.shape)} is not one of ${formatShape(sizes)}`,
    );
  }
  return reshape(x, [...x.shape.slice(0, at), ...whole, ...x.shape.slice(at + 1)]);
}

/** Splits an axis into several, as `torch.nn.Unflatten`: the reverse of `Flatten`. See `unflatten`. */
export class Unflatten extends Module {
  readonly #axis: number;
  readonly #sizes: Shape;

  /**
   * @param axis Negative ones count from the back.
   * @param unflattenedSize The sizes of the axes that it becomes; one may be -1.
   * @throws ConfigError unless the axis is an integer, and the sizes are some.
   */
  constructor(axis: number, unflattenedSize: Shape) {
    super();
    requireInteger('Unflatten', 'axis', axis);
    requireSplit('Unflatten', unflattenedSize);
    this.#axis = axis;
    this.#sizes = ownCopy(unflattenedSize);
  }

  /** @throws ShapeError if x has no such axis. */
  forward(x: Tensor): Tensor {
    return unflatten(x, this.#axis, this.#sizes);
  }

  /** @hidden */
  override constructedWith(): object {
    return { axis: this.#axis, unflattenedSize: this.#sizes };
  }
}
