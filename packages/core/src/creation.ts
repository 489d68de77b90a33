import { copyChecked, dtypeOf, isFloat, newArray, type DType } from './dtype.js';
import { ConfigError, DTypeError, ShapeError } from './errors.js';
import { tracer } from './graph/tracer.js';
import type { NumericArray } from './kernels/contract.js';
import {
  checkOptions,
  flag,
  isOptions,
  type OptionRule,
  type OptionRules,
  valueText,
} from './options.js';
import { Generator, generator, RANDOMNESS } from './random.js';
import { checkShape, formatShape, sameShape, type Shape } from './shape.js';
import { emptyOfSize, Tensor, type NestedArray } from './tensor.js';

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

const TENSOR_OPTIONS: OptionRules<TensorOptions> = { dtype, requiresGrad: flag };

/**
 * Makes a tensor of `dtype`, lets `write` fill it, and sets `requiresGrad`.
 * @param size What `checkShape` gave for the shape.
 */
function create<D extends DType>(
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

/** Numbers, nested to any depth. */
type NestedNumbers = number | readonly NestedNumbers[];

/** The same of booleans. */
type NestedBooleans = boolean | readonly NestedBooleans[];

/** The dtype that `tensor` gives data of a type, unless it is told another one. */
export type DTypeOf<Data> = Data extends Float32Array | NestedNumbers
  ? 'float32'
  : Data extends Float64Array
    ? 'float64'
    : Data extends Int32Array
      ? 'int32'
      : Data extends Uint8Array
        ? 'uint8'
        : Data extends NestedBooleans
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

/** Options of the functions that draw numbers. */
export interface RandomOptions<D extends DType = DType> extends TensorOptions<D> {
  /** Default: the global stream `'random'`, which `manualSeed` seeds. */
  readonly generator?: Generator;
}

/** Uniform in [0, 1). */
export function rand<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> = {},
): Tensor<D> {
  // In float32, 53 random bits could round up to 1.
  const resolution = isOptions(options) && options.dtype === 'float64' ? 2 ** 53 : 2 ** 24;
  return random(
    'rand',
    shape,
    options,
    (source) => Math.floor(source.uniform() * resolution) / resolution,
  );
}

/** Standard normal. */
export function randn<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> = {},
): Tensor<D> {
  return random('randn', shape, options, (source) => source.normal());
}

const RANDOM_OPTIONS: OptionRules<RandomOptions> = {
  ...TENSOR_OPTIONS,
  generator: {
    expected: 'a Generator',
    accepts: (value) => value instanceof Generator,
  },
};

/** @throws DTypeError unless all are numbers: a string would be taken for one in places. */
function requireNumbers(operation: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number') continue;
    throw new DTypeError(`${operation}: expected a number for ${name}, got ${valueText(value)}`);
  }
}

function random<D extends DType>(
  origin: string,
  shape: Shape,
  options: RandomOptions<D>,
  draw: (source: Generator) => number,
): Tensor<D> {
  const size = checkShape(origin, shape);
  checkOptions(origin, options, RANDOM_OPTIONS);
  if (options.dtype !== undefined && !isFloat(options.dtype)) {
    throw new DTypeError(`${origin}: expected a float dtype, got ${options.dtype}`);
  }
  if (tracer) tracer.refuses(origin, RANDOMNESS);
  const source = options.generator ?? generator('random');
  return create(origin, shape, size, options, (data) => {
    for (let i = 0; i < data.length; i++) data[i] = draw(source);
  });
}
