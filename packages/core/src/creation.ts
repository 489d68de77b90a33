import { copyChecked, dtypeOf, newArray, type DType } from './dtype.js';
import { ConfigError, DTypeError, ShapeError } from './errors.js';
import type { NumericArray } from './kernels/contract.js';
import {
  checkOptions,
  checkValue,
  count,
  flag,
  isOptions,
  type OptionRule,
  type OptionRules,
  valueText,
} from './options.js';
import { checkShape, formatShape, sameShape, type Shape } from './shape.js';
import { emptyOfSize, requireTensor, Tensor, type NestedArray } from './tensor.js';

/** Options of every function that makes a tensor. */
export interface TensorOptions<D extends DType = DType> {
  /** Default float32, or what a typed array says. */
  readonly dtype?: D;
  /** Default false. */
  readonly requiresGrad?: boolean;
}

/** Which one is checked where the memory is taken. */
const dtype: OptionRule = {
  expected: "a dtype, such as 'int32'",
  accepts: (value) => typeof value === 'string',
};

export const TENSOR_OPTIONS: OptionRules<TensorOptions> = { dtype, requiresGrad: flag };

/**
 * Makes a tensor of `dtype`, lets `write` fill it, and sets `requiresGrad`.
 * @param size What `checkShape` gave for the shape.
 */
export function create<D extends DType>(
  origin: string,
  shape: Shape,
  size: number,
  { dtype, requiresGrad = false }: TensorOptions<D>,
  write: (data: NumericArray) => void,
): Tensor<D> {
  // Where no dtype is given, D is float32, as the public functions' types have it.
  const created = emptyOfSize(shape, size, dtype ?? ('float32' as D), origin);
  try {
    write(created.elements);
    if (requiresGrad) created.requiresGrad = true;
  } catch (error) {
    created.dispose();
    throw error;
  }
  return created;
}

/** The dtype that `tensor` gives data of a type, unless it is told another one. */
export type DTypeOf<Data> = Data extends Float32Array | NestedArray<number>
  ? 'float32'
  : Data extends Float64Array
    ? 'float64'
    : Data extends Int32Array
      ? 'int32'
      : Data extends Uint8Array
        ? 'uint8'
        : Data extends NestedArray<boolean>
          ? 'bool'
          : DType;

/**
 * A tensor from a number, nested arrays, or a typed array with its shape. Numbers become float32
 * and booleans bool, unless `dtype` says otherwise; a typed array keeps its type.
 * @throws ShapeError if rows differ in length or the shape has another size than the data,
 * DTypeError if `dtype` cannot hold a value.
 */
export function tensor<D extends DType>(
  data: NestedArray | NumericArray,
  shape: Shape | undefined,
  options: TensorOptions<D> & { readonly dtype: D },
): Tensor<D>;
export function tensor<Data extends NestedArray | NumericArray>(
  data: Data,
  shape?: Shape,
  options?: TensorOptions<DTypeOf<Data>>,
): Tensor<DTypeOf<Data>>;
export function tensor(
  data: NestedArray | NumericArray,
  shape?: Shape,
  options: TensorOptions = {},
): Tensor {
  checkOptions('tensor', options, TENSOR_OPTIONS);
  if (data instanceof Tensor) {
    throw new DTypeError(
      `tensor: expected numbers, got ${valueText(data)}; it is one already, clone(x) copies it`,
    );
  }
  if (shape !== undefined && isOptions(shape)) {
    throw new ConfigError(
      `tensor: expected a shape, got ${valueText(shape)}; options come third: tensor(data, undefined, options)`,
    );
  }
  if (ArrayBuffer.isView(data)) {
    const dtype = options.dtype ?? dtypeOf(data);
    return fromValues(data, shape ?? [data.length], { ...options, dtype });
  }
  const values: number[] = [];
  const ownShape = flatten(data, values);
  const dtype = options.dtype ?? (isBoolean(data) ? 'bool' : 'float32');
  return fromValues(values, shape ?? ownShape, { ...options, dtype });
}

function fromValues(values: ArrayLike<number>, shape: Shape, options: TensorOptions): Tensor {
  const size = checkShape('tensor', shape);
  if (size !== values.length) {
    throw new ShapeError(
      `tensor: shape ${formatShape(shape)} holds ${size} elements, got ${values.length}`,
    );
  }
  return create('tensor', shape, size, options, (out) =>
    copyChecked('tensor', options.dtype ?? 'float32', out, values),
  );
}

function isBoolean(data: NestedArray): boolean {
  return typeof data === 'object'
    ? data[0] !== undefined && isBoolean(data[0])
    : data === true || data === false;
}

/** Appends the numbers in `data` to `values`. @returns The shape. */
function flatten(data: NestedArray, values: number[]): number[] {
  if (typeof data === 'number' || typeof data === 'boolean') {
    values.push(Number(data));
    return [];
  }
  if (!Array.isArray(data)) {
    throw new DTypeError(`tensor: expected numbers or booleans, got ${valueText(data)}`);
  }
  let inner: number[] | undefined;
  for (const row of data) {
    const shape = flatten(row, values);
    inner ??= shape;
    if (!sameShape(inner, shape)) {
      throw new ShapeError(
        `tensor: rows differ in shape: ${formatShape(inner)} and ${formatShape(shape)}`,
      );
    }
  }
  return [data.length, ...(inner ?? [])];
}

/** A tensor of zeros; of `false` for dtype bool. */
export function zeros<D extends DType = 'float32'>(
  shape: Shape,
  options: TensorOptions<D> = {},
): Tensor<D> {
  const size = checkShape('zeros', shape);
  checkOptions('zeros', options, TENSOR_OPTIONS);
  return create('zeros', shape, size, options, (data) => data.fill(0));
}

/** A tensor of ones; of `true` for dtype bool. */
export function ones<D extends DType = 'float32'>(
  shape: Shape,
  options: TensorOptions<D> = {},
): Tensor<D> {
  const size = checkShape('ones', shape);
  checkOptions('ones', options, TENSOR_OPTIONS);
  return create('ones', shape, size, options, (data) => data.fill(1));
}

/** A tensor of one value. @throws DTypeError if the dtype cannot hold it. */
export function full<D extends DType = 'float32'>(
  shape: Shape,
  value: number,
  options: TensorOptions<D> = {},
): Tensor<D> {
  const size = checkShape('full', shape);
  checkOptions('full', options, TENSOR_OPTIONS);
  requireNumbers('full', { value });
  return create('full', shape, size, options, (data) => {
    copyChecked('full', options.dtype ?? 'float32', newArray(options.dtype ?? 'float32', 1), [
      value,
    ]);
    data.fill(value);
  });
}

/**
 * The numbers from `start` (default 0) to `end`, without it, `step` (default 1) apart; with one
 * number, from 0 to it.
 * @throws ConfigError if the step is 0 or leads away from `end`.
 */
export function arange<D extends DType = 'float32'>(
  startOrEnd: number,
  end?: number,
  step = 1,
  options: TensorOptions<D> = {},
): Tensor<D> {
  checkOptions('arange', options, TENSOR_OPTIONS);
  requireNumbers('arange', { start: startOrEnd, end: end ?? 0, step });
  const start = end === undefined ? 0 : startOrEnd;
  const stop = end ?? startOrEnd;
  const length = Math.ceil((stop - start) / step);
  if (!(length >= 0) || !Number.isFinite(length)) {
    throw new ConfigError(`arange: step ${step} does not lead from ${start} to ${stop}`);
  }
  const size = checkShape('arange', [length]);
  return create('arange', [length], size, options, (data) => {
    const values = Array.from({ length }, (_, i) => start + i * step);
    copyChecked('arange', options.dtype ?? 'float32', data, values);
  });
}

/**
 * `steps` numbers from `start` to `end`, both included, at equal distances; one is `start` alone.
 * @throws ConfigError unless `steps` is an integer from 0, DTypeError if the dtype cannot hold a number.
 */
export function linspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions<D> = {},
): Tensor<D> {
  checkOptions('linspace', options, TENSOR_OPTIONS);
  requireNumbers('linspace', { start, end });
  checkValue('linspace: the number of steps', count, steps);
  const size = checkShape('linspace', [steps]);
  return create('linspace', [steps], size, options, (data) => {
    const step = steps > 1 ? (end - start) / (steps - 1) : 0;
    // From both ends, so that each is exact, and a range around 0 is as symmetric as it was meant.
    const at = (i: number): number =>
      2 * i < steps ? start + i * step : end - (steps - 1 - i) * step;
    const values = Array.from({ length: steps }, (_, i) => at(i));
    copyChecked('linspace', options.dtype ?? 'float32', data, values);
  });
}

/** A matrix `[n, m]` with ones on its main diagonal and zeros elsewhere; m is n by default. */
export function eye<D extends DType = 'float32'>(
  n: number,
  m: number = n,
  options: TensorOptions<D> = {},
): Tensor<D> {
  checkOptions('eye', options, TENSOR_OPTIONS);
  checkValue('eye: the number of rows', count, n);
  checkValue('eye: the number of columns', count, m);
  const size = checkShape('eye', [n, m]);
  return create('eye', [n, m], size, options, (data) => {
    data.fill(0);
    for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = 1;
  });
}

/**
 * The options of a function that makes a tensor like x, with x's dtype where they say none: E is D then,
 * as the types of the callers have it.
 * @throws DTypeError unless x is a tensor, ConfigError for options that are none.
 */
export function optionsLike<E extends DType, Options extends TensorOptions<E>>(
  operation: string,
  x: Tensor,
  options: Options,
  rules: OptionRules<Options>,
): Options & { readonly dtype: E } {
  requireTensor(operation, 'x', x);
  checkOptions(operation, options, rules);
  return { ...options, dtype: options.dtype ?? (x.dtype as E) };
}

/** A tensor of zeros in the shape of x, and in its dtype unless `dtype` says otherwise. */
export function zerosLike<D extends DType, E extends DType = D>(
  x: Tensor<D>,
  options: TensorOptions<E> = {},
): Tensor<E> {
  const own: TensorOptions<E> = optionsLike('zerosLike', x, options, TENSOR_OPTIONS);
  return zeros(x.shape, own);
}

/** A tensor of ones in the shape of x, and in its dtype unless `dtype` says otherwise. */
export function onesLike<D extends DType, E extends DType = D>(
  x: Tensor<D>,
  options: TensorOptions<E> = {},
): Tensor<E> {
  const own: TensorOptions<E> = optionsLike('onesLike', x, options, TENSOR_OPTIONS);
  return ones(x.shape, own);
}

/**
 * A tensor of one value in the shape of x, and in its dtype unless `dtype` says otherwise.
 * @throws DTypeError if the dtype cannot hold the value.
 */
export function fullLike<D extends DType, E extends DType = D>(
  x: Tensor<D>,
  value: number,
  options: TensorOptions<E> = {},
): Tensor<E> {
  const own: TensorOptions<E> = optionsLike('fullLike', x, options, TENSOR_OPTIONS);
  return full(x.shape, value, own);
}

/** @throws DTypeError unless all are numbers: a string would be taken for one in places. */
export function requireNumbers(operation: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number') continue;
    throw new DTypeError(`${operation}: expected a number for ${name}, got ${valueText(value)}`);
  }
}
