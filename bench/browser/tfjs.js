import * as tf from '@tensorflow/tfjs';
import { answer, batch, BATCH, LR, MOMENTUM } from './turns.js';

/** @type {() => number | Promise<number>} */
let step = () => NaN;

answer(
  async ({ system, weights }) => {
    const backend = system.replace('tfjs-', '');
    if (!(await tf.setBackend(backend).catch(() => false)) || !weights) {
      throw new Error(`${backend} does not start here`);
    }
    await tf.ready();
    const { images, labels } = batch();
    const x = tf.tensor4d(images, [BATCH, 28, 28, 1]);
    const y = tf.oneHot(tf.tensor1d(labels, 'int32'), 10);
    /** @param {string} name @param {number[]} shape @param {number[]} order Of the axes, as TensorFlow.js has them */
    const variable = (name, shape, order) =>
      tf.variable(tf.tensor(weights[name] ?? [], shape).transpose(order));
    const conv1 = variable('conv1.weight', [8, 1, 5, 5], [2, 3, 1, 0]);
    const conv2 = variable('conv2.weight', [16, 8, 5, 5], [2, 3, 1, 0]);
    const fc = tf.variable(
      tf
        .tensor(weights['fc.weight'] ?? [], [10, 16, 4, 4])
        .transpose([2, 3, 1, 0])
        .reshape([256, 10]),
    );
    const [bias1, bias2, bias] = ['conv1.bias', 'conv2.bias', 'fc.bias'].map((name) =>
      tf.variable(tf.tensor1d(weights[name] ?? [])),
    );
    if (!bias1 || !bias2 || !bias) throw new Error('three biases');
    /** @param {tf.Tensor} x @param {tf.Variable} weight @param {tf.Variable} bias @returns {tf.Tensor} */
    const layer = (x, weight, bias) => {
      const images = /** @type {tf.Tensor4D} */ (x);
      const filter = /** @type {tf.Tensor4D} */ (/** @type {tf.Tensor} */ (weight));
      const sums = tf.add(tf.conv2d(images, filter, 1, 'valid'), bias);
      return tf.maxPool(/** @type {tf.Tensor4D} */ (tf.relu(sums)), 2, 2, 'valid');
    };
    const lossOf = () => {
      const h = layer(layer(x, conv1, bias1), conv2, bias2).reshape([-1, 256]);
      const logits = tf.add(tf.matMul(h, /** @type {tf.Tensor} */ (fc)), bias);
      return /** @type {tf.Scalar} */ (tf.losses.softmaxCrossEntropy(y, logits));
    };
    const optimizer = tf.train.momentum(LR, MOMENTUM);
    step = async () => {
      const loss = optimizer.minimize(lossOf, true);
      if (!loss) throw new Error('no loss');
      // As the page does: not until the step is done, on a GPU as elsewhere.
      const [value = NaN] = await loss.data();
      loss.dispose();
      return value;
    };
    return { description: described(backend), weights: null };
  },
  () => step(),
);

/** @param {string} backend */
function described(backend) {
  if (backend !== 'webgl') return `TensorFlow.js ${tf.version.tfjs}, ${backend}`;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  const info = gl?.getExtension('WEBGL_debug_renderer_info');
  const renderer = info ? gl?.getParameter(info.UNMASKED_RENDERER_WEBGL) : 'unknown';
  return `TensorFlow.js ${tf.version.tfjs}, webgl on ${renderer}`;
}
