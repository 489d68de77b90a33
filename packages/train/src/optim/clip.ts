import {
  bufferOf,
  elementsOf,
  empty,
  kernelsFor,
  moreKernelsFor,
  Scope,
  UnfoldError,
  type NumericArray,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  atLeast0,
  checkOption,
  completeOptions,
  doublesOf,
  fills,
  flag,
  hostCall,
  isRecording,
  reads,
} from '@unfold/core/internal';
import { listParameters } from '../arguments.js';

/** The gradients stopped being finite. Nothing was changed. */
export class NonFiniteGradientError extends UnfoldError {
  override name = 'NonFiniteGradientError';
}

/** Options of `clipGradNorm`. */
export interface ClipGradNormOptions {
  /** 2, the Euclidean norm, or Infinity, the largest magnitude. Default 2. */
  readonly normType?: number;
  /**
   * Whether a norm that is not finite is an error. Default true, unlike PyTorch's: scaling by it
   * makes every gradient 0 or NaN, which is what false gives.
   */
  readonly errorIfNonfinite?: boolean;
}

/* Arguments of their own, not options. */
const LIMITS = { maxNorm: atLeast0, clipValue: atLeast0 };

const NORM_TYPE = {
  expected: '2 or Infinity',
  accepts: (value: unknown) => value === 2 || value === Infinity,
};

/**
 * Scales all gradients together by maxNorm / (norm + 1e-6) if that is below 1, in place. Between
 * `backward` and `step`. Parameters without gradient have no part.
 * @returns The norm of all gradients before, as if they were one vector.
 * @throws ConfigError for a `maxNorm` below 0 or an unknown option; DTypeError for what is no
 * Parameter; NonFiniteGradientError, naming the first gradient to blame, if the norm is not finite.
 */
export function clipGradNorm(
  parameters: Iterable<Parameter>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): number {
  const where = 'clipGradNorm';
  const { normType, errorIfNonfinite } = completeOptions<ClipGradNormOptions>(
    where,
    { normType: NORM_TYPE, errorIfNonfinite: flag },
    { normType: 2, errorIfNonfinite: true },
    options,
  );
  checkOption(where, LIMITS, 'maxNorm', maxNorm);
  const given = listParameters(where, parameters);
  const gradients = [...gradientsOf(given)];
  let norm = 0;
  Scope.run(() => {
    const squares = squaresOf(where, normType === 2 ? gradients : []);
    const dtypes = [...new Set(gradients.map(({ dtype }) => dtype))];
    const factors = new Map(dtypes.map((dtype) => [dtype, empty([], dtype, where)]));
    let isSmall = false;
    const filled = [...factors.values()].map(fills);
    hostCall(where, [reads(squares), ...gradients.map(reads), ...filled], (sums, ...elements) => {
      const own = elements.slice(0, gradients.length);
      norm = normType === 2 ? normOf(sums, own) : largestMagnitude(own);
      if (errorIfNonfinite) checkFinite(where, norm, given);
      const factor = maxNorm / (norm + 1e-6);
      // A program multiplies by 1 where there is nothing to do.
      for (const to of elements.slice(gradients.length)) to[0] = factor >= 1 ? 1 : factor;
      isSmall = factor >= 1;
    });
    if (isSmall && !isRecording()) return;
    for (const gradient of gradients) {
      const by = factors.get(gradient.dtype);
      if (by) scale(gradient, by);
    }
  });
  return norm;
}

/**
 * Cuts every element of every gradient to -clipValue … clipValue, in place; NaN stays NaN.
 * @throws ConfigError for a `clipValue` below 0, DTypeError for what is no Parameter.
 */
export function clipGradValue(parameters: Iterable<Parameter>, clipValue: number): void {
  checkOption('clipGradValue', LIMITS, 'clipValue', clipValue);
  for (const gradient of gradientsOf(listParameters('clipGradValue', parameters))) {
    const { clamp } = moreKernelsFor(gradient.dtype);
    gradient.updateBuffer((own) => {
      clamp(own, own, { min: -clipValue, max: clipValue });
    });
  }
}

function* gradientsOf(parameters: Iterable<Parameter>): Iterable<Tensor> {
  for (const parameter of parameters) {
    const { grad } = parameter;
    if (grad) yield grad;
  }
}

/**
 * @param nameOf What the message calls a parameter, by its place.
 * @throws NonFiniteGradientError, naming the first gradient to blame, unless the norm is finite.
 */
export function checkFinite(
  where: string,
  norm: number,
  parameters: readonly Parameter[],
  nameOf = (index: number): string => `parameter ${index}`,
): void {
  if (Number.isFinite(norm)) return;
  const culprit = parameters.findIndex(
    ({ grad }) => grad && elementsOf(grad).some((g) => !Number.isFinite(g)),
  );
  const blame = parameters[culprit]
    ? `; the first to blame is that of ${nameOf(culprit)}, ${parameters[culprit].describe()}`
    : '';
  throw new NonFiniteGradientError(
    `${where}: the norm of the gradients is ${norm}${blame}. A smaller learning rate usually helps`,
  );
}

/** The norm of all gradients as one vector: in doubles, in an order that follows from the sizes alone. */
export function euclideanNorm(parameters: readonly Parameter[]): number {
  let norm = 0;
  const gradients = [...gradientsOf(parameters)];
  Scope.run(() => {
    const squares = squaresOf('euclideanNorm', gradients);
    hostCall('euclideanNorm', [squares, ...gradients].map(reads), (sums, ...elements) => {
      norm = normOf(sums, elements);
    });
  });
  return norm;
}

/** The sum of squares of each gradient, float64 `[gradients]`. */
function squaresOf(name: string, gradients: readonly Tensor[]): Tensor {
  const sums = empty([gradients.length], 'float64', name);
  const to = doublesOf(name, bufferOf(sums));
  gradients.forEach((gradient, i) => {
    const options = { n: gradient.size };
    moreKernelsFor(gradient.dtype).sumOfSquares(to.slice(i, i + 1), bufferOf(gradient), options);
  });
  return sums;
}

/** @param sums The squares of each gradient. */
function normOf(sums: NumericArray, gradients: readonly NumericArray[]): number {
  let squares = 0;
  for (const sum of sums) squares += sum;
  // The squares of float32 are doubles; those of large or small doubles are not, until scaled.
  if (squares === Infinity) return Math.sqrt(sumOfSquares(gradients, 2 ** -600)) * 2 ** 600;
  if (squares < 1e-280) return Math.sqrt(sumOfSquares(gradients, 2 ** 600)) * 2 ** -600;
  return Math.sqrt(squares);
}

/** Σ (gradient·factor)². */
function sumOfSquares(gradients: readonly NumericArray[], factor: number): number {
  let total = 0;
  for (const data of gradients) {
    for (let i = 0; i < data.length; i++) total += (data[i] * factor) ** 2;
  }
  return total;
}

/** NaN if any is NaN. */
function largestMagnitude(gradients: readonly NumericArray[]): number {
  let largest = 0;
  for (const data of gradients) {
    for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]));
  }
  return largest;
}

/** @param by A scalar. */
function scale(gradient: Tensor, by: Tensor): void {
  const { mul } = kernelsFor(gradient.dtype);
  const shape = [gradient.size];
  gradient.updateBuffer((own) => {
    mul(own, own, bufferOf(by), { shape, aStrides: [1], bStrides: [0] });
  });
}
