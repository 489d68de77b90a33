import type { JsonData } from '@unfold/core';
import { isList } from '@unfold/core/internal';
import {
  atom,
  call,
  index,
  list,
  literal,
  method,
  tuple,
  tuples,
  type Expression,
} from '../python.js';
import { cast, functional, methodical, positions, spread } from './call.js';
import type { Step, Translate, Translations } from './step.js';

/** By a method that takes sizes: `x.expand(2, -1)`. */
const sized =
  (name: string, attribute: string): Translate =>
  (step) =>
    method(step.in('x'), name, spread(step.sizes(attribute)));

/** By a method that takes axes: `x.permute(0, 2, 1)`. */
const turned = (step: Step, name: string, axes: readonly number[]): Expression =>
  method(step.in('x'), name, spread(axes.map(literal)));

/** The last axes as one, or another shape. */
const reshape: Translate = (step) => {
  const [from, to] = [step.value('x').shape, step.out.shape];
  const kept = to.length - 1;
  const rest = from.slice(kept);
  const isFlattened =
    kept >= 0 &&
    rest.length > 1 &&
    to.every((size, axis) => axis === kept || size === from[axis]) &&
    to[kept] === rest.reduce((product, size) => product * size, 1);
  if (!isFlattened) return sized('reshape', 'shape')(step);
  return method(step.in('x'), 'flatten', kept === 0 ? [] : [kept]);
};

type Bound = number | null;

/** A range of an axis, as `slice` is given it. */
function rangeOf(range: JsonData): { start: Bound; end: Bound; by: number } {
  const bounds = isList(range) ? range : [];
  const [start = null, end = null, by = 1] = bounds.map((at) =>
    typeof at === 'number' ? at : null,
  );
  return { start, end, by: by ?? 1 };
}

/** `1:-1:2`. */
const rangeText = (start: Bound, end: Bound, by: number): string =>
  `${start === 0 ? '' : (start ?? '')}:${end ?? ''}${by === 1 ? '' : `:${by}`}`;

/** A place counted from the other end. */
const mirrored = (at: Bound): Bound => (at === null ? null : -1 - at);

/** PyTorch goes forwards only: an axis that is walked from its end is turned round first. */
const slice: Translate = (step) => {
  const { ranges = null } = step.attributes;
  const walks = (ranges !== null && isList(ranges) ? ranges : []).map(rangeOf);
  const back = walks.flatMap(({ by }, axis) => (by < 0 ? [axis] : []));
  const x = back.length === 0 ? step.in('x') : turned(step, 'flip', back);
  const texts = walks.map(({ start, end, by }) =>
    by < 0 ? rangeText(mirrored(start), mirrored(end), -by) : rangeText(start, end, by),
  );
  while (texts.at(-1) === ':') texts.pop();
  return texts.length === 0 ? x : index(x, ...texts.map(atom));
};

/** The position behind as many whole axes as come before it. */
const select: Translate = (step) => {
  const axis = step.number('axis');
  const before = axis < 0 ? axis + step.value('x').shape.length : axis;
  const whole = Array.from({ length: before }, () => atom(':'));
  return index(step.in('x'), ...whole, step.number('index'));
};

const tensors = (step: Step): Expression => list(step.inputs.map((value) => step.nameOf(value)));

/** A tuple of pieces, of which a single one is taken out. */
const pieces =
  (translate: Translate): Translate =>
  (step) => {
    const all = translate(step);
    return step.outputs.length === 1 ? index(all, 0) : all;
  };

/** PyTorch surrounds the last one, two or three axes by elements of x, behind one or two others. */
const MOST_AXES = 3;

/** Pairs from the last axis on, up to the first one that is padded. */
const pad: Translate = (step) => {
  const { padding = null, mode = 'constant' } = step.attributes;
  const pairs = padding !== null && isList(padding) ? padding : [];
  const first = pairs.findIndex((pair) => isList(pair) && pair.some((count) => count !== 0));
  const x = step.in('x');
  if (first < 0) return x;
  const ndim = pairs.length;
  const padded = (from: number): Expression =>
    tuples(
      pairs
        .slice(from)
        .reverse()
        .flatMap((pair) => (isList(pair) ? pair : [])),
    );
  if (mode === 'constant') {
    const value = step.attributes['value'] ?? 0;
    return call('F.pad', [x, padded(first)], { value: value === 0 ? undefined : value });
  }
  // An axis in front makes up for the one that is missing.
  const lacks = first === 0;
  const from = Math.min(first, 2);
  if (ndim - from > MOST_AXES) {
    throw step.refusal(`PyTorch pads at most ${MOST_AXES} axes with mode '${String(mode)}'`);
  }
  const whole = lacks ? method(x, 'unsqueeze', [0]) : x;
  const out = call('F.pad', [whole, padded(from)], { mode });
  return lacks ? method(out, 'squeeze', [0]) : out;
};

/** What moves, repeats, picks and orders elements. */
export const MOVEMENT: Translations = {
  reshape,
  unflatten: (step) =>
    method(step.in('x'), 'unflatten', [step.number('axis'), tuple(step.sizes('sizes'))]),
  squeeze: methodical('squeeze', ['axis']),
  unsqueeze: methodical('unsqueeze', ['axis']),
  expand: sized('expand', 'shape'),
  broadcastTo: sized('expand', 'shape'),
  repeat: sized('repeat', 'repeats'),
  tile: sized('tile', 'repeats'),
  permute: (step) => turned(step, 'permute', step.list('axes')),
  transpose: methodical('transpose', ['first', 'second']),
  flip: (step) =>
    turned(
      step,
      'flip',
      (step.attributes['axes'] ?? null) === null
        ? step.out.shape.map((_, axis) => axis)
        : step.list('axes'),
    ),
  roll: methodical('roll', ['shifts'], { axes: null }),
  concat: functional('torch.cat', [tensors], { axis: 0 }),
  stack: functional('torch.stack', [tensors], { axis: 0 }),
  split: pieces(
    methodical('split', [(step) => literal(step.attributes['sizes'] ?? null)], { axis: 0 }),
  ),
  chunk: pieces(methodical('chunk', ['chunks'], { axis: 0 })),
  unbind: pieces(methodical('unbind', [], { axis: 0 })),
  select,
  slice,
  pad,
  tril: methodical('tril', [], { diagonal: 0 }),
  triu: methodical('triu', [], { diagonal: 0 }),
  indexSelect: methodical('index_select', ['axis', 'index']),
  gather: methodical('gather', ['axis', positions('index')]),
  takeAlongAxis: methodical('take_along_dim', [positions('index')], { axis: null }),
  scatter: methodical('scatter', ['axis', positions('index'), 'src']),
  scatterAdd: methodical('scatter_add', ['axis', positions('index'), 'src']),
  oneHot: (step) =>
    cast(functional('F.one_hot', [positions('index'), 'numClasses'])(step), step.out.dtype),
  pixelShuffle: functional('F.pixel_shuffle', ['x', 'upscaleFactor']),
  pixelUnshuffle: functional('F.pixel_unshuffle', ['x', 'downscaleFactor']),
  interpolate: functional('F.interpolate', ['x'], {
    size: null,
    scaleFactor: null,
    mode: 'nearest',
    alignCorners: false,
  }),
};
