import type { Value } from '@unfold/core';
import type { Given } from './builder.js';
import { fixed, isFixed, isSame, type Extent } from '@unfold/nn/internal';
import type { Emit, Emitters, Step } from './step.js';

/** Another shape of the same elements. */
const reshaped: Emit = (step) => step.reshape(step.x, step.out);

/** x as large as the result, along all axes but perhaps one. */
function spread(step: Step, x: string, value: Value, except = -1): string {
  const own = step.extents(value);
  const lead = step.out.shape.length - own.length;
  // Where x has the size already, 1 keeps it, whatever the batch.
  const to = step.extents(step.out).map((extent, axis) => {
    const mine = own[axis - lead];
    return axis === except || (mine && isSame(mine, extent)) ? fixed(1) : extent;
  });
  if (lead === 0 && to.every((extent) => isSame(extent, fixed(1)))) return x;
  return step.emit('Expand', [x, step.shape(to)]);
}

const expanded: Emit = (step) => spread(step, step.x, step.value('x'));

const tiled: Emit = (step) => {
  const repeats = step.list('repeats');
  const { length: ndim } = step.out.shape;
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
  const lead = ones(ndim - step.ndim).map(fixed);
  const x =
    lead.length === 0
      ? step.x
      : step.reshapeTo(step.x, [...lead, ...step.extents(step.value('x'))]);
  return step.emit('Tile', [x, step.int64(...ones(ndim - repeats.length), ...repeats)]);
};

function permuted(step: Step, x: string, perm: readonly number[]): string {
  return step.emit('Transpose', [x], { perm });
}

/** The order of axes in which two have changed places. */
export function swapped(ndim: number, first: number, second: number): number[] {
  const perm = Array.from({ length: ndim }, (_, axis) => axis);
  perm[first] = second;
  perm[second] = first;
  return perm;
}

/** Where a part begins and ends along an axis, and in which steps. */
type Range = readonly [start: number, end: number, axis: number, step: number];

function sliced(step: Step, x: string, ranges: readonly Range[]): string {
  if (ranges.length === 0) return x;
  const lists = ([0, 1, 2, 3] as const).map((part) =>
    step.int64(...ranges.map((range) => range[part])),
  );
  return step.emit('Slice', [x, ...lists]);
}

/** An end that lies behind every axis, and one that lies before. */
const LAST = 2 ** 31 - 1;
const FIRST = -(2 ** 31) + 1;

const slice: Emit = (step) => {
  const { ranges = null } = step.attributes;
  const list: readonly unknown[] = Array.isArray(ranges) ? ranges : [];
  const asked = list.flatMap((range, axis): Range[] => {
    if (!Array.isArray(range)) return [];
    const [start, end, by] = range as readonly (number | null | undefined)[];
    const step = by ?? 1;
    // A walk back begins at the end.
    const [first, last] = step < 0 ? [-1, FIRST] : [0, LAST];
    return [[start ?? first, end ?? last, axis, step]];
  });
  return sliced(step, step.x, asked);
};

const flip: Emit = (step) =>
  sliced(
    step,
    step.x,
    step.axes('axes').map((axis): Range => [-1, FIRST, axis, -1]),
  );

/** Elements move on, and those that leave at the end come in at the front. */
const roll: Emit = (step) => {
  const value = step.value('x');
  const shifts = step.list('shifts');
  if (!step.isGiven('axes')) {
    const count = step.countAlong(value, step.axes());
    return step.reshape(rolled(step, step.flat(step.x), 0, shifts[0] ?? 0, count), value);
  }
  return step
    .axes('axes')
    .reduce(
      (x, axis, i) => rolled(step, x, axis, shifts[i] ?? 0, step.countAlong(value, [axis])),
      step.x,
    );
};

function rolled(step: Step, x: string, axis: number, shift: number, size: number): string {
  const by = size === 0 ? 0 : ((shift % size) + size) % size;
  if (by === 0) return x;
  const back = sliced(step, x, [[size - by, LAST, axis, 1]]);
  const front = sliced(step, x, [[0, size - by, axis, 1]]);
  return step.emit('Concat', [back, front], { axis });
}

/** x in pieces along an axis, one for each result. */
function split(step: Step): string[] {
  const axis = step.axis();
  // unbind's results lack the axis.
  const sizes = step.outputs.map((value) =>
    value.shape.length < step.ndim ? 1 : step.countAlong(value, [axis]),
  );
  return step.emitAll('Split', [step.x, step.int64(...sizes)], { axis }, sizes.length);
}

/** Each mode of `pad` as ONNX calls it. */
const PAD_MODES: Readonly<Record<string, string>> = {
  constant: 'constant',
  reflect: 'reflect',
  replicate: 'edge',
};

const pad: Emit = (step) => {
  const { padding = [], mode = 'constant' } = step.attributes;
  const pairs = padding as readonly (readonly [number, number])[];
  const word = PAD_MODES[String(mode)];
  if (word === undefined) throw step.lacking(`padding of mode ${String(mode)} before 19`);
  const pads = [...pairs.map(([before]) => before), ...pairs.map(([, after]) => after)];
  const value = word === 'constant' ? [step.number('value')] : [];
  return step.emit('Pad', [step.x, step.int64(...pads), ...value], { mode: word });
};

/** Positions as ONNX takes them: those of ours are int32 or uint8. */
const positions = (step: Step, operand = 'index'): string => step.operand(operand, 'int32');

const scatter =
  (attributes: Readonly<Record<string, string>>): Emit =>
  (step) => {
    const index = step.value('index');
    // ONNX wants src as large as index; here it may be larger.
    const src = step.has('src')
      ? cropped(step, step.in('src'), step.value('src'), index)
      : step.emit('Expand', [step.number('src'), step.shape(step.extents(index))]);
    const axis = step.axis();
    return step.emit('ScatterElements', [step.x, positions(step), src], { axis, ...attributes });
  };

/** The part of x in front that is as large as `as`, along all axes but perhaps one. */
function cropped(step: Step, x: string, value: Value, as: Value, except = -1): string {
  const sizes = step.extents(as);
  const ranges = step.extents(value).flatMap((extent, axis): Range[] => {
    const size = sizes[axis];
    if (axis === except || !size || isSame(size, extent)) return [];
    if (!isFixed(size)) throw step.followsBatch(`the size of index along axis ${axis}`);
    return [[0, size.offset, axis, 1]];
  });
  return sliced(step, x, ranges);
}

const gather: Emit = (step) => {
  const axis = step.axis();
  // ONNX wants x as large as index along the other axes; here it may be larger.
  const x = cropped(step, step.x, step.value('x'), step.value('index'), axis);
  return step.emit('GatherElements', [x, positions(step)], { axis });
};

const takeAlongAxis: Emit = (step) => {
  if (!step.isGiven('axis')) {
    return step.emit('Gather', [step.flat(step.x), positions(step)], { axis: 0 });
  }
  const axis = step.axis();
  // Along the other axes both broadcast to the sizes of the result.
  const x = spread(step, step.x, step.value('x'), axis);
  const index = spread(step, positions(step), step.value('index'), axis);
  return step.emit('GatherElements', [x, index], { axis });
};

/** The k largest or smallest, and their positions. */
function extremes(step: Step, k: number, isLargest: boolean): [values: string, positions: string] {
  const attributes = { axis: step.axis(), largest: isLargest ? 1 : 0, sorted: 1 };
  const [values = '', at = ''] = step.emitAll('TopK', [step.x, step.int64(k)], attributes, 2);
  return [values, step.cast(at, 'int64', 'int32')];
}

const sorted = (step: Step): [values: string, positions: string] =>
  extremes(step, step.countAlong(step.value('x'), [step.axis()]), step.flag('descending'));

const HALF_PIXEL = { mode: 'linear', coordinate_transformation_mode: 'half_pixel' };

/** How each mode of `interpolate` is called in ONNX. */
const RESIZE: Readonly<Record<string, Given>> = {
  nearest: {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  },
  'nearest-exact': { ...HALF_PIXEL, mode: 'nearest', nearest_mode: 'round_prefer_ceil' },
  linear: HALF_PIXEL,
  bilinear: HALF_PIXEL,
};

const interpolate: Emit = (step) => {
  const { mode } = step.attributes;
  const attributes = RESIZE[String(mode)];
  if (!attributes) throw step.lacking(`mode ${String(mode)}`);
  const how = {
    ...attributes,
    ...(step.flag('alignCorners') && { coordinate_transformation_mode: 'align_corners' }),
  };
  if (!step.isGiven('scaleFactor')) {
    return step.emit('Resize', [step.x, '', '', step.shape(step.extents(step.out))], how);
  }
  const from = step.value('x').shape;
  const to = step.out.shape;
  const factors = step.numbers('scaleFactor', to.length - 2).map((factor, i) => {
    const ratio = (to[i + 2] ?? 1) / (from[i + 2] ?? 1);
    // As interpolate has it: a size that stays, or doubles, says more than the factor.
    const isWhole =
      (ratio === 1 && mode !== 'nearest-exact') || (ratio === 2 && mode === 'nearest');
    return isWhole ? ratio : factor;
  });
  return step.emit('Resize', [step.x, '', step.vector('float32', [1, 1, ...factors])], how);
};

/** Pixels of blocks become channels; ONNX's SpaceToDepth gives them in another order. */
const pixelUnshuffle: Emit = (step) => {
  const [N, C, H, W] = step.extents(step.value('x'));
  if (!N || !C || !H || !W || step.out.shape.length !== 4) {
    throw step.refusal('only images of four axes are translated');
  }
  const r = step.number('downscaleFactor');
  const part = ({ slope, offset }: Extent): Extent => ({ slope: slope / r, offset: offset / r });
  const blocks = step.reshapeTo(step.x, [N, C, part(H), fixed(r), part(W), fixed(r)]);
  return step.reshape(permuted(step, blocks, [0, 1, 3, 5, 2, 4]), step.out);
};

const triangle =
  (upper: number): Emit =>
  (step) =>
    step.emit('Trilu', [step.x, step.scalar('int64', step.number('diagonal'))], { upper });

/** What moves, repeats, picks and orders elements. */
export const MOVEMENT: Emitters = {
  reshape: reshaped,
  squeeze: reshaped,
  unsqueeze: reshaped,
  unflatten: reshaped,
  expand: expanded,
  broadcastTo: expanded,
  repeat: tiled,
  tile: tiled,
  permute: (step) => permuted(step, step.x, step.axes('axes')),
  transpose: (step) =>
    permuted(step, step.x, swapped(step.ndim, step.axis('first'), step.axis('second'))),
  concat: (step) => step.emit('Concat', step.all, { axis: step.axis() }),
  stack: (step) => {
    const axis = step.axis('axis', step.out.shape.length);
    const at = step.int64(axis);
    return step.emit(
      'Concat',
      step.all.map((x) => ['Unsqueeze', x, at]),
      { axis },
    );
  },
  split,
  chunk: split,
  unbind: (step) =>
    split(step).map((part) => step.emit('Squeeze', [part, step.int64(step.axis())])),
  select: (step) =>
    step.emit('Gather', [step.x, step.scalar('int64', step.number('index'))], {
      axis: step.axis(),
    }),
  interpolate,
  pixelShuffle: (step) => {
    if (step.out.shape.length !== 4) throw step.refusal('only images of four axes are translated');
    const attributes = { blocksize: step.number('upscaleFactor'), mode: 'CRD' };
    return step.emit('DepthToSpace', [step.x], attributes);
  },
  pixelUnshuffle,
  slice,
  flip,
  roll,
  pad,
  tril: triangle(0),
  triu: triangle(1),
  indexSelect: (step) => step.emit('Gather', [step.x, positions(step)], { axis: step.axis() }),
  embedding: (step) => step.emit('Gather', [step.in('weight'), positions(step, 'x')], { axis: 0 }),
  gather,
  takeAlongAxis,
  scatter: scatter({}),
  scatterAdd: scatter({ reduction: 'add' }),
  oneHot: (step) => {
    // Of all types of index and values, ONNX Runtime has these.
    const index = step.operand('index', 'int64');
    const operands = [index, step.int64(step.number('numClasses')), step.vector('float32', [0, 1])];
    return step.cast(step.emit('OneHot', operands, { axis: -1 }), 'float32', step.out.dtype);
  },
  sort: sorted,
  argsort: (step) => sorted(step)[1],
  topk: (step) => extremes(step, step.number('k'), step.flag('largest')),
};
