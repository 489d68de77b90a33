import { permute, Scope, tensor } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { normals, randomise, saveModel, tf } from '../support/tfjs/models.js';
import {
  expectSamePredictions,
  makeFolder,
  newFolder,
  sequential,
} from '../support/tfjs/parity.js';

makeFolder();

const PADDINGS = ['valid', 'same'] as const;

/** Rows of one size, kernel and stride, columns of another. */
const WINDOWS = [7, 8].flatMap((size) =>
  [1, 2, 3, 4].flatMap((kernel) =>
    [1, 2, 3].flatMap((stride) =>
      PADDINGS.map((padding) => ({
        size: [size, 17 - size] as const,
        kernel: [kernel, (kernel % 4) + 1] as const,
        stride: [stride, (stride % 3) + 1] as const,
        padding,
      })),
    ),
  ),
);

describe('Conv2D', () => {
  it.each(WINDOWS)('$padding, size $size, kernel $kernel, stride $stride', async (window) => {
    const model = sequential(
      tf.layers.conv2d({
        filters: 3,
        kernelSize: window.kernel,
        strides: window.stride,
        padding: window.padding,
        inputShape: [...window.size, 2],
      }),
    );
    await expectSamePredictions(model, [...window.size, 2]);
  });

  it.each(
    PADDINGS.flatMap((padding) =>
      [2, 3].flatMap((kernel) => [2, 3].map((dilation) => ({ padding, kernel, dilation }))),
    ),
  )('$padding, kernel $kernel, dilation $dilation', async ({ padding, kernel, dilation }) => {
    const model = sequential(
      tf.layers.conv2d({
        filters: 2,
        kernelSize: [kernel, 5 - kernel],
        dilationRate: [dilation, 5 - dilation],
        padding,
        useBias: false,
        inputShape: [9, 8, 3],
      }),
    );
    await expectSamePredictions(model, [9, 8, 3]);
  });

  it.each(PADDINGS)('images of any size, %s', async (padding) => {
    const layer = tf.layers.conv2d({
      filters: 2,
      kernelSize: 3,
      strides: 2,
      padding,
      inputShape: [null, null, 2],
    });
    const pooling = tf.layers.maxPooling2d({ poolSize: 2, strides: 1, padding });
    const model = sequential(layer, pooling);
    await expectSamePredictions(model, [8, 9, 2]);
    await expectSamePredictions(model, [7, 10, 2]);
  });

  it('groups, which Keras has, are slices of the channels that are convolved apart', async () => {
    const kernel = { kernelSize: [2, 3], inputShape: [5, 6, 2] };
    const [first, second] = [3, 3].map((filters) =>
      sequential(tf.layers.conv2d({ filters, ...kernel })),
    );
    const grouped = sequential(
      tf.layers.conv2d({ filters: 6, name: 'grouped', ...kernel, inputShape: [5, 6, 2] }),
    );
    if (!first || !second) throw new Error('two models were made');
    [first, second, grouped].forEach((model, seed) => randomise(model, 10 * seed));
    const file = await saveModel(grouped, newFolder(), {
      edit: (json) => setConfig(json, { groups: 2, batch_input_shape: [null, 5, 6, 4] }),
    });
    const loaded = await loadTfjsLayersModel(file);
    using _scope = new Scope();
    const values = normals(5 * 6 * 4, 3);
    const x = tensor(values, [1, 5, 6, 4]);
    const ours = permute(loaded.forward(permute(x, [0, 3, 1, 2])), [0, 2, 3, 1]);
    // The kernel [2, 3, 2, 6] of the grouped layer: its first three outputs see channels 0 and 1.
    const [weight, bias] = grouped.getWeights();
    const part = (group: number): Float32Array => {
      const select = (data: Float32Array): Float32Array =>
        data.filter((_, i) => Math.floor((i % 6) / 3) === group);
      const model = group === 0 ? first : second;
      model.setWeights([
        tf.tensor(select(weight?.dataSync() ?? new Float32Array()), [2, 3, 2, 3]),
        tf.tensor(select(bias?.dataSync() ?? new Float32Array()), [3]),
      ]);
      const input = values.filter((_, i) => Math.floor((i % 4) / 2) === group);
      return model.predict(tf.tensor(input, [1, 5, 6, 2])).dataSync();
    };
    const parts = [part(0), part(1)];
    const expected = ours.toTypedArray().map((_, i) => {
      const [pixel, channel] = [Math.floor(i / 6), i % 6];
      return parts[Math.floor(channel / 3)]?.[3 * pixel + (channel % 3)] ?? NaN;
    });
    expect(ours.shape).toEqual([1, 4, 4, 6]);
    expectClose(ours.data, expected, { atol: 1e-5, rtol: 0 });
    loaded.dispose();
  });
});

/** Changes the settings of the first layer of a sequential model. */
function setConfig(modelJson: Record<string, unknown>, settings: object): void {
  const { modelTopology } = modelJson as {
    modelTopology: { config: { layers: { config: object }[] } };
  };
  Object.assign(modelTopology.config.layers[0]?.config ?? {}, settings);
}

describe('DepthwiseConv2D', () => {
  it.each(WINDOWS.filter(({ kernel: [KH] }) => KH > 2))(
    '$padding, size $size, kernel $kernel, stride $stride',
    async ({ size, kernel, stride, padding }) => {
      const depthMultiplier = (stride[0] % 2) + 1;
      const model = sequential(
        tf.layers.depthwiseConv2d({
          kernelSize: kernel,
          strides: [stride[0], stride[0]], // TensorFlow.js takes equal strides only.
          padding,
          depthMultiplier,
          inputShape: [...size, 3],
        }),
      );
      await expectSamePredictions(model, [...size, 3]);
    },
  );
});

describe('Conv2DTranspose', () => {
  it.each(WINDOWS.filter(({ size: [H] }) => H === 7))(
    '$padding, kernel $kernel, stride $stride',
    async ({ kernel, stride, padding }) => {
      const model = sequential(
        tf.layers.conv2dTranspose({
          filters: 3,
          kernelSize: kernel,
          strides: stride,
          padding,
          activation: 'tanh',
          inputShape: [4, 3, 2],
        }),
      );
      await expectSamePredictions(model, [4, 3, 2]);
    },
  );
});

describe('MaxPooling2D', () => {
  it.each(WINDOWS)('$padding, size $size, pool $kernel, stride $stride', async (window) => {
    const pooling = tf.layers.maxPooling2d({
      poolSize: window.kernel,
      strides: window.stride,
      padding: window.padding,
      inputShape: [...window.size, 2],
    });
    await expectSamePredictions(sequential(pooling), [...window.size, 2]);
  });

  it('padding never wins, also where all numbers are negative', async () => {
    const model = sequential(
      tf.layers.zeroPadding2d({
        padding: [
          [0, 1],
          [2, 0],
        ],
        inputShape: [5, 6, 2],
      }),
      tf.layers.dense({ units: 2, activation: 'sigmoid' }),
      tf.layers.conv2d({ filters: 2, kernelSize: 1, activation: 'logSoftmax' }),
      tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2, padding: 'same' }),
    );
    await expectSamePredictions(model, [5, 6, 2]);
  });
});
