import {
  compile,
  ConfigError,
  type OptionRules,
  Scope,
  ShapeError,
  slice,
  Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  isOptions,
  pauses,
  positiveCount,
  valueText,
} from '@unfold/core/internal';
import { evaluationMode, type Module } from '@unfold/nn';
import { requireModel, requireSignal } from '../arguments.js';
import { type AnyBatch, inputsOf, tensorsIn, wholeBatch } from '../data/batch.js';
import type { StopSignal } from '../stop-signal.js';
import { Gathering, takeApart } from './gather.js';

/** Options of `predict`. */
export interface PredictOptions {
  /** Examples that the model is given at once. Not for what comes in batches. Default 64. */
  readonly batchSize?: number;
  /** When it aborts, the prediction ends with its reason. */
  readonly signal?: StopSignal;
  /** Whether the model runs as a program: see `compile`. Default true. */
  readonly compile?: boolean;
}

const OPTIONS: OptionRules<PredictOptions> = {
  batchSize: positiveCount,
  signal: checkedInUse,
  compile: flag,
};

const BATCH = 64;

/** Inputs in batches: what the model is given, or batches with that in them, as loaders give them. */
export type InputBatches<Inputs> = Iterable<Inputs | AnyBatch> | AsyncIterable<Inputs | AnyBatch>;

/**
 * What a model makes of all inputs, batch by batch, in evaluation mode; no gradient flows through, and the
 * modes of its modules are as before whenever other code runs.
 *
 * The output belongs to no scope, as an asynchronous function outlives those: it is the caller's to dispose
 * of, or to leave to the garbage collector. It is the same bits each time and on any number of threads; with
 * another `batchSize` the last bits may differ, as the fastest way to a product depends on its size.
 *
 * ```ts
 * const logits = await predict(model, images); // [10000, 10]
 * const classes = argmax(logits, 1);
 * ```
 *
 * @param model Its `forward` takes one argument, and gives a tensor, or lists and plain objects of tensors,
 * whose first axes go over the examples.
 * @param inputs A tensor `[N, …]`; a list or a plain object of such where the model takes one; or what gives
 * batches, such as a `DataLoader`: of inputs, or of `{ inputs }` or `{ images }`, whose labels aren't looked
 * at. They have to stay until the output is there.
 * @returns The model's output, its tensors joined along their first axes to `[N, …]`.
 * @throws ConfigError for other inputs, none at all, a bad option, or an output that is no tensors;
 * ShapeError if inputs differ in N, or an output's first axis isn't that of the batch; what the model throws;
 * the reason of `signal` when that aborts.
 */
export async function predict<Inputs, Output>(
  model: Module & { forward(inputs: Inputs): Output },
  inputs: NoInfer<Inputs> | InputBatches<NoInfer<Inputs>>,
  options: PredictOptions = {},
): Promise<Output> {
  requireModel('predict', model);
  checkOptions('predict', options, OPTIONS);
  const { batchSize, signal, compile: isCompiled = true } = options;
  requireSignal('predict: signal', signal);
  const batches = batchesOf(inputs, batchSize);
  const run = (given: unknown): unknown => {
    const output = model.forward(given as Inputs);
    // Here, so that it is told by its own name, whether or not it runs as a program.
    takeApart('predict', output);
    return output;
  };
  const program = isCompiled
    ? compile(run, { modules: [model], fallback: true, compare: true })
    : null;
  const forward = program ?? run;
  const gathering = new Gathering('predict');
  const pause = pauses();
  try {
    for await (const taken of batches) {
      await pause();
      signal?.throwIfAborted();
      Scope.run(() => {
        const { given, size } = taken();
        // Only while it computes: whatever runs in between finds the modes as they were.
        const restoreModes = evaluationMode(model);
        try {
          gathering.add(forward(given), size);
        } finally {
          restoreModes();
        }
      });
    }
    if (gathering.examples === 0) {
      throw new ConfigError('predict: expected at least one batch of inputs, got none');
    }
    // It is made of the model's outputs, each in its place.
    return gathering.whole() as Output;
  } finally {
    program?.dispose();
  }
}

/** A batch: what the model is given, and of how many examples. */
interface Taken {
  readonly given: unknown;
  readonly size: number;
}

/** The batches, each of which is made in the scope that it is asked for in. */
type Batches = Iterable<() => Taken> | AsyncIterable<() => Taken>;

function batchesOf(inputs: unknown, batchSize: number | undefined): Batches {
  if (inputs instanceof Tensor || isTree(inputs)) return parts(inputs, batchSize ?? BATCH);
  if (!isIterable(inputs)) {
    throw new ConfigError(
      'predict: expected inputs, a tensor [N, …], a list or plain object of such, or what gives batches, ' +
        `such as a DataLoader, got ${valueText(inputs)}` +
        mendOf(inputs),
    );
  }
  if (batchSize !== undefined) {
    throw new ConfigError(
      'predict: batchSize: the inputs come in batches already, which are taken as they are; leave it out',
    );
  }
  return ready(inputs);
}

function mendOf(inputs: unknown): string {
  if (typeof inputs === 'object' && inputs !== null && 'get' in inputs && 'length' in inputs) {
    return '; new DataLoader(dataset, { batchSize }) gives batches of it';
  }
  return ArrayBuffer.isView(inputs) ? '; tensor(data, [1, …]) makes a tensor of it' : '';
}

/** Whether it holds inputs, rather than giving batches one after the other. */
function isTree(inputs: unknown): inputs is object {
  if (Array.isArray(inputs)) return !inputs.some(isBatch);
  return isOptions(inputs) && !isIterable(inputs);
}

const isBatch = (value: unknown): boolean =>
  isOptions(value) && ('inputs' in value || ('images' in value && 'labels' in value));

const isIterable = (value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  (Symbol.asyncIterator in value || Symbol.iterator in value);

/** Parts of up to `batchSize` examples. */
function* parts(inputs: Tensor | object, batchSize: number): Iterable<() => Taken> {
  const total = examplesIn(inputs);
  for (let start = 0; start < total; start += batchSize) {
    const end = Math.min(start + batchSize, total);
    yield () => ({ given: partOf(inputs, start, end), size: end - start });
  }
}

/** @throws ShapeError unless all inputs have one first axis, of at least 1; ConfigError for what is no tensor. */
function examplesIn(inputs: Tensor | object): number {
  if (isBatch(inputs)) {
    throw new ConfigError(
      'predict: expected inputs, got a batch; write predict(model, batch.inputs), or predict(model, [batch])',
    );
  }
  const { size } = wholeBatch('predict', { inputs });
  const tensors = tensorsIn(inputs);
  const other = tensors.find(({ shape }) => shape[0] !== size);
  if (other) {
    throw new ShapeError(
      `predict: expected inputs of one first axis, that of the examples, got ${tensors[0]?.describe()} and ` +
        other.describe(),
    );
  }
  if (size === 0) {
    throw new ShapeError(`predict: expected at least one example, got ${tensors[0]?.describe()}`);
  }
  return size;
}

function partOf(inputs: unknown, start: number, end: number): unknown {
  if (inputs instanceof Tensor) return slice(inputs, [[start, end]]);
  if (Array.isArray(inputs)) return inputs.map((part) => partOf(part, start, end));
  return Object.fromEntries(
    Object.entries(inputs as object).map(([name, part]) => [name, partOf(part, start, end)]),
  );
}

/** What comes in batches: of inputs, or with inputs among other things. */
async function* ready(
  batches: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncIterable<() => Taken> {
  for await (const item of batches) {
    yield () => {
      const batch = wholeBatch('predict', isBatch(item) ? (item as AnyBatch) : { inputs: item });
      return { given: inputsOf(batch), size: batch.size };
    };
  }
}
