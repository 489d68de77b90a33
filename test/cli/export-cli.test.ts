import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { div, manualSeed, rand, randn, sub } from '@unfold/core';
import { saveWeights } from '@unfold/io';
import { loadOnnx } from '@unfold/onnx';
import { LeNet } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportModel } from '../support/runs/cli-trained.js';

/** Processes that start on a busy machine. */
const TIMEOUT = 60_000;

let folder = '';
const file = (name: string): string => join(folder, name);
const model = new LeNet();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-export-'));
  manualSeed(4);
  const metadata = { model: 'lenet', normalization: JSON.stringify({ mean: [0.2], std: [0.25] }) };
  await saveWeights(model, file('lenet.safetensors'), { metadata });
});
afterAll(() => rm(folder, { recursive: true }));

const checkpoint = (): string[] => ['--checkpoint', file('lenet.safetensors')];

describe.concurrent('export', { timeout: TIMEOUT }, () => {
  it('writes a model that gives the same, and says what its input has to be', async () => {
    const { code, stdout, stderr } = await exportModel(...checkpoint(), file('lenet.onnx'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      `model: lenet, 5,994 parameters, from ${file('lenet.safetensors')}\n` +
        `onnx: ${file('lenet.onnx')}, operator set 17, images [batch,1,28,28] → logits [batch,10]\n`,
    );
    const loaded = await loadOnnx(file('lenet.onnx'));
    const x = randn([3, 1, 28, 28]);
    expect(loaded.run({ images: x })['logits']?.toArray()).toEqual(model.forward(x).toArray());
    expect(loaded.metadata).toEqual({
      model: 'lenet',
      normalization: '{"mean":[0.2],"std":[0.25]}',
      classes: '["0","1","2","3","4","5","6","7","8","9"]',
    });
  });

  it('lets the model normalise its input', async () => {
    const args = [...checkpoint(), file('pixels.onnx'), '--include-normalization', '--opset', '21'];
    expect((await exportModel(...args)).code).toBe(0);
    const pixels = rand([2, 1, 28, 28]);
    const loaded = await loadOnnx(file('pixels.onnx'));
    expect(loaded.forward(pixels).toArray()).toEqual(
      model.forward(div(sub(pixels, 0.2), 0.25)).toArray(),
    );
  });

  it('replaces nothing but an ONNX model', async () => {
    const { size } = await stat(file('lenet.safetensors'));
    const { code, stderr } = await exportModel(...checkpoint(), file('lenet.safetensors'));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: \S+lenet\.safetensors would be replaced, and it is not an ONNX model/,
    );
    expect((await stat(file('lenet.safetensors'))).size).toBe(size);
  });

  it('tells what is missing', async () => {
    const { code, stderr } = await exportModel(file('lenet.onnx'));
    expect([code, stderr]).toEqual([
      1,
      "error: required option '--checkpoint <file>' not specified\n(--help lists the options)\n",
    ]);
    const missing = await exportModel('--checkpoint', file('no.safetensors'), file('x.onnx'));
    expect(missing.stderr).toMatch(/^error: cannot read \S+no\.safetensors: ENOENT/);
  });
});
