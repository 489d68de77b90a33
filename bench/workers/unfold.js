import * as core from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  conv2d,
  crossEntropy,
  layerNorm,
  Linear,
  Module,
  Sequential,
} from '@unfold/nn';
// By the namespace what the earlier commits of `--against` lack.
import * as nn from '@unfold/nn';
import { Cnn, DataLoader, Dataset, evaluate, LeNet, LeNetBN, SGD } from '@unfold/train';
import { serve, unavailable } from './serve.js';

/** @typedef {import('@unfold/core').Tensor} Tensor */
/** @typedef {import('./serve.js').Arrays} Arrays */
/** @typedef {import('./serve.js').Job} Job */
/** @typedef {import('../src/tasks.js').NetTask} NetTask */
/** @typedef {import('../src/tasks.js').RaceTask} RaceTask */
/** @typedef {import('../src/tasks.js').SequenceTask} SequenceTask */
/** @typedef {import('../src/tasks.js').ConvTask} ConvTask */
/** @typedef {import('../src/tasks.js').LayerNormTask} LayerNormTask */

const { add, configureEngine, matmul, relu, reshape, Scope, tensor, Tape } = core;

/** @type {import('../src/systems.js').UnfoldOptions} */
const options = JSON.parse(process.argv[2] ?? '');

/** What was compiled for the task. @type {{ dispose(): void }[]} */
const programs = [];

/**
 * What a run computes, compiled if that is asked for. Not by a named import: the earlier commits of
 * `--against` have no `compile`.
 * @template {Tensor[]} Inputs
 * @param {(...inputs: Inputs) => Tensor} fn
 * @param {Module[]} [modules] Whose weights it uses.
 */
function made(fn, modules = []) {
  if (!options.compiled) return fn;
  const compiled = core.compile(fn, { modules });
  programs.push(compiled);
  return compiled;
}

/** @param {Arrays} arrays @param {string} name @param {boolean} [requiresGrad] */
function take(arrays, name, requiresGrad = false) {
  const array = arrays[name];
  if (!array) throw new Error(`no array '${name}'`);
  return tensor(array.data, array.shape, { requiresGrad });
}

/** Two 3×3 convolutions and what goes around them. */
class Block extends Module {
  /** @param {number} inChannels @param {number} outChannels @param {number} stride */
  constructor(inChannels, outChannels, stride) {
    super();
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(outChannels);
    this.downsample =
      stride > 1
        ? new Sequential(
            new Conv2d(inChannels, outChannels, 1, { stride, bias: false }),
            new BatchNorm2d(outChannels),
          )
        : null;
  }

  /** @param {Tensor} x */
  forward(x) {
    const h = relu(this.bn1.forward(this.conv1.forward(x)));
    const shortcut = this.downsample ? this.downsample.forward(x) : x;
    return relu(add(this.bn2.forward(this.conv2.forward(h)), shortcut));
  }
}

class ResNet extends Module {
  conv1 = new Conv2d(1, 16, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(16);
  layer1 = new Block(16, 16, 1);
  layer2 = new Block(16, 32, 2);
  fc = new Linear(32, 10);

  /** @param {Tensor} x */
  forward(x) {
    const h = this.layer1.forward(relu(this.bn1.forward(this.conv1.forward(x))));
    return this.fc.forward(reshape(adaptiveAvgPool2d(this.layer2.forward(h), 1), [-1, 32]));
  }
}

class Gru extends Module {
  /** @param {number} width */
  constructor(width) {
    super();
    this.gru = new nn.GRU(width, width);
  }

  /** @param {Tensor} x */
  forward(x) {
    return this.gru.forward(x)[0];
  }
}

const NETS = {
  lenet: () => new LeNet(),
  'lenet-bn': () => new LeNetBN(),
  cnn: () => new Cnn(),
  resnet: () => new ResNet(),
};

/** @param {SequenceTask} task */
function sequenceNet(task) {
  const { width } = task;
  if (task.net === 'gru') return new Gru(width);
  const { heads, feedForward: dimFeedforward, layers } = task;
  const options = { dimFeedforward, dropout: 0, batchFirst: true };
  const layer = () => new nn.TransformerEncoderLayer(width, heads, options);
  return new nn.TransformerEncoder(layer, layers);
}

/** @param {NetTask | SequenceTask | RaceTask} task @param {Arrays} arrays */
function loadNet(task, arrays) {
  const net = task.kind === 'sequence' ? sequenceNet(task) : NETS[task.net]();
  Scope.run(() => {
    // What is no array starts as it is: normalisation.
    const state = [...net.stateDict()].map(([name, own]) => [
      name,
      arrays[name] ? take(arrays, name) : own,
    ]);
    net.loadStateDict(Object.fromEntries(state));
  });
  return net;
}

/**
 * A net and its optimiser.
 * @param {NetTask | SequenceTask | RaceTask} task
 * @param {Arrays} arrays
 */
function loadTrainer(task, arrays) {
  const net = loadNet(task, arrays);
  const optimizer = new SGD(net.parameters(), { lr: task.lr, momentum: task.momentum });
  const lossOf = task.kind === 'sequence' ? nn.mseLoss : crossEntropy;
  /** @param {Tensor} x @param {Tensor} target */
  const step = (x, target) =>
    Tape.run((tape) => {
      const loss = lossOf(net.forward(x), target);
      optimizer.zeroGrad();
      tape.backward(loss);
      optimizer.step();
      return loss;
    });
  const fast = made(step, [net]);
  return {
    net,
    optimizer,
    /** One step. @param {Tensor} x @param {Tensor} target @returns {number} The loss before it. */
    train: (x, target) => Scope.run(() => fast(x, target).item()),
    dispose() {
      net.dispose();
      optimizer.dispose();
    },
  };
}

/** @param {NetTask | SequenceTask} task @param {Arrays} arrays @returns {Job} */
function stepJob(task, arrays) {
  const trainer = loadTrainer(task, arrays);
  const x = take(arrays, 'x');
  const target = take(arrays, task.kind === 'sequence' ? 'target' : 'labels');
  let loss = NaN;
  return {
    run() {
      loss = trainer.train(x, target);
    },
    outputs: () => ({
      loss: [loss],
      ...Object.fromEntries(
        [...trainer.net.namedParameters()].map(([name, { grad }]) => [name, grad?.data ?? []]),
      ),
    }),
    dispose() {
      for (const owner of [trainer, x, target]) owner.dispose();
    },
  };
}

/** Images that are evaluated at once. */
const EVALUATION_BATCH = 250;

/** @param {RaceTask} task @param {Arrays} arrays @returns {Job} */
function raceJob(task, arrays) {
  const { batch, mean, std, lr, steps, stepsPerRun } = task;
  const normalization = { mean: [mean], std: [std] };
  const train = digits(arrays, 'train').subset(Array.from(arrays['order']?.data ?? []));
  // The order is the subset's: nothing is shuffled here.
  const batches = new DataLoader(train, { batchSize: batch, normalization })[Symbol.iterator]();
  const test = new DataLoader(digits(arrays, 'test'), {
    batchSize: EVALUATION_BATCH,
    normalization,
  });
  const trainer = loadTrainer(task, arrays);
  let step = 0;
  return {
    run() {
      for (let i = 0; i < stepsPerRun; i++, step++) {
        const { images, labels } = batches.next().value;
        trainer.optimizer.lr = lr * (1 - step / steps);
        trainer.train(images, labels);
      }
    },
    async outputs() {
      const { correct, total } = await evaluate(trainer.net, test);
      return { accuracy: [correct / total] };
    },
  };
}

/** @param {Arrays} arrays @param {'train' | 'test'} part @returns {Dataset} */
function digits(arrays, part) {
  const images = arrays[`${part}Images`]?.data;
  const labels = arrays[`${part}Labels`]?.data;
  if (!(images instanceof Uint8Array) || !labels) throw new Error(`no ${part} images`);
  return Dataset.fromArrays({ images, shape: [1, 28, 28], labels, classes: 10 });
}

/**
 * A job that computes one tensor.
 * @param {Tensor[]} inputs
 * @param {(...inputs: Tensor[]) => Tensor} compute
 * @returns {Job}
 */
function resultJob(inputs, compute) {
  /** @type {Tensor | undefined} */
  let out;
  return {
    run() {
      out?.dispose();
      out = Scope.run(() => compute(...inputs));
    },
    outputs: () => ({ out: out?.data ?? [] }),
    dispose() {
      out?.dispose();
      for (const input of inputs) input.dispose();
    },
  };
}

/** @param {NetTask} task @param {Arrays} arrays @returns {Job} */
function forwardJob(task, arrays) {
  const net = loadNet(task, arrays).eval();
  const x = take(arrays, 'x');
  const job = resultJob(
    [x],
    made((images) => net.forward(images), [net]),
  );
  return {
    ...job,
    dispose() {
      job.dispose?.();
      net.dispose();
    },
  };
}

/**
 * A layer's output, then the gradients of its input, weight and bias.
 * @param {Arrays} arrays
 * @param {(x: Tensor, weight: Tensor, bias: Tensor) => Tensor} forward
 * @returns {Job}
 */
function layerJob(arrays, forward) {
  const x = take(arrays, 'x', true);
  const weight = take(arrays, 'weight', true);
  const bias = take(arrays, 'bias', true);
  const dOut = take(arrays, 'dOut');
  const leaves = { dX: x, dWeight: weight, dBias: bias };
  /** @type {Tensor | undefined} */
  let out;
  const zeroGrad = () => {
    for (const leaf of Object.values(leaves)) leaf.zeroGrad();
  };
  const both = made(() => {
    zeroGrad();
    return Tape.run((tape) => {
      const y = forward(x, weight, bias);
      tape.backward(y, dOut);
      return y;
    });
  });
  return {
    run() {
      out?.dispose();
      out = both();
    },
    outputs: () => ({
      out: out?.data ?? [],
      ...Object.fromEntries(
        Object.entries(leaves).map(([name, leaf]) => [name, leaf.grad?.data ?? []]),
      ),
    }),
    dispose() {
      zeroGrad();
      for (const owned of [out, dOut, ...Object.values(leaves)]) owned?.dispose();
    },
  };
}

/** @param {ConvTask} task @param {Arrays} arrays */
function convJob({ layer: { stride, padding, dilation, groups } }, arrays) {
  const options = { stride, padding, dilation, groups };
  return layerJob(arrays, (x, weight, bias) => conv2d(x, weight, bias, options));
}

/** @param {LayerNormTask} task @param {Arrays} arrays */
function layerNormJob({ n }, arrays) {
  return layerJob(arrays, (x, weight, bias) => layerNorm(x, n, { weight, bias }));
}

/** @param {import('./serve.js').Task} task @param {Arrays} arrays @returns {Job} */
function prepare(task, arrays) {
  for (const program of programs.splice(0)) program.dispose();
  // Where a thread broke down in an earlier task, the engine goes on with fewer.
  const { threads } = core.engine();
  if (threads !== options.threads) throw new Error(`the engine has ${threads} threads left`);
  if (task.kind === 'race') return raceJob(task, arrays);
  if (task.kind === 'step' || task.kind === 'sequence') return stepJob(task, arrays);
  if (task.kind === 'forward') return forwardJob(task, arrays);
  if (task.kind === 'conv') return convJob(task, arrays);
  if (task.kind === 'layer-norm') return layerNormJob(task, arrays);
  const a = take(arrays, 'a');
  const b = take(arrays, 'b');
  return resultJob(
    [a, b],
    made((x, y) => matmul(x, y)),
  );
}

/**
 * @throws Error if the engine that starts is not the one that was asked for.
 */
async function startEngine() {
  const { kernels, threads, simd } = options;
  if (kernels === 'reference') return configureEngine({ kernels });
  // Where V8 may join vectors, it joins some of the narrow tiles' too: 128-bit goes without that.
  const mayJoin = Number(process.versions.node.split('.')[0]) >= 24;
  if (simd === 256 || !mayJoin) enableNodeFlags();
  const engine = await configureEngine({ kernels, threads, simd: simd === 256 ? '256' : '128' });
  const { description, warnings } = engine;
  if (engine.kernels !== kernels || engine.threads !== threads || warnings.length > 0) {
    throw new Error([`the engine would be ${description}`, ...warnings].join('; '));
  }
  return engine;
}

try {
  const engine = await startEngine();
  const how = options.compiled ? ', compiled' : '';
  await serve({ version: `${engine.description}${how}` }, prepare);
} catch (error) {
  unavailable(error);
}
