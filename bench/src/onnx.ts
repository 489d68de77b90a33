/**
 * The networks of the forward tasks as ONNX models, so that runtimes of that format compute with the
 * same weights as all others. Field and type numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, the operators those of its operator set 17.
 */
import { PbfWriter } from 'pbf';
import type { NamedArray } from './named-array.js';
import type { NetName } from './tasks.js';

/** What the runtimes have known for years: newer ones gain these operators nothing. */
const IR_VERSION = 8;
const OPERATOR_SET = 17;

/** The name of the images, and that of the logits. */
const INPUT = 'x';
const OUTPUT = 'logits';

/** Numbers of `TensorProto.DataType` and `AttributeProto.AttributeType`. */
const FLOAT = 1;
const INT = 2;
const INTS = 7;

interface Node {
  readonly operator: string;
  /** The names of its weights: it takes them behind the output of the node before it. */
  readonly weights?: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

const conv = (layer: string): Node => ({
  operator: 'Conv',
  weights: [`${layer}.weight`, `${layer}.bias`],
});
const linear = (layer: string): Node => ({
  operator: 'Gemm',
  weights: [`${layer}.weight`, `${layer}.bias`],
  attributes: { transB: 1 },
});
const relu: Node = { operator: 'Relu' };
const flatten: Node = { operator: 'Flatten' };
const maxPool: Node = {
  operator: 'MaxPool',
  attributes: { kernel_shape: [2, 2], strides: [2, 2] },
};

/** Each net as a chain: a node takes what the one before it gives. */
const CHAINS: Readonly<Partial<Record<NetName, readonly Node[]>>> = {
  lenet: [conv('conv1'), relu, maxPool, conv('conv2'), relu, maxPool, flatten, linear('fc')],
  cnn: [
    conv('conv1'),
    relu,
    conv('conv2'),
    relu,
    maxPool,
    flatten,
    linear('fc1'),
    relu,
    linear('fc2'),
  ],
};

/**
 * @param arrays The images `x`, of whose shape the model takes its input, and all weights.
 * @returns The bytes of an ONNX model; undefined for a net that no forward task has.
 */
export function onnxModel(net: NetName, arrays: readonly NamedArray[]): Uint8Array | undefined {
  const chain = CHAINS[net];
  if (!chain) return undefined;
  const array = (name: string): NamedArray => {
    const found = arrays.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`no array '${name}' for the ONNX model of ${net}`);
    return found;
  };
  const { shape } = array(INPUT);
  const weights = chain.flatMap(({ weights = [] }) => weights.map(array));
  const out = new PbfWriter();
  out.writeVarintField(1, IR_VERSION);
  out.writeStringField(2, 'unfold-bench');
  out.writeMessage(7, writeGraph, { net, chain, weights, shape });
  out.writeMessage(8, (version, opset) => opset.writeVarintField(2, version), OPERATOR_SET);
  return out.finish();
}

interface Graph {
  readonly net: NetName;
  readonly chain: readonly Node[];
  readonly weights: readonly NamedArray[];
  /** Of the images. */
  readonly shape: readonly number[];
}

function writeGraph({ net, chain, weights, shape }: Graph, out: PbfWriter): void {
  chain.forEach((node, i) => out.writeMessage(1, writeNode, { node, at: i, of: chain.length }));
  out.writeStringField(2, net);
  for (const weight of weights) out.writeMessage(5, writeTensor, weight);
  out.writeMessage(11, writeValue, { name: INPUT, shape });
  out.writeMessage(12, writeValue, { name: OUTPUT, shape: [shape[0] ?? 0, 10] });
}

/** @param place `at` of so many nodes of the chain. */
function writeNode(place: { node: Node; at: number; of: number }, out: PbfWriter): void {
  const { node, at, of } = place;
  const nameAt = (i: number) => (i === 0 ? INPUT : i === of ? OUTPUT : `h${i}`);
  for (const name of [nameAt(at), ...(node.weights ?? [])]) out.writeStringField(1, name);
  out.writeStringField(2, nameAt(at + 1));
  out.writeStringField(4, node.operator);
  for (const attribute of Object.entries(node.attributes ?? {})) {
    out.writeMessage(5, writeAttribute, attribute);
  }
}

function writeAttribute([name, value]: [string, number | readonly number[]], out: PbfWriter): void {
  out.writeStringField(1, name);
  if (typeof value === 'number') out.writeVarintField(3, value);
  else for (const element of value) out.writeVarintField(8, element);
  out.writeVarintField(20, typeof value === 'number' ? INT : INTS);
}

/** float32, whose bytes are little-endian in the format as they are in typed arrays here. */
function writeTensor({ name, shape, data }: NamedArray, out: PbfWriter): void {
  for (const extent of shape) out.writeVarintField(1, extent);
  out.writeVarintField(2, FLOAT);
  out.writeStringField(8, name);
  out.writeBytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(value: { name: string; shape: readonly number[] }, out: PbfWriter): void {
  out.writeStringField(1, value.name);
  out.writeMessage(2, (shape, type) => type.writeMessage(1, writeTensorType, shape), value.shape);
}

function writeTensorType(shape: readonly number[], out: PbfWriter): void {
  out.writeVarintField(1, FLOAT);
  out.writeMessage(2, writeShape, shape);
}

function writeShape(shape: readonly number[], out: PbfWriter): void {
  const writeExtent = (extent: number, dim: PbfWriter) => dim.writeVarintField(1, extent);
  for (const extent of shape) out.writeMessage(1, writeExtent, extent);
}
