import {
  ConfigError,
  formatShape,
  ShapeError,
  type Conv2dGeometry,
  type OptionRules,
  type Shape,
  type WindowGeometry,
} from '@unfold/core';
import { checkedInUse, checkWindow, valueText } from '@unfold/core/internal';
import { Recent } from '../recent.js';

/** One number for both axes, or `[height, width]`. */
export type Size2d = number | readonly [height: number, width: number];

/** Options of a convolution, named and defaulted as PyTorch's. */
export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: Size2d;
  /**
   * Zeros on each side, 0 by default. `'valid'` is 0; `'same'` makes the output as large as the
   * input (stride 1 only) and puts an odd zero at the bottom and right.
   */
  readonly padding?: Size2d | 'same' | 'valid';
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: Size2d;
  /** Groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

export const CONV_OPTIONS: OptionRules<Conv2dOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  dilation: checkedInUse,
  groups: checkedInUse,
};

/** `[h, w]` of integers that are at least `minimum`. @throws ConfigError naming the option. */
export function pair(
  operation: string,
  option: string,
  size: Size2d,
  minimum: number,
): [number, number] {
  const list = Array.isArray(size) ? size : [];
  const sizes: readonly number[] = typeof size === 'number' ? [size, size] : list;
  const [h = NaN, w = NaN] = sizes;
  const valid = sizes.length === 2 && [h, w].every((n) => Number.isInteger(n) && n >= minimum);
  if (!valid) {
    throw new ConfigError(
      `${operation}: ${option} must be an integer of at least ${minimum}, or two of them, got ` +
        (Array.isArray(size) ? formatShape(size) : valueText(size)),
    );
  }
  return [h, w];
}

/**
 * The one output-size formula: ⌊(size + padding - reach) / stride⌋ + 1, `padding` being the zeros
 * on both sides together and `reach` = dilation·(kernel - 1) + 1 the pixels that a kernel spans.
 * Where the division leaves a rest, the last pixels are never read. Below 1 nothing fits.
 */
export function outputSize(
  size: number,
  kernel: number,
  stride = 1,
  padding = 0,
  dilation = 1,
): number {
  const sizes = [size, kernel, stride, padding, dilation];
  if (!sizes.every(Number.isInteger)) {
    throw new ConfigError(
      'outputSize: expected integers for size, kernel, stride, padding and dilation, got ' +
        sizes.map(valueText).join(', '),
    );
  }
  return Math.floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/**
 * The output size of a transposed convolution along an axis: the smallest that `outputSize` takes
 * back to `size`, and `outputPadding` more.
 */
export function transposedSize(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
  outputPadding: number,
): number {
  return (size - 1) * stride - padding + dilation * (kernel - 1) + 1 + outputPadding;
}

/** Whether an operation is one of sequences, by PyTorch's names; it runs on images of height 1. */
export function isOfSequences(operation: string): boolean {
  return operation.endsWith('1d');
}

/**
 * Sizes in a message. Who calls an operation of sequences knows nothing of a height: `[N, C, 1, L]` is
 * shown as `[N, C, L]`, `[1, K]` as `[K]`.
 */
export function sizesText(operation: string, sizes: readonly number[]): string {
  const height = isOfSequences(operation) ? sizes.length - 2 : -1;
  return formatShape(sizes.filter((_, i) => i !== height));
}

interface WindowOptions {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** Zeros `[before, after]` of each axis. */
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
  readonly dilation: readonly [number, number];
}

/**
 * The stride as kernels take it: a single window never moves, however large a stride was asked for.
 */
export function strideFor(outputs: number, stride: number): number {
  return outputs === 1 ? 1 : stride;
}

/**
 * The window that slides over `[C, H, W]`.
 * @throws ShapeError if the kernel is larger than the padded input, or positions don't fit into 32
 * bits.
 */
export function windowGeometry(
  operation: string,
  C: number,
  [H, W]: readonly [number, number],
  { kernel, stride, padding, dilation }: WindowOptions,
): WindowGeometry {
  const [KH, KW] = kernel;
  const [[padTop, padBottom], [padLeft, padRight]] = padding;
  const OH = outputSize(H, KH, stride[0], padTop + padBottom, dilation[0]);
  const OW = outputSize(W, KW, stride[1], padLeft + padRight, dilation[1]);
  if (OH < 1 || OW < 1) {
    const reach = [dilation[0] * (KH - 1) + 1, dilation[1] * (KW - 1) + 1];
    const padded = [H + padTop + padBottom, W + padLeft + padRight];
    throw new ShapeError(
      `${operation}: the kernel spans ${sizesText(operation, reach)} pixels and the padded input has ` +
        `${sizesText(operation, padded)}; use a smaller kernel or more padding`,
    );
  }
  const window = {
    C,
    H,
    W,
    KH,
    KW,
    OH,
    OW,
    strideH: strideFor(OH, stride[0]),
    strideW: strideFor(OW, stride[1]),
    padTop,
    padLeft,
    dilationH: dilation[0],
    dilationW: dilation[1],
  };
  checkWindow(operation, window);
  return window;
}

/**
 * A convolution's options for both axes, defaults filled in.
 * @throws ConfigError for an option out of range, or `'same'` with a stride.
 */
export function conv2dWindow(
  operation: string,
  kernel: readonly [number, number],
  { stride = 1, padding = 0, dilation = 1 }: Conv2dOptions,
): WindowOptions {
  const sizes = {
    kernel,
    stride: pair(operation, 'stride', stride, 1),
    dilation: pair(operation, 'dilation', dilation, 1),
  };
  return { ...sizes, padding: paddingOf(operation, padding, sizes) };
}

/** Zeros before and after each axis. */
function paddingOf(
  operation: string,
  padding: Size2d | 'same' | 'valid',
  { kernel, stride, dilation }: Omit<WindowOptions, 'padding'>,
): WindowOptions['padding'] {
  if (padding === 'same') {
    if (stride[0] !== 1 || stride[1] !== 1) {
      throw new ConfigError(
        `${operation}: padding 'same' needs stride 1, got ${sizesText(operation, stride)}; give the ` +
          'padding in numbers',
      );
    }
    const split = (axis: 0 | 1): readonly [number, number] => {
      const total = dilation[axis] * (kernel[axis] - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    };
    return [split(0), split(1)];
  }
  if (typeof padding === 'string' && padding !== 'valid') {
    throw new ConfigError(
      `${operation}: padding must be numbers, 'same' or 'valid', got ${valueText(padding)}`,
    );
  }
  const [h, w] = padding === 'valid' ? [0, 0] : pair(operation, 'padding', padding, 0);
  return [
    [h, h],
    [w, w],
  ];
}

/** @throws ConfigError unless `groups` is a positive integer. */
export function checkGroups(operation: string, groups: number): void {
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ConfigError(
      `${operation}: groups must be an integer of at least 1, got ${valueText(groups)}`,
    );
  }
}

/** The likely mend where x has other channels than the weight; `areLast` where its last axis has as many. */
export function channelsHint(operation: string, areLast: boolean): string {
  return areLast && !isOfSequences(operation)
    ? 'x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])'
    : 'the second axis of x must be its channels';
}

/** Geometries of calls that were right, frozen: most calls are those of the step before. */
const recent = new Recent<Conv2dGeometry>();

/**
 * One axis of a size as a number for a key: NaN, which is never found, unless it is one.
 * @param axis 0 for the height, 1 for the width
 */
export function keyOf(size: unknown, axis: 0 | 1): number {
  if (typeof size === 'number') return size;
  const side: unknown = Array.isArray(size) && size.length === 2 ? size[axis] : NaN;
  return typeof side === 'number' ? side : NaN;
}

/** The key of a convolution's shapes and sizes, by which its geometry is kept. */
export function convKey(
  x: Shape,
  weight: Shape,
  bias: Shape | null,
  stride: Size2d,
  dilation: Size2d,
  groups: number,
): number[] {
  const [N, C, H, W] = x;
  const [first, second, KH, KW] = weight;
  // prettier-ignore
  return [
    x.length, N, C, H, W, weight.length, first, second, KH, KW,
    bias === null ? -1 : bias.length, bias?.[0] ?? 0, groups,
    keyOf(stride, 0), keyOf(stride, 1), keyOf(dilation, 0), keyOf(dilation, 1),
  ];
}

/** `conv2dGeometry`, of which the last few are kept. */
export function recentConv2dGeometry(
  operation: string,
  x: Shape,
  weight: Shape,
  bias: Shape | null,
  options: Conv2dOptions,
): Conv2dGeometry {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const key = convKey(x, weight, bias, stride, dilation, groups);
  // 'same' has a place of its own, as any number may come for the padding, -1 too.
  const isSame = padding === 'same';
  const zeros = isSame || padding === 'valid' ? 0 : padding;
  key.push(isSame ? 1 : 0, keyOf(zeros, 0), keyOf(zeros, 1));
  return recent.get(key, () => frozen(conv2dGeometry(operation, x, weight, bias, options)));
}

/** The same geometry, which nobody can change any more. */
export function frozen(geometry: Conv2dGeometry): Conv2dGeometry {
  Object.freeze(geometry.window);
  return Object.freeze(geometry);
}

/**
 * Checks shapes and options against each other.
 * @param x `[N, C, H, W]`
 * @param weight `[OC, C/groups, KH, KW]`
 * @param bias `[OC]`, or null
 * @throws ShapeError or ConfigError that names what was expected, what came and the likely mend.
 */
function conv2dGeometry(
  operation: string,
  x: Shape,
  weight: Shape,
  bias: Shape | null,
  options: Conv2dOptions,
): Conv2dGeometry {
  const { groups = 1 } = options;
  if (x.length !== 4 || weight.length !== 4) {
    throw new ShapeError(
      `${operation}: expected x [N,C,H,W] and weight [OC,C/groups,KH,KW], got ${formatShape(x)} and ` +
        `${formatShape(weight)}${x.length === 3 ? '; one image needs a batch axis in front' : ''}`,
    );
  }
  checkGroups(operation, groups);
  const [N, C, H, W] = x;
  const [OC, groupC, KH, KW] = weight;
  if (OC % groups !== 0) {
    throw new ShapeError(
      `${operation}: ${OC} output channels are not divisible by ${groups} groups; choose a multiple`,
    );
  }
  if (C !== groupC * groups) {
    throw new ShapeError(
      `${operation}: weight ${sizesText(operation, weight)} expects ${groupC * groups} input ` +
        `channels${groups > 1 ? ` in ${groups} groups` : ''}, x ${sizesText(operation, x)} has ${C}; ` +
        channelsHint(operation, W === groupC * groups),
    );
  }
  if (bias && (bias.length !== 1 || bias[0] !== OC)) {
    throw new ShapeError(`${operation}: expected bias [${OC}], got ${formatShape(bias)}`);
  }
  const kernel = pair(operation, 'kernel size', [KH, KW], 1);
  const window = windowGeometry(
    operation,
    groupC,
    [H, W],
    conv2dWindow(operation, kernel, options),
  );
  return { N, OC, groups, window };
}
