import { ConfigError, ShapeError } from '../errors.js';
import { checkOptions, flag, type OptionRule, type OptionRules, valueText } from '../options.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { normalizeAxes, reduceGeometry } from '../shape.js';
import { requireTensor, Tensor } from '../tensor.js';
import { permute } from './movement.js';

/** The axes that a reduction runs over, and the shape that it leaves. */
export interface ReduceOptions {
  /** The axis or axes to reduce; all of them by default. Negative ones count from the back. */
  readonly axis?: number | readonly number[];
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepdim?: boolean;
}

/** Axes as a reduction takes them: counted from the front, sorted, none twice. */
export interface Axes {
  readonly axes: readonly number[];
  readonly keepdim: boolean;
}

/** Where a reduction's axes stand: behind the tensor, or in an object with its other option. */
export type ReduceAxes = number | readonly number[] | ReduceOptions;

const axis: OptionRule = {
  expected: 'an axis or a list of axes',
  accepts: (value) => typeof value === 'number' || Array.isArray(value),
};

/** The options behind an axis. */
export type KeepdimOptions = Pick<ReduceOptions, 'keepdim'>;

const KEEPDIM_OPTIONS: OptionRules<KeepdimOptions> = { keepdim: flag };
const REDUCE_OPTIONS: OptionRules<ReduceOptions> = { axis, ...KEEPDIM_OPTIONS };

/**
 * `f(x)`, `f(x, axis)`, `f(x, [axis, axis], { keepdim })` and `f(x, { axis, keepdim })`.
 * @param more Rules of options that only this reduction has.
 */
export function reduction(
  name: string,
  x: Tensor,
  axes: ReduceAxes | undefined,
  options: KeepdimOptions | undefined,
  more?: Readonly<Record<string, OptionRule>>,
): Axes {
  requireTensor(name, 'x', x);
  if (axes instanceof Tensor) {
    const mend = name === 'max' || name === 'min' ? `; ${name}imum(a, b) compares two tensors` : '';
    throw new ConfigError(`${name}: expected an axis or axes, got ${valueText(axes)}${mend}`);
  }
  if (axes === undefined || typeof axes === 'number' || isList(axes)) {
    if (options !== undefined) checkOptions(name, options, withMore(KEEPDIM_OPTIONS, more));
    return { axes: normalizeAxes(name, axes, x.ndim), keepdim: options?.keepdim ?? false };
  }
  checkOptions(name, axes, withMore(REDUCE_OPTIONS, more));
  if (options !== undefined) {
    throw new ConfigError(
      `${name}: expected options once, got ${valueText(axes)} and ${valueText(options)}; ` +
        `${name}(x, axis, { keepdim })`,
    );
  }
  return { axes: normalizeAxes(name, axes.axis, x.ndim), keepdim: axes.keepdim ?? false };
}

/**
 * The arguments of a reduction as a graph keeps them, after they were checked.
 * @param more Options that only this reduction has.
 */
export function asGiven(
  x: Tensor,
  axis: ReduceAxes | undefined,
  { keepdim }: Axes,
  more: object = {},
): { x: Tensor; axis: ReduceOptions['axis']; options: KeepdimOptions } {
  const isOptions = typeof axis === 'object' && !isList(axis);
  return { x, axis: isOptions ? axis.axis : axis, options: { ...more, keepdim } };
}

/** @throws ShapeError for axes along which x has no element, of which none is the largest. */
export function requireElements(name: string, x: Tensor, axes: readonly number[]): void {
  if (axes.every((axis) => x.shape[axis] !== 0)) return;
  throw new ShapeError(`${name}: ${x.describe()} has no elements along the reduced axes`);
}

function withMore<Options>(
  rules: OptionRules<Options>,
  more: Readonly<Record<string, OptionRule>> | undefined,
): OptionRules<Options> {
  return more === undefined ? rules : { ...rules, ...more };
}

/** The options of a reduction, wherever they stand. */
export function optionsOf<Options extends KeepdimOptions>(
  axis: number | readonly number[] | Options | undefined,
  options: Options | undefined,
): Options | undefined {
  return typeof axis === 'object' && !isList(axis) ? axis : options;
}

function isList(value: object): value is readonly number[] {
  return Array.isArray(value);
}

/**
 * x with `axes` brought together, so that one `[outer, n, inner]` walk reduces them, the first
 * element in row-major order first.
 */
export function gatherAxes(
  x: Tensor,
  axes: readonly number[],
): { x: Tensor; geometry: ReduceGeometry } {
  const first = axes[0] ?? 0;
  const last = axes.at(-1) ?? -1;
  if (last - first + 1 === axes.length)
    return { x, geometry: reduceGeometry(x.shape, first, last) };
  const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const moved = permute(x, [...others, ...axes]);
  return { x: moved, geometry: reduceGeometry(moved.shape, others.length, x.ndim - 1) };
}
