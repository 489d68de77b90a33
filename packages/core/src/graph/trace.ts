import { ConfigError, TapeError } from '../errors.js';
import { Scope } from '../memory/scope.js';
import { plainObject, valueText } from '../options.js';
import { rngState, setRngState } from '../random.js';
import { requireTensor, type Tensor } from '../tensor.js';
import { Graph } from './graph.js';
import { Recorder } from './recorder.js';
import { takeApart } from './results.js';
import { traceParts, type TraceParts } from './trace-parts.js';
import { setTracer, tracer } from './tracer.js';
import type { Value, ValueKind } from './value.js';

/** A Module, or another object with a `forward`, which can be traced in the place of a function. */
export interface Traceable<Inputs extends readonly Tensor[], Result> {
  /** The function that is traced. */
  forward(...inputs: Inputs): Result;
  /** @internal */
  [traceParts]?(): TraceParts;
}

/** A function or a model. */
type Traced<Inputs extends readonly Tensor[], Result> =
  ((...inputs: Inputs) => Result) | Traceable<Inputs, Result>;

/**
 * Runs a function, or a model's `forward`, once on the given tensors, and gives the operations that it
 * is made of as a graph.
 *
 * ```ts
 * const graph = trace(new LeNet(), zeros([1, 1, 28, 28]));
 * console.log(String(graph));
 * graph.run(images);
 * ```
 *
 * Each operation of core and nn is one node, whatever it is made of inside, and so is one that
 * `defineFunction` made. Layers are as their modes say, in training or evaluation. A model's
 * parameters and buffers have their names in it; other tensors from outside are constants. Shapes are
 * fixed, and so is what JavaScript decides by them. Afterwards the buffers and the random streams are
 * as before.
 *
 * @param fn A Module, another object with a `forward`, or a function. It returns tensors, alone or in
 * arrays and plain objects.
 * @param inputs The tensors that it takes.
 * @throws TapeError, naming the operation, for what a graph can't hold: reading the numbers of what
 * was computed (`item`, `data`, `toArray` …), random numbers outside of dropout, a change in place of
 * what is no buffer, `backward`; ConfigError and DTypeError for what can't be traced, what `fn` throws.
 */
export function trace<Inputs extends readonly Tensor[], Result>(
  fn: (...inputs: NoInfer<Inputs>) => Result,
  ...inputs: Inputs
): Graph<Result>;
export function trace<Inputs extends readonly Tensor[], Result>(
  model: Traceable<NoInfer<Inputs>, Result>,
  ...inputs: Inputs
): Graph<Result>;
export function trace<Inputs extends readonly Tensor[], Result>(
  fn: Traced<Inputs, Result>,
  ...inputs: Inputs
): Graph<Result> {
  return record('trace', fn, inputs, true);
}

/**
 * As `trace`, of functions of any kind: what a graph can't hold is left out of it, so that it says what
 * ran, and can't be run itself.
 */
export function operationsOf<Inputs extends readonly Tensor[], Result>(
  name: string,
  fn: Traced<Inputs, Result>,
  ...inputs: Inputs
): Graph<Result> {
  return record(name, fn, inputs, false);
}

function record<Inputs extends readonly Tensor[], Result>(
  operation: string,
  fn: Traced<Inputs, Result>,
  inputs: Inputs,
  isStrict: boolean,
): Graph<Result> {
  if (tracer) {
    throw new TapeError(`${operation}: a graph is being traced already; they cannot be nested`);
  }
  const run = callOf(operation, fn);
  for (const [i, input] of inputs.entries()) {
    requireTensor(operation, `input ${i}`, input);
    input.assertAlive();
  }
  const parts = typeof fn === 'object' ? fn[traceParts]?.() : undefined;
  const recorder = new Recorder(isStrict);
  const state = (kind: ValueKind, named: TraceParts['parameters'] = []): Value[] =>
    [...named].flatMap(([name, tensor]) =>
      recorder.knows(tensor) ? [] : recorder.know(name, kind, tensor),
    );
  const parameters = state('parameter', parts?.parameters);
  const buffers = state('buffer', parts?.buffers);
  const taken = new Set([...parameters, ...buffers].map(({ name }) => name));
  const restore = [keptNumbers(buffers), keptStreams()];
  try {
    return Scope.run(() => {
      const seen = new Set<Tensor>();
      const given = inputs.map((input) => {
        // One that is given twice could not be told from itself.
        const own = seen.has(input) ? input.detach() : input;
        seen.add(input);
        return own;
      }) as readonly Tensor[] as Inputs;
      const values = given.map((input, i) => {
        const name = freeName(inputs.length === 1 ? 'x' : `x${i}`, taken);
        return recorder.know(name, 'input', input);
      });
      const returned = watched(recorder, parts, () => run(given));
      const { results, tensors } = takeApart(returned, isStrict);
      const outputs = tensors.map((tensor) => recorder.valueOf('return', tensor));
      const used = new Set([...recorder.nodes.flatMap((node) => node.inputs), ...outputs]);
      return new Graph<Result>({
        name: nameOf(fn),
        inputs: values,
        parameters: parameters.filter((value) => used.has(value)),
        buffers: buffers.filter((value) => used.has(value)),
        constants: recorder.constants,
        nodes: recorder.nodes,
        calls: recorder.calls,
        outputs,
        results,
      });
    });
  } catch (error) {
    recorder.discard();
    throw error;
  } finally {
    for (const back of restore) back();
  }
}

/** Runs the function while the recorder looks on, at the modules of a model too. */
function watched<T>(recorder: Recorder, parts: TraceParts | undefined, run: () => T): T {
  const look = (): T => {
    const before = setTracer(recorder);
    try {
      return run();
    } finally {
      setTracer(before);
    }
  };
  if (!parts) return look();
  return parts.watch((...call) => recorder.inModule(...call), look);
}

/** @throws ConfigError for what is neither a function nor has a `forward`. */
function callOf<Inputs extends readonly Tensor[], Result>(
  operation: string,
  fn: Traced<Inputs, Result>,
): (inputs: Inputs) => Result {
  if (typeof fn === 'function') return (inputs) => fn(...inputs);
  if (typeof fn === 'object' && fn !== null && typeof fn.forward === 'function') {
    return (inputs) => fn.forward(...inputs);
  }
  throw new ConfigError(
    `${operation}: expected a function or a module with a forward, got ${valueText(fn)}`,
  );
}

function nameOf(fn: object): string {
  if (typeof fn === 'function') return fn.name === '' ? 'fn' : fn.name;
  return plainObject.accepts(fn) ? 'forward' : fn.constructor.name;
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  while (taken.has(name)) name += '_';
  taken.add(name);
  return name;
}

/** @returns What gives the tensors their numbers back, where they were changed. */
function keptNumbers(values: readonly Value[]): () => void {
  const kept = values.flatMap(({ tensor }) =>
    tensor ? [{ tensor, version: tensor.version, numbers: tensor.toTypedArray() }] : [],
  );
  return () => {
    for (const { tensor, version, numbers } of kept) {
      if (tensor.version !== version) tensor.update((data) => data.set(numbers));
    }
  };
}

function keptStreams(): () => void {
  const state = rngState();
  return () => setRngState(state);
}
