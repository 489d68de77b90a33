import type { Tensor } from '@unfold/core';
import {
  elementsOf,
  formatShape,
  Scope,
  trace,
  type Graph,
  type JsonData,
  type OptionRules,
  type Value,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  flag,
  isFloat,
  plainObject,
  valueText,
} from '@unfold/core/internal';
import {
  EXAMPLE_SIZES,
  exampleOf,
  tracedOnBatches,
  type Extent,
  type TracedOnBatches,
} from '@unfold/nn/internal';
import { evaluationMode, Module } from '@unfold/nn';
import type { Normalization, SaveModelOptions } from '@unfold/train';
import { metadataOf } from '@unfold/train/internal';
import { ELEMENT, lookUp, type OnnxModel, type OnnxValue } from '../model/model.js';
import { writeModel } from '../model/write-model.js';
import { Builder } from './builder.js';
import { OPERATORS } from './operators.js';
import { refusal, unexpected } from './refusal.js';
import { shapeOf, Step, type Surroundings } from './step.js';

/** Names of what a model takes and gives. */
export interface OnnxNames {
  /** Default: the names of the function's parameters. */
  readonly inputs?: readonly string[];
  /** Default: `output`, `output0` …, or the names in the object that the function returns. */
  readonly outputs?: readonly string[];
}

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions extends SaveModelOptions {
  readonly names?: OnnxNames;
  /**
   * The axis of the inputs along which a batch may have any size, or null for a model that takes the
   * example's sizes alone. Default 0.
   */
  readonly batchAxis?: number | null;
  /** The version of ONNX's operators, 17 to 22. Default 17, which runtimes have known for years. */
  readonly opset?: number;
  /**
   * Whether the model normalises its first input itself, by `normalization`: then it takes images on the
   * scale 0…1. Default false: the file says by what its input is to be normalised.
   */
  readonly includeNormalization?: boolean;
}

const OPTIONS: OptionRules<ExportOnnxOptions> = {
  names: plainObject,
  batchAxis: checkedInUse,
  opset: checkedInUse,
  includeNormalization: flag,
  name: checkedInUse,
  normalization: checkedInUse,
  classes: checkedInUse,
  metadata: checkedInUse,
};

/** Of each operator set the format's version that came with it. */
const IR_VERSIONS: Readonly<Record<string, number>> = {
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
  22: 10,
};

const PRODUCER = '@unfold/onnx';
const VERSION = '0.1.0';

/** A Module, or another object with a `forward`, that can be exported in the place of a function. */
export interface ExportableModel {
  /** What is exported: a function of tensors, perhaps with options behind them. */
  forward(...inputs: never[]): unknown;
}

/** What can be exported. */
export type Exportable = ((...inputs: never[]) => unknown) | ExportableModel;

/**
 * A model as the bytes of an ONNX file, which ONNX Runtime, Netron and others read. It is traced on an
 * example, in evaluation mode; batches of any size fit the result. Weights have their names in the
 * model; what normalises its input and the names of its classes stand in the metadata.
 *
 * ```ts
 * const bytes = exportOnnx(model, zeros([1, 1, 28, 28]), { names: { outputs: ['logits'] } });
 * ```
 *
 * @param model A Module, another object with a `forward`, or a function of tensors. It returns tensors,
 * alone or in arrays and plain objects.
 * @param example A tensor as the model takes it, or a list of them for several inputs.
 * @throws ConfigError that names the operation which ONNX can't say, or what depends on the size of the
 * batch, and for a bad option; TapeError for what a graph can't hold, see `trace`; what the model throws.
 */
export function exportOnnx(
  model: Exportable,
  example: Tensor | readonly Tensor[],
  options: ExportOnnxOptions = {},
): Uint8Array<ArrayBuffer> {
  checkOptions('exportOnnx', options, OPTIONS);
  const { names, opset = 17, batchAxis = 0, includeNormalization, ...saved } = options;
  const irVersion = lookUp(IR_VERSIONS, String(opset));
  if (irVersion === undefined || typeof opset !== 'number') {
    const sets = Object.keys(IR_VERSIONS).join(', ');
    throw refusal(`opset must be one of ${sets}, got ${valueText(opset)}`);
  }
  const given = exampleOf('exportOnnx', example, batchAxis);
  if (includeNormalization === true && !saved.normalization) {
    throw unexpected('a normalization to include', 'none', '{ normalization } gives it');
  }
  const metadata = metadataOf('exportOnnx', saved);
  return Scope.run(() => {
    return writeModel({
      irVersion,
      producer: PRODUCER,
      producerVersion: VERSION,
      opset,
      graph: graphOf(traced(model, given, batchAxis), {
        names: names ?? {},
        opset,
        batchAxis,
        normalization: includeNormalization === true ? (saved.normalization ?? null) : null,
      }),
      metadata,
    });
  });
}

type OfTensors = (...inputs: readonly Tensor[]) => unknown;

/** The model on the example, in evaluation mode, and what follows the size of its batch. */
function traced(
  model: Exportable,
  example: readonly Tensor[],
  batchAxis: number | null,
): TracedOnBatches {
  const restore = model instanceof Module ? evaluationMode(model) : undefined;
  try {
    const run = (inputs: readonly Tensor[]): Graph =>
      typeof model === 'function'
        ? trace(model as OfTensors, ...inputs)
        : trace(model as { forward: OfTensors }, ...inputs);
    return tracedOnBatches('exportOnnx', run, example, batchAxis);
  } finally {
    restore?.();
  }
}

interface GraphOptions {
  readonly names: OnnxNames;
  readonly opset: number;
  readonly batchAxis: number | null;
  /** What the first input is to be normalised by inside the model. */
  readonly normalization: Normalization | null;
}

function graphOf({ graph, sizes }: TracedOnBatches, options: GraphOptions): OnnxModel['graph'] {
  const builder = new Builder(options.opset);
  const names = new Map<Value, string>();
  for (const value of [...graph.parameters, ...graph.buffers]) {
    names.set(value, builder.nameFor(value.name));
    if (value.tensor) {
      builder.initializer(value.name, value.dtype, value.shape, elementsOf(value.tensor));
    }
  }
  const wanted = wantedNames(graph, options.names);
  const inputs = graph.inputs.map((value, i) => builder.nameFor(wanted.inputs[i] ?? value.name));
  const outputs = graph.outputs.map((_, i) => builder.nameFor(wanted.outputs[i] ?? 'output'));
  requireFree([...wanted.inputs, ...wanted.outputs], [...inputs, ...outputs]);
  graph.inputs.forEach((value, i) => names.set(value, inputs[i] ?? ''));
  const { batchAxis } = options;
  const [input = ''] = inputs;
  const around: Surroundings = {
    builder,
    sizes,
    names,
    batch: batchAxis === null ? null : { input, axis: batchAxis },
  };
  if (options.normalization) {
    const [first] = graph.inputs;
    if (first) names.set(first, normalised(builder, input, first, options.normalization));
  }
  for (const value of graph.constants) names.set(value, constantOf(value, around));
  graph.nodes.forEach((node, i) => {
    const emit = lookUp(OPERATORS, node.op);
    const step = new Step(node, around);
    if (!emit)
      throw step.refusal('ONNX has no such operation', 'write it with others for the export');
    const changed = sizes.changedAttribute(node, i);
    if (changed !== null) throw step.followsBatch(changed);
    const made = emit(step);
    const list = typeof made === 'string' ? [made] : made;
    node.outputs.forEach((value, at) => names.set(value, list[at] ?? ''));
  });
  const final = new Map<string, string>();
  graph.outputs.forEach((value, i) => {
    const name = names.get(value) ?? '';
    const output = outputs[i] ?? '';
    const isMade = builder.nodes.some((node) => node.outputs.includes(name));
    if (isMade && !final.has(name)) final.set(name, output);
    else final.set(builder.emit('', 'Identity', [name]), output);
  });
  const renamed = (name: string): string => final.get(name) ?? name;
  const described = (value: Value, name: string): OnnxValue => ({
    name,
    elementType: ELEMENT[value.dtype],
    dims: sizes.of(value).map(dimensionOf),
  });
  return {
    name: graph.name,
    nodes: builder.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
    initializers: builder.initializers,
    inputs: graph.inputs.map((value, i) => described(value, inputs[i] ?? '')),
    outputs: graph.outputs.map((value, i) => described(value, outputs[i] ?? '')),
  };
}

/** A size as ONNX shows it: a number, or a name for any. */
function dimensionOf({ slope, offset }: Extent): number | string {
  if (slope === 0) return offset;
  const scaled = slope === 1 ? 'batch' : `${slope}*batch`;
  return offset === 0 ? scaled : `${scaled}${offset < 0 ? '' : '+'}${offset}`;
}

/** A tensor that the function made or took from outside. */
function constantOf(value: Value, around: Surroundings): string {
  const { builder, sizes } = around;
  const { tensor } = value;
  const other = sizes.counterpart(value).tensor;
  if (!tensor || !other) throw refusal(`${value.name} has no numbers`);
  const elements = elementsOf(tensor);
  if (formatShape(tensor.shape) === formatShape(other.shape)) {
    const others = elementsOf(other);
    if (elements.every((element, i) => Object.is(element, others[i]))) {
      return builder.addConstant(value.name, value.dtype, value.shape, elements);
    }
  }
  const [element = 0] = elements;
  const isUniform = [...elements, ...elementsOf(other)].every((one) => Object.is(one, element));
  if (!isUniform) {
    throw unexpected(
      "constants that don't depend on the size of the batch",
      `${tensor.describe()} and ${other.describe()}`,
      EXAMPLE_SIZES,
    );
  }
  const shape = shapeOf(sizes.of(value), around, '');
  return builder.emit('', 'Expand', [builder.constant(value.dtype, [element], []), shape]);
}

/** The first input, normalised by channel, or by feature where it has two axes. */
function normalised(
  builder: Builder,
  input: string,
  { shape, dtype }: Value,
  { mean, std }: Normalization,
): string {
  if (!isFloat(dtype) || shape[1] !== mean.length) {
    throw unexpected(
      `a float input of ${mean.length} channels, as the normalization has`,
      `${dtype} ${formatShape(shape)}`,
    );
  }
  const behind = shape.slice(2).map(() => 1);
  const write = (op: string, x: string, values: readonly number[]): string =>
    builder.emit('normalization', op, [
      x,
      builder.constant(dtype, values, [values.length, ...behind]),
    ]);
  return write('Div', write('Sub', input, mean), std);
}

/** @throws ConfigError for names that are taken. */
function requireFree(wanted: readonly string[], got: readonly string[]): void {
  const taken = wanted.find((name, i) => name !== got[i]);
  if (taken === undefined) return;
  throw unexpected(
    'names of their own for inputs and outputs',
    `${taken} for two tensors`,
    '{ names: { inputs, outputs } } chooses others',
  );
}

/** A text that isn't empty, and can be written: half a letter can't. */
const IS_NAME = /^\P{Surrogate}+$/u;

/** The names of inputs and outputs. @throws ConfigError for another number of them. */
function wantedNames(graph: Graph, names: OnnxNames): Required<OnnxNames> {
  const { inputs = graph.inputs.map(({ name }) => name) } = names;
  const { outputs = outputNames(graph.toJSON()['results'] ?? null, graph.outputs.length) } = names;
  for (const [what, given, values] of [
    ['inputs', inputs, graph.inputs],
    ['outputs', outputs, graph.outputs],
  ] as const) {
    const valid =
      Array.isArray(given) &&
      given.length === values.length &&
      given.every((name: unknown) => typeof name === 'string' && IS_NAME.test(name));
    if (!valid) {
      throw unexpected(`${values.length} names of ${what}`, valueText(given));
    }
  }
  return { inputs, outputs };
}

/** A name for each tensor of what a function returns, by its place. */
function outputNames(results: JsonData, count: number): string[] {
  const found: string[] = [];
  const visit = (part: JsonData, path: string): void => {
    if (typeof part === 'number') found.push(path);
    else if (Array.isArray(part)) part.forEach((one: JsonData, i) => visit(one, `${path}${i}`));
    else if (typeof part === 'object' && part !== null && !('value' in part)) {
      for (const [name, one] of Object.entries(part)) visit(one, name);
    }
  };
  visit(results, 'output');
  return found.length === count ? found : Array.from({ length: count }, (_, i) => `output${i}`);
}
