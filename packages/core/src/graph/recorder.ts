import { copyOf } from '../copy.js';
import { TapeError } from '../errors.js';
import { unscoped } from '../memory/scope.js';
import type { Storage } from '../memory/storage.js';
import { isOptions, valueText } from '../options.js';
import { Tensor } from '../tensor.js';
import { plainCopy, type JsonData } from './attributes.js';
import { valuesIn, type ModuleCall } from './module-call.js';
import { GraphNode, type Call, type Slot } from './node.js';
import { setTracer, type TracedArguments, type Tracer } from './tracer.js';
import { Value, type ValueKind } from './value.js';

/** The arguments of a call: which are tensors, which are data, and how they stand. */
interface Arguments {
  readonly slots: Slot[];
  readonly operands: [name: string, tensor: Tensor][];
  readonly attributes: Record<string, JsonData>;
}

/** Records the operations that run while it looks on. */
export class Recorder implements Tracer {
  readonly nodes: GraphNode[] = [];
  readonly constants: Value[] = [];
  readonly #isStrict: boolean;
  /** The values that are known, by the tensors of this run. */
  readonly #values = new Map<unknown, Value>();
  /** Tensors that were made meanwhile, and not by an operation. */
  readonly #made = new WeakSet<object>();
  /** The memory of inputs and results: what else lives there follows from them in a way unseen. */
  readonly #followed = new Set<Storage>();
  /** The calls of modules, in the order in which they began, with tensors in the place of values. */
  readonly #calls: ModuleCall[] = [];
  /** The places of those that run now, the innermost last. */
  readonly #running: number[] = [];
  /** How often each module was called. */
  readonly #counts = new Map<string, number>();
  #results = 0;

  /**
   * @param isStrict Whether what a graph can't hold is an error; else the graph says less than the
   * function does.
   */
  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  /** Whether a tensor is known already, under its first name. */
  knows(tensor: Tensor): boolean {
    return this.#values.has(tensor);
  }

  /** Makes a tensor known under a name that nothing else has. */
  know(name: string, kind: ValueKind, tensor: Tensor): Value {
    const value = new Value(name, kind, tensor);
    this.#values.set(tensor, value);
    if (kind === 'input' || kind === 'result') this.#followed.add(tensor.storage);
    return value;
  }

  /** Runs the forward of a module. */
  inModule<T>(module: string, inputs: readonly unknown[], run: () => T): T {
    const call = this.#counts.get(module) ?? 0;
    this.#counts.set(module, call + 1);
    const place = this.#calls.length;
    const parent = this.#running.at(-1) ?? null;
    const begun = { module, call, inputs, parent, first: this.nodes.length };
    this.#calls.push({ ...begun, output: undefined, end: begun.first });
    this.#running.push(place);
    try {
      const output = run();
      this.#calls[place] = { ...begun, output, end: this.nodes.length };
      return output;
    } finally {
      this.#running.pop();
    }
  }

  /** The calls of modules, with what they were given and gave. */
  get calls(): ModuleCall[] {
    const find = (tensor: Tensor): Value | null => this.#values.get(tensor) ?? null;
    return this.#calls.map((call) => ({
      ...call,
      inputs: call.inputs.map((input) => valuesIn(input, find)),
      output: valuesIn(call.output, find),
    }));
  }

  operation<Args extends readonly unknown[], T>(
    name: string,
    run: (...args: Args) => T,
    given: TracedArguments,
  ): T {
    const args = isUnnamed(given) ? named(given) : given;
    const call = (values: readonly unknown[]): T => Reflect.apply(run, undefined, values);
    const versions = tensorsIn(args).map((tensor) => [tensor, tensor.version] as const);
    const { output, outputs } = this.#unseen(() => {
      return this.#owned(name, call(Object.values(args)));
    });
    const changed = versions.find(([tensor, version]) => tensor.version !== version)?.[0];
    if (changed) this.#allowChange(name, changed);
    this.#record(name, this.#sort(name, args), outputs, call);
    return output;
  }

  made(tensor: object): void {
    this.#made.add(tensor);
  }

  reads(name: string, tensor: Tensor): void {
    const kind = this.#values.get(tensor)?.kind;
    const isFree = kind === undefined ? !this.#isAlias(tensor) : kind === 'constant';
    if (isFree || !this.#isStrict) return;
    throw new TapeError(
      `${name}: expected a constant while a graph is traced, got the ${tensor.describe()} made by ` +
        `${tensor.origin}, whose numbers differ from run to run; choose by where(condition, a, b) ` +
        'instead of a branch, and read numbers outside of the function',
    );
  }

  changes(name: string, tensor: Tensor, again: () => void): void {
    // Made a moment ago, it is a constant that isn't finished yet.
    if (!this.#values.has(tensor) && this.#made.has(tensor) && !this.#isAlias(tensor)) return;
    this.#allowChange(name, tensor);
    const args = { slots: ['x'], operands: [['x', tensor]], attributes: {} } satisfies Arguments;
    this.#record('update', args, [], again);
  }

  refuses(name: string, what: string): void {
    if (!this.#isStrict) return;
    throw new TapeError(
      `${name}: expected operations on tensors while a graph is traced, got ${what}`,
    );
  }

  /** The value that a tensor is to the graph: a constant, if it isn't known. */
  valueOf(operation: string, tensor: Tensor): Value {
    const known = this.#values.get(tensor);
    if (known) return known;
    if (this.#isAlias(tensor) && this.#isStrict) {
      throw new TapeError(
        `${operation}: expected results of operations while a graph is traced, got the ` +
          `${tensor.describe()} made by ${tensor.origin}, which shares the memory of one; give it ` +
          'the result itself',
      );
    }
    // What was made inside goes with its scope; what comes from outside stays its owner's.
    const isMade = this.#isStrict && this.#made.has(tensor);
    const kept = isMade
      ? this.#unseen(() => unscoped(() => copyOf(tensor, tensor.origin)))
      : tensor;
    const value = new Value(`constant${this.constants.length}`, 'constant', kept, isMade);
    this.constants.push(value);
    this.#values.set(tensor, value);
    return value;
  }

  /** Frees the constants that were made inside, for there will be no graph. */
  discard(): void {
    for (const { isMade, tensor } of this.constants) if (isMade) tensor?.dispose();
  }

  /** Whether a tensor that no operation gave lives in the memory of one that is followed. */
  #isAlias(tensor: Tensor): boolean {
    return this.#made.has(tensor) && this.#followed.has(tensor.storage);
  }

  #allowChange(name: string, tensor: Tensor): void {
    const kind = this.#values.get(tensor)?.kind;
    if (kind === 'buffer' || !this.#isStrict) return;
    throw new TapeError(
      `${name}: expected to change buffers of the model only while a graph is traced, got the ` +
        `${tensor.describe()} made by ${tensor.origin}; make a new tensor, or trace the module whose ` +
        'buffer it is',
    );
  }

  /** Runs what the graph shows as one node, or not at all. */
  #unseen<T>(run: () => T): T {
    const before = setTracer(null);
    try {
      return run();
    } finally {
      setTracer(before);
    }
  }

  /**
   * The tensors that an operation gave, each under an identity of its own: dropout in evaluation gives its
   * input itself.
   */
  #owned<T>(name: string, output: T): { output: T; outputs: readonly Tensor[] } {
    const own = (tensor: Tensor): Tensor =>
      this.#values.has(tensor) ? tensor.view(tensor.shape, name) : tensor;
    if (output instanceof Tensor) {
      const tensor = own(output);
      return { output: tensor as typeof output, outputs: [tensor] };
    }
    if (Array.isArray(output)) {
      const tensors = output.map(own);
      return { output: tensors as typeof output, outputs: tensors };
    }
    return { output, outputs: [] };
  }

  #record(op: string, args: Arguments, outputs: readonly Tensor[], run: Call['run']): void {
    const inputs = args.operands.map(([, tensor]) => this.valueOf(op, tensor));
    const running = this.#calls[this.#running.at(-1) ?? -1];
    const node = new GraphNode(
      {
        op,
        inputs,
        operands: args.operands.map(([name]) => name),
        outputs: outputs.map((tensor) => this.know(`%${this.#results++}`, 'result', tensor)),
        attributes: args.attributes,
        module: running?.module ?? null,
        call: running?.call ?? 0,
      },
      { run, slots: args.slots },
    );
    this.nodes.push(node);
  }

  /** Tells tensors from attributes, and looks into options and lists. */
  #sort(operation: string, args: Readonly<Record<string, unknown>>): Arguments {
    const operands: [string, Tensor][] = [];
    const attributes: Record<string, JsonData> = {};
    const take = (name: string, value: unknown): void => {
      if (value instanceof Tensor) operands.push([name, value]);
      else attributes[name] = this.#attribute(operation, name, value);
    };
    const slots = Object.entries(args).flatMap(([name, value]): Slot[] => {
      if (Array.isArray(value) && value.some((part) => part instanceof Tensor)) {
        const parts = value.map((part: unknown, i) => [`${name}.${i}`, part] as const);
        for (const part of parts) take(...part);
        return [{ list: parts.map(([part]) => part) }];
      }
      if (isOptions(value)) {
        const given = Object.entries(value).filter(([, option]) => option !== undefined);
        for (const option of given) take(...option);
        return [{ options: given.map(([option]) => option) }];
      }
      if (value !== undefined) take(name, value);
      return [name];
    });
    return { slots, operands, attributes };
  }

  #attribute(operation: string, name: string, value: unknown): JsonData {
    try {
      return plainCopy(operation, name, value);
    } catch (error) {
      if (this.#isStrict) throw error;
      return valueText(value);
    }
  }
}

function isUnnamed(args: TracedArguments): args is readonly unknown[] {
  return Array.isArray(args);
}

/** `x`, or `x0`, `x1` … for tensors and null, by their places, then options and other arguments. */
function named(args: readonly unknown[]): Readonly<Record<string, unknown>> {
  const isInput = (arg: unknown): boolean => arg instanceof Tensor || arg === null;
  const end = args.findIndex((arg) => !isInput(arg));
  const inputs = end < 0 ? args.length : end;
  const nameOf = (i: number): string =>
    i >= inputs ? `argument${i}` : inputs === 1 ? 'x' : `x${i}`;
  return Object.fromEntries(args.map((arg, i) => [nameOf(i), arg]));
}

/** The tensors among arguments, in lists and options too. */
function tensorsIn(args: Readonly<Record<string, unknown>>): Tensor[] {
  const values = Object.values(args).flatMap((value): unknown[] =>
    Array.isArray(value) || isOptions(value) ? Object.values(value) : [value],
  );
  return values.filter((value) => value instanceof Tensor);
}
