/*
 * An ONNX model as plain data: the messages of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as far as they are read and written here.
 */

/** The numbers of `TensorProto.DataType`. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
} as const;

/** A type of elements that is written here. */
export type ElementName = keyof typeof ELEMENT;

/** Numbers of a tensor with a name. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** A number of `ELEMENT`. */
  readonly elementType: number;
  /** The elements in row-major order, little-endian. */
  readonly raw: Uint8Array;
}

/** The value of an attribute of a node. */
export type OnnxAttribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] };

/** A call of an operator. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
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
