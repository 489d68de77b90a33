import {
  bufferOf,
  DTypeError,
  formatShape,
  ShapeError,
  type DType,
  type NumericArray,
  type Shape,
  type Tensor,
} from '@unfold/core';
import type { Module } from '@unfold/nn';
import { namesHint, shapeHint } from './hints.js';
import { listNames } from '../messages.js';

/** A tensor of a file: what its header says of it, and how to get its numbers. */
export interface StoredTensor {
  readonly name: string;
  /** The type that the numbers are read as. */
  readonly dtype: DType;
  /** The type that they have in the file, in its own words. */
  readonly storedAs: string;
  readonly shape: Shape;
  /**
   * The numbers, row-major, of `dtype`, in memory that nobody else uses.
   * @throws FileFormatError if they are damaged, ConfigError if the file cannot be read.
   */
  read(): NumericArray | Promise<NumericArray>;
}

/** The names that found no like when weights were loaded. Both lists are empty unless `strict` is false. */
export interface LoadReport {
  /** Names of the model that the file lacks; these tensors keep their values. */
  readonly missing: readonly string[];
  /** Names of the file that the model lacks. */
  readonly unexpected: readonly string[];
}

/**
 * Writes stored tensors into a model's parameters and buffers of the same names: all or, where
 * anything is wrong, none. Names, shapes and dtypes are checked before a number is read, and the
 * model changes after the last number is there, in one go.
 * @param tensors Names are unique.
 * @param options.operation What the errors call this.
 * @param options.strict Whether missing and unexpected names are errors.
 * @throws ShapeError that lists missing and unexpected names and wrong shapes; DTypeError; what
 * `read` throws; DisposedError if the model was disposed of.
 */
export async function assignWeights(
  model: Module,
  tensors: readonly StoredTensor[],
  { operation, strict }: { readonly operation: string; readonly strict: boolean },
): Promise<LoadReport> {
  const own = model.stateDict();
  const given = new Map(tensors.map((stored) => [stored.name, stored]));
  const missing = [...own.keys()].filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !own.has(name));
  const pairs = [...own].flatMap(([name, target]) => {
    const stored = given.get(name);
    return stored ? [{ target, stored }] : [];
  });

  const shapes = pairs.flatMap(({ target, stored }) => shapeProblem(target, stored));
  const dtypes = pairs.flatMap(({ target, stored }) => dtypeProblem(target, stored));
  const names = strict ? nameProblems(missing, unexpected) : [];
  const problems = [...names, ...shapes, ...dtypes];
  if (problems.length > 0) {
    const ProblemError = problems.length === dtypes.length ? DTypeError : ShapeError;
    throw new ProblemError(
      `${operation} does not fit ${model.constructor.name}:\n  ${problems.join('\n  ')}`,
    );
  }

  const read: { target: Tensor; values: NumericArray }[] = [];
  for (const { target, stored } of pairs) read.push({ target, values: await stored.read() });
  // A target that was freed throws here, still before anything is changed.
  for (const { target } of read) void bufferOf(target);
  for (const { target, values } of read) target.update((data) => data.set(values));
  return { missing, unexpected };
}

function nameProblems(missing: readonly string[], unexpected: readonly string[]): string[] {
  const problems: string[] = [];
  if (missing.length > 0) problems.push(`missing: ${listNames(missing)}`);
  if (unexpected.length > 0) problems.push(`unexpected: ${listNames(unexpected)}`);
  if (problems.length > 0) problems.push(namesHint(missing, unexpected));
  return problems;
}

function shapeProblem({ shape }: Tensor, stored: StoredTensor): string[] {
  const [expected, got] = [formatShape(shape), formatShape(stored.shape)];
  if (expected === got) return [];
  return [`${stored.name}: expected ${expected}, got ${got}; ${shapeHint(shape, stored.shape)}`];
}

function dtypeProblem({ dtype }: Tensor, { name, dtype: got, storedAs }: StoredTensor): string[] {
  if (dtype === got) return [];
  return [
    `${name}: expected ${dtype}, got ${got} (stored as ${storedAs}); convert it before saving, by ` +
      `tensor.to(torch.${dtype}) in PyTorch or array.astype('${dtype}') in NumPy`,
  ];
}
