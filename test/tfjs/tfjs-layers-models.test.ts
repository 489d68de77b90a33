import { join } from 'node:path';
import { permute, Scope, tensor } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { FIXTURE } from '../support/tfjs/fixture.js';
import { loadModel, normals, saveModel, tf, type TfLayer } from '../support/tfjs/models.js';
import {
  expectSamePredictions,
  makeFolder,
  newFolder,
  sequential,
} from '../support/tfjs/parity.js';

makeFolder();

describe('the order of numbers', () => {
  it('Dense after Flatten sees the same pixels', async () => {
    const model = sequential(
      tf.layers.conv2d({ filters: 3, kernelSize: 2, inputShape: [5, 4, 2], activation: 'relu' }),
      tf.layers.flatten(),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.activation({ activation: 'tanh' }),
      tf.layers.dense({ units: 4, activation: 'relu' }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    );
    await expectSamePredictions(model, [5, 4, 2]);
  });

  it('what Flatten gives is the same where no Dense follows', async () => {
    const model = sequential(
      tf.layers.flatten({ inputShape: [3, 4, 2] }),
      tf.layers.activation({ activation: 'softmax' }),
    );
    await expectSamePredictions(model, [3, 4, 2]);
  });

  it('Dense after a second Flatten, and after a Reshape to one row', async () => {
    const dense = (): TfLayer => tf.layers.dense({ units: 3 });
    await expectSamePredictions(
      sequential(
        tf.layers.flatten({ inputShape: [3, 4, 2] }),
        tf.layers.reshape({ targetShape: [1, 24] }),
        tf.layers.flatten(),
        dense(),
      ),
      [3, 4, 2],
    );
    await expectSamePredictions(
      sequential(tf.layers.reshape({ targetShape: [24], inputShape: [3, 4, 2] }), dense()),
      [3, 4, 2],
    );
  });

  it('Reshape makes images from rows and other images from images', async () => {
    const model = sequential(
      tf.layers.dense({ units: 24, inputShape: [5] }),
      tf.layers.reshape({ targetShape: [3, 4, 2] }),
      tf.layers.conv2d({ filters: 4, kernelSize: 2 }),
      tf.layers.reshape({ targetShape: [4, null, 3] }),
      tf.layers.conv2d({ filters: 2, kernelSize: [2, 1] }),
    );
    await expectSamePredictions(model, [5]);
  });

  it('Dense works on the channels of each pixel, and on the last axis of anything else', async () => {
    const dense = tf.layers.dense({ units: 4, inputShape: [3, 5, 2], activation: 'softmax' });
    await expectSamePredictions(sequential(dense), [3, 5, 2]);
    const rows = tf.layers.dense({ units: 4, inputShape: [3, 5] });
    await expectSamePredictions(sequential(rows, tf.layers.softmax({ axis: 2 })), [3, 5]);
  });

  it('models that have the channels first', async () => {
    const dataFormat = 'channelsFirst';
    const convolutions = (): TfLayer[] => [
      tf.layers.conv2d({
        filters: 3,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        dataFormat,
        inputShape: [2, 8, 7],
      }),
      tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, padding: 'same', dataFormat }),
      tf.layers.zeroPadding2d({ padding: [1, 0], dataFormat }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same', dataFormat }),
    ];
    const channelsFirst = { channelsFirst: true };
    const softmax = tf.layers.activation({ activation: 'softmax' });
    const overRows = [softmax, tf.layers.dense({ units: 3 })];
    await expectSamePredictions(
      sequential(...convolutions(), ...overRows),
      [2, 8, 7],
      channelsFirst,
    );
    // The setting of Flatten moves the channels behind; without, they stay.
    for (const options of [{}, { dataFormat }]) {
      const head = [tf.layers.flatten(options), tf.layers.dense({ units: 3 })];
      await expectSamePredictions(sequential(...convolutions(), ...head), [2, 8, 7], channelsFirst);
      await expectSamePredictions(
        sequential(...convolutions(), tf.layers.flatten(options)),
        [2, 8, 7],
        channelsFirst,
      );
    }
  });
});

describe('activations', () => {
  it.each([
    'linear',
    'relu',
    'relu6',
    'elu',
    'sigmoid',
    'hardSigmoid',
    'tanh',
    'softsign',
    'softmax',
    'logSoftmax',
    'swish',
    'gelu',
  ])('%s, of a layer and by itself', async (activation) => {
    const conv = { filters: 3, kernelSize: 2, kernelInitializer: 'zeros' };
    const model = sequential(
      tf.layers.activation({ activation, inputShape: [4, 5, 2] }),
      tf.layers.conv2d({ ...conv, activation }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 5, activation }),
    );
    await expectSamePredictions(model, [4, 5, 2]);
  });

  it('ReLU with and without a bound, leaky ReLU, dropout and noise', async () => {
    const model = sequential(
      tf.layers.dense({ units: 6, inputShape: [4] }),
      tf.layers.leakyReLU({ alpha: 0.1 }),
      tf.layers.gaussianNoise({ stddev: 1 }),
      tf.layers.leakyReLU(),
      tf.layers.dense({ units: 6 }),
      tf.layers.gaussianDropout({ rate: 0.5 }),
      tf.layers.alphaDropout({ rate: 0.5 }),
      tf.layers.reLU(),
      tf.layers.dense({ units: 40 }),
      tf.layers.reLU({ maxValue: 0.5 }),
    );
    await expectSamePredictions(model, [4]);
  });
});

describe('topologies', () => {
  const head = (): TfLayer[] => [
    tf.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 5, 2] }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 3 }),
  ];

  it('a functional model that is a chain', async () => {
    const input = tf.input({ shape: [6, 5, 2] });
    const outputs = head().reduce((node, layer) => layer.apply(node), input);
    await expectSamePredictions(tf.model({ inputs: input, outputs }), [6, 5, 2]);
  });

  it('models inside models', async () => {
    const input = tf.input({ shape: [6, 5, 2] });
    const [conv, ...rest] = head();
    if (!conv) throw new Error('there is a first layer');
    const inner = tf.model({ inputs: input, outputs: conv.apply(input) });
    const outer = tf.sequential({ layers: [tf.sequential({ layers: [inner] }), ...rest] });
    await expectSamePredictions(outer, [6, 5, 2]);
  });

  it('a sequential model that begins with an input layer', async () => {
    const [conv, ...rest] = head();
    if (!conv) throw new Error('there is a first layer');
    const input = tf.layers.inputLayer({ inputShape: [6, 5, 2] });
    await expectSamePredictions(sequential(input, conv, ...rest), [6, 5, 2]);
  });

  it("files as Keras writes them: one level deeper, layers in a list, layers' names twice", async () => {
    const edit = (json: Record<string, unknown>): void => {
      const { modelTopology, weightsManifest } = json as {
        modelTopology: { class_name: string; config: { layers: object[] } };
        weightsManifest: { weights: { name: string }[] }[];
      };
      const { class_name, config } = modelTopology;
      json['modelTopology'] = { model_config: { class_name, config: config.layers } };
      for (const weight of weightsManifest.flatMap(({ weights }) => weights)) {
        weight.name = weight.name.replace(/^(.*)\/(.*)$/, '$1/$1/$2');
      }
    };
    await expectSamePredictions(sequential(...head()), [6, 5, 2], { edit });
  });

  it('weights in many files, with tensors that lie across them', async () => {
    await expectSamePredictions(sequential(...head()), [6, 5, 2], { shardBytes: 50 });
  });

  it('weights that the converter quantised, in three files', async () => {
    const shape = [3, 9, 8, 2];
    const values = normals(3 * 9 * 8 * 2, 5);
    const theirs = await loadModel(FIXTURE);
    const expected = theirs.predict(tf.tensor(values, shape));
    const loaded = await loadTfjsLayersModel(join(FIXTURE, 'model.json'));
    using _scope = new Scope();
    const out = loaded.forward(permute(tensor(values, shape), [0, 3, 1, 2]));
    expect(out.shape).toEqual(expected.shape);
    expectClose(out.data, expected.dataSync(), { atol: 1e-5, rtol: 0 });
    loaded.dispose();
  });

  it('names parameters after layers, keeps frozen ones frozen, and leaves the optimiser out', async () => {
    const model = sequential(
      tf.layers.conv2d({
        filters: 3,
        kernelSize: [1, 2],
        name: 'eyes',
        trainable: false,
        inputShape: [3, 3, 2],
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4, name: 'head', useBias: false }),
    );
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    await model.fit(tf.tensor(normals(18, 1), [1, 3, 3, 2]), tf.tensor(normals(4, 2), [1, 4]), {
      verbose: 0,
    });
    const file = await saveModel(model, newFolder(), { includeOptimizer: true });
    const loaded = await loadTfjsLayersModel(file);
    const parameters = [...loaded.namedParameters()].map(([name, { shape, requiresGrad }]) => [
      name,
      shape,
      requiresGrad,
    ]);
    expect(parameters).toEqual([
      ['eyes.weight', [3, 2, 1, 2], false],
      ['eyes.bias', [3], false],
      ['head.weight', [4, 18], true],
    ]);
    expect(loaded.inputShape).toEqual([null, 2, 3, 3]);
    expect(loaded.outputShape).toEqual([null, 4]);
    expect(loaded.dataFormat).toBe('channelsLast');
    loaded.dispose();
  });
});
