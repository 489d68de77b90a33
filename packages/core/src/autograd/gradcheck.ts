import { DTypeError, UnfoldError } from '../errors.js';
import {
  checkOptions,
  count,
  type OptionRules,
  positive,
  requireFunction,
  requireList,
} from '../options.js';
import { Generator } from '../random.js';
import { formatShape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { randn } from '../random-creation.js';
import { Scope } from '../memory/scope.js';
import { concat, reshape } from '../ops/movement.js';
import { grad } from './grad.js';
import { Tape } from './tape.js';

/** How `gradcheck` measures, and how close is close enough. */
export interface GradcheckOptions {
  /** Half the distance of the two points of a central difference. Default 1e-5. */
  readonly step?: number;
  /** |analytic - numeric| ≤ tolerance·max(1, |numeric|). Default 1e-6. */
  readonly tolerance?: number;
  /** Seed of the random cotangent. Default 0. */
  readonly seed?: number;
}

const GRADCHECK_OPTIONS: OptionRules<GradcheckOptions> = {
  step: positive,
  tolerance: positive,
  seed: count,
};

/**
 * Compares the gradients that `backward` gives with central differences, for every element of
 * every input that requires a gradient, under a random cotangent. float64 inputs only: in float32
 * the differences drown in rounding.
 * @throws UnfoldError naming the worst element, or an input by which no derivative is large enough
 * to tell a right gradient from zero; DTypeError if an input is not float64.
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): void {
  checkArguments('gradcheck', fn, inputs, options);
  compare('gradcheck', fn, fn, inputs, inputs.length, options);
}

/**
 * As `gradcheck`, for gradients of gradients, as `torch.autograd.gradgradcheck`: compares the gradients
 * of what `grad` gives under `createGraph`, by the inputs and by the cotangent, with central differences
 * of what it gives without. A function whose gradients don't depend on an input passes with zeros.
 * @throws As `gradcheck`; TapeError for an operation whose backward has no gradient.
 */
export function gradgradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): void {
  checkArguments('gradgradcheck', fn, inputs, options);
  const wanted = inputs.map(({ requiresGrad }) => requiresGrad);
  /** All gradients, one after another, of inputs and, last, the cotangent. */
  const gradients =
    (createGraph: boolean) =>
    (...given: Tensor[]): Tensor => {
      const at = given.slice(0, -1);
      const gradient = given[at.length];
      const differentiated = at.filter((_, i) => wanted[i]);
      const found = grad(fn(...at), differentiated, { gradient, createGraph, allowUnused: true });
      return concat(found.flatMap((part) => (part ? [reshape(part, [-1])] : [])));
    };
  const source = new Generator(options.seed ?? 0, 'gradgradcheck');
  Scope.run(() => {
    const { shape } = Scope.run(() => fn(...inputs));
    const cotangent = randn(shape, { dtype: 'float64', generator: source, requiresGrad: true });
    const all = [...inputs, cotangent];
    const numeric = (...given: Tensor[]): Tensor => Tape.run(() => gradients(false)(...given));
    compare('gradgradcheck', gradients(true), numeric, all, 0, options);
  });
}

/** @throws ConfigError or DTypeError for arguments of another kind. */
function checkArguments(
  name: string,
  fn: unknown,
  inputs: readonly Tensor[],
  options: GradcheckOptions,
): void {
  requireFunction(name, fn);
  requireList(name, 'a list of tensors', inputs, '[x, weight]');
  inputs.forEach((input, i) => requireTensor(name, `inputs[${i}]`, input));
  checkOptions(name, options, GRADCHECK_OPTIONS);
  for (const [i, input] of inputs.entries()) {
    if (input.requiresGrad && input.dtype !== 'float64') {
      throw new DTypeError(`${name}: input ${i} must be float64, got ${input.describe()}`);
    }
  }
}

/**
 * Compares the gradients of `recorded` with central differences of `plain`, which computes the same.
 * @param sensitive How many of the inputs, from the first on, must have some effect.
 */
function compare(
  name: string,
  recorded: (...inputs: Tensor[]) => Tensor,
  plain: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  sensitive: number,
  { step = 1e-5, tolerance = 1e-6, seed = 0 }: GradcheckOptions,
): void {
  for (const input of inputs) input.zeroGrad();
  const cotangent = analytic(name, recorded, inputs, seed);
  const objective = (): number =>
    Scope.run(() => {
      const out = plain(...inputs).elements;
      return cotangent.reduce((total, weight, i) => total + weight * out[i], 0);
    });

  let worst: { error: number; message: string } | undefined;
  let insensitive: string | undefined;
  for (const [i, input] of inputs.entries()) {
    if (!input.requiresGrad || input.size === 0) continue;
    let largest = 0;
    for (let at = 0; at < input.size; at++) {
      const original = input.elements[at];
      const set = (value: number): void => input.update((data) => (data[at] = value));
      const probe = (value: number): number => {
        set(value);
        return objective();
      };
      let numeric: number;
      try {
        numeric = (probe(original + step) - probe(original - step)) / (2 * step);
      } finally {
        set(original);
      }
      const given = input.grad?.elements[at] ?? 0;
      const error = Math.abs(given - numeric) / Math.max(1, Math.abs(numeric));
      largest = Math.max(largest, Math.abs(numeric));
      // Written so that NaN is an error too.
      if (!(error <= tolerance) && !(error <= (worst?.error ?? 0))) {
        worst = {
          error,
          message:
            `${name}: input ${i} ${formatShape(input.shape)}, element ${at}: backward gives ` +
            `${given}, the central difference is ${numeric}`,
        };
      }
    }
    if (i < sensitive && largest < 100 * tolerance) {
      insensitive ??=
        `${name}: the largest derivative by input ${i} ${formatShape(input.shape)} is ` +
        `${largest}, too small to tell a right gradient from zero; choose other inputs`;
    }
  }
  const message = worst?.message ?? insensitive;
  if (message !== undefined) throw new UnfoldError(message);
}

/** Runs `fn` and backward with a random cotangent. @returns The cotangent's elements. */
function analytic(
  name: string,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  seed: number,
): Float64Array {
  return Tape.run((tape) => {
    const out = fn(...inputs);
    requireTensor(name, 'what the function returns', out);
    const source = new Generator(seed, 'gradcheck');
    const cotangent = empty(out.shape, 'float64');
    const values = Float64Array.from({ length: out.size }, () => source.normal());
    cotangent.elements.set(values);
    tape.backward(out, cotangent);
    return values;
  });
}
