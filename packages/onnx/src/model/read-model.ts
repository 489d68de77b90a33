import { PbfReader } from 'pbf';
import { FileFormatError } from '@unfold/core';
import { rawOf } from './elements.js';
import {
  ELEMENT,
  type ExternalData,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './model.js';

/*
 * Field numbers are those of onnx.proto; each function reads one of its messages. Fields that are not
 * used are skipped. pbf reads on behind the end of a message that lies about its length: so each is
 * checked to end where it said.
 */

/** A field of a message: its number, and what is to be done with it. */
type Fields<T> = Readonly<Record<number, (found: T, reader: PbfReader) => void>>;

function readFields<T>(reader: PbfReader, found: T, end: number, fields: Fields<T>): T {
  while (reader.pos < end) {
    const field = reader.nextField(end);
    if (field === 0) throw new FileFormatError('it has a field without a number');
    const start = reader.pos;
    // A length that lies must not have anything read by it.
    if (reader.type === 2) {
      const length = reader.readVarint();
      if (!(reader.pos + length <= end)) throw cut();
      reader.pos = start;
    }
    const read = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (read) read(found, reader);
    else reader.skip(reader.type);
    if (!(reader.pos <= end) || reader.pos < start) throw cut();
  }
  return found;
}

const cut = (): FileFormatError =>
  new FileFormatError('it ends within a message, or a message says a wrong length');

/** @throws FileFormatError where a message stands in another form than its field has. */
function message<T>(reader: PbfReader, found: T, fields: Fields<T>): T {
  if (reader.type !== 2) throw new FileFormatError('it has a number where a message belongs');
  const end = reader.readVarint() + reader.pos;
  return readFields(reader, found, end, fields);
}

/** Two names that can't be read must not become one. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function text(reader: PbfReader): string {
  return utf8.decode(bytes(reader));
}

function bytes(reader: PbfReader): Uint8Array {
  if (reader.type !== 2) throw new FileFormatError('it has a number where a text belongs');
  return reader.readBytes();
}

function integer(reader: PbfReader): number {
  if (reader.type !== 0) throw new FileFormatError('it has a text where a number belongs');
  return reader.readVarint(true);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The model in the bytes of a file.
 * @param file Its name, for messages.
 * @throws FileFormatError for what is no ONNX model.
 */
export function readModel(given: Uint8Array, file: string): OnnxModel {
  try {
    return modelIn(given);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileFormatError(`${file}: expected an ONNX model, got a damaged one: ${reason}`, {
      cause: error,
    });
  }
}

/** The names of the files in which weights of a model lie. */
export function externalFilesOf({ graph }: OnnxModel): Set<string> {
  return new Set(graph.initializers.flatMap(({ external }) => external?.location ?? []));
}

interface ModelParts extends Mutable<Omit<OnnxModel, 'graph' | 'metadata'>> {
  graph: OnnxGraph | null;
  metadata: Map<string, string>;
}

const MODEL: Fields<ModelParts> = {
  1: (model, reader) => (model.irVersion = integer(reader)),
  2: (model, reader) => (model.producer = text(reader)),
  3: (model, reader) => (model.producerVersion = text(reader)),
  7: (model, reader) => {
    const parts: GraphParts = { name: '', nodes: [], initializers: [], inputs: [], outputs: [] };
    model.graph = message(reader, parts, GRAPH);
  },
  8: (model, reader) => {
    const { domain, version } = message(reader, { domain: '', version: 0 }, OPSET);
    if (domain === '' || domain === 'ai.onnx') model.opset = version;
  },
  14: (model, reader) => {
    const { key, value } = message(reader, { key: '', value: '' }, ENTRY);
    model.metadata.set(key, value);
  },
};

const OPSET: Fields<{ domain: string; version: number }> = {
  1: (opset, reader) => (opset.domain = text(reader)),
  2: (opset, reader) => (opset.version = integer(reader)),
};

const ENTRY: Fields<{ key: string; value: string }> = {
  1: (entry, reader) => (entry.key = text(reader)),
  2: (entry, reader) => (entry.value = text(reader)),
};

interface GraphParts {
  name: string;
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  readonly inputs: OnnxValue[];
  readonly outputs: OnnxValue[];
}

const GRAPH: Fields<GraphParts> = {
  1: (graph, reader) => graph.nodes.push(readNode(reader)),
  2: (graph, reader) => (graph.name = text(reader)),
  5: (graph, reader) => graph.initializers.push(readTensor(reader)),
  11: (graph, reader) => graph.inputs.push(readValue(reader)),
  12: (graph, reader) => graph.outputs.push(readValue(reader)),
  15: () => {
    throw new FileFormatError('it has sparse weights, which are not read');
  },
};

interface NodeParts extends Mutable<Omit<OnnxNode, 'inputs' | 'outputs' | 'attributes'>> {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Map<string, OnnxAttribute>;
}

const NODE: Fields<NodeParts> = {
  1: (node, reader) => node.inputs.push(text(reader)),
  2: (node, reader) => node.outputs.push(text(reader)),
  3: (node, reader) => (node.name = text(reader)),
  4: (node, reader) => (node.op = text(reader)),
  5: (node, reader) => node.attributes.set(...readAttribute(reader)),
  7: (node, reader) => (node.domain = text(reader)),
};

function readNode(reader: PbfReader): OnnxNode {
  const parts: NodeParts = {
    name: '',
    op: '',
    domain: '',
    inputs: [],
    outputs: [],
    attributes: new Map(),
  };
  const { attributes, ...node } = message(reader, parts, NODE);
  return { ...node, attributes: Object.fromEntries(attributes) };
}

interface AttributeParts {
  name: string;
  type: number;
  float: number;
  int: number;
  string: string;
  tensor: OnnxTensor | null;
  readonly floats: number[];
  readonly ints: number[];
  readonly strings: string[];
}

const ATTRIBUTE: Fields<AttributeParts> = {
  1: (attribute, reader) => (attribute.name = text(reader)),
  2: (attribute, reader) => {
    attribute.float = reader.readFloat();
    attribute.type ||= 1;
  },
  3: (attribute, reader) => {
    attribute.int = integer(reader);
    attribute.type ||= 2;
  },
  4: (attribute, reader) => {
    attribute.string = text(reader);
    attribute.type ||= 3;
  },
  5: (attribute, reader) => {
    attribute.tensor = readTensor(reader);
    attribute.type ||= 4;
  },
  7: (attribute, reader) => {
    reader.readPackedFloat(attribute.floats);
    attribute.type ||= 6;
  },
  8: (attribute, reader) => {
    reader.readPackedVarint(attribute.ints, true);
    attribute.type ||= 7;
  },
  9: (attribute, reader) => {
    attribute.strings.push(text(reader));
    attribute.type ||= 8;
  },
  20: (attribute, reader) => (attribute.type = integer(reader)),
};

function readAttribute(reader: PbfReader): [string, OnnxAttribute] {
  const parts: AttributeParts = {
    name: '',
    type: 0,
    float: 0,
    int: 0,
    string: '',
    tensor: null,
    floats: [],
    ints: [],
    strings: [],
  };
  const found = message(reader, parts, ATTRIBUTE);
  return [found.name, attributeOf(found)];
}

/** By the numbers of `AttributeProto.AttributeType`. */
function attributeOf(found: AttributeParts): OnnxAttribute {
  switch (found.type) {
    case 1:
      return { kind: 'float', value: found.float };
    case 2:
      return { kind: 'int', value: found.int };
    case 3:
      return { kind: 'string', value: found.string };
    case 6:
      return { kind: 'floats', value: found.floats };
    case 7:
      return { kind: 'ints', value: found.ints };
    case 8:
      return { kind: 'strings', value: found.strings };
    default:
      return found.type === 4 && found.tensor
        ? { kind: 'tensor', value: found.tensor }
        : { kind: 'other', value: found.type };
  }
}

interface TensorParts {
  name: string;
  elementType: number;
  raw: Uint8Array | null;
  isExternal: boolean;
  readonly dims: number[];
  readonly floats: number[];
  readonly int32s: number[];
  readonly int64s: number[];
  readonly doubles: number[];
  readonly external: Map<string, string>;
}

const TENSOR: Fields<TensorParts> = {
  1: (tensor, reader) => reader.readPackedVarint(tensor.dims, true),
  2: (tensor, reader) => (tensor.elementType = integer(reader)),
  4: (tensor, reader) => reader.readPackedFloat(tensor.floats),
  5: (tensor, reader) => reader.readPackedVarint(tensor.int32s, true),
  7: (tensor, reader) => reader.readPackedVarint(tensor.int64s, true),
  8: (tensor, reader) => (tensor.name = text(reader)),
  9: (tensor, reader) => (tensor.raw = bytes(reader)),
  10: (tensor, reader) => reader.readPackedDouble(tensor.doubles),
  11: (tensor, reader) => reader.readPackedVarint(tensor.int64s),
  13: (tensor, reader) => {
    const { key, value } = message(reader, { key: '', value: '' }, ENTRY);
    tensor.external.set(key, value);
  },
  14: (tensor, reader) => (tensor.isExternal = integer(reader) === 1),
};

function readTensor(reader: PbfReader): OnnxTensor {
  const parts: TensorParts = {
    name: '',
    elementType: 0,
    raw: null,
    isExternal: false,
    dims: [],
    floats: [],
    int32s: [],
    int64s: [],
    doubles: [],
    external: new Map(),
  };
  const { name, dims, elementType, ...rest } = message(reader, parts, TENSOR);
  const tensor = { name, dims, elementType };
  if (rest.isExternal) return { ...tensor, raw: new Uint8Array(), external: externalOf(rest) };
  return { ...tensor, raw: rest.raw ?? listed(elementType, rest) };
}

function externalOf({ external }: Pick<TensorParts, 'external'>): ExternalData {
  const whole = (key: string): number | null => {
    const written = external.get(key);
    if (written === undefined) return null;
    const value = Number(written);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new FileFormatError(
      `external data: expected a count of bytes for ${key}, got ${written}`,
    );
  };
  return {
    location: external.get('location') ?? '',
    offset: whole('offset') ?? 0,
    length: whole('length'),
  };
}

/** The elements of a tensor that lists them in the field of their type. */
function listed(
  type: number,
  {
    floats,
    int32s,
    int64s,
    doubles,
  }: Pick<TensorParts, 'floats' | 'int32s' | 'int64s' | 'doubles'>,
): Uint8Array {
  switch (type) {
    case ELEMENT.float32:
      return rawOf('float32', floats);
    case ELEMENT.float64:
      return rawOf('float64', doubles);
    case ELEMENT.int64:
    case ELEMENT.uint64:
      return rawOf('int64', int64s);
    case ELEMENT.uint32:
      return rawOf('uint32', int64s);
    case ELEMENT.int32:
      return rawOf('int32', int32s);
    case ELEMENT.uint16:
    case ELEMENT.float16:
    case ELEMENT.bfloat16:
      return rawOf('uint16', int32s);
    case ELEMENT.int16:
      return rawOf('int16', int32s);
    case ELEMENT.int8:
      return rawOf('int8', int32s);
    case ELEMENT.uint8:
    case ELEMENT.bool:
      return rawOf('uint8', int32s);
    default:
      return new Uint8Array();
  }
}

const VALUE: Fields<Mutable<OnnxValue>> = {
  1: (value, reader) => (value.name = text(reader)),
  2: (value, reader) => message(reader, value, TYPE),
};

const TYPE: Fields<Mutable<OnnxValue>> = {
  1: (value, reader) => message(reader, value, TENSOR_TYPE),
};

const TENSOR_TYPE: Fields<Mutable<OnnxValue>> = {
  1: (value, reader) => (value.elementType = integer(reader)),
  2: (value, reader) => {
    const dims: (number | string)[] = [];
    value.dims = message(reader, dims, SHAPE);
  },
};

const SHAPE: Fields<(number | string)[]> = {
  1: (dims, reader) => dims.push(message(reader, { dim: '?' }, DIMENSION).dim),
};

const DIMENSION: Fields<{ dim: number | string }> = {
  1: (found, reader) => (found.dim = integer(reader)),
  2: (found, reader) => (found.dim = text(reader)),
};

function readValue(reader: PbfReader): OnnxValue {
  return message(reader, { name: '', elementType: 0, dims: [] as (number | string)[] }, VALUE);
}

function modelIn(given: Uint8Array): OnnxModel {
  const reader = new PbfReader(given);
  const parts: ModelParts = {
    irVersion: 0,
    producer: '',
    producerVersion: '',
    opset: 1,
    graph: null,
    metadata: new Map(),
  };
  const { graph, metadata, ...model } = readFields(reader, parts, given.length, MODEL);
  if (!graph) throw new FileFormatError('it has no graph');
  return { ...model, graph, metadata: Object.fromEntries(metadata) };
}
