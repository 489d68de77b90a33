import { ConfigError } from '@unfold/core';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { counted, grouped } from '@unfold/monitor/internal';
import { DataLoader, type Dataset, mnist } from '@unfold/train';
import type { MakeLoader, PresetName } from '@unfold/train/internal';

/** The names of the ten digits. */
export const CLASSES = Array.from({ length: 10 }, (_, digit) => String(digit));

/** The last images of the training part are for validation. */
const VALIDATION_IMAGES = 5000;

/** The digits of a run. */
export interface Digits {
  /** Where they come from. */
  readonly source: string;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
}

/**
 * @param limit Train on the first images only; null for all.
 * @throws ConfigError if nothing would be left to train on; what `mnist` throws.
 */
export async function loadDigits(
  dataDir: string | undefined,
  limit: number | null,
): Promise<Digits> {
  const { source, train: all, test } = await mnist(dataDir === undefined ? {} : { dataDir });
  const trainLength = all.length - VALIDATION_IMAGES;
  if (trainLength < 1) {
    throw new ConfigError(
      `the training part has ${counted(all.length, 'image')}, of which the last ${grouped(VALIDATION_IMAGES)} are for ` +
        'validation; nothing is left to train on',
    );
  }
  return {
    source,
    train: all.slice(0, Math.min(trainLength, limit ?? Infinity)),
    validation: all.slice(trainLength, all.length),
    test,
  };
}

/** SHA-256 of all images and labels that training sees, by which they are known again. */
export function trainingDataSha256({ train, validation }: Digits): string {
  const hash = createHash('sha256');
  for (const { images, labels } of [train, validation]) {
    for (const { buffer, byteOffset, byteLength } of [images, labels]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest('hex');
}

/** The loaders that can feed a run. */
export type LoaderKind = 'tfjs' | 'own';

/** The options of the command that a feed follows from. */
export interface FeedArguments {
  readonly loader?: LoaderKind;
  readonly preset?: PresetName;
  /** False with `--no-prefetch`. */
  readonly prefetch?: boolean;
}

/** How a run is fed. */
export interface Feed {
  readonly kind: LoaderKind;
  readonly makeLoader: MakeLoader;
  /** Why it is not what is usual; a line for people. */
  readonly notice?: string;
}

/**
 * Finds a way to make the loaders; TensorFlow.js is loaded for its own only. Without `--loader` that is
 * TensorFlow.js where it loads, else our own, which gives the same batches; for `--preset quick` our own,
 * since loading anything else would be a good part of the run.
 * @throws ConfigError if TensorFlow.js is asked for and doesn't load.
 */
export async function feedOf({ loader, preset, prefetch = true }: FeedArguments): Promise<Feed> {
  const kind = loader ?? (preset === 'quick' ? 'own' : undefined);
  const own = ownFeed(prefetch);
  if (kind === 'own') return own;
  const { tfjsDataLoader } = await import('@unfold/tfjs');
  const { loadTensorFlowData } = await import('@unfold/tfjs/internal');
  try {
    loadTensorFlowData();
  } catch (error) {
    if (kind !== undefined || !(error instanceof ConfigError)) throw error;
    return {
      ...own,
      notice: "our own, for TensorFlow.js doesn't load here; the batches are the same",
    };
  }
  return { kind: 'tfjs', makeLoader: tfjsDataLoader };
}

/** Batches that are made ahead: one that is ready, and one that is being made. */
const AHEAD = 2;

/** Our own loader; images that are augmented are made ahead where there is a core for that. */
function ownFeed(mayPrefetch: boolean): Feed {
  const ahead = mayPrefetch && availableParallelism() > 1 ? { prefetch: AHEAD } : {};
  return {
    kind: 'own',
    makeLoader: (dataset, options) =>
      new DataLoader(dataset, options.augment ? { ...options, ...ahead } : options),
  };
}
