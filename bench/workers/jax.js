import {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  valueAndGrad,
  vjp,
} from '@jax-js/jax';
import { NET_NORMS } from './norms.js';
import { serve, unavailable } from './serve.js';

/**
 * jax-js counts references: an array is used up by the function that it is given to, unless `.ref`
 * is given instead.
 * @typedef {import('@jax-js/jax').numpy.Array} JaxArray
 */
/** @typedef {Record<string, JaxArray>} Weights */
/** @typedef {import('./serve.js').Arrays} Arrays */
/** @typedef {import('./serve.js').Job} Job */
/** @typedef {import('../src/tasks.js').NetTask} NetTask */
/** @typedef {import('../src/tasks.js').ConvTask} ConvTask */

/** @param {Arrays} arrays @param {string} name @returns {JaxArray} */
function take(arrays, name) {
  const array = arrays[name];
  if (!array) throw new Error(`no array '${name}'`);
  return np.array(array.data, { shape: array.shape });
}

/** @param {Weights} tree @returns {Weights} The same arrays, to be used up once more. */
const refs = (tree) => Object.fromEntries(Object.entries(tree).map(([name, x]) => [name, x.ref]));

/** @param {Weights} tree */
function disposeAll(tree) {
  for (const array of Object.values(tree)) array.dispose();
}

/** @param {JaxArray | undefined} array */
function read(array) {
  if (!array) throw new Error('nothing was computed');
  return array.ref.dataSync();
}

/** @param {Weights} weights @param {string} name */
function weight(weights, name) {
  const array = weights[name];
  if (!array) throw new Error(`no weight '${name}'`);
  return array;
}

/** @param {JaxArray} x @param {Weights} w @param {string} layer */
function convRelu(x, w, layer) {
  const out = lax.convGeneralDilated(x, weight(w, `${layer}.weight`), [1, 1], 'VALID');
  return nn.relu(out.add(weight(w, `${layer}.bias`).reshape([1, -1, 1, 1])));
}

/** Without bias. @param {JaxArray} x @param {JaxArray} filter @param {number} [stride] @param {number} [border] */
const conv = (x, filter, stride = 1, border = 0) =>
  lax.convGeneralDilated(
    x,
    filter,
    [stride, stride],
    [
      [border, border],
      [border, border],
    ],
  );

/** In training; no running statistics are kept. @param {JaxArray} x @param {Weights} w @param {string} layer */
const norm = (x, w, layer) =>
  nn
    .standardize(x, [0, 2, 3])
    .mul(weight(w, `${layer}.weight`).reshape([1, -1, 1, 1]))
    .add(weight(w, `${layer}.bias`).reshape([1, -1, 1, 1]));

/** @param {JaxArray} x @param {Weights} w @param {string} layer @param {number} stride */
function block(x, w, layer, stride) {
  const filter = (/** @type {string} */ name) => weight(w, `${layer}.${name}.weight`);
  const h1 = nn.relu(norm(conv(x.ref, filter('conv1'), stride, 1), w, `${layer}.bn1`));
  const h2 = norm(conv(h1, filter('conv2'), 1, 1), w, `${layer}.bn2`);
  const shortcut =
    stride === 1 ? x : norm(conv(x, filter('downsample.0'), stride), w, `${layer}.downsample.1`);
  return nn.relu(h2.add(shortcut));
}

/** @param {JaxArray} x */
const maxPool = (x) => lax.reduceWindow(x, np.max, [2, 2], [2, 2]);

/** @param {JaxArray} x @param {Weights} w @param {string} layer */
const linear = (x, w, layer) =>
  np.dot(x, weight(w, `${layer}.weight`).transpose()).add(weight(w, `${layer}.bias`));

/** @type {Readonly<Record<string, (weights: Weights, x: JaxArray) => JaxArray>>} */
const NETS = {
  lenet(w, x) {
    const h = maxPool(convRelu(maxPool(convRelu(x, w, 'conv1')), w, 'conv2'));
    return linear(h.reshape([-1, 256]), w, 'fc');
  },
  'lenet-bn'(w, x) {
    const h1 = nn.relu(norm(maxPool(conv(x, weight(w, 'conv1.weight'))), w, 'norm1'));
    const h2 = nn.relu(norm(maxPool(conv(h1, weight(w, 'conv2.weight'))), w, 'norm2'));
    return linear(h2.reshape([-1, 512]), w, 'fc');
  },
  resnet(w, x) {
    const h = nn.relu(norm(conv(x, weight(w, 'conv1.weight'), 1, 1), w, 'bn1'));
    return linear(block(block(h, w, 'layer1', 1), w, 'layer2', 2).mean([2, 3]), w, 'fc');
  },
  cnn(w, x) {
    const h = maxPool(convRelu(convRelu(x, w, 'conv1'), w, 'conv2'));
    return linear(nn.relu(linear(h.reshape([-1, 9216]), w, 'fc1')), w, 'fc2');
  },
};

/** @param {NetTask} task @param {Arrays} arrays */
function loadNet({ net }, arrays) {
  const names = Object.keys(arrays).filter((name) => /\.(weight|bias)$/.test(name));
  const forward = NETS[net];
  if (!forward) throw new Error(`no net '${net}'`);
  const weights = Object.fromEntries(names.map((name) => [name, take(arrays, name)]));
  for (const [layer, channels] of Object.entries(NET_NORMS[net] ?? {})) {
    weights[`${layer}.weight`] = np.ones([channels]);
    weights[`${layer}.bias`] = np.zeros([channels]);
  }
  return { forward, weights };
}

/** @param {NetTask} task @param {Arrays} arrays @returns {Job} */
function stepJob(task, arrays) {
  const { lr, momentum } = task;
  const { forward, weights: initial } = loadNet(task, arrays);
  const x = take(arrays, 'x');
  const labels = nn.oneHot(take(arrays, 'labels'), 10);
  /** @param {Weights} weights @param {JaxArray} images @param {JaxArray} classes */
  const lossOf = (weights, images, classes) =>
    nn.logSoftmax(forward(weights, images), -1).mul(classes).sum(-1).mean().mul(-1);
  const step = jit(
    /** @param {Weights} weights @param {Weights} velocities @param {JaxArray} images @param {JaxArray} classes */
    (weights, velocities, images, classes) => {
      const [loss, gradients] = valueAndGrad(lossOf)(refs(weights), images, classes);
      /** @type {Weights} */
      const nextWeights = {};
      /** @type {Weights} */
      const nextVelocities = {};
      for (const [name, gradient] of Object.entries(gradients)) {
        const velocity = weight(velocities, name).mul(momentum).add(gradient.ref);
        nextWeights[name] = weight(weights, name).sub(velocity.ref.mul(lr));
        nextVelocities[name] = velocity;
      }
      return { loss, gradients, weights: nextWeights, velocities: nextVelocities };
    },
  );
  let state = {
    weights: initial,
    velocities: Object.fromEntries(
      Object.entries(initial).map(([name, array]) => [name, np.zeros(array.shape)]),
    ),
  };
  /** @type {Weights} */
  let gradients = {};
  let loss = NaN;
  return {
    async run() {
      disposeAll(gradients);
      const next = step(state.weights, state.velocities, x.ref, labels.ref);
      ({ gradients } = next);
      state = { weights: next.weights, velocities: next.velocities };
      await blockUntilReady([state, gradients]);
      loss = (await next.loss.data())[0] ?? NaN;
    },
    outputs: () => ({
      loss: [loss],
      ...Object.fromEntries(Object.entries(gradients).map(([name, array]) => [name, read(array)])),
    }),
    dispose() {
      for (const tree of [gradients, state.weights, state.velocities, { x, labels }]) {
        disposeAll(tree);
      }
      step.dispose();
    },
  };
}

/** A job that computes one array. @param {Weights} inputs @param {(inputs: Weights) => JaxArray} compute @returns {Job} */
function resultJob(inputs, compute) {
  const compiled = jit(compute);
  /** @type {JaxArray | undefined} */
  let out;
  return {
    async run() {
      out?.dispose();
      out = compiled(refs(inputs));
      await out.blockUntilReady();
    },
    outputs: () => ({ out: read(out) }),
    dispose() {
      disposeAll({ ...inputs, ...(out ? { out } : {}) });
      compiled.dispose();
    },
  };
}

/** @param {ConvTask} task @param {Arrays} arrays @returns {Job} */
function convJob({ layer }, arrays) {
  const { stride, padding, dilation, groups } = layer;
  const inputs = {
    x: take(arrays, 'x'),
    weight: take(arrays, 'weight'),
    bias: take(arrays, 'bias'),
  };
  const dOut = take(arrays, 'dOut');
  /** @param {JaxArray} x @param {JaxArray} kernel @param {JaxArray} bias */
  const forward = (x, kernel, bias) =>
    lax
      .convGeneralDilated(
        x,
        kernel,
        [stride, stride],
        [
          [padding, padding],
          [padding, padding],
        ],
        {
          rhsDilation: [dilation, dilation],
          featureGroupCount: groups,
        },
      )
      .add(bias.reshape([1, -1, 1, 1]));
  const both = jit(
    /** @param {JaxArray} x @param {JaxArray} kernel @param {JaxArray} bias @param {JaxArray} cotangent */
    (x, kernel, bias, cotangent) => {
      const [out, backward] = vjp(forward, [x, kernel, bias]);
      const [dX, dWeight, dBias] = backward(cotangent);
      backward.dispose();
      return { out, dX, dWeight, dBias };
    },
  );
  /** @type {Weights} */
  let results = {};
  return {
    async run() {
      disposeAll(results);
      results = both(inputs.x.ref, inputs.weight.ref, inputs.bias.ref, dOut.ref);
      await blockUntilReady(results);
    },
    outputs: () =>
      Object.fromEntries(Object.entries(results).map(([name, array]) => [name, read(array)])),
    dispose() {
      disposeAll({ ...results, ...inputs, dOut });
      both.dispose();
    },
  };
}

/** @param {import('./serve.js').Task} task @param {Arrays} arrays @returns {Job} */
function prepare(task, arrays) {
  if (task.kind === 'race') throw new Error('too slow to race');
  if (task.kind === 'step') return stepJob(task, arrays);
  if (task.kind === 'conv') return convJob(task, arrays);
  if (task.kind === 'layer-norm') throw new Error('layer norm is not compared');
  if (task.kind === 'sequence') throw new Error('sequences are not compared');
  if (task.kind === 'matmul') {
    const operands = { a: take(arrays, 'a'), b: take(arrays, 'b') };
    return resultJob(operands, (both) => np.matmul(weight(both, 'a'), weight(both, 'b')));
  }
  const { forward, weights } = loadNet(task, arrays);
  const inputs = { ...weights, x: take(arrays, 'x') };
  return resultJob(inputs, ({ x, ...rest }) => forward(rest, /** @type {JaxArray} */ (x)));
}

try {
  const devices = await init('wasm');
  if (!devices.includes('wasm')) throw new Error('jax-js has no wasm device here');
  defaultDevice('wasm');
  await serve({ version: 'jax-js, wasm' }, prepare);
} catch (error) {
  unavailable(error);
}
