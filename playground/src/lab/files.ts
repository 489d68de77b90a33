import { rngState, Scope, setRngState } from '@unfold/core';
import { decodeSafetensors } from '@unfold/io';
import type { Sequential } from '@unfold/nn';
import { decodeModel, encodeModel, type Normalization } from '@unfold/train';
import { NORMALIZATION } from '../spec/digits.js';
import type { NetworkSpec } from '../spec/layers.js';
import { isPresetName, presetNameOf, PRESETS } from '../spec/presets.js';
import { ExperimentError, readExperiment } from '../spec/read-experiment.js';
import { CLASS_NAMES } from './images.js';
import { buildNetwork } from './network.js';
import { otherFile } from './file-kinds.js';
import type { Run } from './run.js';
import { LAB_TEXTS } from '../texts/lab.js';

/** What a network is called that is none of the presets. */
const OWN_NAME = 'custom';

/** Where a file says its experiment. */
const EXPERIMENT = 'experiment';

/** A network of the page has at most a tenth of this. */
const LIMITS = { maxBytes: 2 ** 28, maxTensors: 1000, maxHeaderBytes: 2 ** 20 };

/**
 * The bytes of a safetensors file of a run's weights. The commands of Unfold read it where the network is one
 * of `MODELS`; the page reads any, as it also says the experiment.
 */
export function encodeRun({ model, normalization, experiment }: Run): Uint8Array<ArrayBuffer> {
  return encodeModel(model, {
    name: presetNameOf(experiment.network) ?? OWN_NAME,
    normalization,
    classes: CLASS_NAMES,
    metadata: { [EXPERIMENT]: JSON.stringify(experiment) },
  });
}

/** What a file of weights holds. */
export interface DecodedRun {
  readonly network: NetworkSpec;
  /** The model's name in the file. */
  readonly name: string;
  readonly model: Sequential;
  readonly normalization: Normalization;
}

/**
 * Reads a file of `encodeRun`, or a checkpoint or model of `train:mnist`.
 * @param file Its name, for errors.
 * @throws Error with a text for people; nothing has changed then.
 */
export function decodeRun(bytes: Uint8Array, file: string): DecodedRun {
  const other = otherFile(bytes, file);
  if (other !== null) throw new Error(other);
  const randomness = rngState();
  try {
    const { metadata } = Scope.run(() => decodeSafetensors(bytes, { name: file, limits: LIMITS }));
    const { network, name } = networkIn(metadata, file);
    const model = buildNetwork(network);
    try {
      const facts = decodeModel(model, bytes, { name: file, limits: LIMITS });
      const normalization = facts.normalization ?? NORMALIZATION;
      if (normalization.mean.length !== 1) throw new Error(LAB_TEXTS.otherPixels(file));
      return { network, name, model, normalization };
    } catch (error) {
      model.dispose();
      throw error;
    }
  } finally {
    // Initial weights were drawn, which a run that goes on must not notice.
    setRngState(randomness);
  }
}

/** The network that a file says itself, or else the one that its model's name stands for. */
function networkIn(metadata: Metadata, file: string): Pick<DecodedRun, 'network' | 'name'> {
  const name = textOf(metadata, 'model');
  const experiment = textOf(metadata, EXPERIMENT);
  if (experiment !== null) {
    return { network: networkOf(experiment, file), name: name ?? OWN_NAME };
  }
  if (name === null) throw new Error(LAB_TEXTS.unsaidModel(file));
  if (!isPresetName(name)) throw new Error(LAB_TEXTS.unknownModel(file, name.slice(0, 40)));
  return { network: PRESETS[name], name };
}

function networkOf(experiment: string, file: string): NetworkSpec {
  try {
    return readExperiment(JSON.parse(experiment)).network;
  } catch (error) {
    const reason = error instanceof ExperimentError ? error.message : '';
    throw new Error(LAB_TEXTS.badExperiment(file, reason), { cause: error });
  }
}

type Metadata = Readonly<Record<string, string>>;

/** Only own properties count: a file may hold anything under "__proto__". */
const textOf = (metadata: Metadata, key: string): string | null =>
  Object.hasOwn(metadata, key) ? (metadata[key] ?? null) : null;
