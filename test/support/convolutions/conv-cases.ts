import { Generator, Tape, tensor, type DType, type Tensor } from '@unfold/core';
import { conv2d, type Conv2dOptions } from '@unfold/nn';
import fc from 'fast-check';

/** One convolution's shapes and options. Channels are counted for one group. */
export interface ConvCase {
  readonly N: number;
  readonly groups: number;
  readonly groupC: number;
  readonly groupOC: number;
  /** Height, then width. */
  readonly axes: readonly [ConvAxis, ConvAxis];
  readonly padding: 'numbers' | 'same' | 'valid';
  readonly bias: boolean;
}

export interface ConvAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros on each side; what `'same'` puts there is not counted here. */
  readonly padding: number;
}

/** Limits, both included, of what a generated case draws. */
interface Limits {
  readonly groups?: readonly [number, number];
  readonly groupC?: readonly [number, number];
  readonly kernel?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding?: readonly [number, number];
  /** Outputs along an axis. */
  readonly outputs?: readonly [number, number];
  /** Pixels at the end of an axis that no window reads, if the stride leaves room for them. */
  readonly rest?: readonly [number, number];
  readonly mode?: ConvCase['padding'];
}

/** The kinds of convolution that tests go through. */
export const CONV_KINDS = {
  anything: {},
  '1×1': { kernel: [1, 1] },
  'kernel as large as the input': {
    kernel: [2, 4],
    dilation: [1, 1],
    outputs: [1, 1],
    padding: [0, 0],
    rest: [0, 0],
  },
  strided: { kernel: [2, 3], stride: [2, 3], rest: [0, 0] },
  'strided, leaving a rest': { stride: [2, 3], rest: [1, 2], padding: [0, 0] },
  padded: { kernel: [2, 4], padding: [1, 2], stride: [1, 2] },
  dilated: { kernel: [2, 3], dilation: [2, 3] },
  grouped: { groups: [2, 3], groupC: [2, 2] },
  depthwise: { groups: [2, 4], groupC: [1, 1] },
  same: { kernel: [1, 4], mode: 'same', stride: [1, 1] },
  valid: { kernel: [2, 3], mode: 'valid' },
} satisfies Record<string, Limits>;

export type ConvKind = keyof typeof CONV_KINDS;

/** Convolutions with at most `maxPixels` elements in x and in the output. */
export function convCases(kind: ConvKind, maxPixels: number): fc.Arbitrary<ConvCase> {
  const limits: Limits = CONV_KINDS[kind];
  const mode = limits.mode ?? 'numbers';
  const axis = fc
    .record({
      kernel: within(limits.kernel ?? [1, 3]),
      stride: within(limits.stride ?? [1, 3]),
      dilation: within(limits.dilation ?? [1, 2]),
      padding: within(mode === 'numbers' ? (limits.padding ?? [0, 2]) : [0, 0]),
      outputs: within(limits.outputs ?? [1, 4]),
      rest: within(limits.rest ?? [0, 2]),
    })
    .map(({ outputs, rest, ...others }): ConvAxis => {
      const { kernel, stride, dilation, padding } = others;
      const read = (outputs - 1) * stride + dilation * (kernel - 1) + 1;
      const padded = read + Math.min(rest, stride - 1);
      return { ...others, size: mode === 'same' ? outputs + 1 : padded - 2 * padding };
    })
    .filter(({ size }) => size >= 1);
  return fc
    .record({
      N: within([1, 3]),
      groups: within(limits.groups ?? [1, 3]),
      groupC: within(limits.groupC ?? [1, 3]),
      groupOC: within([1, 3]),
      axes: fc.tuple(axis, axis),
      padding: fc.constant(mode),
      bias: fc.boolean(),
    })
    .filter((given) => {
      const { x, out } = shapesOf(given);
      return sizeOf(x) <= maxPixels && sizeOf(out) <= maxPixels;
    });
}

function within([min, max]: readonly [number, number]): fc.Arbitrary<number> {
  return fc.integer({ min, max });
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Zeros before and after an axis. `'same'` puts an odd one after. */
export function zerosAround(
  mode: ConvCase['padding'],
  { kernel, dilation, padding }: ConvAxis,
): [number, number] {
  if (mode !== 'same') return [padding, padding];
  const total = dilation * (kernel - 1);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

/** How many windows fit, found by moving one along until it sticks out. */
export function countWindows(mode: ConvCase['padding'], axis: ConvAxis): number {
  const [before, after] = zerosAround(mode, axis);
  const padded = before + axis.size + after;
  const lastTap = axis.dilation * (axis.kernel - 1);
  let count = 0;
  for (let start = 0; start + lastTap < padded; start += axis.stride) count++;
  return count;
}

export interface ConvShapes {
  readonly x: [number, number, number, number];
  readonly weight: [number, number, number, number];
  readonly bias: [number];
  readonly out: [number, number, number, number];
}

export function shapesOf({ N, groups, groupC, groupOC, axes, padding }: ConvCase): ConvShapes {
  const [h, w] = axes;
  return {
    x: [N, groups * groupC, h.size, w.size],
    weight: [groups * groupOC, groupC, h.kernel, w.kernel],
    bias: [groups * groupOC],
    out: [N, groups * groupOC, countWindows(padding, h), countWindows(padding, w)],
  };
}

/** The options that make `conv2d` compute the case. */
export function optionsOf({ groups, axes: [h, w], padding }: ConvCase): Required<Conv2dOptions> {
  return {
    stride: [h.stride, w.stride],
    padding: padding === 'numbers' ? [h.padding, w.padding] : padding,
    dilation: [h.dilation, w.dilation],
    groups,
  };
}

/** One line for a test's name. */
export function describeCase(given: ConvCase): string {
  const { x, weight } = shapesOf(given);
  const { stride, dilation, padding } = optionsOf(given);
  const pair = (value: unknown): string => (Array.isArray(value) ? value.join('×') : String(value));
  return (
    `${given.groups} groups, x [${x}], weight [${weight}], stride ${pair(stride)}, ` +
    `padding ${pair(padding)}, dilation ${pair(dilation)}${given.bias ? ', bias' : ''}`
  );
}

/** What goes into a convolution and its backward. */
export interface ConvNumbers {
  readonly x: Float64Array;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly dOut: Float64Array;
}

/** Seeded normal numbers, rounded to float32 so that every dtype holds them exactly. */
export function convNumbers(given: ConvCase, seed: number): ConvNumbers {
  const source = new Generator(seed, 'convolution');
  const { x, weight, bias, out } = shapesOf(given);
  const draw = (shape: readonly number[]): Float64Array =>
    Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(source.normal()));
  return {
    x: draw(x),
    weight: draw(weight),
    bias: given.bias ? draw(bias) : new Float64Array(bias[0]),
    dOut: draw(out),
  };
}

export interface ConvResults<Numbers extends ArrayLike<number> = Float64Array> {
  readonly out: Numbers;
  readonly dX: Numbers;
  readonly dWeight: Numbers;
  readonly dBias: Numbers;
}

/** `conv2d`, or one of its two routes. */
type ConvFunction = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions,
) => Tensor;

/** A convolution and its gradients on a tape. Without a bias, dBias is empty. */
export function convOnTape(
  given: ConvCase,
  numbers: ConvNumbers,
  dtype: DType,
  convolve: ConvFunction = conv2d,
): ConvResults<ArrayLike<number>> {
  using tape = new Tape();
  const shapes = shapesOf(given);
  const leaf = (values: Float64Array, shape: readonly number[]): Tensor =>
    tensor(values, shape, { dtype, requiresGrad: true });
  const x = leaf(numbers.x, shapes.x);
  const weight = leaf(numbers.weight, shapes.weight);
  const bias = given.bias ? leaf(numbers.bias, shapes.bias) : null;
  const out = convolve(x, weight, bias, optionsOf(given));
  tape.backward(out, tensor(numbers.dOut, shapes.out, { dtype }));
  return {
    out: out.toTypedArray(),
    dX: gradientOf(x),
    dWeight: gradientOf(weight),
    dBias: bias ? gradientOf(bias) : [],
  };
}

/** A copy of a leaf's gradient. */
export function gradientOf(leaf: Tensor): ArrayLike<number> {
  if (!leaf.grad) throw new Error(`${leaf.describe()} has no gradient`);
  return leaf.grad.toTypedArray();
}

/**
 * The convolution and its gradients by definition: for each output element and each tap of the
 * kernel, out += weight·x, dX += weight·dOut, dWeight += x·dOut.
 */
export function convByDefinition(given: ConvCase, numbers: ConvNumbers): ConvResults {
  const shapes = shapesOf(given);
  const [N, OC, OH, OW] = shapes.out;
  const [, C, H, W] = shapes.x;
  const [, groupC, KH, KW] = shapes.weight;
  const [h, w] = given.axes;
  const [top] = zerosAround(given.padding, h);
  const [left] = zerosAround(given.padding, w);
  const { x, weight, bias, dOut } = numbers;
  const out = new Float64Array(sizeOf(shapes.out));
  const dX = new Float64Array(sizeOf(shapes.x));
  const dWeight = new Float64Array(sizeOf(shapes.weight));
  const dBias = new Float64Array(OC);
  const add = (to: Float64Array, at: number, value: number): void => {
    to[at] = (to[at] as number) + value;
  };
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < OC; o++) {
      const firstChannel = Math.floor(o / given.groupOC) * groupC;
      for (let i = 0; i < OH; i++) {
        for (let j = 0; j < OW; j++) {
          const y = ((n * OC + o) * OH + i) * OW + j;
          const d = dOut[y] as number;
          add(out, y, bias[o] as number);
          add(dBias, o, d);
          for (let c = 0; c < groupC; c++) {
            for (let m = 0; m < KH; m++) {
              for (let q = 0; q < KW; q++) {
                const row = i * h.stride + m * h.dilation - top;
                const column = j * w.stride + q * w.dilation - left;
                if (row < 0 || row >= H || column < 0 || column >= W) continue;
                const pixel = ((n * C + firstChannel + c) * H + row) * W + column;
                const tap = ((o * groupC + c) * KH + m) * KW + q;
                add(out, y, (weight[tap] as number) * (x[pixel] as number));
                add(dX, pixel, (weight[tap] as number) * d);
                add(dWeight, tap, (x[pixel] as number) * d);
              }
            }
          }
        }
      }
    }
  }
  return { out, dX, dWeight, dBias: given.bias ? dBias : new Float64Array(0) };
}

/**
 * For each result the sum of the magnitudes of its products, Σ|aᵢ·bᵢ|: what the rounding error of a
 * right answer is relative to.
 */
export function convMagnitudes(given: ConvCase, numbers: ConvNumbers): ConvResults {
  return convByDefinition(given, {
    x: numbers.x.map(Math.abs),
    weight: numbers.weight.map(Math.abs),
    bias: numbers.bias.map(Math.abs),
    dOut: numbers.dOut.map(Math.abs),
  });
}

/** For each pixel of x, how often a tap of some window lies on it, in all output channels. */
export function timesRead(given: ConvCase): Float64Array {
  const shapes = shapesOf(given);
  return convByDefinition(given, {
    x: new Float64Array(sizeOf(shapes.x)),
    weight: new Float64Array(sizeOf(shapes.weight)).fill(1),
    bias: new Float64Array(shapes.bias[0]),
    dOut: new Float64Array(sizeOf(shapes.out)).fill(1),
  }).dX;
}
