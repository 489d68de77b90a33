import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { NET_NORMS } from './norms.js';
import { serve, unavailable } from './serve.js';

/** @typedef {import('@tensorflow/tfjs').Tensor} Tensor */
/** @typedef {import('@tensorflow/tfjs').Variable} Variable */
/** @typedef {import('@tensorflow/tfjs').Tensor4D} Tensor4D */
/** @typedef {import('./serve.js').Arrays} Arrays */
/** @typedef {import('./serve.js').Job} Job */
/** @typedef {import('../src/tasks.js').NetTask} NetTask */
/** @typedef {import('../src/tasks.js').RaceTask} RaceTask */
/** @typedef {import('../src/tasks.js').ConvTask} ConvTask */
/** @typedef {import('../src/systems.js').TfjsOptions} TfjsOptions */

/** @type {TfjsOptions} */
const { backend } = JSON.parse(process.argv[2] ?? '');

/**
 * @returns {Promise<typeof import('@tensorflow/tfjs')>}
 * @throws Error if the backend does not load.
 */
async function loadTfjs() {
  const require = createRequire(import.meta.url);
  if (backend !== 'node') {
    const tf = require('@tensorflow/tfjs');
    if (backend === 'wasm') {
      const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm');
      const main = require.resolve('@tensorflow/tfjs-backend-wasm');
      setWasmPaths(fileURLToPath(new URL('./', `file://${main}`)));
    }
    return tf;
  }
  // Node 23 dropped this function, which tfjs-node 4.22 calls.
  Object.assign(util, {
    isNullOrUndefined: (/** @type {unknown} */ value) => value === null || value === undefined,
  });
  for (const folder of ['../tfjs-node/', './']) {
    try {
      return createRequire(new URL(folder, import.meta.url))('@tensorflow/tfjs-node');
    } catch {
      // Not installed there, or without its native library.
    }
  }
  throw new Error('it does not load; npm --prefix bench run tfjs-node builds it');
}

/**
 * How a tensor of PyTorch's layout (NCHW) becomes one of TensorFlow.js's (NHWC), and back.
 * @typedef {{ toTf: (x: Tensor) => Tensor, fromTf: (x: Tensor) => Tensor }} Layout
 */

/** @param {number[]} perm @returns {Layout} */
const permuted = (perm) => ({
  toTf: (x) => x.transpose(perm),
  fromTf: (x) => x.transpose(perm.map((_, i) => perm.indexOf(i))),
});
/** @type {Layout} */
const UNCHANGED = { toTf: (x) => x, fromTf: (x) => x };
/** `[N, C, H, W]` → `[N, H, W, C]` */
const IMAGES = permuted([0, 2, 3, 1]);
/** `[OC, C, KH, KW]` → `[KH, KW, C, OC]` */
const FILTER = permuted([2, 3, 1, 0]);
/** `[C, 1, KH, KW]` → `[KH, KW, C, 1]` */
const DEPTHWISE_FILTER = permuted([2, 3, 0, 1]);
/** `[out, in]` → `[in, out]` */
const MATRIX = permuted([1, 0]);

/**
 * Of a linear layer behind an image: its inputs are numbered by channel, row, column on one side,
 * by row, column, channel on the other.
 * @param {[number, number, number]} image `[C, H, W]`
 * @returns {Layout}
 */
const matrixBehind = ([C, H, W]) => ({
  toTf: (x) =>
    x
      .reshape([-1, C, H, W])
      .transpose([2, 3, 1, 0])
      .reshape([C * H * W, -1]),
  fromTf: (x) =>
    x
      .reshape([H, W, C, -1])
      .transpose([3, 2, 0, 1])
      .reshape([-1, C * H * W]),
});

/** @type {Readonly<Record<string, Readonly<Record<string, Layout>>>>} */
const LAYOUTS = {
  lenet: {
    'conv1.weight': FILTER,
    'conv2.weight': FILTER,
    'fc.weight': matrixBehind([16, 4, 4]),
  },
  cnn: {
    'conv1.weight': FILTER,
    'conv2.weight': FILTER,
    'fc1.weight': matrixBehind([64, 12, 12]),
    'fc2.weight': MATRIX,
  },
  'lenet-bn': {
    'conv1.weight': FILTER,
    'conv2.weight': FILTER,
    'fc.weight': matrixBehind([32, 4, 4]),
  },
  resnet: {
    'conv1.weight': FILTER,
    'layer1.conv1.weight': FILTER,
    'layer1.conv2.weight': FILTER,
    'layer2.conv1.weight': FILTER,
    'layer2.conv2.weight': FILTER,
    'layer2.downsample.0.weight': FILTER,
    'fc.weight': MATRIX,
  },
};

/** As PyTorch's: what is added to the variance, and the share of a batch in the running statistics. */
const NORM_EPS = 1e-5;
const NORM_MOMENTUM = 0.1;

/** Images that are evaluated at once. */
const EVALUATION_BATCH = 250;

/** @param {typeof import('@tensorflow/tfjs')} tf */
function createJobs(tf) {
  /** @param {Arrays} arrays @param {string} name @param {Layout} [layout] */
  const take = (arrays, name, layout = UNCHANGED) => {
    const array = arrays[name];
    if (!array) throw new Error(`no array '${name}'`);
    const dtype = array.data instanceof Int32Array ? 'int32' : 'float32';
    return tf.tidy(() => layout.toTf(tf.tensor(array.data, array.shape, dtype)));
  };
  /** @param {Tensor | undefined} x @param {Layout} [layout] */
  const read = (x, layout = UNCHANGED) => {
    if (!x) throw new Error('nothing was computed');
    return tf.tidy(() => layout.fromTf(x).dataSync().slice());
  };

  /** @param {Record<string, Variable>} w @param {Tensor} x */
  const lenet = (w, x) => {
    const h1 = maxPool(convRelu(x, w['conv1.weight'], w['conv1.bias']));
    const h2 = maxPool(convRelu(h1, w['conv2.weight'], w['conv2.bias']));
    return linear(h2.reshape([-1, 256]), w['fc.weight'], w['fc.bias']);
  };
  /** @param {Record<string, Variable>} w @param {Tensor} x */
  const cnn = (w, x) => {
    const h1 = convRelu(x, w['conv1.weight'], w['conv1.bias']);
    const h2 = maxPool(convRelu(h1, w['conv2.weight'], w['conv2.bias']));
    const h3 = linear(h2.reshape([-1, 9216]), w['fc1.weight'], w['fc1.bias']).relu();
    return linear(h3, w['fc2.weight'], w['fc2.bias']);
  };
  /** @param {Record<string, Variable>} w @param {Tensor} x */
  const lenetBn = (w, x) => {
    const h1 = norm(w, maxPool(conv(x, w['conv1.weight'])), 'norm1').relu();
    const h2 = norm(w, maxPool(conv(h1, w['conv2.weight'])), 'norm2').relu();
    return linear(h2.reshape([-1, 512]), w['fc.weight'], w['fc.bias']);
  };
  /** @param {Record<string, Variable>} w @param {Tensor} x */
  const resnet = (w, x) => {
    const h = norm(w, conv(x, w['conv1.weight'], 1, 1), 'bn1').relu();
    const pixels = block(w, block(w, h, 'layer1', 1), 'layer2', 2);
    return linear(pixels.mean([1, 2]), w['fc.weight'], w['fc.bias']);
  };
  /** @param {Record<string, Variable>} w @param {Tensor} x @param {string} layer @param {number} stride */
  const block = (w, x, layer, stride) => {
    const h1 = norm(w, conv(x, w[`${layer}.conv1.weight`], stride, 1), `${layer}.bn1`).relu();
    const h2 = norm(w, conv(h1, w[`${layer}.conv2.weight`], 1, 1), `${layer}.bn2`);
    if (stride === 1) return h2.add(x).relu();
    const halved = conv(x, w[`${layer}.downsample.0.weight`], stride);
    return h2.add(norm(w, halved, `${layer}.downsample.1`)).relu();
  };
  /** In training. @param {Record<string, Variable>} w @param {Tensor} x @param {string} layer */
  const norm = (w, x, layer) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const statistics = { running_mean: mean, running_var: variance };
    for (const [name, value] of Object.entries(statistics)) {
      const running = /** @type {Variable} */ (w[`${layer}.${name}`]);
      running.assign(running.add(value.sub(running).mul(NORM_MOMENTUM)));
    }
    const [weight, bias] = [w[`${layer}.weight`], w[`${layer}.bias`]];
    return tf.batchNorm(/** @type {Tensor4D} */ (x), mean, variance, bias, weight, NORM_EPS);
  };
  /** Without bias. @param {Tensor} x @param {Tensor | undefined} filter @param {number} [stride] @param {number} [border] */
  const conv = (x, filter, stride = 1, border = 0) => {
    const images = /** @type {Tensor4D} */ (x);
    /** @type {[number, number][]} */
    const borders = [[0, 0], [border, border], [border, border], [0, 0]]; // prettier-ignore
    const padded = border > 0 && stride > 1 ? tf.pad(images, borders) : images;
    const padding = border > 0 && stride === 1 ? 'same' : 'valid';
    return tf.conv2d(padded, /** @type {Tensor4D} */ (filter), stride, padding);
  };
  /** @param {Tensor} x @param {Tensor | undefined} filter @param {Tensor | undefined} bias */
  const convRelu = (x, filter, bias) =>
    tf
      .conv2d(/** @type {Tensor4D} */ (x), /** @type {Tensor4D} */ (filter), 1, 'valid')
      .add(/** @type {Tensor} */ (bias))
      .relu();
  /** @param {Tensor} x */
  const maxPool = (x) => tf.maxPool(/** @type {Tensor4D} */ (x), 2, 2, 'valid');
  /** @param {Tensor} x @param {Tensor | undefined} weight @param {Tensor | undefined} bias */
  const linear = (x, weight, bias) =>
    tf.matMul(x, /** @type {Tensor} */ (weight)).add(/** @type {Tensor} */ (bias));

  /** @param {NetTask | RaceTask} task @param {Arrays} arrays */
  const loadNet = ({ net }, arrays) => {
    const names = Object.keys(arrays).filter((name) => /\.(weight|bias)$/.test(name));
    const weights = Object.fromEntries(
      names.map((name) => [name, tf.variable(take(arrays, name, LAYOUTS[net]?.[name]))]),
    );
    /** @type {Record<string, Variable>} */
    const statistics = {};
    for (const [layer, channels] of Object.entries(NET_NORMS[net] ?? {})) {
      weights[`${layer}.weight`] = tf.variable(tf.ones([channels]));
      weights[`${layer}.bias`] = tf.variable(tf.zeros([channels]));
      statistics[`${layer}.running_mean`] = tf.variable(tf.zeros([channels]), false);
      statistics[`${layer}.running_var`] = tf.variable(tf.ones([channels]), false);
    }
    const forward = { lenet, 'lenet-bn': lenetBn, cnn, resnet }[net];
    const all = { ...weights, ...statistics };
    return { weights, statistics, forward: (/** @type {Tensor} */ x) => forward(all, x) };
  };

  /** A net and its optimiser. @param {NetTask | RaceTask} task @param {Arrays} arrays */
  const loadTrainer = (task, arrays) => {
    const { weights, statistics, forward } = loadNet(task, arrays);
    const optimizer = tf.train.momentum(task.lr, task.momentum);
    /** @type {Record<string, Tensor>} */
    let gradients = {};
    return {
      forward,
      optimizer,
      /** One step. @param {Tensor} x @param {Tensor} labels @returns {number} The loss before it. */
      train(x, labels) {
        tf.dispose(gradients);
        const { value, grads } = tf.variableGrads(
          () => tf.losses.softmaxCrossEntropy(tf.oneHot(labels, 10), forward(x)).asScalar(),
          Object.values(weights),
        );
        optimizer.applyGradients(/** @type {Record<string, Variable>} */ (grads));
        const loss = /** @type {number} */ (value.dataSync()[0]);
        value.dispose();
        gradients = grads;
        return loss;
      },
      /** The gradients of the last step, in PyTorch's names and layouts. */
      gradients: () =>
        Object.fromEntries(
          Object.entries(weights).map(([name, { name: own }]) => [
            name,
            read(gradients[own], LAYOUTS[task.net]?.[name]),
          ]),
        ),
      dispose() {
        tf.dispose([gradients, weights, statistics]);
        optimizer.dispose();
      },
    };
  };

  /** @param {NetTask} task @param {Arrays} arrays @returns {Job} */
  const stepJob = (task, arrays) => {
    const trainer = loadTrainer(task, arrays);
    const x = take(arrays, 'x', IMAGES);
    const labels = take(arrays, 'labels');
    let loss = NaN;
    return {
      run() {
        loss = trainer.train(x, labels);
      },
      outputs: () => ({ loss: [loss], ...trainer.gradients() }),
      dispose() {
        trainer.dispose();
        tf.dispose([x, labels]);
      },
    };
  };

  /** @param {RaceTask} task @param {Arrays} arrays @returns {Job} */
  const raceJob = (task, arrays) => {
    const trainer = loadTrainer(task, arrays);
    const order = arrays['order']?.data ?? new Int32Array();
    const batches = {
      train: gatherer(arrays, 'train', task),
      test: gatherer(arrays, 'test', task),
    };
    const testRows = Int32Array.from({ length: batches.test.length }, (_, i) => i);
    let step = 0;
    return {
      run() {
        for (let i = 0; i < task.stepsPerRun; i++, step++) {
          const rows = order.subarray(step * task.batch, (step + 1) * task.batch);
          trainer.optimizer.setLearningRate(task.lr * (1 - step / task.steps));
          const { x, labels } = batches.train.gather(rows);
          trainer.train(x, labels);
          tf.dispose([x, labels]);
        }
      },
      outputs() {
        let correct = 0;
        for (let start = 0; start < testRows.length; start += EVALUATION_BATCH) {
          const { x, labels } = batches.test.gather(
            testRows.subarray(start, start + EVALUATION_BATCH),
          );
          const hits = tf.tidy(() => trainer.forward(x).argMax(1).equal(labels).sum().dataSync());
          correct += hits[0] ?? NaN;
          tf.dispose([x, labels]);
        }
        return { accuracy: [correct / testRows.length] };
      },
    };
  };

  /** @param {Arrays} arrays @param {'train' | 'test'} part @param {RaceTask} task */
  const gatherer = (arrays, part, { mean, std }) => {
    const images = arrays[`${part}Images`]?.data;
    const labels = arrays[`${part}Labels`]?.data;
    if (!images || !labels) throw new Error(`no ${part} images`);
    const pixels = images.length / labels.length;
    const scaled = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - mean) / std);
    return {
      length: labels.length,
      /** @param {ArrayLike<number>} rows */
      gather(rows) {
        const x = new Float32Array(rows.length * pixels);
        const y = new Int32Array(rows.length);
        for (let i = 0; i < rows.length; i++) {
          const row = /** @type {number} */ (rows[i]);
          y[i] = /** @type {number} */ (labels[row]);
          for (let p = 0; p < pixels; p++) {
            const byte = /** @type {number} */ (images[row * pixels + p]);
            x[i * pixels + p] = /** @type {number} */ (scaled[byte]);
          }
        }
        return { x: tf.tensor4d(x, [rows.length, 28, 28, 1]), labels: tf.tensor1d(y, 'int32') };
      },
    };
  };

  /** @param {Tensor[]} inputs @param {() => Tensor} compute @returns {Job} */
  const resultJob = (inputs, compute) => {
    /** @type {Tensor | undefined} */
    let out;
    return {
      run() {
        out?.dispose();
        out = tf.tidy(compute);
      },
      outputs: () => ({ out: read(out) }),
      dispose: () => tf.dispose([...inputs, ...(out ? [out] : [])]),
    };
  };

  /** @param {ConvTask} task @param {Arrays} arrays @returns {Job} */
  const convJob = ({ layer }, arrays) => {
    const { inChannels, kernel, stride, padding, dilation, groups } = layer;
    const isDepthwise = groups === inChannels && groups > 1;
    if (groups > 1 && !isDepthwise) throw new Error('no grouped convolution');
    const isSame = stride === 1 && 2 * padding === dilation * (kernel - 1);
    /** @type {[number, number][]} */
    const borders = [[0, 0], [padding, padding], [padding, padding], [0, 0]]; // prettier-ignore
    const filterLayout = isDepthwise ? DEPTHWISE_FILTER : FILTER;
    const inputs = [
      take(arrays, 'x', IMAGES),
      take(arrays, 'weight', filterLayout),
      take(arrays, 'bias'),
    ];
    const dOut = take(arrays, 'dOut', IMAGES);
    /** @param {Tensor[]} operands @returns {Tensor} */
    const forward = (...operands) => {
      const [x, filter, bias] = /** @type {[Tensor4D, Tensor4D, Tensor]} */ (operands);
      const padded = isSame || padding === 0 ? x : /** @type {Tensor4D} */ (tf.pad(x, borders));
      const conv = isDepthwise ? tf.depthwiseConv2d : tf.conv2d;
      const out = conv(padded, filter, stride, isSame ? 'same' : 'valid', 'NHWC', dilation);
      return out.add(bias);
    };
    const gradientsOf = tf.valueAndGrads(forward);
    /** @type {{ grads: Tensor[], value: Tensor } | undefined} */
    let result;
    return {
      run() {
        if (result) tf.dispose([result.value, ...result.grads]);
        result = gradientsOf(inputs, dOut);
      },
      outputs: () => ({
        out: read(result?.value, IMAGES),
        dX: read(result?.grads[0], IMAGES),
        dWeight: read(result?.grads[1], filterLayout),
        dBias: read(result?.grads[2]),
      }),
      dispose: () =>
        tf.dispose([...inputs, dOut, ...(result ? [result.value, ...result.grads] : [])]),
    };
  };

  /** @param {import('./serve.js').Task} task @param {Arrays} arrays @returns {Job} */
  return (task, arrays) => {
    if (task.kind === 'race') return raceJob(task, arrays);
    if (task.kind === 'step') return stepJob(task, arrays);
    if (task.kind === 'conv') return convJob(task, arrays);
    if (task.kind === 'layer-norm') throw new Error('layer norm is not compared');
    if (task.kind === 'sequence') throw new Error('sequences are not compared');
    if (task.kind === 'matmul') {
      const a = take(arrays, 'a');
      const b = take(arrays, 'b');
      return resultJob([a, b], () => tf.matMul(a, b));
    }
    const { weights, forward } = loadNet(task, arrays);
    const x = take(arrays, 'x', IMAGES);
    return resultJob([x, ...Object.values(weights)], () => forward(x));
  };
}

try {
  const tf = await loadTfjs();
  const name = backend === 'node' ? 'tensorflow' : backend;
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js has no backend '${name}' here`);
  await tf.ready();
  await serve({ version: `TensorFlow.js ${tf.version['tfjs-core']}, ${name}` }, createJobs(tf));
} catch (error) {
  unavailable(error);
}
