import { SPEC_TEXTS } from '../texts/spec.js';
import {
  AUGMENTATIONS,
  type AugmentationSpec,
  type Experiment,
  faultOfExperiment,
  OPTIMIZERS,
  type OptimizerSpec,
} from './experiment.js';
import { fieldsOf, isLayerKind, kindOf, LAYER_KINDS, withValue } from './kinds.js';
import type { LayerSpec, NetworkSpec } from './layers.js';
import { LIMITS } from './network.js';

/** Says that something is no experiment that the page can run; its message is for people. */
export class ExperimentError extends Error {
  override readonly name = 'ExperimentError';
}

type Entries = Readonly<Record<string, unknown>>;

const { experiment: texts, faults } = SPEC_TEXTS;

/**
 * An experiment that can be run, from data that may be anything: what a link or a file says.
 * @throws ExperimentError for what isn't of the form of an `Experiment`, has a key too many, a number out of
 * range, or a network that can't be built.
 */
export function readExperiment(value: unknown): Experiment {
  const given = requireKeys('experiment', value, [
    'network',
    'optimizer',
    'batchSize',
    'augmentation',
    'seed',
    'strict',
  ]);
  const experiment: Experiment = {
    network: readNetwork(given['network']),
    optimizer: readOptimizer(given['optimizer']),
    batchSize: requireNumber(texts.batchSize, given['batchSize']),
    augmentation: readAugmentation(given['augmentation']),
    seed: requireNumber(texts.seed, given['seed']),
    strict: requireFlag('strict', given['strict']),
  };
  const fault = faultOfExperiment(experiment);
  if (fault !== null) throw new ExperimentError(fault);
  return experiment;
}

/** @throws ExperimentError for what has not the form of a network; whether it can be built is not asked. */
function readNetwork(value: unknown): NetworkSpec {
  if (!Array.isArray(value)) throw unexpected(texts.network, texts.aList);
  // Before its layers are looked at, which could be any number.
  if (value.length > LIMITS.layers) throw new ExperimentError(faults.tooManyLayers(LIMITS.layers));
  return Array.from(value, readLayer);
}

function readLayer(value: unknown, at: number): LayerSpec {
  const where = texts.layer(at + 1);
  const kind = isEntries(value) ? value['kind'] : undefined;
  if (typeof kind !== 'string' || !isLayerKind(kind)) {
    throw unexpected(`${where}, kind`, texts.oneOf(LAYER_KINDS.join(', ')));
  }
  const initial: LayerSpec = { ...kindOf(kind).initial };
  const fields = fieldsOf(initial);
  const given = requireKeys(where, value, ['kind', ...fields.map(({ name }) => name)]);
  return fields.reduce((layer, { name, field }) => {
    const require = field === 'flag' ? requireFlag : requireNumber;
    return withValue(layer, name, require(`${where}, ${name}`, given[name]));
  }, initial);
}

function readOptimizer(value: unknown): OptimizerSpec {
  const where = texts.optimizer;
  const kind = isEntries(value) ? value['kind'] : undefined;
  if (typeof kind !== 'string' || !isOptimizer(kind)) {
    throw unexpected(`${where}, kind`, texts.oneOf(Object.keys(OPTIMIZERS).join(', ')));
  }
  const given = requireKeys(where, value, Object.keys(OPTIMIZERS[kind]));
  const common = {
    lr: requireNumber(texts.lr, given['lr']),
    weightDecay: requireNumber(texts.weightDecay, given['weightDecay']),
  };
  if (kind !== 'sgd') return { kind, ...common };
  return {
    kind,
    ...common,
    momentum: requireNumber(texts.momentum, given['momentum']),
    nesterov: requireFlag('nesterov', given['nesterov']),
  };
}

const isOptimizer = (kind: string): kind is OptimizerSpec['kind'] =>
  Object.hasOwn(OPTIMIZERS, kind);

function readAugmentation(value: unknown): AugmentationSpec {
  const known = AUGMENTATIONS.find((name) => name === value);
  if (known === undefined) throw unexpected('augmentation', texts.oneOf(AUGMENTATIONS.join(', ')));
  return known;
}

/** An object that has these keys of its own, and no others: one of a newer page would mean something. */
function requireKeys(where: string, value: unknown, keys: readonly string[]): Entries {
  const isRight =
    isEntries(value) &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key));
  if (!isRight) throw unexpected(where, texts.anObject(keys.join(', ')));
  return value;
}

function isEntries(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requireNumber(where: string, value: unknown): number {
  if (typeof value === 'number') return value;
  throw unexpected(where, texts.aNumber);
}

function requireFlag(where: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw unexpected(where, texts.aFlag);
}

const unexpected = (where: string, what: string): ExperimentError =>
  new ExperimentError(texts.expected(where, what));
