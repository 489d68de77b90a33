import { ConfigError, ShapeError, Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { bceWithLogits, crossEntropy, huber, Module, mseLoss, nllLoss, smoothL1 } from '@unfold/nn';
import { type AnyBatch, type Batch, targetsOf, type WholeBatch } from '../data/batch.js';
import type { AnyModel, TargetsOf } from '../model.js';
import { findNonFinite, NonFiniteLossError } from '../non-finite.js';

/**
 * The mean loss over a batch, as a tensor of one element.
 * @param output What the model made of the batch's inputs.
 */
export type Loss<B extends AnyBatch = Batch, Output = Tensor> = (
  output: Output,
  batch: WholeBatch<B>,
) => Tensor;

/** A loss that is a module, such as `new MSELoss()`, of the output and the batch's targets. */
export interface LossModule<B extends AnyBatch = Batch, Output = Tensor> extends Module {
  /** The mean loss over a batch, as a tensor of one element. */
  forward(output: Output, targets: TargetsOf<B>): Tensor;
}

/** A loss of anything, which its own checks are for. */
export type AnyLoss = (output: unknown, batch: WholeBatch<AnyBatch>) => unknown;

/** Cross entropy of logits `[B, classes]` with the labels. */
const classLoss =
  (where: string): AnyLoss =>
  (output, batch) => {
    const targets = targetsOf(batch);
    const isOfClasses =
      output instanceof Tensor &&
      targets instanceof Tensor &&
      (targets.dtype === 'int32' || targets.dtype === 'uint8');
    if (isOfClasses) return crossEntropy(output, targets);
    const got =
      targets === undefined ? `a batch of ${keysOf(batch)} without targets` : valueText(targets);
    throw new ConfigError(
      `${where}: loss: expected one for this task, got none: the default, cross entropy, is for logits [B, classes] ` +
        `and integer targets [B], not for ${valueText(output)} and ${got}; classes are integers by ` +
        "classes: n of Dataset.fromArrays, or cast(targets, 'int32'); numbers need a loss such as new MSELoss()",
    );
  };

/** The names of what a batch has. */
const keysOf = (batch: WholeBatch<AnyBatch>): string =>
  Object.entries(batch)
    .filter(([key, value]) => key !== 'size' && value !== undefined)
    .map(([key]) => key)
    .join(', ');

/** The error of a loss module for batches whose input is the target. */
function noTargets(where: string, loss: Module, batch: WholeBatch<AnyBatch>): ConfigError {
  return new ConfigError(
    `${where}: loss: expected targets in the batch for ${loss.constructor.name}, got ${keysOf(batch)}; ` +
      'where the input is the target write (output, { inputs }) => loss.forward(output, inputs)',
  );
}

/** The function of a given loss, or of the default. @throws ConfigError for what is no loss. */
export function lossOf(where: string, given: unknown): AnyLoss {
  if (given === undefined) return classLoss(where);
  if (given instanceof Module) {
    if ('forward' in given && typeof given.forward === 'function') {
      const { forward } = given;
      return (output, batch) => {
        const targets = targetsOf(batch);
        if (targets === undefined) throw noTargets(where, given, batch);
        return Reflect.apply(forward, given, [output, targets]) as unknown;
      };
    }
  } else if (typeof given === 'function') {
    refuseOfTargets(where, given);
    return given as AnyLoss;
  }
  throw new ConfigError(
    `${where}: loss: expected a function of output and batch, or a loss module such as ` +
      `new MSELoss(), got ${valueText(given)}`,
  );
}

/** The losses that take output and targets, by the names to call them by. */
const OF_TARGETS: Readonly<Record<string, object>> = {
  bceWithLogits,
  crossEntropy,
  huber,
  mseLoss,
  nllLoss,
  smoothL1,
};

/** @throws ConfigError, with how to write it, for a function of output and targets, or a class. */
function refuseOfTargets(where: string, given: object): void {
  const name = Object.keys(OF_TARGETS).find((key) => OF_TARGETS[key] === given);
  if (name !== undefined) {
    throw new ConfigError(
      `${where}: loss: expected a function of output and batch, got ${name}, which takes output and ` +
        `targets; write (output, { targets }) => ${name}(output, targets)`,
    );
  }
  if (!(Reflect.get(given, 'prototype') instanceof Module)) return;
  throw new ConfigError(
    `${where}: loss: expected a loss, got a class; write new ${String(Reflect.get(given, 'name'))}()`,
  );
}

/** @throws ConfigError, with how to make it one, unless a loss gave a tensor. */
export function requireLoss(loss: unknown): asserts loss is Tensor {
  if (loss instanceof Tensor) {
    if (loss.size === 1) return;
    throw new ShapeError(
      `fit: loss: expected a tensor of one element, got ${loss.describe()}; return its mean`,
    );
  }
  const mend =
    typeof loss === 'number'
      ? '; without item(), which no gradient flows through'
      : loss instanceof Promise
        ? '; a loss is not async'
        : '';
  throw new ConfigError(
    `fit: loss: expected a tensor of one element, got ${valueText(loss)}${mend}`,
  );
}

/** @throws NonFiniteLossError that names the layer, if the loss is no finite number. */
export function finiteLoss(where: string, model: AnyModel, inputs: unknown, loss: unknown): number {
  requireLoss(loss);
  const value = loss.item();
  if (Number.isFinite(value)) return value;
  throw new NonFiniteLossError(`${where}: the loss is ${value}; ${findNonFinite(model, inputs)}`);
}
