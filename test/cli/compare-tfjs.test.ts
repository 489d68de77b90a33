import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  configureEngine,
  engine,
  Generator,
  manualSeed,
  ShapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, type Layer } from '@unfold/nn';
import { Dataset } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPair, type TrainingPlan } from '../../packages/cli/src/compare/compare.js';
import { UnfoldNetwork } from '../../packages/cli/src/compare/contender.js';
import { chooseSizes } from '../../packages/cli/src/compare/defaults.js';
import {
  filterWeights,
  imagesToNhwc,
  matrixWeights,
} from '../../packages/cli/src/compare/layout.js';
import { NETWORKS } from '../../packages/cli/src/compare/networks.js';
import {
  type LoadedTensorFlow,
  loadTensorFlow,
  type TensorFlowLayers,
} from '../../packages/cli/src/compare/tensorflow.js';
import { type LayerPlan, TfjsNetwork } from '../../packages/cli/src/compare/tfjs-network.js';
import { measureYardstick } from '../../packages/cli/src/compare/yardstick.js';

let loaded: LoadedTensorFlow;
let tf: TensorFlowLayers;
let root = '';

beforeAll(async () => {
  loaded = await loadTensorFlow({ backend: 'cpu' });
  ({ tf } = loaded);
  root = await mkdtemp(join(tmpdir(), 'unfold-compare-'));
});
afterAll(() => rm(root, { recursive: true }));

const random = (shape: number[], seed: number): Tensor => {
  const generator = new Generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, () => generator.normal()),
    shape,
  );
};

describe('the layout', () => {
  /** A tensor whose element at each index is told by its value: 123 at [1, 2, 3]. */
  const told = (shape: readonly number[]): Tensor => {
    const values: number[] = [];
    const visit = (prefix: number, axis: number): void => {
      if (axis === shape.length) values.push(prefix);
      else for (let i = 0; i < Number(shape[axis]); i++) visit(prefix * 10 + i, axis + 1);
    };
    visit(0, 0);
    return tensor(Float32Array.from(values), shape);
  };

  it('of a filter goes from [OC, C, KH, KW] to [KH, KW, C, OC]', () => {
    const { data, shape } = filterWeights(told([5, 2, 3, 4]));
    expect(shape).toEqual([3, 4, 2, 5]);
    // Row 1, column 2, channel 1, filter 4.
    expect(data[((1 * 4 + 2) * 2 + 1) * 5 + 4]).toBe(4112);
  });

  it('of images goes from [N, C, H, W] to [N, H, W, C]', () => {
    const { data, shape } = imagesToNhwc(told([2, 3, 4, 5]));
    expect(shape).toEqual([2, 4, 5, 3]);
    expect(data[((1 * 4 + 3) * 5 + 2) * 3 + 2]).toBe(1232);
  });

  it('of a matrix is transposed', () => {
    const { data, shape } = matrixWeights(told([2, 3]));
    expect(shape).toEqual([3, 2]);
    expect([...data]).toEqual([0, 10, 1, 11, 2, 12]);
  });

  it('of a matrix behind an image follows the image', () => {
    // [out, C·H·W] with out, C, H, W = 2, 3, 4, 5, told as [out, C, H, W].
    const weight = tensor(told([2, 3, 4, 5]).toTypedArray(), [2, 60]);
    const { data, shape } = matrixWeights(weight, [3, 4, 5]);
    expect(shape).toEqual([60, 2]);
    // Input: row 3, column 1, channel 2; output 1.
    expect(data[((3 * 5 + 1) * 3 + 2) * 2 + 1]).toBe(1231);
  });
});

describe('a network in TensorFlow.js', () => {
  const PLAN: readonly LayerPlan[] = [
    { kind: 'conv2d', name: '0', relu: true },
    { kind: 'maxPool' },
    { kind: 'conv2d', name: '3', relu: true },
    { kind: 'flatten' },
    { kind: 'dense', name: '6', relu: true },
    { kind: 'dense', name: '8', relu: false },
  ];
  const IMAGE = [2, 11, 8];
  const SGD = { lr: 0.05, momentum: 0.9 };

  const create = (): Layer => {
    manualSeed(3);
    return new Sequential(
      new Conv2d(2, 4, [2, 3]),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(4, 3, [3, 2]),
      new ReLU(),
      new Flatten(),
      new Linear(18, 7),
      new ReLU(),
      new Linear(7, 10),
    );
  };

  it('takes 20 steps with our losses, within 2e-6, and learns', async () => {
    const ours = new UnfoldNetwork(create(), SGD);
    const weights = ours.model.stateDict();
    const theirs = new TfjsNetwork(tf, { plan: PLAN, image: IMAGE, weights }, SGD);
    const labels = tensor(
      Int32Array.from({ length: 12 }, (_, i) => (i * 7) % 10),
      [12],
    );
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const images = random([12, ...IMAGE], 7);
      const a = ours.step(images, labels).loss;
      const b = (await theirs.step(images, labels)).loss;
      expect(Math.abs(a - b) / b, `step ${step + 1}`).toBeLessThan(2e-6);
      losses.push(a);
    }
    expect(losses.at(-1)).toBeLessThan(Number(losses[0]) - 0.1);
    const images = random([12, ...IMAGE], 9);
    expect(theirs.classify(images)).toEqual(ours.classify(images));
    theirs.dispose();
  });

  it('leaves no tensors behind in a step', async () => {
    const network = new TfjsNetwork(
      tf,
      { plan: PLAN, image: IMAGE, weights: create().stateDict() },
      SGD,
    );
    const labels = tensor(new Int32Array(12), [12]);
    const all: { memory(): { numTensors: number } } = createRequire(import.meta.url)(
      '@tensorflow/tfjs',
    );
    const count = (): number => all.memory().numTensors;
    await network.step(random([12, ...IMAGE], 1), labels);
    const before = count();
    await network.step(random([12, ...IMAGE], 2), labels);
    network.classify(random([12, ...IMAGE], 3));
    expect(count()).toBe(before);
    network.dispose();
  });

  it.each(['lenet', 'cnn'] as const)('gives the logits of our %s', (name) => {
    manualSeed(1);
    const { create, plan } = NETWORKS[name];
    const model = create();
    const ours = new UnfoldNetwork(model, SGD);
    const network = { plan, image: [1, 28, 28], weights: model.stateDict() };
    const theirs = new TfjsNetwork(tf, network, SGD);
    const images = random([3, 1, 28, 28], 5);
    expect(theirs.classify(images)).toEqual(ours.classify(images));
    theirs.dispose();
  });

  it('that lacks a weight is an error', () => {
    const weights = new Map([['0.weight', random([4, 2, 2, 3], 1)]]);
    expect(() => new TfjsNetwork(tf, { plan: PLAN, image: IMAGE, weights }, SGD)).toThrow(
      new ShapeError("compare: expected a weight '0.bias', got 0.weight"),
    );
  });
});

describe('a run of both', () => {
  const digits = (images: number): Dataset =>
    Dataset.fromArrays({
      images: Uint8Array.from({ length: images * 784 }, (_, i) => (i * 31) % 256),
      shape: [1, 28, 28],
      labels: Int32Array.from({ length: images }, (_, i) => i % 10),
    });
  const plan: TrainingPlan = {
    model: 'lenet',
    epochs: 2,
    batchSize: 2,
    lr: 0.01,
    momentum: 0.9,
    train: digits(3),
    test: digits(5),
    normalization: { mean: [0.5], std: [0.5] },
  };
  const { signal } = new AbortController();

  it('counts steps from 1 and tests both networks', { timeout: 60_000 }, async () => {
    const seen: number[] = [];
    const onStep = ({ step }: { step: number }): void => void seen.push(step);
    const run = await runPair({ plan, seed: 4, tf, signal, onStep });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(run.steps.map(({ step }) => step)).toEqual(seen);
    for (const { ours, tfjs } of run.steps) expect(Math.abs(ours - tfjs) / tfjs).toBeLessThan(2e-5);
    for (const side of [run.ours, run.tfjs]) {
      expect(side.hits).toHaveLength(5);
      expect(side.testAccuracy).toBe(side.hits.reduce((sum, hit) => sum + hit, 0) / 5);
      expect(side.imagesPerSecond).toBeGreaterThan(0);
    }
  });

  it.each([
    [{ kernels: 'wasm', strict: true, threads: 1 }, 'with fused multiply-add'],
    [{ kernels: 'reference' }, 'on wasm kernels'],
  ] as const)(
    'is repeated with other rounding as a yardstick, on %j',
    { timeout: 60_000 },
    async (options, description) => {
      const { description: before } = await configureEngine(options);
      // Long enough for the other rounding to show in a loss.
      const longer = { ...plan, epochs: 4 };
      const run = await runPair({ plan: longer, seed: 4, tf, signal, onStep: () => {} });
      const yardstick = await measureYardstick(longer, run, { options, signal });
      expect(yardstick.description).toBe(description);
      expect(yardstick.differences).toHaveLength(run.steps.length);
      for (const difference of yardstick.differences) expect(difference).toBeLessThan(2e-5);
      expect(yardstick.differences.some((difference) => difference > 0)).toBe(true);
      expect(yardstick.disagreements).toBe(0);
      expect(engine().description).toBe(before);
      await configureEngine({});
    },
  );

  it('ends where its signal aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = runPair({
      plan,
      seed: 4,
      tf,
      signal: controller.signal,
      onStep: () => controller.abort(reason),
    });
    await expect(run).rejects.toBe(reason);
  });

  it('ends where a loss is not finite, and says whose', { timeout: 60_000 }, async () => {
    const run = runPair({ plan: { ...plan, lr: 1e30 }, seed: 4, tf, signal, onStep: () => {} });
    await expect(run).rejects.toThrow(
      /^compare: step 2 of seed 4: expected finite losses, got \S+ from Unfold and \S+ from TensorFlow\.js/,
    );
  });
});

describe('TensorFlow.js', () => {
  it('is loaded with the backend that is asked for', () => {
    expect(loaded).toMatchObject({ backend: 'cpu', version: '4.22.0', failures: [] });
  });

  it('as tfjs-node without its library is told from one that is not there', async () => {
    const folder = join(root, 'without');
    const manifest = join(folder, 'node_modules/@tensorflow/tfjs-node/package.json');
    await mkdir(join(manifest, '..'), { recursive: true });
    await writeFile(manifest, '{ "name": "@tensorflow/tfjs-node" }');
    await expect(loadTensorFlow({ backend: 'tfjs-node', folder })).rejects.toThrow(
      /^compare: expected TensorFlow\.js, got none \(@tensorflow\/tfjs-node: installed without its native library/,
    );
  });
});

describe('how much is run', () => {
  const node: Pick<LoadedTensorFlow, 'backend' | 'failures'> = {
    backend: 'tfjs-node',
    failures: [],
  };
  const cpu: Pick<LoadedTensorFlow, 'backend' | 'failures'> = { backend: 'cpu', failures: ['why'] };

  it('is everything with tfjs-node', () => {
    expect(chooseSizes({ model: 'cnn', epochs: 3 }, node)).toEqual({
      seeds: [1, 2, 3],
      limit: Infinity,
      testLimit: Infinity,
      note: '',
    });
  });

  it('is three minutes’ worth on the cpu backend, whatever epochs and seeds, and is said', () => {
    const { note, ...sizes } = chooseSizes({ model: 'lenet', epochs: 3 }, cpu);
    expect(sizes).toEqual({ seeds: [1], limit: 832, testLimit: 2000 });
    expect(note).toBe(
      'a step takes about 4 s on the cpu backend, so that this takes the first 832 training images ' +
        '(--limit), the first 2000 test images (--test-limit), one seed (--seeds)',
    );
    const many = chooseSizes({ model: 'lenet', epochs: 2, seeds: [1, 2, 3] }, cpu);
    expect(many).toMatchObject({ seeds: [1, 2, 3], limit: 384 });
    expect(chooseSizes({ model: 'lenet', epochs: 90 }, cpu).limit).toBe(64);
  });

  it('is what was asked for', () => {
    const asked = { seeds: [5] as const, limit: 100, testLimit: 10 };
    const sizes = { ...asked, note: '' };
    expect(chooseSizes({ model: 'lenet', epochs: 1, ...asked }, cpu)).toEqual(sizes);
    expect(chooseSizes({ model: 'cnn', epochs: 1, ...asked }, node)).toEqual(sizes);
  });

  it('is nothing of cnn on the cpu backend, with the reason', () => {
    expect(() => chooseSizes({ model: 'cnn', epochs: 1, limit: 64 }, cpu)).toThrow(ConfigError);
    expect(() => chooseSizes({ model: 'cnn', epochs: 1, limit: 64 }, cpu)).toThrow(
      /^compare: model cnn needs tfjs-node, which does not load: .*a single step takes two to three minutes/,
    );
  });
});
