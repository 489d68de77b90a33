import { ConfigError, Tensor } from '@unfold/core';
import type { Module } from '@unfold/nn';
import type { AnyBatch } from './data/batch.js';

/**
 * A module that makes something of one argument: of a tensor, or of lists and plain objects of tensors
 * where it has several inputs, and gives likewise.
 */
export interface Model<Inputs = Tensor, Output = Tensor> extends Module {
  /** The output for what a batch has for inputs. */
  forward(inputs: Inputs): Output;
}

/** What a model is given of batches of a kind. */
export type InputsOf<B extends AnyBatch> = B extends { readonly inputs: infer Inputs }
  ? Inputs
  : Tensor;

/** What a model's output is compared with. */
export type TargetsOf<B extends AnyBatch> = B extends { readonly inputs: unknown }
  ? B extends { readonly targets: infer Targets }
    ? Targets
    : undefined
  : Tensor;

/** A model of which nothing is known but that it takes what a batch has for inputs. */
export type AnyModel = Model<unknown, unknown>;

/**
 * What a model makes of a batch's inputs.
 * @throws ConfigError where they are several and the model takes several arguments instead of one.
 */
export function outputOf(where: string, model: AnyModel, inputs: unknown): unknown {
  if (model.forward.length > 1 && !(inputs instanceof Tensor)) {
    throw new ConfigError(
      `${where}: expected a model whose forward takes a batch's inputs as one argument, got one that ` +
        `takes ${model.forward.length}; write forward([a, b]) or forward({ a, b }), as the inputs are`,
    );
  }
  return model.forward(inputs);
}
