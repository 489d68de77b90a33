import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cast, manualSeed, mul, rand, randn } from '@unfold/core';
import { eject, saveProject } from '@unfold/torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start } from '../support/runs/cli.js';
import { ejectProject, evaluateMnist, exportModel } from '../support/runs/cli-trained.js';
import { TRAIN_MNIST } from '../support/runs/unfold.js';
import { MODELS, type ModelCase } from '../support/torch/models.js';
import { hasRequirements, hasRuff, python } from '../support/python.js';

/*
 * Whole projects, run as their READMEs say: by pytest, by Python and by torchrun, where Python has PyTorch.
 */

let folder = '';
const file = (...names: readonly string[]): string => join(folder, ...names);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unfold-project-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs Python in a folder. @returns What it printed. */
function run(cwd: string, ...args: readonly string[]): string {
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { status, stdout, stderr } = spawnSync(python, args, { cwd, env, encoding: 'utf8' });
  expect(status, `${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

function exampleOf({ inputs }: ModelCase) {
  return inputs.map(({ shape, dtype = 'float32' }) =>
    dtype === 'float32' ? randn(shape) : cast(mul(rand(shape), 10), dtype),
  );
}

describe.runIf(hasRequirements)('a project', () => {
  it.each(['everything', 'tokens', 'recurrent', 'resnet18'])(
    'of the model %s passes its own tests',
    async (name) => {
      const one = MODELS[name];
      if (!one) throw new Error(name);
      manualSeed(3);
      await saveProject(one.make(), file(name), exampleOf(one));
      expect(run(file(name), '-W', 'error', '-m', 'pytest', '-q')).toContain('1 passed');
    },
  );

  it('of a run goes on where it stands, on one process and on two, and comes back', async () => {
    const checkpoint = file('run.safetensors');
    const recipe = [
      '--preset=default',
      '--limit=12800',
      '--epochs=2',
      `--checkpoint=${checkpoint}`,
    ];
    const training = start(process.execPath, [...TRAIN_MNIST, ...recipe]);
    await training.seen(/^epoch 1\/2/m);
    training.child.kill('SIGINT');
    expect((await training.outcome).code).toBe(130);
    const project = file('digits');
    expect((await ejectProject('--checkpoint', checkpoint, project)).stderr).toBe('');
    expect(run(project, '-m', 'pytest', '-q')).toContain('2 passed');
    const printed = run(project, '-m', 'torch.distributed.run', '--nproc-per-node=2', 'train.py');
    const [, accuracy = ''] = /test loss [\d.]+, accuracy ([\d.]+) %/.exec(printed) ?? [];
    expect(Number(accuracy)).toBeGreaterThan(97);
    const trained = join(project, 'trained.safetensors');
    const { stdout } = await evaluateMnist('--checkpoint', trained);
    const [, back = ''] = /test accuracy ([\d.]+) %/.exec(stdout) ?? [];
    // An image that stands between two digits may fall on either side.
    expect(Math.abs(Number(back) - Number(accuracy))).toBeLessThanOrEqual(0.03);
    expect((await exportModel('--checkpoint', trained, file('back.onnx'))).code).toBe(0);
    // Once it has finished, the same command says so.
    expect(run(project, 'train.py')).toContain('The run had finished');
  });
});

it.runIf(hasRuff)('what is written is as ruff would write it', () => {
  for (const [name, one] of Object.entries(MODELS)) {
    mkdirSync(file('ruff', name), { recursive: true });
    for (const [path, content] of eject(one.make(), exampleOf(one))) {
      writeFileSync(file('ruff', name, path), content);
    }
  }
  run(file('ruff'), '-m', 'ruff', 'check', '--no-cache', '.');
  run(file('ruff'), '-m', 'ruff', 'format', '--no-cache', '--check', '.');
});
