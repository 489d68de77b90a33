import { FileFormatError } from '@unfold/core';
import { reasonOf } from '@unfold/io/internal';
import { rawOf } from './elements.js';
import { ATTRIBUTE_TYPE, MODEL, type Messages } from './messages.js';
import {
  elementName,
  isOwnDomain,
  lookUp,
  type ExternalData,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './model.js';

/**
 * The model in the bytes of a file.
 * @param file Its name, for messages.
 * @throws FileFormatError for what is no ONNX model.
 */
export function readModel(given: Uint8Array, file: string): OnnxModel {
  try {
    return modelIn(given);
  } catch (error) {
    throw new FileFormatError(
      `${file}: expected an ONNX model, got a damaged one: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

/** The names of the files in which weights of a model lie. */
export function externalFilesOf({ graph }: OnnxModel): Set<string> {
  return new Set(graph.initializers.flatMap(({ external }) => external?.location ?? []));
}

function modelIn(given: Uint8Array): OnnxModel {
  const { graph, opsets, metadata, ...model } = MODEL.decode(given);
  if (!graph) throw new FileFormatError('it has no graph');
  const { sparse, ...parts } = graph;
  if (sparse.length > 0) throw new FileFormatError('it has sparse weights, which are not read');
  return {
    ...model,
    opset: opsets.find(({ domain }) => isOwnDomain(domain))?.version ?? 1,
    metadata: recordOf(metadata),
    graph: {
      ...parts,
      nodes: parts.nodes.map(nodeOf),
      initializers: parts.initializers.map(tensorOf),
      inputs: parts.inputs.map(valueOf),
      outputs: parts.outputs.map(valueOf),
    },
  };
}

const recordOf = (entries: readonly Messages['entry'][]): Record<string, string> =>
  Object.fromEntries(entries.map(({ key, value }) => [key, value]));

const nodeOf = ({ attributes, ...node }: Messages['node']): OnnxNode => ({
  ...node,
  attributes: Object.fromEntries(attributes.map((one) => [one.name, attributeOf(one)])),
});

const KINDS = Object.keys(ATTRIBUTE_TYPE) as (keyof typeof ATTRIBUTE_TYPE)[];

/** What is not written where it is 0 or nothing. */
const EMPTY: Readonly<Record<string, number | string>> = { float: 0, int: 0, string: '' };

function attributeOf({ type, tensor, ...rest }: Messages['attribute']): OnnxAttribute {
  const found = { ...rest, tensor: tensor && tensorOf(tensor) };
  const kind = KINDS.find((one) => {
    // An attribute that doesn't say of which type it is has what is given.
    if (type !== 0) return ATTRIBUTE_TYPE[one] === type;
    const value = found[one];
    return Array.isArray(value) ? value.length > 0 : value !== null;
  });
  const value = kind && (found[kind] ?? EMPTY[kind]);
  if (value === undefined) return { kind: 'other', value: type };
  return { kind, value } as OnnxAttribute;
}

function tensorOf(found: Messages['tensor']): OnnxTensor {
  const { name, dims, elementType, raw } = found;
  const tensor = { name, dims, elementType };
  if (found.isExternal === 1) {
    return { ...tensor, raw: new Uint8Array(), external: externalOf(recordOf(found.external)) };
  }
  return { ...tensor, raw: raw ?? listed(elementName(elementType), found) };
}

function externalOf(entries: Readonly<Record<string, string>>): ExternalData {
  const whole = (key: string): number | null => {
    const written = lookUp(entries, key);
    if (written === undefined) return null;
    const value = Number(written);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new FileFormatError(
      `external data: expected a count of bytes for ${key}, got ${written}`,
    );
  };
  return {
    location: entries['location'] ?? '',
    offset: whole('offset') ?? 0,
    length: whole('length'),
  };
}

/** The elements of a tensor that lists them in the field of their type. */
function listed(
  type: string,
  { floats, doubles, int32s, int64s, uint64s }: Messages['tensor'],
): Uint8Array {
  const lists: Readonly<Record<string, readonly number[]>> = {
    float32: floats,
    float64: doubles,
    int64: int64s,
    uint32: uint64s,
    uint64: uint64s,
  };
  return rawOf(type, lists[type] ?? int32s);
}

function valueOf({ name, type }: Messages['value']): OnnxValue {
  const { elementType = 0, shape = null } = type?.tensor ?? {};
  return {
    name,
    elementType,
    dims: shape?.dims.map(({ size, word }) => size ?? word ?? '?') ?? [],
  };
}
