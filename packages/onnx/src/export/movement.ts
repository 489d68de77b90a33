import type { Value } from '@unfold/core';
import type { Given } from './builder.js';
import { fixed, isFixed, isSame, type Extent } from '@unfold/core/internal';
import type { Emit, Emitters, Step } from './step.js';

/** Another shape of the same elements. */
const reshaped: Emit = (step) => step.reshape(step.in('x'), step.out);

/** x repeated along axes of size 1, and along new ones in front. */
const expanded: Emit = (step) => {
  const from = step.extents(step.value('x'));
  const lead = step.out.shape.length - from.length;
  // Where x has the size already, 1 keeps it, whatever the batch.
  const to = step.extents(step.out).map((extent, axis) => {
    const own = from[axis - lead];
    return own && isSame(own, extent) ? fixed(1) : extent;
  });
  return step.emit('Expand', [step.in('x'), step.shape(to)]);
};

const tiled: Emit = (step) => {
  const from = step.value('x');
  const repeats = step.list('repeats');
  const ndim = step.out.shape.length;
  const lead = ndim - from.shape.length;
  const ones = Array.from({ length: lead }, () => fixed(1));
  const x =
    lead === 0 ? step.in('x') : step.reshapeTo(step.in('x'), [...ones, ...step.extents(from)]);
  const all = [...Array.from({ length: ndim - repeats.length }, () => 1), ...repeats];
  return step.emit('Tile', [x, step.int64(...all)]);
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

function sliced(
  step: Step,
  x: string,
  ranges: readonly { start: number; end: number; axis: number; step: number }[],
): string {
  if (ranges.length === 0) return x;
  return step.emit('Slice', [
    x,
    step.int64(...ranges.map(({ start }) => start)),
    step.int64(...ranges.map(({ end }) => end)),
    step.int64(...ranges.map(({ axis }) => axis)),
    step.int64(...ranges.map((range) => range.step)),
  ]);
}

/** An end that lies behind every axis, and one that lies before. */
const LAST = 2 ** 31 - 1;
const FIRST = -(2 ** 31) + 1;

const slice: Emit = (step) => {
  const { ranges = null } = step.attributes;
  const list: readonly unknown[] = Array.isArray(ranges) ? ranges : [];
  const asked = list.flatMap((range, axis) => {
    if (!Array.isArray(range)) return [];
    const [start, end, by] = range as readonly (number | null | undefined)[];
    const step = by ?? 1;
    // A walk back begins at the end.
    const [first, last] = step < 0 ? [-1, FIRST] : [0, LAST];
    return [{ start: start ?? first, end: end ?? last, axis, step }];
  });
  return sliced(step, step.in('x'), asked);
};

const flip: Emit = (step) => {
  const axes = step.axes(step.out.shape.length, 'axes');
  const ranges = axes.map((axis) => ({ start: -1, end: FIRST, axis, step: -1 }));
  return sliced(step, step.in('x'), ranges);
};

/** Elements move on, and those that leave at the end come in at the front. */
const roll: Emit = (step) => {
  const value = step.value('x');
  const shifts = step.list('shifts');
  const isFlat = step.attributes['axes'] === undefined || step.attributes['axes'] === null;
  if (isFlat) {
    const flat = step.emit('Reshape', [step.in('x'), step.int64(-1)]);
    const count = step.countAlong(value, step.axes(value.shape.length));
    return step.reshape(rolled(step, flat, 0, shifts[0] ?? 0, count), value);
  }
  return step
    .axes(value.shape.length, 'axes')
    .reduce(
      (x, axis, i) => rolled(step, x, axis, shifts[i] ?? 0, step.countAlong(value, [axis])),
      step.in('x'),
    );
};

function rolled(step: Step, x: string, axis: number, shift: number, size: number): string {
  const by = size === 0 ? 0 : ((shift % size) + size) % size;
  if (by === 0) return x;
  const back = sliced(step, x, [{ start: size - by, end: LAST, axis, step: 1 }]);
  const front = sliced(step, x, [{ start: 0, end: size - by, axis, step: 1 }]);
  return step.emit('Concat', [back, front], { axis });
}

/** x in pieces along an axis. */
function pieces(step: Step, axis: number): string[] {
  const sizes = step.outputs.map((value) => step.countAlong(value, [axis]));
  // Pieces of no element are not split off by all runtimes; there is one at most, where x has none.
  return step.emitAll('Split', [step.in('x'), step.int64(...sizes)], { axis }, sizes.length);
}

const split: Emit = (step) => pieces(step, step.axis(step.value('x').shape.length));

const unbind: Emit = (step) => {
  const value = step.value('x');
  const axis = step.axis(value.shape.length);
  const count = step.outputs.length;
  const parts = step.emitAll(
    'Split',
    [step.in('x'), step.uniform('int64', count, 1)],
    { axis },
    count,
  );
  return parts.map((part) => step.emit('Squeeze', [part, step.int64(axis)]));
};

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
  if (word === undefined)
    throw step.refusal(`ONNX has no padding of mode ${String(mode)} before 19`);
  const pads = [...pairs.map(([before]) => before), ...pairs.map(([, after]) => after)];
  const value = word === 'constant' ? [step.scalar(step.out.dtype, step.number('value'))] : [];
  return step.emit('Pad', [step.in('x'), step.int64(...pads), ...value], { mode: word });
};

/** Positions as ONNX takes them: those of ours are int32 or uint8. */
function positions(step: Step, operand = 'index'): string {
  const { dtype } = step.value(operand);
  const name = step.in(operand);
  return dtype === 'int32' ? name : step.cast(name, dtype, 'int32');
}

const scatter =
  (attributes: Readonly<Record<string, string>>): Emit =>
  (step) => {
    const value = step.value('x');
    const index = positions(step);
    const src = step.has('src')
      ? step.in('src')
      : step.emit('Expand', [
          step.scalar(value.dtype, step.number('src')),
          step.shape(step.extents(step.value('index'))),
        ]);
    // ONNX wants src as large as index; here it may be larger.
    const fitting = step.has('src')
      ? cropped(step, src, step.value('src'), step.value('index'))
      : src;
    const axis = step.axis(value.shape.length);
    return step.emit('ScatterElements', [step.in('x'), index, fitting], { axis, ...attributes });
  };

/** The part of x in front that is as large as `as`, along all axes but perhaps one. */
function cropped(step: Step, x: string, value: Value, as: Value, except = -1): string {
  const sizes = step.extents(as);
  const ranges = step.extents(value).flatMap((extent, axis) => {
    const size = sizes[axis];
    if (axis === except || !size || isSame(size, extent)) return [];
    if (!isFixed(size)) throw step.followsBatch(`the size of index along axis ${axis}`);
    return [{ start: 0, end: size.offset, axis, step: 1 }];
  });
  return sliced(step, x, ranges);
}

const gather: Emit = (step) => {
  const x = step.value('x');
  const axis = step.axis(x.shape.length);
  // ONNX wants x as large as index along the other axes; here it may be larger.
  const fitting = cropped(step, step.in('x'), x, step.value('index'), axis);
  return step.emit('GatherElements', [fitting, positions(step)], { axis });
};

const takeAlongAxis: Emit = (step) => {
  const x = step.value('x');
  const index = step.value('index');
  if (step.attributes['axis'] === undefined || step.attributes['axis'] === null) {
    const flat = step.emit('Reshape', [step.in('x'), step.int64(-1)]);
    return step.emit('Gather', [flat, positions(step)], { axis: 0 });
  }
  const axis = step.axis(x.shape.length);
  // Along the other axes both broadcast to the sizes of the result.
  const spread = (name: string, value: Value): string => {
    const own = step.extents(value);
    const to = step.extents(step.out).map((extent, at) => {
      const mine = own[at];
      return at === axis || (mine && isSame(mine, extent)) ? fixed(1) : extent;
    });
    if (to.every((extent) => isFixed(extent) && extent.offset === 1)) return name;
    return step.emit('Expand', [name, step.shape(to)]);
  };
  return step.emit('GatherElements', [spread(step.in('x'), x), spread(positions(step), index)], {
    axis,
  });
};

/** The largest or smallest, and their positions. */
function extremes(
  step: Step,
  k: number,
  axis: number,
  largest: boolean,
): [values: string, positions: string] {
  const [values = '', at = ''] = step.emitAll(
    'TopK',
    [step.in('x'), step.int64(k)],
    { axis, largest: largest ? 1 : 0, sorted: 1 },
    2,
  );
  return [values, step.cast(at, 'int64', 'int32')];
}

function sorted(step: Step): [values: string, positions: string] {
  const value = step.value('x');
  const axis = step.axis(value.shape.length);
  const count = step.countAlong(value, [axis]);
  return extremes(step, count, axis, step.attributes['descending'] === true);
}

/** How each mode of `interpolate` is called in ONNX. */
const RESIZE: Readonly<Record<string, Given>> = {
  nearest: {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  },
  'nearest-exact': {
    mode: 'nearest',
    coordinate_transformation_mode: 'half_pixel',
    nearest_mode: 'round_prefer_ceil',
  },
  linear: { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
  bilinear: { mode: 'linear', coordinate_transformation_mode: 'half_pixel' },
};

const interpolate: Emit = (step) => {
  const { scaleFactor, mode, alignCorners } = step.attributes;
  const attributes = RESIZE[String(mode)];
  if (!attributes) throw step.refusal(`ONNX has no mode ${String(mode)}`);
  const aligned = alignCorners === true && {
    coordinate_transformation_mode: 'align_corners',
  };
  const how = { ...attributes, ...aligned };
  if (scaleFactor === undefined || scaleFactor === null) {
    return step.emit('Resize', [step.in('x'), '', '', step.shape(step.extents(step.out))], how);
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
  const scales = [1, 1, ...factors];
  return step.emit('Resize', [step.in('x'), '', step.vector('float32', scales)], how);
};

/** Pixels of blocks become channels; ONNX's SpaceToDepth gives them in another order. */
const pixelUnshuffle: Emit = (step) => {
  const [N, C, H, W] = step.extents(step.value('x'));
  if (!N || !C || !H || !W || step.out.shape.length !== 4) {
    throw step.refusal('only images of four axes are translated');
  }
  const r = step.number('downscaleFactor');
  const part = ({ slope, offset }: Extent): Extent => ({ slope: slope / r, offset: offset / r });
  const blocks = step.reshapeTo(step.in('x'), [N, C, part(H), fixed(r), part(W), fixed(r)]);
  return step.reshape(permuted(step, blocks, [0, 1, 3, 5, 2, 4]), step.out);
};

const triangle =
  (upper: number): Emit =>
  (step) =>
    step.emit('Trilu', [step.in('x'), step.scalar('int64', step.number('diagonal'))], { upper });

/** What moves, repeats, picks and orders elements. */
export const MOVEMENT: Emitters = {
  reshape: reshaped,
  squeeze: reshaped,
  unsqueeze: reshaped,
  unflatten: reshaped,
  expand: expanded,
  broadcastTo: expanded,
  repeat: tiled,
  tile: (step) => tiled(step),
  permute: (step) => permuted(step, step.in('x'), step.axes(step.out.shape.length, 'axes')),
  transpose: (step) => {
    const ndim = step.out.shape.length;
    return permuted(
      step,
      step.in('x'),
      swapped(ndim, step.axis(ndim, 'first'), step.axis(ndim, 'second')),
    );
  },
  concat: (step) =>
    step.emit(
      'Concat',
      step.inputs.map((value) => step.nameOf(value)),
      {
        axis: step.axis(step.out.shape.length),
      },
    ),
  stack: (step) => {
    const axis = step.axis(step.out.shape.length);
    const rows = step.inputs.map((value) =>
      step.emit('Unsqueeze', [step.nameOf(value), step.int64(axis)]),
    );
    return step.emit('Concat', rows, { axis });
  },
  split,
  chunk: split,
  unbind,
  select: (step) => {
    const axis = step.axis(step.value('x').shape.length);
    return step.emit('Gather', [step.in('x'), step.scalar('int64', step.number('index'))], {
      axis,
    });
  },
  interpolate,
  pixelShuffle: (step) => {
    if (step.out.shape.length !== 4) throw step.refusal('only images of four axes are translated');
    const attributes = { blocksize: step.number('upscaleFactor'), mode: 'CRD' };
    return step.emit('DepthToSpace', [step.in('x')], attributes);
  },
  pixelUnshuffle,
  slice,
  flip,
  roll,
  pad,
  tril: triangle(0),
  triu: triangle(1),
  indexSelect: (step) =>
    step.emit('Gather', [step.in('x'), positions(step)], {
      axis: step.axis(step.value('x').shape.length),
    }),
  embedding: (step) => step.emit('Gather', [step.in('weight'), positions(step, 'x')], { axis: 0 }),
  gather,
  takeAlongAxis,
  scatter: scatter({}),
  scatterAdd: scatter({ reduction: 'add' }),
  oneHot: (step) => {
    // Of all types of index and values, ONNX Runtime has these.
    const index = step.cast(step.in('index'), step.value('index').dtype, 'int64');
    const operands = [index, step.int64(step.number('numClasses')), step.vector('float32', [0, 1])];
    return step.cast(step.emit('OneHot', operands, { axis: -1 }), 'float32', step.out.dtype);
  },
  sort: (step) => sorted(step),
  argsort: (step) => sorted(step)[1],
  topk: (step) =>
    extremes(
      step,
      step.number('k'),
      step.axis(step.value('x').shape.length),
      step.attributes['largest'] === true,
    ),
};
