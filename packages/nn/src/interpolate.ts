import {
  bufferOf,
  ConfigError,
  defineFunction,
  empty,
  formatShape,
  moreKernelsFor,
  ShapeError,
  zeros,
  type Context,
  type IndexGeometry,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkOptions,
  checkShape,
  composed,
  defineGradient,
  flag,
  int32Of,
  oneOf,
  perGroup,
  positive,
  positiveCount,
  reduceGeometry,
  requireFloat,
  tracer,
  withDim,
} from '@unfold/core/internal';
import { vectorOf } from './buffers.js';
import { ownOptions } from './checks.js';
import { Module } from './module.js';

/** How `interpolate` finds values between pixels. */
export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear';

/** Options of `interpolate` and `Upsample`, named and defaulted as PyTorch's; a size or a factor is needed. */
export interface InterpolateOptions {
  /** The size of the result: one number for all axes of places, or one for each. */
  readonly size?: number | readonly number[];
  /** How many times larger the result is, likewise; sizes are rounded down. */
  readonly scaleFactor?: number | readonly number[];
  /**
   * `'nearest'` takes the pixel that the upper left corner lies in, `'nearest-exact'` the one that the
   * centre lies in; `'linear'` is for `[N, C, L]` and `'bilinear'` for `[N, C, H, W]`. Default `'nearest'`.
   */
  readonly mode?: InterpolateMode;
  /**
   * Whether the centres of the corner pixels stay in place, rather than the image's corners; of linear and
   * bilinear. Default false.
   */
  readonly alignCorners?: boolean;
}

const INTERPOLATE_OPTIONS: OptionRules<InterpolateOptions> = {
  size: perGroup(positiveCount),
  scaleFactor: perGroup(positive),
  mode: oneOf('nearest', 'nearest-exact', 'linear', 'bilinear'),
  alignCorners: flag,
};

/** What x is in the modes that take shares of neighbours. */
const LINEAR = {
  linear: { ndim: 3, images: '[N,C,L]' },
  bilinear: { ndim: 4, images: '[N,C,H,W]' },
} as const;

function isLinear(mode: InterpolateMode): mode is keyof typeof LINEAR {
  return mode in LINEAR;
}

/** What each place along an axis of the result takes of two along that of x. */
interface Shares {
  readonly axis: number;
  /** The size of x along the axis. */
  readonly n: number;
  /** The places of both, `[2, count]` (int32). */
  readonly index: Tensor;
  /** `[2, count]` */
  readonly shares: Tensor;
}

/** How the kernels see what has the axis. */
function alongAxis({ shape }: Tensor, { axis, n, index }: Shares): IndexGeometry {
  return { ...reduceGeometry(shape, axis), n, count: index.size / 2 };
}

// Each is linear, and the other is its transpose: so each is the other's gradient.

const resampleFunction = defineFunction('interpolate', {
  forward(ctx: Context<Shares>, x: Tensor, given: Shares) {
    ctx.save(given);
    const { axis, index, shares } = given;
    const out = empty(withDim(x.shape, axis, index.size / 2), x.dtype, 'interpolate');
    moreKernelsFor(x.dtype).resample(
      bufferOf(out),
      bufferOf(x),
      int32Of('interpolate', index),
      bufferOf(shares),
      alongAxis(x, given),
    );
    return out;
  },
  backward: (ctx, dOut): Tensor => spreadFunction(dOut, ctx.saved),
});

const spreadFunction = defineGradient('interpolateBackward', {
  forward(ctx: Context<Shares>, dOut: Tensor, given: Shares) {
    ctx.save(given);
    const { axis, n, index, shares } = given;
    const dX = zeros(withDim(dOut.shape, axis, n), { dtype: dOut.dtype });
    moreKernelsFor(dOut.dtype).resampleBackward(
      bufferOf(dX),
      bufferOf(dOut),
      int32Of('interpolate', index),
      bufferOf(shares),
      alongAxis(dOut, given),
    );
    return dX;
  },
  backward: (ctx, d) => resampleFunction(d, ctx.saved),
});

/** A size, and how far the places of the result lie from each other in x. */
interface Axis {
  readonly size: number;
  readonly step: number;
}

/** Where places of the result lie in x, and what they take, by the formulas of PyTorch's kernels. */
function sharesOf(x: Tensor, axis: number, { size, step }: Axis, options: Complete): Shares {
  const n = x.shape[axis];
  const { mode, alignCorners } = options;
  const cornerStep = size > 1 ? (n - 1) / (size - 1) : 0;
  const placeOf = (i: number): number => {
    if (alignCorners) return i * cornerStep;
    if (isLinear(mode)) return Math.max(0, (i + 0.5) * step - 0.5);
    return Math.floor((mode === 'nearest' ? i : i + 0.5) * step);
  };
  const places = Array.from({ length: size }, (_, i) => Math.min(placeOf(i), n - 1));
  const first = places.map(Math.floor);
  const second = places.map((place, i) => place - first[i]);
  return {
    axis,
    n,
    index: vectorOf(
      [...first, ...first.map((i) => Math.min(i + 1, n - 1))],
      'int32',
      'interpolate',
    ),
    shares: vectorOf([...second.map((q) => 1 - q), ...second], x.dtype, 'interpolate'),
  };
}

/** Options with their defaults. */
type Complete = Required<Pick<InterpolateOptions, 'mode' | 'alignCorners'>> &
  (
    | { readonly size: number | readonly number[] }
    | { readonly scaleFactor: number | readonly number[] }
  );

/** @throws ConfigError for options that say nothing, or contradict each other. */
function complete(operation: string, options: InterpolateOptions): Complete {
  checkOptions(operation, options, INTERPOLATE_OPTIONS);
  const { size, scaleFactor, mode = 'nearest', alignCorners = false } = options;
  if (alignCorners && !isLinear(mode)) {
    throw new ConfigError(`${operation}: alignCorners is for linear and bilinear, got '${mode}'`);
  }
  if (size !== undefined && scaleFactor === undefined) return { size, mode, alignCorners };
  if (size === undefined && scaleFactor !== undefined) return { scaleFactor, mode, alignCorners };
  throw new ConfigError(
    `${operation}: expected size or scaleFactor, got ${size === undefined ? 'neither' : 'both'}`,
  );
}

/**
 * An axis by a factor. As in PyTorch, one whose size stays is copied, except by nearest-exact, and in nearest
 * one whose size doubles repeats each place, whatever the factor was before the size was rounded down.
 */
function scaled(n: number, factor: number, mode: InterpolateMode): Axis {
  const size = Math.floor(n * factor);
  const isWhole =
    (size === n && mode !== 'nearest-exact') || (size === 2 * n && mode === 'nearest');
  return { size, step: isWhole ? n / size : 1 / factor };
}

/** The axes of places that the result has. @throws ShapeError for shapes that don't fit the options. */
function axesOf({ shape, ndim }: Tensor, options: Complete): Axis[] {
  const { mode } = options;
  const linear = isLinear(mode) ? LINEAR[mode] : null;
  if (linear ? ndim !== linear.ndim : ndim < 3) {
    throw new ShapeError(
      `interpolate: expected x ${linear?.images ?? '[N,C,…]'} for mode '${mode}', got ` +
        formatShape(shape),
    );
  }
  const places = shape.slice(2);
  const isScaled = 'scaleFactor' in options;
  const given = isScaled ? options.scaleFactor : options.size;
  const list = typeof given === 'number' ? places.map(() => given) : given;
  if (list.length !== places.length) {
    throw new ShapeError(
      `interpolate: expected ${places.length} numbers for the axes of x ${formatShape(shape)}, got ` +
        formatShape(list),
    );
  }
  const axes = places.map((n, axis) =>
    isScaled ? scaled(n, list[axis], mode) : { size: list[axis], step: n / list[axis] },
  );
  const sizes = axes.map((axis) => axis.size);
  if ([...places, ...sizes].includes(0)) {
    throw new ShapeError(
      `interpolate: expected pixels before and after, got x ${formatShape(shape)} and size ` +
        formatShape(sizes),
    );
  }
  checkShape('interpolate', [...shape.slice(0, 2), ...sizes]);
  return axes;
}

/**
 * Images in another size, as `torch.nn.functional.interpolate`. Centres of pixels lie at i + ½; with
 * `alignCorners`, those of the corner pixels lie where they lay. Linear shares go to the two pixels beside a
 * place, beyond the border to the outermost one; a pixel without a share plays no part, so that NaN stays
 * where it is (PyTorch multiplies it by 0). With a scale factor, places are reckoned by the factor, and
 * not by the quotient of the sizes, unless the size stays, or doubles in mode nearest.
 * @param x `[N, C, L]` or `[N, C, H, W]`; in the nearest modes, with any places behind N and C.
 * @returns `[N, C, …]` of the size that is given, or scaled.
 * @throws ShapeError for shapes that don't fit the options, or without pixels, ConfigError for a bad
 * option, DTypeError for integers.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  requireFloat('interpolate', x);
  const completed = complete('interpolate', options);
  if (tracer) return tracer.operation('interpolate', interpolate, { x, options: completed });
  const axes = axesOf(x, completed);
  return composed(() =>
    axes.reduce((out, axis, i) => resampleFunction(out, sharesOf(out, i + 2, axis, completed)), x),
  );
}

/** Images in another size, as `torch.nn.Upsample`; see `interpolate`. */
export class Upsample extends Module {
  readonly #options: InterpolateOptions;

  /** @throws ConfigError for a bad option, or without a size and without a factor. */
  constructor(options: InterpolateOptions) {
    super();
    complete('Upsample', options);
    this.#options = ownOptions(options);
  }

  /** `[N, C, …]`, to the size that is given, or scaled. */
  forward(x: Tensor): Tensor {
    return interpolate(x, this.#options);
  }

  /** @hidden */
  override constructedWith(): object {
    const { size, scaleFactor, mode = 'nearest', alignCorners } = this.#options;
    return { size, scaleFactor, mode, alignCorners };
  }
}
