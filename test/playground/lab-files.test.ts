import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scope, Tensor, zeros } from '@unfold/core';
import { encodeSafetensors, loadWeights } from '@unfold/io';
import { importOnnx } from '@unfold/onnx';
import { encodeModel, LeNet, loadTrainedModel } from '@unfold/train';
import { afterAll, describe, expect, it } from 'vitest';
import { inputOf } from '../../playground/src/lab/images.js';
import { buildNetwork } from '../../playground/src/lab/network.js';
import { NORMALIZATION } from '../../playground/src/spec/digits.js';
import type { NetworkSpec } from '../../playground/src/spec/layers.js';
import { PRESETS } from '../../playground/src/spec/presets.js';
import {
  ENGINE,
  EXPERIMENT,
  expectSame,
  firstDigits,
  labOf,
  lastFingerprint,
} from './lab-under-test.js';

const digits = await firstDigits(64, 10);
const digit = digits.test.images.slice(0, 784);
const folder = mkdtempSync(join(tmpdir(), 'unfold-lab-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OWN: NetworkSpec = [
  {
    kind: 'conv',
    channels: 4,
    kernel: 5,
    stride: 2,
    padding: 1,
    dilation: 1,
    groups: 1,
    bias: true,
  },
  { kind: 'batchNorm' },
  { kind: 'silu' },
  { kind: 'avgPool', size: 2 },
  { kind: 'flatten' },
  { kind: 'linear', features: 10 },
];

/** A lab whose network has taken a few steps. */
async function trained(network: NetworkSpec) {
  const under = labOf(digits);
  await under.lab.create({ ...EXPERIMENT, network }, ENGINE);
  await under.lab.advance(3);
  const { probabilities } = await under.lab.look(digit, { layers: false, explain: 'none' });
  return { ...under, probabilities };
}

describe('a file of weights', () => {
  it('is opened by loadWeights, into the same layers', async () => {
    const { lab } = await trained(OWN);
    const file = join(folder, 'own.safetensors');
    const bytes = await lab.safetensors();
    writeFileSync(file, bytes);
    const model = buildNetwork(OWN);
    await loadWeights(model, file);
    const state = model.stateDict();
    for (const { name, values } of lab.parameters()) {
      expect(state.get(name)?.toTypedArray()).toEqual(values);
    }
    model.dispose();
  });

  it.each(['lenet', 'cnn', 'lenet-bn', 'cnn-bn', 'wide-cnn-bn'] as const)(
    'of %s is a model that the commands take, and computes the same',
    async (name) => {
      const { lab, probabilities } = await trained(PRESETS[name]);
      const file = join(folder, `${name}.safetensors`);
      writeFileSync(file, await lab.safetensors());
      const loaded = await loadTrainedModel(file);
      expect(loaded.name).toBe(name);
      expect(loaded.normalization).toEqual(NORMALIZATION);
      const own = Scope.run(() =>
        loaded.model.forward(inputOf(digit, NORMALIZATION)).toTypedArray(),
      );
      expectSame(probabilities, own);
      loaded.model.dispose();
    },
  );

  it('brings network and weights back, and leaves the random numbers of the next run alone', async () => {
    const { lab, reports } = await trained(OWN);
    const fingerprint = lastFingerprint(reports);
    const bytes = await lab.safetensors();
    await lab.create(EXPERIMENT, ENGINE);
    expect(await lab.load(bytes, 'own.safetensors')).toEqual({ network: OWN, model: 'custom' });
    expect(lastFingerprint(reports)).toBe(fingerprint);
    expect(reports.at(-1)).toMatchObject({ step: 0, epoch: 0, state: 'paused' });
    await lab.advance(2);
    expect(reports.at(-1)).toMatchObject({ step: 2, fault: null });
  });
});

describe('an ONNX file', () => {
  it('is named as one where weights are wanted', async () => {
    const { lab } = await trained(OWN);
    const model = await lab.onnx();
    await expect(lab.load(model, 'own.onnx')).rejects.toThrow(
      /^own\.onnx is an ONNX model\. Choose weights that this page has saved \(\.safetensors\)/,
    );
  });

  it('computes what the network does, of images from 0 to 1', async () => {
    const { lab, probabilities } = await trained(OWN);
    const model = importOnnx(await lab.onnx());
    const logits = Scope.run(() => {
      const [output] = [model.forward(inputOf(digit, { mean: [0], std: [1] }))].flat();
      if (!(output instanceof Tensor)) throw new Error('expected logits');
      return output.toTypedArray();
    });
    expectSame(probabilities, logits);
  });
});

describe('model.py', () => {
  it('has the layers by their names', async () => {
    const { lab } = await trained(OWN);
    const text = await lab.pytorch();
    expect(text).toContain('"conv1": nn.Conv2d(1, 4, 5, stride=2, padding=1)');
    expect(text).toContain('"norm1": nn.BatchNorm2d(4)');
  });
});

describe('a file that is none of ours', () => {
  const experiment = (network: unknown): string => JSON.stringify({ ...EXPERIMENT, network });
  const withMetadata = (metadata: Record<string, string>): Uint8Array =>
    Scope.run(() => encodeSafetensors(new Map([['x', zeros([2])]]), metadata));
  const lenet = Scope.run(() => encodeModel(new LeNet(), { name: 'lenet' }));
  const huge = { kind: 'linear', features: 2 ** 40 };

  it.each<readonly [string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /bad\.safetensors is empty/],
    ['a text', new TextEncoder().encode('hello, this is no file of weights'), /is a text\. Choose/],
    ['a file cut short', lenet.slice(0, 5000), /bad\.safetensors/],
    ['weights that changed', flipped(lenet), /bad\.safetensors/],
    ['weights without a model', withMetadata({}), /doesn’t say which network/],
    ['a model that is unknown', withMetadata({ model: 'vgg' }), /unknown here, vgg/],
    ['a name of Object', withMetadata({ model: 'constructor' }), /unknown here/],
    ['a model without its weights', withMetadata({ model: 'lenet' }), /missing: conv1\.weight/],
    ['an experiment that is no JSON', withMetadata({ experiment: '{' }), /can’t build/],
    ['one nested deep', withMetadata({ experiment: '['.repeat(100_000) }), /can’t build/],
    ['a network too large', withMetadata({ experiment: experiment([huge]) }), /can’t build/],
    [
      'a network of another kind',
      withMetadata({ experiment: experiment([{ kind: 'x' }]) }),
      /can’t/,
    ],
    ['a network of pictures in colour', inColour(), /colour/],
  ])('is refused with the reason, and the run stays: %s', async (_, bytes, reason) => {
    const { lab, reports } = await trained(PRESETS.lenet);
    const fingerprint = lastFingerprint(reports);
    await expect(lab.load(bytes, 'bad.safetensors')).rejects.toThrow(reason);
    await lab.advance(0);
    expect(lastFingerprint(reports)).toBe(fingerprint);
    await lab.advance(1);
    expect(reports.at(-1)).toMatchObject({ step: 4, fault: null });
  });

  function inColour(): Uint8Array {
    const normalization = { mean: [0.1, 0.1, 0.1], std: [0.3, 0.3, 0.3] };
    return Scope.run(() => encodeModel(new LeNet(), { name: 'lenet', normalization }));
  }
});

/** With one bit of a weight turned over. */
function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 10] = (copy[copy.length - 10] ?? 0) ^ 1;
  return copy;
}
