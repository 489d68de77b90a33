/*
 * An ONNX model as plain data: the messages of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as far as they are read and written here.
 */

/** The numbers of `TensorProto.DataType`. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** Its name in messages: that of `ELEMENT`, or the number of another one. */
export function elementName(type: number): string {
  const found = Object.entries(ELEMENT).find(([, number]) => number === type);
  return found?.[0] ?? `type ${type}`;
}

/** What a table has under a name, but for what every object has, such as `constructor`. */
export const lookUp = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

/** Whether operators of a domain are ONNX's own. */
export const isOwnDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

/** Where the bytes of a tensor lie that are in a file of their own. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  /** In bytes; null for all up to the file's end. */
  readonly length: number | null;
}

/** Numbers of a tensor with a name. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** A number of `ELEMENT`. */
  readonly elementType: number;
  /** The elements in row-major order, little-endian; none of strings. */
  readonly raw: Uint8Array;
  readonly external?: ExternalData;
}

/** The values of attributes by their kinds. */
export interface AttributeValues {
  readonly float: number;
  readonly int: number;
  readonly string: string;
  readonly tensor: OnnxTensor;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly string[];
  /** The number of a kind that is not read: a graph, a sparse tensor, a type. */
  readonly other: number;
}

/** The value of an attribute of a node. */
export type OnnxAttribute = {
  readonly [K in keyof AttributeValues]: { readonly kind: K; readonly value: AttributeValues[K] };
}[keyof AttributeValues];

/** A call of an operator. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names of values; empty for an optional one that isn't given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** What a graph takes or gives: a dimension is a number, or a name for any. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly (number | string)[];
}

/** Nodes in the order in which they run. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A whole file. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly producerVersion: string;
  /** The version of ONNX's own operators that the nodes are of. */
  readonly opset: number;
  readonly graph: OnnxGraph;
  /** Texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}
