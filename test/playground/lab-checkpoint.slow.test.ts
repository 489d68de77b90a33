import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scope } from '@unfold/core';
import { loadTrainedModel } from '@unfold/train';
import { afterAll, expect, it } from 'vitest';
import { inputOf } from '../../playground/src/lab/images.js';
import { NORMALIZATION } from '../../playground/src/spec/digits.js';
import { PRESETS } from '../../playground/src/spec/presets.js';
import { ENGINE, EXPERIMENT, expectSame, firstDigits, labOf } from './lab-under-test.js';

const folder = mkdtempSync(join(tmpdir(), 'unfold-lab-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  { preset: 'quick', network: 'lenet', kind: '--checkpoint' },
  { preset: 'strong', network: 'cnn-bn', kind: '--checkpoint' },
  { preset: 'default', network: 'lenet-bn', kind: '--weights' },
] as const)(
  'the page loads what train:mnist wrote, and computes the same: $preset, $kind',
  async ({ preset, network, kind }) => {
    const file = join(folder, `${preset}.safetensors`);
    const command = ['--conditions=unfold-source', '--import=tsx', 'packages/cli/src/main.ts'];
    const options = ['--preset', preset, '--limit', '500', '--epochs', '1', kind, file];
    execFileSync(process.execPath, [...command, 'train', 'mnist', ...options], { stdio: 'pipe' });

    const digits = await firstDigits(64, 10);
    const digit = digits.test.images.slice(0, 784);
    const { lab } = labOf(digits);
    await lab.create({ ...EXPERIMENT, network: PRESETS.simple }, ENGINE);
    const loaded = await lab.load(readFileSync(file), 'a.safetensors');
    expect(loaded).toEqual({ network: PRESETS[network], model: network });
    const { probabilities } = await lab.look(digit, { layers: false, explain: 'none' });

    const { model, normalization } = await loadTrainedModel(file);
    // That of the 500 digits: the file's is taken, not the page's own.
    expect(normalization).not.toEqual(NORMALIZATION);
    expectSame(
      probabilities,
      Scope.run(() => model.forward(inputOf(digit, normalization)).toTypedArray()),
    );
    model.dispose();
  },
);
