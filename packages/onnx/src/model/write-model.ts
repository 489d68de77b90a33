import { PbfWriter } from 'pbf';
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from './model.js';

/*
 * Field numbers are those of onnx.proto; each function writes one of its messages. Fields that are as
 * by default are left out, as protobuf has it.
 */

/** The bytes of an ONNX file. */
export function writeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const out = new PbfWriter();
  out.writeVarintField(1, model.irVersion);
  writeText(out, 2, model.producer);
  writeText(out, 3, model.producerVersion);
  out.writeMessage(7, writeGraph, model.graph);
  out.writeMessage(8, (opset, version) => version.writeVarintField(2, opset), model.opset);
  for (const entry of Object.entries(model.metadata)) out.writeMessage(14, writeEntry, entry);
  return new Uint8Array(out.finish());
}

function writeGraph(graph: OnnxGraph, out: PbfWriter): void {
  for (const node of graph.nodes) out.writeMessage(1, writeNode, node);
  writeText(out, 2, graph.name);
  for (const tensor of graph.initializers) out.writeMessage(5, writeTensor, tensor);
  for (const value of graph.inputs) out.writeMessage(11, writeValue, value);
  for (const value of graph.outputs) out.writeMessage(12, writeValue, value);
}

function writeNode(node: OnnxNode, out: PbfWriter): void {
  for (const input of node.inputs) writeText(out, 1, input);
  for (const output of node.outputs) writeText(out, 2, output);
  writeText(out, 3, node.name);
  writeText(out, 4, node.op);
  for (const entry of Object.entries(node.attributes)) out.writeMessage(5, writeAttribute, entry);
  if (node.domain !== '') writeText(out, 7, node.domain);
}

/** Of each kind of attribute its number in `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

function writeAttribute([name, attribute]: [string, OnnxAttribute], out: PbfWriter): void {
  writeText(out, 1, name);
  switch (attribute.kind) {
    case 'float':
      out.writeFloatField(2, attribute.value);
      break;
    case 'int':
      out.writeVarintField(3, attribute.value);
      break;
    case 'string':
      writeText(out, 4, attribute.value);
      break;
    case 'tensor':
      out.writeMessage(5, writeTensor, attribute.value);
      break;
    case 'floats':
      for (const element of attribute.value) out.writeFloatField(7, element);
      break;
    case 'ints':
      for (const element of attribute.value) out.writeVarintField(8, element);
      break;
    case 'strings':
      for (const element of attribute.value) writeText(out, 9, element);
      break;
    case 'other':
      return;
  }
  out.writeVarintField(20, ATTRIBUTE_TYPE[attribute.kind]);
}

function writeTensor(tensor: OnnxTensor, out: PbfWriter): void {
  for (const dim of tensor.dims) out.writeVarintField(1, dim);
  out.writeVarintField(2, tensor.elementType);
  if (tensor.name !== '') writeText(out, 8, tensor.name);
  if (!tensor.external) {
    out.writeBytesField(9, tensor.raw);
    return;
  }
  const { location, offset, length } = tensor.external;
  const entries = { location, offset, ...(length !== null && { length }) };
  for (const [key, value] of Object.entries(entries)) {
    out.writeMessage(13, writeEntry, [key, String(value)]);
  }
  out.writeVarintField(14, 1);
}

function writeValue(value: OnnxValue, out: PbfWriter): void {
  writeText(out, 1, value.name);
  out.writeMessage(2, (given, type) => type.writeMessage(1, writeTensorType, given), value);
}

function writeTensorType({ elementType, dims }: OnnxValue, out: PbfWriter): void {
  out.writeVarintField(1, elementType);
  out.writeMessage(2, writeShape, dims);
}

function writeShape(dims: OnnxValue['dims'], out: PbfWriter): void {
  for (const dim of dims) out.writeMessage(1, writeDimension, dim);
}

function writeDimension(dim: number | string, out: PbfWriter): void {
  if (typeof dim === 'number') out.writeVarintField(1, dim);
  else writeText(out, 2, dim);
}

function writeEntry([key, value]: [string, string], out: PbfWriter): void {
  writeText(out, 1, key);
  writeText(out, 2, value);
}

const utf8 = new TextEncoder();

/** Not `writeStringField`: pbf 5.1.2 writes another letter for one beyond U+1FFFF, such as 𠀀. */
function writeText(out: PbfWriter, field: number, text: string): void {
  out.writeBytesField(field, utf8.encode(text));
}
