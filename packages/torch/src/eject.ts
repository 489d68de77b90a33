import { Scope, trace, type Graph, type Tensor } from '@unfold/core';
import { requireTensor, tracedOnBatches } from '@unfold/core/internal';
import { evaluationMode, type Module } from '@unfold/nn';
import { encodeModel, type SaveModelOptions } from '@unfold/train';
import { encodeSafetensors } from '@unfold/io';
import { CONSTANTS_FILE, modelFile } from './model/model-file.js';

/** Options of `eject`. */
export interface EjectOptions extends SaveModelOptions {
  /** The axis of the inputs along which a batch may have any size, or null for the example's sizes alone. Default 0. */
  readonly batchAxis?: number | null;
}

/** A model with a forward of tensors. */
export interface Ejectable extends Module {
  forward(...inputs: never[]): unknown;
}

export function eject(
  model: Ejectable,
  example: Tensor | readonly Tensor[],
  options: EjectOptions = {},
): Map<string, string | Uint8Array> {
  const { batchAxis = 0, ...saved } = options;
  const inputs: readonly unknown[] = Array.isArray(example) ? example : [example];
  return Scope.run(() => {
    const given = inputs.map((input, i) => {
      requireTensor('eject', inputs.length === 1 ? 'example' : `example ${i}`, input);
      return input;
    });
    const restore = evaluationMode(model);
    try {
      const run = (tensors: readonly Tensor[]): Graph =>
        trace(model as { forward(...inputs: readonly Tensor[]): unknown }, ...tensors);
      const { graph, sizes } = tracedOnBatches('eject', run, given, batchAxis);
      const { text, constants } = modelFile(model, graph, sizes);
      const files = new Map<string, string | Uint8Array>([
        ['model.py', text],
        ['weights.safetensors', encodeModel(model, saved)],
      ]);
      if (constants.size > 0) files.set(CONSTANTS_FILE, encodeSafetensors(constants, {}));
      return files;
    } finally {
      restore();
    }
  });
}
