import { join } from 'node:path';
import { ConfigError, Generator } from '@unfold/core';
import * as tfjs from '@unfold/tfjs';
import { Dataset } from '@unfold/train';
import { describe } from 'vitest';
import { call, type Junk, OPTIONS, refuseJunk, refuseMisuses } from '../support/misuse.js';
import { FIXTURE } from '../support/tfjs/fixture.js';

const MODEL = join(FIXTURE, 'model.json');
const dataset = Dataset.fromArrays({
  images: new Float32Array(2),
  shape: [1, 1, 1],
  labels: [0, 1],
});
const pipeline = { iterator: () => Promise.reject(new Error('nothing iterates here')) };
const loading = {
  layout: 'NHWC',
  length: 2,
  generator: new Generator(1, 'test'),
  from: () => pipeline,
};

/** Where nothing but the right call is right. */
const NOTHING: readonly Junk[] = [];

describe('nothing that an export is given is passed over', () => {
  refuseJunk(tfjs, {
    // Made by tfjsLoader.
    TfjsLoader: null,
    loadTfjsLayersModel: {
      args: () => [MODEL, { limits: { maxTensors: 100 } }],
      takes: [NOTHING, OPTIONS],
    },
    tfjsDataLoader: {
      args: () => [
        dataset,
        {
          packageRoots: [import.meta.dirname],
          batchSize: 2,
          shuffle: true,
          dropLast: true,
          seed: 3,
        },
      ],
      takes: [NOTHING, OPTIONS],
    },
    tfjsLoader: { args: () => [pipeline, loading], takes: [NOTHING, NOTHING] },
  });
});

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'loadTfjsLayersModel({ file })',
      () => call(tfjs.loadTfjsLayersModel, { file: MODEL }),
      ConfigError,
      `loadTfjsLayersModel: expected the name of a file, got { file: '${MODEL.slice(0, 40)}…' }`,
    ],
    [
      'loadTfjsLayersModel(file, false)',
      () => call(tfjs.loadTfjsLayersModel, MODEL, false),
      ConfigError,
      'loadTfjsLayersModel: expected options as an object, such as { limits: false }, got false',
    ],
    [
      'tfjsDataLoader(dataset, 32)',
      () => call(tfjs.tfjsDataLoader, dataset, 32),
      ConfigError,
      'tfjsDataLoader: expected options as an object, such as { packageRoots: … }, got 32; the options are packageRoots, batchSize, shuffle, dropLast, normalization, augment, generator, seed',
    ],
    [
      "tfjsDataLoader(dataset, { packageRoots: 'folder' })",
      () => call(tfjs.tfjsDataLoader, dataset, { packageRoots: 'folder' }),
      ConfigError,
      "tfjsDataLoader: packageRoots must be a list of texts, got 'folder'",
    ],
    [
      "tfjsLoader(pipeline, 'NHWC')",
      () => call(tfjs.tfjsLoader, pipeline, 'NHWC'),
      ConfigError,
      "tfjsLoader: expected options as an object, such as { layout: … }, got 'NHWC'; the options are layout, length, generator, from",
    ],
    [
      'tfjsLoader(pipeline, { generator: 7 })',
      () => call(tfjs.tfjsLoader, pipeline, { layout: 'NHWC', generator: 7 }),
      ConfigError,
      "tfjsLoader: generator must be a generator, such as generator('init'), got 7",
    ],
  ]);
});
