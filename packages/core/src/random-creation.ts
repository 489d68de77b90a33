import {
  create,
  optionsLike,
  requireNumbers,
  TENSOR_OPTIONS,
  type TensorOptions,
} from './creation.js';
import { copyChecked, isFloat, type DType } from './dtype.js';
import { ConfigError, DTypeError, ShapeError } from './errors.js';
import { tracer } from './graph/tracer.js';
import { log } from './math.js';
import {
  checkOptions,
  checkValue,
  count,
  flag,
  isOptions,
  positiveCount,
  type OptionRules,
} from './options.js';
import { Generator, generator, RANDOMNESS } from './random.js';
import { checkShape, sizeOf, type Shape } from './shape.js';
import { requireTensor, type Tensor } from './tensor.js';

/** Options of every function that makes a tensor of random numbers. */
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

/** As `rand`, in the shape of x, and in its dtype unless `dtype` says otherwise. */
export function randLike<D extends DType, E extends DType = D>(
  x: Tensor<D>,
  options: RandomOptions<E> = {},
): Tensor<E> {
  const own: RandomOptions<E> = optionsLike('randLike', x, options, RANDOM_OPTIONS);
  return rand(x.shape, own);
}

/** As `randn`, in the shape of x, and in its dtype unless `dtype` says otherwise. */
export function randnLike<D extends DType, E extends DType = D>(
  x: Tensor<D>,
  options: RandomOptions<E> = {},
): Tensor<E> {
  const own: RandomOptions<E> = optionsLike('randnLike', x, options, RANDOM_OPTIONS);
  return randn(x.shape, own);
}

/**
 * Uniform integers from `low` (default 0) to `high` - 1: `randint(6, [2])`, `randint(1, 7, [2])`. They
 * are int32, unless `dtype` says otherwise.
 * @throws ConfigError unless both are integers, high is above low, and no more than 2³² lie between;
 * DTypeError if the dtype cannot hold one that is drawn.
 */
export function randint<D extends DType = 'int32'>(
  high: number,
  shape: Shape,
  options?: RandomOptions<D>,
): Tensor<D>;
export function randint<D extends DType = 'int32'>(
  low: number,
  high: number,
  shape: Shape,
  options?: RandomOptions<D>,
): Tensor<D>;
export function randint(
  lowOrHigh: number,
  highOrShape: number | Shape,
  shapeOrOptions?: Shape | RandomOptions,
  last?: RandomOptions,
): Tensor {
  const hasLow = typeof highOrShape === 'number';
  const [low, high] = hasLow ? [lowOrHigh, highOrShape] : [0, lowOrHigh];
  const shape = (hasLow ? shapeOrOptions : highOrShape) as Shape;
  const { given = {} }: { given?: unknown } = { given: hasLow ? last : shapeOrOptions };
  const size = checkShape('randint', shape);
  checkOptions('randint', given, RANDOM_OPTIONS);
  requireNumbers('randint', { low, high });
  const between = high - low;
  if (![low, high].every(Number.isSafeInteger) || between < 1 || between > 2 ** 32) {
    throw new ConfigError(
      `randint: expected integers low < high, at most 2^32 apart, got ${low} and ${high}; ` +
        'randint(low, high, shape)',
    );
  }
  if (tracer) tracer.refuses('randint', RANDOMNESS);
  const { dtype = 'int32', generator: source = generator('random') } = given;
  return create('randint', shape, size, { ...given, dtype }, (data) => {
    const values = Float64Array.from({ length: size }, () => low + source.integer(between));
    copyChecked('randint', dtype, data, values);
  });
}

/**
 * The numbers 0 … n-1 in random order, int32 unless `dtype` says otherwise.
 * @throws ConfigError unless n is an integer from 0, DTypeError if the dtype cannot hold n-1.
 */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  checkOptions('randperm', options, RANDOM_OPTIONS);
  checkValue('randperm: n', count, n);
  const size = checkShape('randperm', [n]);
  if (tracer) tracer.refuses('randperm', RANDOMNESS);
  const { dtype = 'int32', generator: source = generator('random') } = options;
  return create('randperm', [n], size, { ...options, dtype }, (data) => {
    copyChecked('randperm', dtype, data, source.permutation(n));
  });
}

/** Options of `bernoulli`. */
export type BernoulliOptions = Pick<RandomOptions, 'generator'>;

const BERNOULLI_OPTIONS: OptionRules<BernoulliOptions> = { generator: RANDOM_OPTIONS.generator };

/**
 * 1 with the probability that the element of p says, else 0: in p's shape and dtype, a float. No
 * gradient.
 * @throws DTypeError unless p holds floats, ConfigError for an element that is no probability.
 */
export function bernoulli(p: Tensor, options: BernoulliOptions = {}): Tensor {
  requireFloats('bernoulli', 'p', p);
  checkOptions('bernoulli', options, BERNOULLI_OPTIONS);
  if (tracer) tracer.refuses('bernoulli', RANDOMNESS);
  const { elements } = p;
  elements.forEach((value, i) => {
    if (value >= 0 && value <= 1) return;
    throw new ConfigError(
      `bernoulli: expected probabilities from 0 to 1, got ${value} at element ${i}`,
    );
  });
  const source = options.generator ?? generator('random');
  const drawn = elements.map((value) => (source.uniform() < value ? 1 : 0));
  return create('bernoulli', p.shape, p.size, { dtype: p.dtype }, (data) => data.set(drawn));
}

/** Options of `multinomial`. */
export interface MultinomialOptions extends BernoulliOptions {
  /** Whether a position may be drawn several times. Default false. */
  readonly replacement?: boolean;
}

const MULTINOMIAL_OPTIONS: OptionRules<MultinomialOptions> = {
  ...BERNOULLI_OPTIONS,
  replacement: flag,
};

/**
 * `numSamples` positions of each row of `weights`, `[n]` or `[rows, n]`, drawn with probabilities in
 * proportion to its weights, which need not add up to 1: int32 `[numSamples]` or `[rows, numSamples]`.
 * Without replacement the positions of a row differ, in the order in which they were drawn.
 * @throws ShapeError for other dimensions; DTypeError unless the weights are floats; ConfigError for a
 * weight that is negative or not finite, a row whose weights are all 0, and, without replacement, one
 * with fewer weights above 0 than samples.
 */
export function multinomial(
  weights: Tensor,
  numSamples: number,
  options: MultinomialOptions = {},
): Tensor {
  requireFloats('multinomial', 'weights', weights);
  checkValue('multinomial: the number of samples', positiveCount, numSamples);
  checkOptions('multinomial', options, MULTINOMIAL_OPTIONS);
  const n = weights.shape.at(-1);
  if (n === undefined || weights.ndim > 2) {
    throw new ShapeError(
      `multinomial: expected weights [n] or [rows, n], got ${weights.describe()}`,
    );
  }
  if (tracer) tracer.refuses('multinomial', RANDOMNESS);
  const { replacement = false, generator: source = generator('random') } = options;
  const shape = [...weights.shape.slice(0, -1), numSamples];
  const size = checkShape('multinomial', shape);
  const rows = sizeOf(weights.shape.slice(0, -1));
  const drawn = new Int32Array(size);
  for (let row = 0; row < rows; row++) {
    const own = Float64Array.from(weights.elements.subarray(row * n, (row + 1) * n));
    checkWeights(own, row, replacement ? 1 : numSamples);
    const draw = replacement ? drawWithReplacement : drawWithout;
    drawn.set(draw(own, numSamples, source), row * numSamples);
  }
  return create('multinomial', shape, size, { dtype: 'int32' }, (data) => data.set(drawn));
}

/** @throws ConfigError for a weight that is none, or if fewer than `needed` are above 0. */
function checkWeights(weights: Float64Array, row: number, needed: number): void {
  weights.forEach((weight, i) => {
    if (weight >= 0 && weight < Infinity) return;
    throw new ConfigError(
      `multinomial: expected finite weights of at least 0, got ${weight} at element ${i} of row ${row}`,
    );
  });
  const positive = weights.filter((weight) => weight > 0).length;
  if (positive >= needed) return;
  throw new ConfigError(
    `multinomial: expected at least ${needed} weights above 0, got ${positive} in row ${row}` +
      (needed > 1 ? '; { replacement: true } draws a position several times' : ''),
  );
}

/** Each draw finds its place among the sums of the weights. */
function drawWithReplacement(weights: Float64Array, count: number, source: Generator): Int32Array {
  // Relative to the largest, the sum of any weights is finite.
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  let sum = 0;
  const sums = weights.map((weight) => (sum += weight / largest));
  const total = sums[sums.length - 1];
  return Int32Array.from({ length: count }, () => {
    const target = source.uniform() * total;
    // The first whose sum is beyond the target: where a weight is 0, the sum before it was so already.
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle] > target) high = middle;
      else low = middle + 1;
    }
    // Where the product was rounded up to the total, it may have found a weight of 0 behind all others.
    while (weights[low] === 0) low--;
    return low;
  });
}

/**
 * A race of exponential clocks, one for each position and as fast as its weight: the order in which they
 * ring is that of draws without replacement.
 */
function drawWithout(weights: Float64Array, count: number, source: Generator): Int32Array {
  const times = weights.map((weight) => -log(1 - source.uniform()) / weight);
  const order = Int32Array.from(times, (_, i) => i).filter((i) => weights[i] > 0);
  // Two may never ring, and their difference would be none.
  const isBefore = (a: number, b: number): boolean => times[a] < times[b];
  return order
    .sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : a - b))
    .subarray(0, count);
}

/** @throws DTypeError unless `x` is a tensor of floats. */
function requireFloats(name: string, which: string, x: Tensor): void {
  requireTensor(name, which, x);
  if (isFloat(x.dtype)) return;
  throw new DTypeError(
    `${name}: expected a float tensor for ${which}, got ${x.describe()}; cast it first`,
  );
}
