import { add, indexSelect, mul, reshape, type Tensor } from '@unfold/core';
import { checkShape, withDim } from '@unfold/core/internal';
import { lookUp } from '../model/model.js';
import { Known, type Call, type Operators } from './call.js';

/** Of one axis: its size before and after, and how many times larger it becomes. */
interface Stretch {
  readonly size: number;
  readonly to: number;
  readonly scale: number;
}

/** The place in x that an element of the result stands for, by ONNX's names. */
function placeOf(call: Call, at: number, { size, to, scale }: Stretch): number {
  // Upsample had no such attribute, and no half pixels.
  const how = call.text(
    'coordinate_transformation_mode',
    call.opset < 11 ? 'asymmetric' : 'half_pixel',
  );
  switch (how) {
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'asymmetric':
      return at / scale;
    case 'align_corners':
      // The size that the scale asks for, which may be no whole number.
      return size * scale === 1 ? 0 : (at * (size - 1)) / (size * scale - 1);
    case 'tf_half_pixel_for_nn':
      return (at + 0.5) / scale;
    case 'half_pixel_symmetric': {
      // What rounding the size took away is shared by both sides.
      const offset = (size / 2) * (1 - to / (scale * size));
      return offset + (at + 0.5) / scale - 0.5;
    }
    default:
      throw call.lacking(`coordinates of mode ${how}`);
  }
}

/** Positions in x, and what share of each makes an element. */
type Taps = readonly (readonly [position: number, share: number])[];

function nearest(call: Call, place: number): Taps {
  const how = call.text('nearest_mode', call.opset < 11 ? 'floor' : 'round_prefer_floor');
  const rounded: Readonly<Record<string, number>> = {
    floor: Math.floor(place),
    ceil: Math.ceil(place),
    round_prefer_floor: Math.ceil(place - 0.5),
    round_prefer_ceil: Math.floor(place + 0.5),
  };
  const position = lookUp(rounded, how);
  if (position === undefined) throw call.lacking(`rounding of mode ${how}`);
  return [[position, 1]];
}

function linear(place: number): Taps {
  const low = Math.floor(place);
  const share = place - low;
  return [
    [low, 1 - share],
    [low + 1, share],
  ];
}

/** Keys' convolution with four taps (1981). */
function cubic(call: Call, place: number, size: number): Taps {
  const a = call.float('cubic_coeff_a', -0.75);
  const low = Math.floor(place);
  const weight = (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
  const taps = [-1, 0, 1, 2].map((i): [number, number] => [low + i, weight(place - low - i)]);
  if (call.int('exclude_outside', 0) === 0) return taps;
  const inside = taps.map(([position, share]): [number, number] => [
    position,
    position < 0 || position >= size ? 0 : share,
  ]);
  const total = inside.reduce((sum, [, share]) => sum + share, 0);
  return inside.map(([position, share]) => [position, share / total]);
}

function tapsOf(call: Call, place: number, size: number): Taps {
  const mode = call.text('mode', 'nearest');
  if (mode === 'nearest') return nearest(call, place);
  if (mode === 'linear') return linear(place);
  if (mode === 'cubic') return cubic(call, place, size);
  throw call.lacking(`the mode ${mode}`);
}

/** x resized along an axis: a sum of picked slices, each times its shares. */
function along(call: Call, x: Tensor, axis: number, stretch: Stretch): Tensor {
  const { size, to } = stretch;
  // Before a list of so many is made.
  checkShape(call.where, withDim(x.shape, axis, to));
  if (size < 1 || to < 1 || !(stretch.scale > 0)) {
    throw call.fault('sizes and scales above 0', `${size} to ${to}`);
  }
  const taps = Array.from({ length: to }, (_, at) =>
    tapsOf(call, placeOf(call, at, stretch), size),
  );
  const shape = x.shape.map((_, i) => (i === axis ? to : 1));
  const terms = (taps[0] ?? []).map((_, t) => {
    const at = taps.map((list) => Math.min(Math.max(list[t]?.[0] ?? 0, 0), size - 1));
    const shares = taps.map((list) => list[t]?.[1] ?? 0);
    const picked = indexSelect(x, axis, Known.list(at).tensor(call.where));
    if (shares.every((share) => share === 1)) return picked;
    const factors = new Known(x.dtype, [to], shares).tensor(call.where);
    return mul(picked, reshape(factors, shape));
  });
  return terms.reduce((a, b) => add(a, b));
}

/** The sizes that are asked for, one for each axis. */
function stretches(call: Call, x: Tensor): Stretch[] {
  const axes = (call.ints('axes') ?? x.shape.map((_, i) => i)).map((axis) =>
    call.axisOf(axis, x.ndim),
  );
  // Upsample's input is Resize's third.
  const scales = call.numbersOr(call.opset < 11 ? 1 : 2, []);
  const sizes = call.numbersOr(3, []);
  const given = sizes.length > 0 ? sizes : scales;
  if (given.length !== axes.length) throw call.fault(`${axes.length} sizes or scales`, given);
  const policy = call.text('keep_aspect_ratio_policy', 'stretch');
  const ratios = axes.map((axis, i) => (sizes[i] ?? 0) / (x.shape[axis] ?? 1));
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return x.shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    if (i < 0) return { size, to: size, scale: 1 };
    if (sizes.length === 0) {
      const scale = scales[i] ?? 1;
      return { size, to: Math.floor(size * scale), scale };
    }
    if (policy !== 'stretch') return { size, to: Math.round(size * common), scale: common };
    const to = sizes[i] ?? size;
    return { size, to, scale: to / size };
  });
}

function resize(call: Call): Tensor {
  const { x } = call;
  if (call.int('antialias', 0) === 1) throw call.lacking('antialiasing');
  return stretches(call, x).reduce(
    (out, stretch, axis) =>
      stretch.to === stretch.size && stretch.scale === 1 ? out : along(call, out, axis, stretch),
    x,
  );
}

/** Images and more made larger or smaller. */
export const RESIZE: Operators = { Resize: resize, Upsample: resize };
