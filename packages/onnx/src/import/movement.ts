import {
  add,
  arange,
  cast,
  concat,
  eq,
  expand,
  flip,
  full,
  gather as gatherCore,
  ge,
  indexSelect,
  logicalAnd,
  mul,
  pad,
  permute,
  reshape,
  scatter,
  scatterAdd,
  slice,
  sizeOf,
  split,
  tensor,
  tile,
  topk,
  tril,
  triu,
  unbind,
  stack,
  where,
  lt,
  type SliceRange,
  type Tensor,
  type Shape,
} from '@unfold/core';
import { checkShape, isFloat, sameShape, sliceAlong, withDim } from '@unfold/core/internal';
import { Known, type Call, type Operator, type Operators } from './call.js';
import { storedNumbers } from './stored.js';

/** The sizes that Reshape asks for: 0 keeps one of x's, -1 is what is left. */
function reshapeTo(call: Call, x: Tensor): Tensor {
  const asked = call.numbers(1);
  const keepsZeros = call.int('allowzero', 0) === 1;
  return reshape(
    x,
    asked.map((size, axis) => (size === 0 && !keepsZeros ? (x.shape[axis] ?? 0) : size)),
  );
}

/** A view of x without, or with more, axes of size 1. */
function squeezed(call: Call): Tensor {
  const { x } = call;
  const given = call.listed('axes', 1);
  const axes = given?.map((axis) => call.axisOf(axis, x.ndim));
  for (const axis of axes ?? []) {
    if (x.shape[axis] !== 1) throw call.fault(`an axis of size 1 at ${axis}`, x.shape[axis]);
  }
  return reshape(
    x,
    x.shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)),
  );
}

function unsqueezed(call: Call): Tensor {
  const { x } = call;
  const given = call.listed('axes', 1) ?? [];
  const ndim = x.ndim + given.length;
  const axes = new Set(given.map((axis) => call.axisOf(axis, ndim)));
  if (axes.size === 0 || axes.size < given.length) throw call.fault('axes, each once', given);
  const sizes = [...x.shape];
  const shape = Array.from({ length: ndim }, (_, axis) =>
    axes.has(axis) ? 1 : (sizes.shift() ?? 1),
  );
  return reshape(x, shape);
}

function flattened(call: Call): Tensor {
  const { x } = call;
  // Behind the last axis too.
  const axis = call.int('axis', 1) === x.ndim ? x.ndim : call.axis(x.ndim, 1);
  return reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
}

function splitUp(call: Call): Tensor[] {
  const { x } = call;
  const axis = call.axis(x.ndim, 0);
  const sizes = call.listed('split', 1);
  if (sizes) return split(x, [...sizes], axis);
  const count = call.int('num_outputs', call.outputCount);
  if (count !== call.outputCount) throw call.fault(`${call.outputCount} pieces`, count);
  // The last piece may be smaller.
  const whole = x.shape[axis] ?? 0;
  const size = Math.ceil(whole / count);
  const pieces = Array.from({ length: count }, (_, i) =>
    Math.max(0, Math.min(size, whole - i * size)),
  );
  return split(x, pieces, axis);
}

function sliced(call: Call): Tensor {
  const { x } = call;
  const starts = call.listed('starts', 1) ?? [];
  const ends = call.listed('ends', 2) ?? [];
  const axes = call.listed('axes', 3) ?? starts.map((_, i) => i);
  const steps = call.numbersOr(
    4,
    starts.map(() => 1),
  );
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    throw call.fault(`${starts.length} ends, axes and steps`, ends);
  }
  return axes.reduce((rest, given, i) => {
    const axis = call.axisOf(given, x.ndim);
    const size = x.shape[axis] ?? 0;
    return slicedAlong(rest, axis, size, starts[i] ?? 0, ends[i] ?? size, steps[i] ?? 1);
  }, x);
}

function slicedAlong(
  x: Tensor,
  axis: number,
  size: number,
  start: number,
  end: number,
  step: number,
): Tensor {
  const isBack = step < 0;
  // Counted from the front, and for a walk back from the end, in x turned round.
  const place = (position: number): number => {
    const front = position < 0 ? position + size : position;
    const low = isBack ? -1 : 0;
    const high = isBack ? size - 1 : size;
    return Math.min(Math.max(front, low), high);
  };
  const from = place(start);
  const to = place(end);
  const range: SliceRange = isBack
    ? [size - 1 - from, Math.max(size - 1 - from, size - 1 - to), -step]
    : [from, Math.max(from, to), step];
  return sliceAlong(isBack ? flip(x, axis) : x, axis, range);
}

/** Positions that count from the back below 0, counted from the front. */
const fromFront = (index: Tensor, size: number): Tensor =>
  where(lt(index, 0), add(index, size), index);

/** The positions that an input gives along an axis of this size, counted from the front. */
function positions(call: Call, position: number, size: number): Tensor {
  const given = call.given(position);
  if (given instanceof Known) {
    const numbers = Array.from(given.numbers, (at) => (at < 0 ? at + size : at));
    return new Known('int32', given.shape, numbers).tensor(call.where);
  }
  return fromFront(cast(given, 'int32'), size);
}

function gatherRows(call: Call): Tensor {
  const { x } = call;
  const axis = call.axis(x.ndim, 0);
  const index = positions(call, 1, x.shape[axis] ?? 0);
  const flat = indexSelect(x, axis, reshape(index, [-1]));
  return reshape(flat, [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)]);
}

function gatherElements(call: Call): Tensor {
  const { x } = call;
  const axis = call.axis(x.ndim, 0);
  return gatherCore(x, axis, positions(call, 1, x.shape[axis] ?? 0));
}

function scattered(call: Call): Tensor {
  const { x } = call;
  const axis = call.axis(x.ndim, 0);
  const index = positions(call, 1, x.shape[axis] ?? 0);
  return scatterOf(call)(x, axis, index, call.tensor(2));
}

/** What becomes of an element that another one meets. */
function scatterOf(call: Call): typeof scatterAdd {
  const reduction = call.text('reduction', 'none');
  if (reduction === 'none') return scatter;
  if (reduction === 'add') return scatterAdd;
  throw call.lacking(`a reduction by ${reduction}`);
}

/** The rows of x, seen as `[places, …]`, that lists of positions name. */
interface Places {
  /** The position of each list in the first axes joined to one. */
  readonly at: Tensor;
  readonly lead: Shape;
  readonly rest: Shape;
}

/** @param skip Axes in front that lists and x have in common. */
function placesOf(call: Call, x: Tensor, skip = 0): Places {
  const index = cast(call.tensor(1), 'int32');
  const depth = index.shape.at(-1) ?? 0;
  if (skip + depth > x.ndim || !sameShape(index.shape.slice(0, skip), x.shape.slice(0, skip))) {
    throw call.fault(`lists of at most ${x.ndim - skip} positions in ${x.describe()}`, index.shape);
  }
  const lead = x.shape.slice(0, skip + depth);
  let isInside: Tensor | null = null;
  const columns = unbind(index, -1);
  const at = columns.reduce<Tensor | null>((sum, column, i) => {
    const size = lead[skip + i] ?? 1;
    const front = fromFront(column, size);
    const fits = logicalAnd(ge(front, 0), lt(front, size));
    isInside = isInside ? logicalAnd(isInside, fits) : fits;
    return sum ? add(mul(sum, size), front) : front;
  }, null);
  if (!at || !isInside) throw call.fault('lists of positions', index.shape);
  // One coordinate outside must not become another place inside: -1 is refused by what takes it.
  return { at: where(isInside, at, -1), lead, rest: x.shape.slice(skip + depth) };
}

function gatherNd(call: Call): Tensor {
  const { x } = call;
  const skip = call.int('batch_dims', 0);
  const { at, lead, rest } = placesOf(call, x, skip);
  const batch = sizeOf(x.shape.slice(0, skip));
  const inside = sizeOf(lead.slice(skip));
  const rows = reshape(x, [batch * inside, sizeOf(rest)]);
  const flat = reshape(at, [batch, -1]);
  const first = tensor(
    Array.from({ length: batch }, (_, i) => [i * inside]),
    undefined,
    { dtype: 'int32' },
  );
  const all = reshape(skip === 0 ? flat : where(lt(flat, 0), flat, add(flat, first)), [-1]);
  return reshape(indexSelect(rows, 0, all), [...at.shape, ...rest]);
}

function scatterNd(call: Call): Tensor {
  const { x } = call;
  const { at, lead, rest } = placesOf(call, x);
  const updates = call.tensor(2);
  if (!sameShape(updates.shape, [...at.shape, ...rest])) {
    throw call.fault(`updates [${[...at.shape, ...rest].join()}]`, updates.shape);
  }
  const n = sizeOf(rest);
  const rows = reshape(x, [sizeOf(lead), n]);
  const index = expand(reshape(at, [-1, 1]), [at.size, n]);
  const src = reshape(updates, [at.size, n]);
  return reshape(scatterOf(call)(rows, 0, index, src), [...x.shape]);
}

/** Padding as ONNX lists it, in front of all axes and then behind, as pairs by axis. */
function padPairs(call: Call, ndim: number): [number, number][] {
  const list = call.opset < 11 ? (call.ints('pads') ?? []) : call.numbers(1);
  const axes = call.numbersOr(
    3,
    Array.from({ length: ndim }, (_, i) => i),
  );
  if (list.length !== 2 * axes.length) throw call.fault(`${2 * axes.length} numbers`, list);
  const pairs = Array.from({ length: ndim }, (): [number, number] => [0, 0]);
  axes.forEach((given, i) => {
    pairs[call.axisOf(given, ndim)] = [list[i] ?? 0, list[i + axes.length] ?? 0];
  });
  return pairs;
}

function padded(call: Call): Tensor {
  const { x } = call;
  const pairs = padPairs(call, x.ndim);
  // Below 0 it takes away.
  const kept = slice(
    x,
    pairs.map(([before, after], axis): SliceRange | null =>
      before < 0 || after < 0
        ? [Math.max(0, -before), (x.shape[axis] ?? 0) + Math.min(0, after)]
        : null,
    ),
  );
  const more = pairs.map(([before, after]): [number, number] => [
    Math.max(0, before),
    Math.max(0, after),
  ]);
  const mode = call.text('mode', 'constant');
  if (mode === 'constant') {
    const value = call.opset < 11 ? call.float('value', 0) : (call.number(2) ?? 0);
    return pad(kept, more, value);
  }
  return more.reduce((out, pair, axis) => paddedAlong(call, out, axis, pair, mode), kept);
}

/** Each position beyond the edge stands for one inside. */
function paddedAlong(
  call: Call,
  x: Tensor,
  axis: number,
  [before, after]: readonly [number, number],
  mode: string,
): Tensor {
  if (before === 0 && after === 0) return x;
  const size = x.shape[axis] ?? 0;
  // Before a list of so many is made.
  checkShape(call.where, withDim(x.shape, axis, before + size + after));
  if (size === 0) throw call.fault('elements to pad with', x.describe());
  const period = Math.max(1, 2 * (size - 1));
  const inside = (at: number): number => {
    if (mode === 'edge') return Math.min(Math.max(at, 0), size - 1);
    if (mode === 'wrap') return ((at % size) + size) % size;
    if (mode !== 'reflect') throw call.lacking(`padding of mode ${mode}`);
    const folded = ((at % period) + period) % period;
    return folded < size ? folded : period - folded;
  };
  const numbers = Array.from({ length: before + size + after }, (_, i) => inside(i - before));
  return indexSelect(x, axis, Known.list(numbers).tensor(call.where));
}

/** A shape in which 1 follows the other tensor. */
function expanded(call: Call): Tensor {
  const { x } = call;
  const asked = call.numbers(1);
  const ndim = Math.max(asked.length, x.ndim);
  const shape = Array.from({ length: ndim }, (_, i) => {
    const size = asked[i - ndim + asked.length] ?? 1;
    return size === 1 ? (x.shape[i - ndim + x.ndim] ?? 1) : size;
  });
  return expand(x, shape);
}

/** Blocks of channels become pixels. */
function depthToSpace(call: Call): Tensor {
  const { x } = call;
  const [N = 0, C = 0, H = 0, W = 0] = x.shape;
  const b = call.int('blocksize', 1);
  const c = C / (b * b);
  const isCRD = call.text('mode', 'DCR') === 'CRD';
  const parts = isCRD
    ? permute(reshape(x, [N, c, b, b, H, W]), [0, 1, 4, 2, 5, 3])
    : permute(reshape(x, [N, b, b, c, H, W]), [0, 3, 4, 1, 5, 2]);
  return reshape(parts, [N, c, H * b, W * b]);
}

function spaceToDepth(call: Call): Tensor {
  const { x } = call;
  const [N = 0, C = 0, H = 0, W = 0] = x.shape;
  const b = call.int('blocksize', 1);
  const order = call.text('mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  const parts = permute(reshape(x, [N, C, H / b, b, W / b, b]), order);
  return reshape(parts, [N, C * b * b, H / b, W / b]);
}

/** Positions below 0 or behind the end are of no class. */
function oneHotOf(call: Call): Tensor {
  const depth = call.number(1) ?? 0;
  const [off = 0, on = 1] = call.numbers(2);
  const { dtype } = call.given(2);
  const index = fromFront(cast(call.x, 'int32'), depth);
  const classes = arange(0, depth, 1, { dtype: 'int32' });
  const isHot = eq(reshape(index, [...index.shape, 1]), classes);
  const own = isFloat(dtype) ? dtype : 'int32';
  const hot = where(lastTo(isHot, call.axis(isHot.ndim, -1)), on, full([], off, { dtype: own }));
  return cast(hot, dtype);
}

/** x with its last axis at another place. */
export function lastTo(x: Tensor, axis: number): Tensor {
  const order = x.shape.map((_, at) => (at < axis ? at : at === axis ? x.ndim - 1 : at - 1));
  return permute(x, order);
}

/** Attributes that give a constant, and its dtype. */
const CONSTANTS = [
  ['value_int', 'int', 'int32'],
  ['value_float', 'float', 'float32'],
  ['value_ints', 'ints', 'int32'],
  ['value_floats', 'floats', 'float32'],
] as const;

const constant: Operator = (call) => {
  const value = call.attribute('value', 'tensor');
  if (value) return storedNumbers(value, call.where);
  for (const [name, kind, dtype] of CONSTANTS) {
    const given = call.attribute(name, kind);
    if (typeof given === 'number') return new Known(dtype, [], [given]);
    if (given) return Known.list(given, dtype);
  }
  throw call.lacking('a constant of this kind');
};

function topK(call: Call): [Tensor, Tensor] {
  const { x } = call;
  const axis = call.axis(x.ndim, -1);
  const k = call.opset < 10 ? call.int('k', 1) : (call.number(1) ?? 1);
  const [values, indices] = topk(x, k, axis, { largest: call.int('largest', 1) === 1 });
  return [values, indices];
}

/** Up to the sequence's length the elements of each batch are turned round. */
function reverseSequence(call: Call): Tensor {
  const { x } = call;
  const batchAxis = call.int('batch_axis', 1);
  const timeAxis = call.int('time_axis', 0);
  const lengths = call.numbers(1);
  const rows = unbind(x, batchAxis);
  const along = timeAxis > batchAxis ? timeAxis - 1 : timeAxis;
  const turned = rows.map((row, i) => {
    const length = lengths[i] ?? 0;
    const at = Array.from({ length: row.shape[along] ?? 0 }, (_, t) =>
      t < length ? length - 1 - t : t,
    );
    return indexSelect(row, along, Known.list(at).tensor(call.where));
  });
  return stack(turned, batchAxis);
}

/** At most so many numbers are kept as known ones, as those of a shape. */
const FEW = 1024;

/** What moves, repeats, picks, orders and makes elements. */
export const MOVEMENT: Operators = {
  Constant: constant,
  ConstantOfShape: (call) => {
    const value = call.attribute('value', 'tensor');
    const { dtype, numbers } = value
      ? storedNumbers(value, call.where)
      : new Known('float32', [1], [0]);
    const [element = 0] = numbers;
    const shape = call.numbers(0);
    if (!isFloat(dtype) && shape.length < 2 && sizeOf(shape) <= FEW) {
      return new Known(
        dtype,
        shape,
        Array.from({ length: sizeOf(shape) }, () => element),
      );
    }
    return full(shape, element, { dtype });
  },
  Shape: (call) => {
    const { shape } = call.given(0);
    const end = call.attribute('end', 'int');
    return Known.list(shape.slice(call.int('start', 0), end ?? shape.length));
  },
  Size: (call) => new Known('int32', [], [sizeOf(call.given(0).shape)]),
  Range: (call) => {
    const [start, limit, delta] = [0, 1, 2].map((at) => call.number(at));
    if (start === undefined || limit === undefined || delta === undefined || delta === 0) {
      throw call.fault('a start, a limit, and a step other than 0', delta);
    }
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    const { dtype } = call.given(0);
    if (!(count <= FEW)) return arange(start, limit, delta, { dtype });
    const numbers = Array.from({ length: count }, (_, i) => start + i * delta);
    return Known.list(numbers, dtype);
  },
  Reshape: (call) => reshapeTo(call, call.x),
  Flatten: flattened,
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Transpose: (call) => {
    const { x } = call;
    return permute(x, [...(call.ints('perm') ?? x.shape.map((_, axis) => x.ndim - 1 - axis))]);
  },
  Concat: (call) => {
    const parts = call.tensors();
    if (call.attribute('axis', 'int') === undefined) throw call.fault('an axis', 'none');
    return concat(parts, call.axis(parts[0]?.ndim ?? 0, 1));
  },
  Split: splitUp,
  Slice: sliced,
  Gather: gatherRows,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Scatter: scattered,
  ScatterElements: scattered,
  ScatterND: scatterNd,
  Expand: expanded,
  Tile: (call) => tile(call.x, call.numbers(1)),
  Pad: padded,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  OneHot: oneHotOf,
  TopK: topK,
  ReverseSequence: reverseSequence,
  Trilu: (call) => {
    const { x } = call;
    const diagonal = call.number(1) ?? 0;
    return call.int('upper', 1) === 1 ? triu(x, diagonal) : tril(x, diagonal);
  },
  EyeLike: (call) => {
    const { shape, dtype } = call.given(0);
    const [rows = 0, columns = 0] = shape;
    const type = call.attribute('dtype', 'int');
    const asked = type === undefined ? dtype : call.dtype(type);
    if (shape.length !== 2) throw call.fault('a matrix', shape);
    const k = call.int('k', 0);
    const numbers = Array.from({ length: rows * columns }, (_, i) =>
      Number((i % columns) - Math.floor(i / columns) === k),
    );
    return new Known(asked, shape, numbers).tensor(call.where);
  },
};
