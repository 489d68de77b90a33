import { ATTRIBUTE_TYPE, MODEL } from './messages.js';
import type { OnnxAttribute, OnnxModel, OnnxTensor, OnnxValue } from './model.js';

/** The bytes of an ONNX file. */
export function writeModel({
  opset,
  graph,
  metadata,
  ...model
}: OnnxModel): Uint8Array<ArrayBuffer> {
  return MODEL.encode({
    ...model,
    opsets: [{ version: opset }],
    metadata: entriesOf(metadata),
    graph: {
      ...graph,
      nodes: graph.nodes.map(({ attributes, ...node }) => ({
        ...node,
        attributes: Object.entries(attributes).map(writtenAttribute),
      })),
      initializers: graph.initializers.map(writtenTensor),
      inputs: graph.inputs.map(writtenValue),
      outputs: graph.outputs.map(writtenValue),
    },
  });
}

const entriesOf = (texts: object): { key: string; value: string }[] =>
  Object.entries(texts).map(([key, value]) => ({ key, value: String(value) }));

function writtenAttribute([name, { kind, value }]: [string, OnnxAttribute]) {
  if (kind === 'other') return { name };
  const type = ATTRIBUTE_TYPE[kind];
  return { name, type, [kind]: kind === 'tensor' ? writtenTensor(value) : value };
}

function writtenTensor({ external, raw, ...tensor }: OnnxTensor) {
  if (!external) return { ...tensor, raw };
  const { length, ...place } = external;
  return {
    ...tensor,
    external: entriesOf({ ...place, ...(length !== null && { length }) }),
    isExternal: 1,
  };
}

const writtenValue = ({ name, elementType, dims }: OnnxValue) => ({
  name,
  type: {
    tensor: {
      elementType,
      shape: {
        dims: dims.map((dim) => (typeof dim === 'number' ? { size: dim } : { word: dim })),
      },
    },
  },
});
