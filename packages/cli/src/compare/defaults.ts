import { ConfigError } from '@unfold/core';
import type { NetworkName } from './networks.js';
import type { LoadedTensorFlow } from './tensorflow.js';

export const BATCH_SIZE = 64;

/**
 * On the cpu backend, on one core of 2025: a step of `lenet` takes 3.5 s to 4 s, one of `cnn` about
 * 155 s. So many steps in all end in about three minutes, the test included.
 */
const CPU_STEPS = 40;
const CPU_TEST_IMAGES = 2000;

/** At least one. */
export type Seeds = readonly [number, ...number[]];

/** The sizes that were asked for; those that are missing are to be chosen. */
export interface SizeRequest {
  readonly model: NetworkName;
  readonly epochs: number;
  readonly seeds?: Seeds | undefined;
  /** Training images; all if undefined and not limited by the backend. */
  readonly limit?: number | undefined;
  readonly testLimit?: number | undefined;
}

export interface Sizes {
  readonly seeds: Seeds;
  readonly limit: number;
  readonly testLimit: number;
  /** Tells the user which sizes were chosen because the backend is slow; else empty. */
  readonly note: string;
}

/**
 * How much is trained and tested: all of it with tfjs-node, three minutes' worth on the cpu backend.
 * @throws ConfigError for `cnn` on the cpu backend.
 */
export function chooseSizes(
  request: SizeRequest,
  loaded: Pick<LoadedTensorFlow, 'backend' | 'failures'>,
): Sizes {
  const { seeds, limit, testLimit } = request;
  if (loaded.backend === 'tfjs-node') {
    return {
      seeds: seeds ?? [1, 2, 3],
      limit: limit ?? Infinity,
      testLimit: testLimit ?? Infinity,
      note: '',
    };
  }
  if (request.model === 'cnn') {
    const reason = loaded.failures.length > 0 ? `, which does not load` : '';
    throw new ConfigError(
      `compare: model cnn needs tfjs-node${reason}: on the cpu backend of TensorFlow.js, in plain ` +
        'JavaScript, a single step takes two to three minutes. Take --model lenet, or install ' +
        '@tensorflow/tfjs-node; docs/comparison.md says how to build it where its own install fails',
    );
  }
  const chosenSeeds: Seeds = seeds ?? [1];
  const stepsPerEpoch = Math.max(1, Math.floor(CPU_STEPS / (request.epochs * chosenSeeds.length)));
  const chosen = {
    seeds: chosenSeeds,
    limit: limit ?? stepsPerEpoch * BATCH_SIZE,
    testLimit: testLimit ?? CPU_TEST_IMAGES,
  };
  const parts = [
    ...(limit === undefined ? [`the first ${chosen.limit} training images (--limit)`] : []),
    ...(testLimit === undefined
      ? [`the first ${chosen.testLimit} test images (--test-limit)`]
      : []),
    ...(seeds === undefined ? ['one seed (--seeds)'] : []),
  ];
  const note =
    parts.length === 0
      ? ''
      : `a step takes about 4 s on the cpu backend, so that this takes ${parts.join(', ')}`;
  return { ...chosen, note };
}
