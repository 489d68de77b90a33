import {
  bytes,
  double,
  float,
  integer,
  many,
  message,
  one,
  optional,
  text,
  type Read,
} from './wire.js';

/*
 * The messages of onnx.proto as far as they are read and written here, with the numbers of their fields
 * there. They are written in the order in which they stand here.
 */

const ENTRY = message({ key: one(1, text, ''), value: one(2, text, '') });

const TENSOR = message({
  dims: many(1, integer),
  elementType: one(2, integer, 0),
  floats: many(4, float),
  int32s: many(5, integer),
  int64s: many(7, integer),
  name: one(8, text, ''),
  raw: optional(9, bytes),
  doubles: many(10, double),
  uint64s: many(11, integer),
  external: many(13, ENTRY),
  isExternal: one(14, integer, 0),
});

const ATTRIBUTE = message({
  name: one(1, text, ''),
  float: optional(2, float),
  int: optional(3, integer),
  string: optional(4, text),
  tensor: optional(5, TENSOR),
  floats: many(7, float),
  ints: many(8, integer),
  strings: many(9, text),
  type: one(20, integer, 0),
});

const NODE = message({
  inputs: many(1, text),
  outputs: many(2, text),
  name: one(3, text, ''),
  op: one(4, text, ''),
  attributes: many(5, ATTRIBUTE),
  domain: one(7, text, ''),
});

const DIMENSION = message({ size: optional(1, integer), word: optional(2, text) });
const SHAPE = message({ dims: many(1, DIMENSION) });
const TENSOR_TYPE = message({ elementType: one(1, integer, 0), shape: optional(2, SHAPE) });
const TYPE = message({ tensor: optional(1, TENSOR_TYPE) });
const VALUE = message({ name: one(1, text, ''), type: optional(2, TYPE) });

const GRAPH = message({
  nodes: many(1, NODE),
  name: one(2, text, ''),
  initializers: many(5, TENSOR),
  inputs: many(11, VALUE),
  outputs: many(12, VALUE),
  sparse: many(15, bytes),
});

const OPSET = message({ domain: one(1, text, ''), version: one(2, integer, 0) });

/** A whole file. */
export const MODEL = message({
  irVersion: one(1, integer, 0),
  producer: one(2, text, ''),
  producerVersion: one(3, text, ''),
  graph: optional(7, GRAPH),
  opsets: many(8, OPSET),
  metadata: many(14, ENTRY),
});

/** Of each kind of attribute its number in `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

/** What is read of them. */
export interface Messages {
  readonly entry: Read<typeof ENTRY>;
  readonly tensor: Read<typeof TENSOR>;
  readonly attribute: Read<typeof ATTRIBUTE>;
  readonly node: Read<typeof NODE>;
  readonly value: Read<typeof VALUE>;
}
