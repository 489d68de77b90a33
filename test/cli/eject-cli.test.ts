import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed } from '@unfold/core';
import { loadCheckpoint, saveWeights } from '@unfold/io';
import { loadModel, LeNet } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../support/compare.js';
import { start, writePatternFolder } from '../support/runs/cli.js';
import { ejectProject } from '../support/runs/cli-trained.js';
import { TRAIN_MNIST } from '../support/runs/unfold.js';

/** Processes that start on a busy machine. */
const TIMEOUT = 60_000;

let folder = '';
const file = (name: string): string => join(folder, name);
const model = new LeNet();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-eject-'));
  manualSeed(4);
  const metadata = { model: 'lenet', normalization: JSON.stringify({ mean: [0.2], std: [0.25] }) };
  await saveWeights(model, file('lenet.safetensors'), { metadata });
  await writePatternFolder(file('digits'), { train: 5320, test: 60 });
});
afterAll(() => rm(folder, { recursive: true }));

const checkpoint = (): string[] => ['--checkpoint', file('lenet.safetensors')];

describe.concurrent('eject', { timeout: TIMEOUT }, () => {
  it('makes a project of a model alone', async () => {
    const { code, stdout, stderr } = await ejectProject(...checkpoint(), file('model'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `model: lenet, 5,994 parameters, from ${file('lenet.safetensors')}; there is no run in it\n` +
        `project: ${file('model')}, whose README.md has the commands\n`,
    );
    expect((await readdir(file('model'))).sort()).toEqual([
      '.gitignore',
      'README.md',
      'model.py',
      'parity.safetensors',
      'pyproject.toml',
      'requirements.txt',
      'test_parity.py',
      'weights.safetensors',
    ]);
    const same = new LeNet();
    await loadModel(same, join(file('model'), 'weights.safetensors'));
    expect(same.fc.weight.toArray()).toEqual(model.fc.weight.toArray());
    const { state } = await loadCheckpoint(join(file('model'), 'parity.safetensors'));
    const [input, output] = [state.get('input0'), state.get('output0')];
    if (!input || !output) throw new Error('no tensors');
    // Another process may have fused multiply-adds.
    expectClose(model.forward(input).toTypedArray(), output.toTypedArray(), {
      rtol: 0,
      atol: 1e-5,
    });
  });

  it('makes a project of a run, with the losses of its next steps', async () => {
    const run = file('run.safetensors');
    const training = start(process.execPath, [
      ...TRAIN_MNIST,
      `--data-dir=${file('digits')}`,
      '--model=lenet',
      '--epochs=24',
      '--batch-size=16',
      `--checkpoint=${run}`,
    ]);
    await training.seen(/^epoch 1\/24/m);
    training.child.kill('SIGINT');
    expect((await training.outcome).code).toBe(130);
    const before = await readFile(run);
    const args = ['--checkpoint', run, '--data-dir', file('digits'), file('project')];
    const { code, stdout, stderr } = await ejectProject(...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^run: lenet, from .*, after step \d+ of 480$/m);
    expect(await readFile(run)).toEqual(before);
    const names = await readdir(file('project'));
    expect(names).toEqual(expect.arrayContaining(['train.py', 'data.py', 'optimizer.safetensors']));
    const read = (name: string) => loadCheckpoint(join(file('project'), name));
    const { state } = await read('parity.safetensors');
    expect(state.get('losses')?.shape).toEqual([20]);
    expect(state.get('input0')?.shape).toEqual([64, 1, 28, 28]);
    const { state: data } = await read('data.safetensors');
    expect([...data].map(([name, { shape }]) => [name, shape[0]])).toEqual([
      ['train.images', 320],
      ['train.labels', 320],
      ['validation.images', 5000],
      ['validation.labels', 5000],
      ['test.images', 60],
      ['test.labels', 60],
    ]);
    // The very state that the run has, not one that the losses were found on.
    const { state: saved } = await loadCheckpoint(run);
    const { state: weights } = await read('weights.safetensors');
    expect(weights.get('fc.weight')?.toArray()).toEqual(saved.get('model.fc.weight')?.toArray());
  });

  it('makes a project of a run that has finished, with the average of its weights', async () => {
    const run = file('finished.safetensors');
    const recipe = ['--model=lenet', '--epochs=1', '--batch-size=64', '--ema=0.5'];
    const data = ['--data-dir', file('digits')];
    const training = [...TRAIN_MNIST, ...data, ...recipe, `--checkpoint=${run}`];
    expect((await start(process.execPath, training).outcome).code).toBe(0);
    const { code, stderr } = await ejectProject('--checkpoint', run, ...data, file('average'));
    expect([code, stderr]).toEqual([0, '']);
    const { state: saved } = await loadCheckpoint(run);
    const { state: weights } = await loadCheckpoint(join(file('average'), 'weights.safetensors'));
    expect(weights.get('fc.weight')?.toArray()).toEqual(saved.get('ema.fc.weight')?.toArray());
    const script = await readFile(join(file('average'), 'train.py'), 'utf8');
    expect(script).toContain('POSITION = (2, 0, 5)');
  });

  it('replaces nothing, and leaves nothing', async () => {
    await mkdir(file('mine'));
    await writeFile(join(file('mine'), 'note'), 'mine');
    const { code, stderr } = await ejectProject(...checkpoint(), file('mine'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot write .*mine: it exists and is not empty; /);
    const missing = await ejectProject('--checkpoint', file('none.safetensors'), file('none'));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^error: .*none\.safetensors/);
    const other = await ejectProject('--checkpoint', join(file('mine'), 'note'), file('none'));
    expect(other.stderr).toMatch(/^error: .*note/);
    expect(await readdir(file('mine'))).toEqual(['note']);
    expect((await readdir(folder)).filter((name) => name.startsWith('none'))).toEqual([]);
  });

  it('says what is missing, and helps', async () => {
    expect((await ejectProject(file('x'))).stderr).toContain('--checkpoint');
    expect((await ejectProject(...checkpoint())).stderr).toContain(
      "missing required argument 'dir'",
    );
    expect((await ejectProject('--help')).stdout).toContain('under torchrun');
  });
});
