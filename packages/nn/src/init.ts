import {
  ConfigError,
  generator as globalGenerator,
  ShapeError,
  type Generator,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  completeOptions,
  finite,
  generatorRule,
  oneOf,
  requireTensor,
  valueText,
} from '@unfold/core/internal';
import { orthonormalise } from './orthonormal.js';

/*
 * Initialisers change a tensor in place. They draw from the global stream 'init' unless they are
 * given a generator.
 */

/** Options of every initialiser. */
export interface InitOptions {
  /** Where the numbers come from. Default: the stream `'init'`. */
  readonly generator?: Generator;
}

/** Options of `uniform`. */
export interface UniformOptions extends InitOptions {
  /** Values are uniform in [-bound, bound). */
  readonly bound: number;
}

const UNIFORM_OPTIONS: OptionRules<UniformOptions> = { bound: finite, generator: generatorRule };

/**
 * Uniform in [-bound, bound).
 * @throws ConfigError without a bound, or for a bad option.
 */
export function uniform(tensor: Tensor, options: UniformOptions): void {
  requireTensor('uniform', 'tensor', tensor);
  const { bound, generator } = completeOptions(
    'uniform',
    UNIFORM_OPTIONS,
    { generator: globalGenerator('init') },
    options,
  );
  tensor.update((data) => {
    for (let i = 0; i < data.length; i++) data[i] = bound * (2 * generator.uniform() - 1);
  });
}

/** Options of `normal`. */
export interface NormalOptions extends InitOptions {
  /** Default 0. */
  readonly mean?: number;
  /** The standard deviation. Default 1. */
  readonly std?: number;
}

const NORMAL_OPTIONS: OptionRules<NormalOptions> = {
  mean: finite,
  std: finite,
  generator: generatorRule,
};

/**
 * Normal with the given mean and deviation, as `torch.nn.init.normal_`.
 * @throws ConfigError for a bad option.
 */
export function normal(tensor: Tensor, options: NormalOptions = {}): void {
  requireTensor('normal', 'tensor', tensor);
  checkOptions('normal', options, NORMAL_OPTIONS);
  const { mean = 0, std = 1, generator = globalGenerator('init') } = options;
  tensor.update((data) => {
    for (let i = 0; i < data.length; i++) data[i] = mean + std * generator.normal();
  });
}

/** Options of `truncNormal`, named and defaulted as PyTorch's. */
export interface TruncNormalOptions extends NormalOptions {
  /** The smallest value. Default -2. */
  readonly a?: number;
  /** The largest value. Default 2. */
  readonly b?: number;
}

const TRUNC_NORMAL_OPTIONS: OptionRules<TruncNormalOptions> = {
  mean: checkedInUse,
  std: checkedInUse,
  a: checkedInUse,
  b: checkedInUse,
  generator: generatorRule,
};

/**
 * Normal, but only between a and b, as `torch.nn.init.trunc_normal_`: the bounds are values, not
 * deviations.
 * @throws ConfigError unless std is positive and a is below b.
 */
export function truncNormal(tensor: Tensor, options: TruncNormalOptions = {}): void {
  requireTensor('truncNormal', 'tensor', tensor);
  checkOptions('truncNormal', options, TRUNC_NORMAL_OPTIONS);
  const { mean = 0, std = 1, a = -2, b = 2, generator = globalGenerator('init') } = options;
  const areNumbers = [mean, std, a, b].every((value) => typeof value === 'number');
  if (!areNumbers || !(std > 0 && std < Infinity && a < b && Number.isFinite(mean))) {
    const [m, s, low, high] = [mean, std, a, b].map(valueText);
    throw new ConfigError(
      `truncNormal: expected a positive std and a < b, got mean ${m}, std ${s}, a ${low}, b ${high}`,
    );
  }
  const low = (a - mean) / std;
  const high = (b - mean) / std;
  // Where the density is largest, and how far it is worth looking: beyond, it is below e⁻⁴⁰ of that.
  const peak = Math.min(Math.max(0, low), high);
  const reach = Math.sqrt(peak * peak + 80);
  const from = Math.max(low, -reach);
  const width = Math.min(high, reach) - from;
  const draw = (): number => {
    for (;;) {
      const z = from + width * generator.uniform();
      // A place is taken with probability e^-((z² - peak²)/2): half the sum of two squared normal
      // numbers exceeds t with probability e⁻ᵗ, on every machine alike, as Math.exp is not.
      const excess = z * z - peak * peak;
      if (generator.normal() ** 2 + generator.normal() ** 2 >= excess) return z;
    }
  };
  tensor.update((data) => {
    for (let i = 0; i < data.length; i++) {
      data[i] = Math.min(Math.max(mean + std * draw(), a), b);
    }
  });
}

/** The nonlinearity that follows a layer, by PyTorch's name in camel case. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/** 2/gain²: for a leaky ReLU 1 + a², which takes no root and so no rounding. */
function gainDivisor(operation: string, nonlinearity: Nonlinearity, a: number): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 2;
    case 'tanh':
      return 2 / (5 / 3) ** 2;
    case 'relu':
      return 1;
    case 'leakyRelu':
      return 1 + a * a;
    case 'selu':
      return 2 / (3 / 4) ** 2;
    default:
      throw new ConfigError(
        `${operation}: unknown nonlinearity ${valueText(nonlinearity)}; there are linear, sigmoid, ` +
          'tanh, relu, leakyRelu, selu',
      );
  }
}

/**
 * By what weights are multiplied so that a nonlinearity leaves the signal as large as it was, as
 * `torch.nn.init.calculate_gain`.
 * @param a The negative slope of a leaky ReLU.
 * @throws ConfigError for an unknown nonlinearity.
 */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  if (!finite.accepts(a)) {
    throw new ConfigError(`calculateGain: a must be ${finite.expected}, got ${valueText(a)}`);
  }
  return Math.sqrt(2 / gainDivisor('calculateGain', nonlinearity, a));
}

/** The inputs of one output and the outputs of one input, of weight `[out, in, …]`. */
function fansOf(operation: string, tensor: Tensor): { fanIn: number; fanOut: number } {
  requireTensor(operation, 'tensor', tensor);
  if (tensor.ndim < 2) {
    throw new ShapeError(
      `${operation}: expected at least two dimensions, got ${tensor.describe()}`,
    );
  }
  const [out = 1, inputs = 1, ...taps] = tensor.shape;
  const reach = taps.reduce((product, dim) => product * dim, 1);
  return { fanIn: inputs * reach, fanOut: out * reach };
}

/** Options of `kaimingUniform` and `kaimingNormal`, named and defaulted as PyTorch's. */
export interface KaimingOptions extends InitOptions {
  /** The negative slope of the leaky ReLU that follows. Default 0, a ReLU. */
  readonly a?: number;
  /** Whether the size of the signal is kept on the way forward or back. Default `'fanIn'`. */
  readonly mode?: 'fanIn' | 'fanOut';
  /** The nonlinearity that follows the layer. Default `'leakyRelu'`. */
  readonly nonlinearity?: Nonlinearity;
}

const KAIMING_OPTIONS: OptionRules<KaimingOptions> = {
  a: finite,
  mode: oneOf('fanIn', 'fanOut'),
  nonlinearity: checkedInUse,
  generator: generatorRule,
};

/** fan·2/gain², so that the variance is 2 divided by it. */
function kaimingFan(operation: string, tensor: Tensor, options: KaimingOptions): number {
  checkOptions(operation, options, KAIMING_OPTIONS);
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options;
  return gainDivisor(operation, nonlinearity, a) * fansOf(operation, tensor)[mode];
}

/**
 * Uniform in ±gain·√(3/fan) (He et al., 2015), as `torch.nn.init.kaiming_uniform_`: for a ReLU,
 * ±√(6/fan). `fanIn` is the number of inputs of one output, the product of all dimensions but the
 * first; `fanOut` that of all but the second.
 * @throws ShapeError if the tensor has fewer than two dimensions, ConfigError for a bad option.
 */
export function kaimingUniform(tensor: Tensor, options: KaimingOptions = {}): void {
  const bound = Math.sqrt(6 / kaimingFan('kaimingUniform', tensor, options));
  uniform(tensor, { ...drawnFrom(options), bound });
}

/**
 * Normal with deviation gain/√fan (He et al., 2015), as `torch.nn.init.kaiming_normal_`; see
 * `kaimingUniform`.
 * @throws ShapeError if the tensor has fewer than two dimensions, ConfigError for a bad option.
 */
export function kaimingNormal(tensor: Tensor, options: KaimingOptions = {}): void {
  const std = Math.sqrt(2 / kaimingFan('kaimingNormal', tensor, options));
  normal(tensor, { ...drawnFrom(options), std });
}

/** The options of one initialiser that all of them have. */
function drawnFrom({ generator }: InitOptions): InitOptions {
  return generator ? { generator } : {};
}

/** Options of `xavierUniform`, `xavierNormal` and `orthogonal`. */
export interface GainOptions extends InitOptions {
  /** Multiplies the values; see `calculateGain`. Default 1. */
  readonly gain?: number;
}

const GAIN_OPTIONS: OptionRules<GainOptions> = { gain: finite, generator: generatorRule };

/** The variance that Glorot and Bengio choose, without the gain. */
function xavierVariance(operation: string, tensor: Tensor, options: GainOptions): number {
  checkOptions(operation, options, GAIN_OPTIONS);
  const { fanIn, fanOut } = fansOf(operation, tensor);
  return 2 / (fanIn + fanOut);
}

/**
 * Uniform in ±gain·√(6/(fanIn + fanOut)) (Glorot and Bengio, 2010), as
 * `torch.nn.init.xavier_uniform_`.
 * @throws ShapeError if the tensor has fewer than two dimensions.
 */
export function xavierUniform(tensor: Tensor, options: GainOptions = {}): void {
  const variance = xavierVariance('xavierUniform', tensor, options);
  const { gain = 1 } = options;
  uniform(tensor, { ...drawnFrom(options), bound: gain * Math.sqrt(3 * variance) });
}

/**
 * Normal with deviation gain·√(2/(fanIn + fanOut)) (Glorot and Bengio, 2010), as
 * `torch.nn.init.xavier_normal_`.
 * @throws ShapeError if the tensor has fewer than two dimensions.
 */
export function xavierNormal(tensor: Tensor, options: GainOptions = {}): void {
  const variance = xavierVariance('xavierNormal', tensor, options);
  const { gain = 1 } = options;
  normal(tensor, { ...drawnFrom(options), std: gain * Math.sqrt(variance) });
}

/**
 * A random orthogonal matrix times the gain (Saxe, McClelland and Ganguli, 2013), as
 * `torch.nn.init.orthogonal_`: seen as `[first dimension, all others]`, its rows or its columns,
 * whichever are fewer, are orthogonal and of length `gain`. It is the Q of a normal matrix's QR
 * decomposition in which R's diagonal is positive.
 * @throws ShapeError if the tensor has fewer than two dimensions.
 */
export function orthogonal(tensor: Tensor, options: GainOptions = {}): void {
  fansOf('orthogonal', tensor);
  checkOptions('orthogonal', options, GAIN_OPTIONS);
  const { gain = 1, generator = globalGenerator('init') } = options;
  const rows = tensor.shape[0] ?? 0;
  const columns = rows === 0 ? 0 : tensor.size / rows;
  const matrix = Float64Array.from({ length: tensor.size }, () => generator.normal());
  const byRows = rows < columns;
  const [count, length] = byRows ? [rows, columns] : [columns, rows];
  // Where element i of vector v lies, a vector being a whole row or a whole column.
  const place = (v: number, i: number): number => (byRows ? v * columns + i : i * columns + v);
  const vectors = Array.from({ length: count }, (_, v) =>
    Float64Array.from({ length }, (_, i) => matrix[place(v, i)]),
  );
  orthonormalise(vectors);
  tensor.update((data) => {
    for (const [v, vector] of vectors.entries()) {
      for (let i = 0; i < length; i++) data[place(v, i)] = gain * vector[i];
    }
  });
}
