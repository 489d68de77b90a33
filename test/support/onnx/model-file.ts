import {
  ELEMENT,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
} from '../../../packages/onnx/src/model/model.js';
import { writeModel } from '../../../packages/onnx/src/model/write-model.js';

/** A node of one of ONNX's own operators, without a name. */
export const node = (
  op: string,
  inputs: string[],
  outputs: string[],
  more: Partial<OnnxNode> = {},
): OnnxNode => ({
  name: '',
  op,
  domain: '',
  inputs,
  outputs,
  attributes: {},
  ...more,
});

/** An input or output of floats. */
export const float = (name: string, ...dims: number[]): OnnxGraph['inputs'][number] => ({
  name,
  elementType: ELEMENT.float32,
  dims,
});

/** The bytes of a model that takes x `[2]` and gives y `[2]`, but for what is given. */
export function file(
  graph: Partial<OnnxGraph>,
  more: Partial<OnnxModel> = {},
): Uint8Array<ArrayBuffer> {
  return writeModel({
    irVersion: 8,
    producer: 'test',
    producerVersion: '',
    opset: 17,
    metadata: {},
    graph: {
      name: 'g',
      nodes: [],
      initializers: [],
      inputs: [float('x', 2)],
      outputs: [float('y', 2)],
      ...graph,
    },
    ...more,
  });
}
