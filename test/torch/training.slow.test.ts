import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Generator, tensor, zeros } from '@unfold/core';
import { decodeSafetensors, encodeSafetensors } from '@unfold/io';
import { CrossEntropyLoss } from '@unfold/nn';
import {
  Adagrad,
  Adam,
  AdamW,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LinearLR,
  loadModel,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  RMSprop,
  SequentialLR,
  SGD,
  StepLR,
} from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelFiles } from '../../packages/torch/src/training/model-files.js';
import {
  ejected,
  Small,
  writeProject,
  type Ejected,
  type RunCase,
} from '../support/torch/project.js';
import { hasRequirements, hasRuff, python } from '../support/python.js';

/*
 * What an ejected project does in PyTorch, where Python has it: the steps after the one where the run stood,
 * one process against two, and a run that was interrupted against one that was not.
 */

const STEPS = resolve(import.meta.dirname, 'run_steps.py');

interface Steps {
  readonly losses: readonly number[];
  readonly rates: readonly number[];
}

function ask(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(python, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const decay = (model: Small) => ({
  weights: [...model.parameters()].filter(({ ndim }) => ndim > 1),
  others: [...model.parameters()].filter(({ ndim }) => ndim <= 1),
});

/** By what differs from SGD with momentum at a rate that stays. */
const CASES: Readonly<Record<string, RunCase>> = {
  'SGD without momentum': { optimizer: (model) => new SGD(model.parameters(), { lr: 0.1 }) },
  'SGD, Nesterov, two groups': {
    optimizer: (model) => {
      const { weights, others } = decay(model);
      const groups = [{ params: weights, weightDecay: 0.01 }, { params: others }];
      return new SGD(groups, { lr: 0.05, momentum: 0.9, nesterov: true });
    },
  },
  'SGD, dampening': {
    optimizer: (model) =>
      new SGD(model.parameters(), { lr: 0.1, momentum: 0.8, dampening: 0.3, weightDecay: 0.01 }),
  },
  Adam: { optimizer: (model) => new Adam(model.parameters()) },
  'Adam, AMSGrad': {
    optimizer: (model) =>
      new Adam(model.parameters(), {
        lr: 0.01,
        betas: [0.8, 0.99],
        weightDecay: 0.01,
        amsgrad: true,
      }),
  },
  'Adam, a beta of 0': {
    optimizer: (model) => new Adam(model.parameters(), { lr: 0.01, betas: [0, 0.99] }),
  },
  'a frozen layer in the optimiser': {
    optimizer: (model) => {
      model.fc1.freeze();
      const others = [...model.parameters()].filter((one) => one !== model.fc2.bias);
      return new SGD(others, { lr: 0.1, momentum: 0.9 });
    },
  },
  'AdamW, rates by layer': {
    optimizer: (model) =>
      new AdamW(
        [
          { params: model.fc1.parameters(), lr: 0.002 },
          { params: model.fc2.parameters(), lr: 0.02, eps: 1e-6 },
        ],
        { weightDecay: 0.1 },
      ),
  },
  'a part of the parameters': {
    optimizer: (model) => new AdamW(model.fc2.parameters(), { lr: 0.01 }),
  },
  RMSprop: { optimizer: (model) => new RMSprop(model.parameters(), { lr: 0.003 }) },
  'RMSprop, centered': {
    optimizer: (model) =>
      new RMSprop(model.parameters(), {
        lr: 0.003,
        alpha: 0.9,
        momentum: 0.5,
        centered: true,
        weightDecay: 0.01,
      }),
  },
  Adagrad: { optimizer: (model) => new Adagrad(model.parameters(), { lr: 0.05 }) },
  'Adagrad, decay': {
    optimizer: (model) =>
      new Adagrad(model.parameters(), {
        lr: 0.1,
        lrDecay: 0.01,
        initialAccumulatorValue: 0.1,
        weightDecay: 0.01,
      }),
  },
  StepLR: { scheduler: (sgd) => ({ step: new StepLR(sgd, { stepSize: 9, gamma: 0.5 }) }) },
  MultiStepLR: {
    scheduler: (sgd) => ({ step: new MultiStepLR(sgd, { milestones: [10, 25, 25, 36] }) }),
  },
  ExponentialLR: { scheduler: (sgd) => ({ step: new ExponentialLR(sgd, { gamma: 0.97 }) }) },
  'LinearLR, to the end': {
    scheduler: (sgd, steps) => ({
      step: new LinearLR(sgd, { startFactor: 1, endFactor: 0, totalIters: 5 * steps }),
    }),
    stop: 45,
  },
  CosineAnnealingLR: {
    scheduler: (sgd, steps) => ({ step: new CosineAnnealingLR(sgd, { tMax: 5 * steps }) }),
  },
  CosineAnnealingWarmRestarts: {
    scheduler: (sgd) => ({ step: new CosineAnnealingWarmRestarts(sgd, { t0: 6, tMult: 2 }) }),
  },
  OneCycleLR: {
    scheduler: (sgd, steps) => ({
      step: new OneCycleLR(sgd, { maxLr: 0.1, totalSteps: 5 * steps }),
    }),
  },
  'OneCycleLR of AdamW, to the end': {
    optimizer: (model) => new AdamW(model.parameters()),
    scheduler: (adam, stepsPerEpoch) => ({
      step: new OneCycleLR(adam, { maxLr: 0.01, epochs: 5, stepsPerEpoch, threePhase: true }),
    }),
    stop: 45,
  },
  'SequentialLR, before its milestone': {
    scheduler: (sgd, steps) => ({
      step: new SequentialLR(
        sgd,
        [new LinearLR(sgd), new CosineAnnealingLR(sgd, { tMax: 5 * steps - 27 })],
        { milestones: [27] },
      ),
    }),
  },
  'SequentialLR, behind its milestones': {
    scheduler: (sgd) => ({
      step: new SequentialLR(
        sgd,
        [
          new LinearLR(sgd),
          new StepLR(sgd, { stepSize: 4 }),
          new ExponentialLR(sgd, { gamma: 0.9 }),
        ],
        { milestones: [5, 15] },
      ),
    }),
  },
  'a schedule by epochs': {
    scheduler: (sgd) => ({ epoch: new CosineAnnealingLR(sgd, { tMax: 5, etaMin: 0.001 }) }),
  },
  'both kinds of schedules': {
    scheduler: (sgd) => ({
      step: new ExponentialLR(sgd, { gamma: 0.99 }),
      epoch: new ReduceLROnPlateau(sgd, { patience: 0, threshold: 0.9, cooldown: 1 }),
    }),
  },
  'batch norm, clipping, averages': {
    norm: true,
    ema: { decay: 0.9, useBuffers: true },
    training: { clipGradNorm: 0.1 },
  },
  'accumulated batches of bytes': { bytes: true, training: { accumulate: 3 }, stop: 12 },
  'in order, without the last batch': { loader: { shuffle: false, dropLast: true } },
  'classes that count unlike': {
    training: { loss: new CrossEntropyLoss({ weight: tensor([1, 2, 4]), ignoreIndex: 1 }) },
    loader: { dropLast: true },
  },
  'no normalization': {
    loader: { normalization: undefined as never },
    training: { validation: undefined as never },
  },
  'state of its own': { ownState: ['fc1.bias'] },
  'before it began': { stop: 0 },
  'within the last step of an epoch': { stop: 26 },
};

describe.runIf(hasRequirements)('an ejected run in PyTorch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unfold-torch-'));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function project(
    name: string,
    given: RunCase,
  ): Promise<Ejected & { readonly path: string }> {
    const path = join(folder, name);
    const made = await ejected(given);
    writeProject(path, made.files);
    return { ...made, path };
  }

  const train = (path: string, ...args: readonly string[]) =>
    spawnSync(python, ['train.py', ...args], { cwd: path, encoding: 'utf8' });

  describe('its next 20 steps, within 2e-6', () => {
    const names = Object.keys(CASES);
    const made: Ejected[] = [];
    let steps: readonly Steps[] = [];

    beforeAll(async () => {
      for (const [i, given] of Object.values(CASES).entries()) {
        made.push(await project(`case-${i}`, given));
      }
      const paths = names.map((_, i) => join(folder, `case-${i}`));
      steps = JSON.parse(ask([STEPS, '20', ...paths])) as readonly Steps[];
    }, 300_000);

    it.each(names.map((name, i) => ({ name, i })))('$name', ({ i }) => {
      const { losses, rates } = steps[i] as Steps;
      const expected = made[i] as Ejected;
      expect(losses).toHaveLength(expected.losses.length);
      losses.forEach((loss, k) => {
        expect(Math.abs(loss / Number(expected.losses[k]) - 1)).toBeLessThan(2e-6);
      });
      rates.forEach((rate, k) => {
        const own = Number(expected.rates[k]);
        expect(Math.abs(rate - own)).toBeLessThanOrEqual(1e-14 * own);
      });
    });

    it.runIf(hasRuff)('is written as ruff would write it', () => {
      for (const args of [['check'], ['format', '--diff']]) ask(['-m', 'ruff', ...args, folder]);
    });
  });

  it('shuffles as Unfold does', async () => {
    const { path } = await project('shuffle', {});
    const sizes = [0, 1, 2, 3, 1000, 55_000];
    const generator = new Generator(3);
    for (let i = 0; i < 100; i++) generator.uint32();
    const { words } = generator.state();
    const orders = sizes.map((n) => [...generator.permutation(n)]);
    const program =
      'import json, sys; from data import Shuffle; shuffle = Shuffle(tuple(json.loads(sys.argv[1])))\n' +
      'print(json.dumps([shuffle.permutation(n) for n in json.loads(sys.argv[2])]))';
    const args = ['-c', program, JSON.stringify(words), JSON.stringify(sizes)];
    const { stdout, stderr } = spawnSync(python, args, {
      cwd: path,
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(orders);
  });

  it('ends with the same weights where it was interrupted and where it was not', async () => {
    const given: RunCase = {
      dropout: true,
      norm: true,
      ema: { decay: 0.99 },
      scheduler: (sgd) => ({ epoch: new StepLR(sgd, { stepSize: 20 }) }),
      training: { epochs: 30 },
    };
    const [one, other] = [await project('whole', given), await project('torn', given)];
    expect(train(one.path).status).toBe(0);
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const child = spawn(python, ['train.py', '--checkpoint-every', '7'], { cwd: other.path });
      await once(child.stdout, 'data');
      child.kill(signal);
      expect(await once(child, 'exit')).toEqual([code, null]);
      expect(existsSync(join(other.path, 'checkpoint.pt'))).toBe(true);
    }
    expect(train(other.path).status).toBe(0);
    const [whole, torn] = [one, other].map(({ path }) => {
      const { state } = decodeSafetensors(readFileSync(join(path, 'trained.safetensors')));
      return [...state].map(([name, tensor]) => [name, ...tensor.toTypedArray()]);
    });
    expect(torn).toEqual(whole);
  }, 300_000);

  it('computes the same losses in two processes as in one', async () => {
    // The last batch of an epoch has one image, and so one process none.
    const cases: readonly RunCase[] = [
      { loader: { batchSize: 9 } },
      { loader: { batchSize: 9 }, training: { accumulate: 2 }, stop: 10 },
      {
        // A last batch of ignored labels only would have no mean.
        loader: { batchSize: 9, dropLast: true },
        training: { loss: new CrossEntropyLoss({ weight: tensor([1, 2, 4]), ignoreIndex: 1 }) },
      },
    ];
    const made: Awaited<ReturnType<typeof project>>[] = [];
    for (const [i, given] of cases.entries()) made.push(await project(`shared-${i}`, given));
    const paths = made.map(({ path }) => path);
    const launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2'];
    const shared = JSON.parse(ask([...launcher, STEPS, '20', ...paths])) as readonly Steps[];
    shared.forEach(({ losses }, i) => {
      losses.forEach((loss, k) => {
        expect(Math.abs(loss / Number(made[i]?.losses[k]) - 1)).toBeLessThan(2e-5);
      });
    });
  }, 120_000);

  it('trains to the end, and what it saved loads back', async () => {
    const { path, trained } = await project('end', {
      norm: true,
      ema: { decay: 0.9, useBuffers: true },
    });
    expect(train(path).stderr).toBe('');
    const back = new Small({ norm: true });
    const facts = await loadModel(back, join(path, 'trained.safetensors'));
    expect(facts).toMatchObject({ name: 'small', classes: ['left', 'middle', 'right'] });
    const own = trained.stateDict();
    for (const [name, tensor] of back.stateDict()) {
      if (tensor.dtype !== 'float32') continue;
      const expected = [...Object(own.get(name)).toTypedArray()] as number[];
      tensor.toTypedArray().forEach((value, i) => {
        expect(Math.abs(value - Number(expected[i]))).toBeLessThan(1e-4);
      });
    }
  }, 120_000);

  it('says that it had finished, and trains on or anew where it is told to', async () => {
    const { path } = await project('finished', { stop: -1, ownState: ['fc1.bias'] });
    expect(train(path)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('had finished'),
    });
    expect(train(path, '--epochs', '1').stdout).toContain('epoch 1: validation loss');
    const weights = readFileSync(join(path, 'trained.safetensors'));
    expect(decodeSafetensors(weights).state.size).toBe(4);
    expect(train(path, '--fresh')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('is of another run; delete it to begin this one'),
    });
    rmSync(join(path, 'checkpoint.pt'));
    expect(train(path, '--fresh').stdout).toContain('epoch 5: validation loss');
  }, 120_000);

  it('compares itself with Unfold', async () => {
    const parity = (path: string): string => ask([join(path, 'test_parity.py')]);
    expect(parity((await project('parity', { norm: true })).path)).toContain('2 passed');
    expect(parity((await project('random', { dropout: true })).path)).toContain('1 skipped');
  }, 120_000);

  it('compares outputs of every kind', () => {
    const outputs = [
      tensor([1, Infinity, NaN, -Infinity]),
      zeros([0, 3]),
      tensor([1, 2], [2], { dtype: 'int32' }),
      tensor([1, 0], [2], { dtype: 'bool' }),
    ];
    const path = join(folder, 'kinds');
    const input = zeros([1]);
    const model = (first: string): string => `import torch
from torch import Tensor, nn

class Kinds(nn.Module):
    def forward(self, x: Tensor):
        first = torch.tensor(${first})
        counts = torch.tensor([1, 2], dtype=torch.int32)
        return first, None, {"a": torch.zeros(0, 3), "b": [counts, 3, "text"]}, torch.tensor([True, False])
`;
    const files = new Map<string, string | Uint8Array>([
      ...modelFiles({ className: 'Kinds', parity: { inputs: [input], outputs, isOne: false } }),
      ['weights.safetensors', encodeSafetensors(new Map())],
    ]);
    const judge = (first: string) => {
      writeProject(path, new Map([...files, ['model.py', model(first)]]));
      return spawnSync(python, [join(path, 'test_parity.py')], { encoding: 'utf8' }).stdout;
    };
    expect(judge('[1.000001, torch.inf, torch.nan, -torch.inf]')).toContain('1 passed');
    expect(judge('[1.1, torch.inf, torch.nan, -torch.inf]')).toContain('1 failed');
    expect(judge('[1.0, torch.inf, 0.0, -torch.inf]')).toContain('1 failed');
  }, 120_000);
});
