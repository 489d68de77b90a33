import { ConfigError, ShapeError } from './errors.js';
import type { BroadcastGeometry, ReduceGeometry } from './kernels/contract.js';
import { requireList, valueText } from './options.js';

/** Dimensions, outermost first: `[]` is a scalar, `[2, 3]` two rows of three. */
export type Shape = readonly number[];

/** `[2,3]`, as shapes are written in every message. */
export function formatShape(shape: Shape): string {
  requireList('formatShape', 'a shape', shape, '[2, 3]');
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : valueText(dim)));
  return `[${dims.join(',')}]`;
}

/** The number of elements; 1 for the shape of a scalar, `[]`. */
export function sizeOf(shape: Shape): number {
  requireList('sizeOf', 'a shape', shape, '[2, 3]');
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/**
 * @returns The number of elements.
 * @throws ShapeError unless every dimension is an integer ≥ 0 and they and the size stay below 2³¹.
 */
export function checkShape(operation: string, shape: Shape): number {
  if (!Array.isArray(shape)) {
    const mend = typeof shape === 'number' ? `; write [${String(shape)}]` : '';
    throw new ShapeError(
      `${operation}: expected a shape, a list of dimensions, got ${valueText(shape)}${mend}`,
    );
  }
  let largest = 0;
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0) {
      throw new ShapeError(
        `${operation}: shape ${formatShape(shape)} must hold integers of at least 0`,
      );
    }
    if (dim > largest) largest = dim;
  }
  const size = sizeOf(shape);
  if (size >= 2 ** 31) {
    throw new ShapeError(
      `${operation}: shape ${formatShape(shape)} has ${size} elements; the limit is 2^31 - 1`,
    );
  }
  // Beside a 0 the size says nothing, and kernels count each axis for itself.
  if (largest >= 2 ** 31) {
    throw new ShapeError(
      `${operation}: shape ${formatShape(shape)} has a dimension beyond the limit of 2^31 - 1`,
    );
  }
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * An axis counted from the front; negative ones count from the back.
 * @param place Where the axis stands among the arguments.
 * @throws ShapeError, ConfigError for what is no number.
 */
export function normalizeAxis(
  operation: string,
  axis: number,
  ndim: number,
  place = 'second',
): number {
  if (typeof axis !== 'number') {
    throw new ConfigError(
      `${operation}: expected an axis, a number, got ${valueText(axis)}; the axis is the ${place} argument`,
    );
  }
  const normal = axis < 0 ? axis + ndim : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= ndim) {
    throw new ShapeError(
      `${operation}: axis ${axis} is out of range for a tensor of ${ndim} dimensions`,
    );
  }
  return normal;
}

/**
 * Sorted axes without repeats; `undefined` means all of them.
 * @throws ShapeError, ConfigError for what is neither an axis nor a list of them.
 */
export function normalizeAxes(
  operation: string,
  axes: number | readonly number[] | undefined,
  ndim: number,
): number[] {
  if (axes === undefined) return Array.from({ length: ndim }, (_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  requireList(operation, 'an axis or a list of axes', list, '[0, 1]');
  const normal = list.map((axis) => normalizeAxis(operation, axis, ndim)).sort((a, b) => a - b);
  if (new Set(normal).size !== normal.length) {
    throw new ShapeError(`${operation}: axes ${formatShape(list)} name an axis twice`);
  }
  return normal;
}

/** `shape` without `axes`, or with 1 in their place. `axes` are normal and sorted. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdim: boolean): number[] {
  if (keepdim) return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** `shape` with another size along an axis. */
export function withDim(shape: Shape, axis: number, dim: number): number[] {
  return shape.map((own, at) => (at === axis ? dim : own));
}

/** Sees `shape` as `[outer, n, inner]`, `n` being the axes from `first` to `last`. */
export function reduceGeometry(shape: Shape, first: number, last = first): ReduceGeometry {
  return {
    outer: sizeOf(shape.slice(0, first)),
    n: sizeOf(shape.slice(first, last + 1)),
    inner: sizeOf(shape.slice(last + 1)),
  };
}

/**
 * The shape that both broadcast to, by NumPy's rule: align at the last axis, 1 stretches.
 * @throws ShapeError naming the axis that disagrees.
 */
export function broadcastShapes(operation: string, a: Shape, b: Shape): number[] {
  const ndim = Math.max(a.length, b.length);
  const out = new Array<number>(ndim);
  for (let axis = 1; axis <= ndim; axis++) {
    const m = a[a.length - axis] ?? 1;
    const n = b[b.length - axis] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ` +
          `axis -${axis} has ${m} and ${n}; equal sizes, or a 1, would do`,
      );
    }
    out[ndim - axis] = m === 1 ? n : m;
  }
  return out;
}

/** Strides of a contiguous `shape` walked as `target`: 0 along the axes that are stretched. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - lead;
    return own < 0 || shape[own] === 1 ? 0 : strides[own];
  });
}

/**
 * Merges neighbouring axes that every operand walks as one, and drops axes of size 1, so that a
 * kernel sees as few axes as there really are. Each of `strides` belongs to one operand.
 */
export function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const merged: number[] = [];
  const mergedStrides = strides.map((): number[] => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const dim = shape[axis];
    if (dim === 1) continue;
    const last = merged.length - 1;
    let joins = last >= 0;
    for (let k = 0; joins && k < strides.length; k++) {
      const step = strides[k][axis];
      joins = mergedStrides[k][last] === step * dim;
    }
    if (joins) merged[last] = merged[last] * dim;
    else merged.push(dim);
    for (let k = 0; k < strides.length; k++) {
      const step = strides[k][axis];
      mergedStrides[k][merged.length - 1] = step;
    }
  }
  return { shape: merged, strides: mergedStrides };
}

/** How a binary kernel walks `a` and `b` to fill `target`. */
export function broadcastGeometry(a: Shape, b: Shape, target: Shape): BroadcastGeometry {
  if (sameShape(a, b)) return { shape: [sizeOf(a)], aStrides: [1], bStrides: [1] };
  const { shape, strides } = mergeAxes(target, [
    broadcastStrides(a, target),
    broadcastStrides(b, target),
  ]);
  return { shape, aStrides: strides[0], bStrides: strides[1] };
}
