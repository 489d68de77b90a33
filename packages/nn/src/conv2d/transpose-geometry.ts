import {
  ConfigError,
  formatShape,
  ShapeError,
  type Conv2dGeometry,
  type OptionRules,
  type Shape,
} from '@unfold/core';
import { checkedInUse, checkWindow, valueText } from '@unfold/core/internal';
import { Recent } from '../recent.js';
import {
  channelsHint,
  checkGroups,
  convKey,
  frozen,
  isOfSequences,
  keyOf,
  pair,
  sizesText,
  strideFor,
  transposedSize,
  type Size2d,
} from './geometry.js';

/** Options of a transposed convolution, named and defaulted as PyTorch's. */
export interface ConvTranspose2dOptions {
  /** Of the convolution that this is the adjoint of: inputs lie this far apart. Default 1. */
  readonly stride?: Size2d;
  /** Pixels that are cut off on each side of the output. Default 0. */
  readonly padding?: Size2d;
  /**
   * Rows and columns more at the bottom and right of the output, as a stride above 1 rounds several
   * sizes to one. Smaller than the stride or the dilation. Default 0.
   */
  readonly outputPadding?: Size2d;
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: Size2d;
  /** Groups of channels that are taken separately. Default 1. */
  readonly groups?: number;
}

export const CONV_TRANSPOSE_OPTIONS: OptionRules<ConvTranspose2dOptions> = {
  stride: checkedInUse,
  padding: checkedInUse,
  outputPadding: checkedInUse,
  dilation: checkedInUse,
  groups: checkedInUse,
};

/** Options for both axes, defaults filled in. */
interface AxisOptions {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputPadding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** @throws ConfigError for an option out of range. */
export function convTranspose2dAxes(
  operation: string,
  { stride = 1, padding = 0, outputPadding = 0, dilation = 1 }: ConvTranspose2dOptions,
): AxisOptions {
  const axes = {
    stride: pair(operation, 'stride', stride, 1),
    padding: pair(operation, 'padding', padding, 0),
    outputPadding: pair(operation, 'outputPadding', outputPadding, 0),
    dilation: pair(operation, 'dilation', dilation, 1),
  };
  const fits = ([0, 1] as const).every(
    (axis) => axes.outputPadding[axis] < Math.max(axes.stride[axis], axes.dilation[axis]),
  );
  if (!fits) {
    const text = (sizes: readonly number[]): string => sizesText(operation, sizes);
    throw new ConfigError(
      `${operation}: outputPadding must be smaller than the stride or the dilation, got ` +
        `${text(axes.outputPadding)} with stride ${text(axes.stride)} and dilation ` +
        `${text(axes.dilation)}; pad the output for more`,
    );
  }
  return axes;
}

/** Geometries of calls that were right, frozen. */
const recent = new Recent<Conv2dGeometry>();

/** `convTranspose2dGeometry`, of which the last few are kept. */
export function recentConvTranspose2dGeometry(
  operation: string,
  x: Shape,
  weight: Shape,
  bias: Shape | null,
  options: ConvTranspose2dOptions,
): Conv2dGeometry {
  const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
  const key = convKey(x, weight, bias, stride, dilation, groups);
  key.push(keyOf(padding, 0), keyOf(padding, 1), keyOf(outputPadding, 0), keyOf(outputPadding, 1));
  return recent.get(key, () =>
    frozen(convTranspose2dGeometry(operation, x, weight, bias, options)),
  );
}

/**
 * Checks shapes and options against each other.
 * @param x `[N, C, H, W]`
 * @param weight `[C, OC/groups, KH, KW]`
 * @param bias `[OC]`, or null
 * @returns The convolution that this is the adjoint of: its x is the output here, its out is x.
 * @throws ShapeError or ConfigError that names what was expected, what came and the likely mend.
 */
function convTranspose2dGeometry(
  operation: string,
  x: Shape,
  weight: Shape,
  bias: Shape | null,
  options: ConvTranspose2dOptions,
): Conv2dGeometry {
  const { groups = 1 } = options;
  if (x.length !== 4 || weight.length !== 4) {
    throw new ShapeError(
      `${operation}: expected x [N,C,H,W] and weight [C,OC/groups,KH,KW], got ${formatShape(x)} and ` +
        `${formatShape(weight)}${x.length === 3 ? '; one image needs a batch axis in front' : ''}`,
    );
  }
  checkGroups(operation, groups);
  const [N, C, H, W] = x;
  const [weightC, groupOC, KH, KW] = weight;
  if (C !== weightC) {
    const mend =
      W !== weightC && groupOC * groups === C
        ? "weight looks like a convolution's [OC,C/groups,…], here the input channels come first"
        : channelsHint(operation, W === weightC);
    throw new ShapeError(
      `${operation}: weight ${sizesText(operation, weight)} expects ${weightC} input channels, x ` +
        `${sizesText(operation, x)} has ${C}; ${mend}`,
    );
  }
  if (C % groups !== 0) {
    throw new ShapeError(
      `${operation}: ${C} input channels are not divisible by ${groups} groups; choose a multiple`,
    );
  }
  const OC = groupOC * groups;
  if (bias && (bias.length !== 1 || bias[0] !== OC)) {
    throw new ShapeError(`${operation}: expected bias [${OC}], got ${formatShape(bias)}`);
  }
  if (H === 0 || W === 0) {
    throw new ShapeError(
      `${operation}: expected images with pixels, got x ${sizesText(operation, x)}`,
    );
  }
  const kernel = pair(operation, 'kernel size', [KH, KW], 1);
  const { stride, padding, outputPadding, dilation } = convTranspose2dAxes(operation, options);
  const [outH, outW] = sizes([H, W], kernel, { stride, padding, outputPadding, dilation });
  if (outH < 1 || outW < 1) {
    throw new ShapeError(
      `${operation}: padding ${sizesText(operation, padding)} cuts the output of x ` +
        `${sizesText(operation, x)} down to ${sizesText(operation, [outH, outW])}; use less padding or a larger kernel`,
    );
  }
  const window = {
    C: groupOC,
    H: outH,
    W: outW,
    KH,
    KW,
    OH: H,
    OW: W,
    strideH: strideFor(H, stride[0]),
    strideW: strideFor(W, stride[1]),
    padTop: padding[0],
    padLeft: padding[1],
    dilationH: dilation[0],
    dilationW: dilation[1],
  };
  checkWindow(operation, window);
  return { N, OC: C, groups, window };
}

/** Height and width of the output of an image of `size`. */
function sizes(
  size: readonly [number, number],
  kernel: readonly [number, number],
  { stride, padding, outputPadding, dilation }: AxisOptions,
): [number, number] {
  const along = (axis: 0 | 1): number =>
    transposedSize(
      size[axis],
      kernel[axis],
      stride[axis],
      2 * padding[axis],
      dilation[axis],
      outputPadding[axis],
    );
  return [along(0), along(1)];
}

/**
 * The `outputPadding` with which x becomes as large as asked for: each axis offers `stride` sizes.
 * @param x `[N, C, H, W]`
 * @param outputSize `[H, W]`, or a whole shape, of which the last two count
 * @throws ShapeError if the size is none of those.
 */
export function outputPaddingFor(
  layer: string,
  x: Shape,
  outputSize: Shape,
  kernel: readonly [number, number],
  options: ConvTranspose2dOptions,
): [number, number] {
  const axes = convTranspose2dAxes(layer, { ...options, outputPadding: 0 });
  if (x.length !== 4) return [0, 0]; // `convTranspose2dGeometry` says what is wrong with x.
  const [, , H, W] = x;
  const smallest = sizes([H, W], kernel, axes);
  const isShape = Array.isArray(outputSize); // Plain JavaScript may pass anything.
  const wanted: readonly number[] = isShape ? outputSize.slice(-2) : [];
  const padding = smallest.map((size, axis) => Number(wanted[axis]) - size);
  const [padH = NaN, padW = NaN] = padding;
  const offered = padding.every(
    (more, axis) => Number.isInteger(more) && more >= 0 && more < axes.stride[axis],
  );
  if (!offered || (outputSize.length !== 2 && outputSize.length !== x.length)) {
    const [height, width] = smallest.map(
      (size, axis) => `${size} … ${size + axes.stride[axis] - 1}`,
    );
    const offer = isOfSequences(layer)
      ? `a length of ${width}`
      : `a height of ${height} and a width of ${width}`;
    throw new ShapeError(
      `${layer}: x ${sizesText(layer, x)} can become ${offer}, got outputSize ` +
        (isShape ? sizesText(layer, outputSize) : valueText(outputSize)),
    );
  }
  return [padH, padW];
}
