import {
  ConfigError,
  DTypeError,
  FileFormatError,
  Parameter,
  ShapeError,
  Tensor,
  UnfoldError,
  type OptionRules,
} from '@unfold/core';
import { checkOptions, isFloat, isOptions, text, valueText } from '@unfold/core/internal';
import { failIn, reasonOf } from '@unfold/io/internal';
import { Module } from '@unfold/nn';
import {
  isOwnDomain,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../model/model.js';
import { readModel } from '../model/read-model.js';
import { Call, Known, type Given, type Result } from './call.js';
import { folded } from './folding.js';
import { OPERATORS } from './operators.js';
import { requireWhole, storedNumbers, type ExternalFiles } from './stored.js';

/** Options of `importOnnx`. */
export interface ImportOnnxOptions {
  /** What messages call the file. Default `ONNX`. */
  readonly name?: string;
  /** The bytes of the files beside it that hold its weights, by the names that it gives them. */
  readonly external?: ExternalFiles;
}

const OPTIONS: OptionRules<ImportOnnxOptions> = {
  name: text,
  external: {
    expected: 'an object of bytes by name',
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((bytes) => bytes instanceof Uint8Array),
  },
};

/** Operator sets from this one on are read. */
const OLDEST = 7;

/**
 * The model of an ONNX file, to run, to train and to export again. Weights of floats are Parameters
 * under their names in the file, of which `freeze` makes constants; int64 is int32 here. It is
 * in evaluation: `train()` lets dropout and batch norm learn. A file of
 * other weights than its own is read with `external`.
 *
 * ```ts
 * const model = importOnnx(await readFile('squeezenet.onnx'));
 * const scores = model.forward(images);
 * ```
 *
 * @throws FileFormatError for what is no ONNX model or a damaged one, for operators that are unknown
 * here, all of which it lists, and for types of elements that are; ConfigError for a bad option.
 */
export function importOnnx(bytes: Uint8Array, options: ImportOnnxOptions = {}): ImportedModel {
  checkOptions('importOnnx', options, OPTIONS);
  if (!(bytes instanceof Uint8Array)) {
    throw new ConfigError(
      `importOnnx: expected the bytes of a file, a Uint8Array, got ${valueText(bytes)}`,
    );
  }
  const { name = 'ONNX', external = {} } = options;
  return new ImportedModel(readModel(bytes, name), name, external);
}

/** A model that `importOnnx` made of a file. */
export class ImportedModel extends Module {
  /** The names of its inputs, in the order of `forward`'s arguments. */
  readonly inputNames: readonly string[];
  /** The names of its outputs. */
  readonly outputNames: readonly string[];
  /** Texts by name that the file holds besides, such as what its input was normalised by. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #nodes: readonly OnnxNode[];
  readonly #opset: number;
  /** What is there before it runs: weights and constants, by their names in the file. */
  readonly #weights = new Map<string, Given>();

  /** @internal */
  constructor(model: OnnxModel, file: string, external: ExternalFiles) {
    super();
    const { graph, opset } = model;
    requireKnown(model, file);
    requireOrder(graph, file);
    this.#nodes = graph.nodes.filter(({ op }) => op !== 'Constant');
    this.#opset = opset;
    this.metadata = model.metadata;
    for (const { attributes } of graph.nodes) {
      for (const attribute of Object.values(attributes)) {
        if (attribute.kind === 'tensor') requireWhole(attribute.value, file);
      }
    }
    const places = kindsOf(graph);
    for (const initializer of graph.initializers) {
      this.#weights.set(initializer.name, this.#weight(initializer, places, file, external));
    }
    for (const node of graph.nodes) if (node.op === 'Constant') this.#run(node, this.#weights);
    this.inputNames = graph.inputs.flatMap(({ name }) => (this.#weights.has(name) ? [] : [name]));
    this.outputNames = graph.outputs.map(({ name }) => name);
    // What a file holds is what it predicts by.
    this.eval();
  }

  #weight(
    stored: OnnxTensor,
    kinds: ReadonlyMap<string, 'buffer' | 'known'>,
    file: string,
    external: ExternalFiles,
  ): Given {
    const known = storedNumbers(stored, file, external);
    const kind = kinds.get(stored.name);
    if (!isFloat(known.dtype) || kind === 'known' || known.shape.length === 0) return known;
    const initial = known.tensor(file);
    if (kind === 'buffer') return this.registerBuffer(stored.name, initial);
    const parameter = new Parameter(initial);
    initial.dispose();
    let place = stored.name;
    // A property by which nothing of a module's own is hidden.
    while (place in this) place += '_';
    Object.defineProperty(this, place, { value: parameter, enumerable: true });
    return parameter;
  }

  /**
   * The output for its inputs, in the order of `inputNames`.
   * @throws ConfigError for another number of inputs, or a model of several outputs, of which `run`
   * gives all; what an operator throws.
   */
  forward(...inputs: Tensor[]): Tensor {
    if (this.outputNames.length !== 1) {
      const names = this.outputNames.join(', ');
      throw this.#fault('.forward', 'a model of one output', names, '; run gives them by name');
    }
    return this.#compute(inputs)[0] as Tensor;
  }

  /**
   * All outputs by their names, for inputs by theirs.
   * @throws ConfigError for an input that is missing or unknown.
   */
  run(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    if (!isOptions(inputs) || !Object.values(inputs).every((input) => input instanceof Tensor)) {
      throw this.#fault('.run', 'tensors by the names of inputs', valueText(inputs));
    }
    const given = Object.keys(inputs);
    const isSame = given.length === this.inputNames.length;
    if (!isSame || !given.every((name) => this.inputNames.includes(name))) {
      throw this.#fault('.run', this.inputNames.join(', '), given.join(', ') || 'none');
    }
    const outputs = this.#compute(this.inputNames.flatMap((name) => inputs[name] ?? []));
    return Object.fromEntries(this.outputNames.map((name, i) => [name, outputs[i]])) as Record<
      string,
      Tensor
    >;
  }

  #fault(where: string, expected: string, got: string, mend = ''): ConfigError {
    return new ConfigError(
      `${this.constructor.name}${where}: expected ${expected}, got ${got}${mend}`,
    );
  }

  #compute(inputs: readonly Tensor[]): Tensor[] {
    const { inputNames } = this;
    if (inputs.length !== inputNames.length) {
      const names = inputNames.join(', ');
      throw this.#fault('', `${inputNames.length} inputs (${names})`, String(inputs.length));
    }
    const values = new Map<string, Given>(this.#weights);
    inputNames.forEach((name, i) => {
      const input = inputs[i];
      if (!(input instanceof Tensor)) {
        throw this.#fault('', `a tensor for ${name}`, valueText(input));
      }
      values.set(name, input);
    });
    for (const node of this.#nodes) this.#run(node, values);
    return this.outputNames.map((name) => {
      const value = values.get(name);
      if (value instanceof Known) return value.tensor(name);
      if (value) return value;
      throw new FileFormatError(`${name}: no node gives this output`);
    });
  }

  #run(node: OnnxNode, values: Map<string, Given>): void {
    const given = node.inputs.map((name) => (name === '' ? null : (values.get(name) ?? null)));
    const call = new Call(node, given, { opset: this.#opset, training: this.training });
    const operator = OPERATORS[node.op];
    if (!operator) throw call.lacking('it');
    const result = computed(call, () => folded(node.op, call) ?? operator(call));
    const list = Array.isArray(result) ? (result as readonly (Given | null)[]) : [result as Given];
    node.outputs.forEach((name, i) => {
      const value = list[i];
      if (name !== '' && value) values.set(name, value);
    });
  }
}

/** What an operator gives; an error says at which node, and of what a file got wrong is one of ours. */
function computed(call: Call, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    const Kind = [ShapeError, DTypeError, ConfigError].find((kind) => error instanceof kind);
    const message = reasonOf(error);
    if (Kind) throw new Kind(`${message}; in ${call.where}`, { cause: error });
    if (error instanceof UnfoldError) throw error;
    throw new FileFormatError(`${call.where}: expected what can be computed, got: ${message}`, {
      cause: error,
    });
  }
}

/** @throws FileFormatError that lists all operators which are unknown here. */
function requireKnown({ graph, opset }: OnnxModel, file: string): void {
  const fail = failIn(file);
  if (opset < OLDEST) {
    throw fail(
      `expected operators of set ${OLDEST} or later, got ${opset}; export the model again`,
    );
  }
  const unknown = new Map<string, string[]>();
  for (const { op, domain, name } of graph.nodes) {
    const isOwn = isOwnDomain(domain);
    if (isOwn && Object.hasOwn(OPERATORS, op)) continue;
    const operator = isOwn ? op : `${domain}.${op}`;
    const nodes = unknown.get(operator) ?? [];
    nodes.push(name === '' ? 'a node without a name' : name);
    unknown.set(operator, nodes);
  }
  if (unknown.size === 0) return;
  const lines = Array.from(unknown, ([operator, nodes]) => {
    const shown = nodes.slice(0, 3).join(', ');
    const more = nodes.length > 3 ? ` and ${nodes.length - 3} more` : '';
    return `\n  ${operator}: ${shown}${more}`;
  });
  throw fail(`has operators that Unfold lacks:${lines.join('')}`);
}

/** @throws FileFormatError for a node that takes what no earlier one gives, or gives what there is. */
function requireOrder(graph: OnnxGraph, file: string): void {
  const fail = failIn(file);
  const made = new Set<string>();
  const give = (name: string, what: string): void => {
    if (name === '') return;
    if (made.has(name)) throw fail(`${what} gives ${name}, which there is already`);
    made.add(name);
  };
  for (const { name } of graph.initializers) give(name, 'an initializer');
  const weights = new Set(made);
  for (const { name } of graph.inputs) {
    // A weight may be listed among the inputs too, as what stands for one that isn't given.
    if (weights.delete(name)) continue;
    if (name === '') throw fail('expected a name for each input, got none');
    give(name, 'an input');
  }
  for (const { op, name, inputs, outputs } of graph.nodes) {
    const node = name === '' ? op : `${op} '${name}'`;
    const missing = inputs.find((input) => input !== '' && !made.has(input));
    if (missing !== undefined) {
      throw fail(
        `${node} takes ${missing}, which nothing before it gives: nodes stand in their order`,
      );
    }
    for (const output of outputs) give(output, node);
  }
  const missing = graph.outputs.find(({ name }) => !made.has(name));
  if (missing) throw fail(`no node gives the output ${missing.name}`);
}

/** Inputs of operators that say how, not what: by position, which the numbers of weights are not. */
const HOW: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Dropout: [1],
  OneHot: [1, 2],
  Pad: [1, 2],
  Range: [0, 1, 2],
  Resize: [1, 2, 3],
  Upsample: [1],
};

/** Weights that are no Parameters: statistics, and what is read as numbers. */
function kindsOf(graph: OnnxGraph): Map<string, 'buffer' | 'known'> {
  const kinds = new Map<string, 'buffer' | 'known'>();
  for (const { op, inputs } of graph.nodes) {
    const isNorm = op === 'BatchNormalization';
    inputs.forEach((name, position) => {
      if (isNorm && position > 2) kinds.set(name, 'buffer');
      else if (HOW[op]?.includes(position) === true) kinds.set(name, 'known');
    });
  }
  return kinds;
}
