import { ConfigError, DTypeError, type OptionRule, Parameter, Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { Module } from '@unfold/nn';
import type { AnyBatch } from './data/batch.js';
import { Dataset } from './data/dataset.js';
import type { AnyModel } from './model.js';

/*
 * Plain JavaScript may pass anything where something else belongs: it is refused with how to write it.
 */

const has = (value: unknown, key: PropertyKey): boolean =>
  typeof value === 'object' && value !== null && key in value;

/** @throws ConfigError unless `value` is a module with a `forward`. */
export function requireModel(where: string, value: unknown): asserts value is AnyModel {
  if (value instanceof Module && 'forward' in value && typeof value.forward === 'function') return;
  throw new ConfigError(
    `${where}: expected a model, a Module with forward, got ${valueText(value)}`,
  );
}

/** @throws ConfigError unless `value` is a dataset. */
export function requireDataset(where: string, value: unknown): asserts value is Dataset {
  if (value instanceof Dataset) return;
  throw new ConfigError(
    `${where}: expected a Dataset, got ${valueText(value)}; make one with Dataset.fromArrays or mnist()`,
  );
}

/** @throws ConfigError unless `value` can be a source of batches. */
export function requireBatches(
  where: string,
  value: unknown,
): asserts value is Iterable<AnyBatch> | AsyncIterable<AnyBatch> {
  if (has(value, Symbol.asyncIterator) || has(value, Symbol.iterator)) return;
  throw new ConfigError(
    `${where}: expected a loader, or another source of batches, got ${valueText(value)}` +
      (has(value, 'get') && has(value, 'length')
        ? '; new DataLoader(dataset, { batchSize }) makes one'
        : ''),
  );
}

/** @throws ConfigError unless `value` has groups of parameters, as optimisers have. */
export function requireOptimizer(where: string, value: unknown): void {
  if (has(value, 'groups') && Array.isArray((value as { groups: unknown }).groups)) return;
  throw new ConfigError(
    `${where}: expected an optimiser, such as new SGD(model.parameters(), { lr }), got ` +
      valueText(value),
  );
}

/** @throws DTypeError unless `value` is a list of parameters, or of anything else that is iterable. */
export function requireParameters(
  where: string,
  value: unknown,
): asserts value is Iterable<object> {
  // A module may be iterable too: then it lists its layers.
  if (has(value, Symbol.iterator) && !(value instanceof Module)) return;
  throw new DTypeError(
    `${where}: expected Parameters, got ${valueText(value)}; pass model.parameters()`,
  );
}

/** Whether a Module lists it among its parameters: also a plain tensor, if it requires a gradient. */
export function isTrainable(item: unknown): item is Parameter {
  return item instanceof Parameter || (item instanceof Tensor && item.requiresGrad && item.isLeaf);
}

/** The parameters, each once. @throws DTypeError for what is none. */
export function listParameters(where: string, value: unknown): Parameter[] {
  requireParameters(where, value);
  const list = [...new Set<unknown>(value)];
  return list.map((item) => {
    if (isTrainable(item)) return item;
    throw new DTypeError(
      `${where}: expected Parameters, got ${valueText(item)} among them; pass model.parameters()`,
    );
  });
}

/** @throws ConfigError unless `value` is a signal, or undefined for none. */
export function requireSignal(where: string, value: unknown): void {
  if (value === undefined || has(value, 'throwIfAborted')) return;
  throw new ConfigError(
    `${where}: expected an AbortSignal, got ${valueText(value)}` +
      (has(value, 'signal') ? '; pass controller.signal' : ''),
  );
}

export const folderName: OptionRule = {
  expected: 'the name of a folder',
  accepts: (value) => typeof value === 'string' && value !== '',
};
