import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  FileFormatError,
  full,
  manualSeed,
  ShapeError,
  UnfoldError,
  type Tensor,
} from '@unfold/core';
import { encodeSafetensors, saveCheckpoint, saveWeights } from '@unfold/io';
import { LeNet, loadTrainedModel, MODELS } from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { contents, fixturePath, safetensorsOf } from '../support/files/weights.js';

const normalization = { mean: [0.1307], std: [0.3081] };
const about = { model: 'lenet', normalization: JSON.stringify(normalization) };
const MEND =
  'such files are written by: npm run train:mnist -- --checkpoint FILE, or --weights FILE.safetensors';

let folder = '';
const file = (name = 'x.safetensors'): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-trained-'));
});
afterAll(() => rm(folder, { recursive: true }));

function lenet(seed: number): LeNet {
  manualSeed(seed);
  return new LeNet();
}

const prefixed = (prefix: string, model: LeNet): [string, Tensor][] =>
  [...model.stateDict()].map(([name, value]) => [prefix + name, value]);

describe('loadTrainedModel', () => {
  it('reads what --weights writes, in evaluation mode', async () => {
    const model = lenet(1);
    await saveWeights(model, file(), { metadata: about });
    const trained = await loadTrainedModel(file());
    expect([trained.name, trained.normalization]).toEqual(['lenet', normalization]);
    expect(trained.model.training).toBe(false);
    expect(contents(trained.model.stateDict())).toEqual(contents(model.stateDict()));
  });

  it.each(['ema.', 'model.'] as const)(
    'reads the weights under %s of a checkpoint, and nothing else of it',
    async (weightsPrefix) => {
      const [model, ema] = [lenet(1), lenet(2)];
      const state = new Map([
        ...prefixed('model.', model),
        ...prefixed('ema.', ema),
        ...prefixed('optimizer.0.momentumBuffer.', lenet(3)),
        // As bool it would be refused once it were read.
        ['optimizer.flag', full([4], 7, { dtype: 'uint8' })] as const,
      ]);
      const metadata = { format: 'unfold-checkpoint-2', ...about, weightsPrefix };
      const bytes = Buffer.from(encodeSafetensors(state, metadata));
      const damaged = Buffer.from(bytes.toString('latin1').replace('"U8"', '"BOOL"'), 'latin1');
      damaged.writeBigUInt64LE(bytes.readBigUInt64LE() + 2n);
      await writeFile(file(), damaged);
      const { model: read } = await loadTrainedModel(file());
      const expected = weightsPrefix === 'ema.' ? ema : model;
      expect(contents(read.stateDict())).toEqual(contents(expected.stateDict()));
    },
  );

  it.each(Object.entries(MODELS))('knows %s', async (name, create) => {
    const model = create();
    await saveCheckpoint(file(), {
      state: model.stateDict(),
      metadata: { ...about, model: name },
    });
    const trained = await loadTrainedModel(file());
    expect([trained.name, trained.model.constructor]).toEqual([name, model.constructor]);
  });

  it.each<[string, Record<string, string>, typeof UnfoldError, string]>([
    [
      'no model’s name',
      { normalization: about.normalization },
      FileFormatError,
      `expected 'model' in its metadata, which has none: the file doesn't say which model its weights are of; ${MEND}`,
    ],
    [
      'an unknown model',
      { ...about, model: 'resnet' },
      FileFormatError,
      `expected a model of ${Object.keys(MODELS).join(', ')}, got 'resnet'; it may come from a newer ` +
        'version of Unfold. loadWeights reads it into a model of your own',
    ],
    [
      'a model’s name that every object has',
      { ...about, model: 'toString' },
      FileFormatError,
      `expected a model of ${Object.keys(MODELS).join(', ')}, got 'toString'; it may come from a newer ` +
        'version of Unfold. loadWeights reads it into a model of your own',
    ],
    [
      'no normalization',
      { model: 'lenet' },
      FileFormatError,
      `expected 'normalization' in its metadata, which has none: the file doesn't say how its input was normalised; ${MEND}`,
    ],
    [
      'a normalization that is no JSON',
      { ...about, normalization: 'mean 0' },
      FileFormatError,
      `normalization: expected the JSON of { mean, std }, lists of numbers, got "mean 0"; ${MEND}`,
    ],
    [
      'a normalization of texts',
      { ...about, normalization: '{"mean":["0"],"std":[1]}' },
      FileFormatError,
      `normalization: expected the JSON of { mean, std }, lists of numbers, got {"mean":["0"],"std":[1]}; ${MEND}`,
    ],
    [
      'a normalization nested deep',
      { ...about, normalization: '{"mean":'.repeat(1e5) + '1' + '}'.repeat(1e5) },
      FileFormatError,
      'normalization: expected the JSON of { mean, std }, lists of numbers, got ' +
        `"${String.raw`{\"mean\":`.repeat(8).slice(0, 79)}…; ${MEND}`,
    ],
    [
      'three channels',
      { ...about, normalization: '{"mean":[0,0,0],"std":[1,1,1]}' },
      ConfigError,
      'normalization: expected a mean and a std for each of 1 channels, got 3 and 3',
    ],
    [
      'a std of 0',
      { ...about, normalization: '{"mean":[0],"std":[0]}' },
      ConfigError,
      'normalization of channel 0: expected a finite mean and a finite std above 0, got mean 0, std 0; ' +
        'are all pixels equal, or some not finite?',
    ],
  ])('refuses %s', async (_, metadata, type, message) => {
    await saveCheckpoint(file(), { state: lenet(1).stateDict(), metadata });
    const error = await failure(() => loadTrainedModel(file()));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(`${file()}: ${message}`);
  });

  it('refuses other tensors, and names them', async () => {
    await saveCheckpoint(file(), {
      state: lenet(1).stateDict(),
      metadata: { ...about, model: 'cnn' },
    });
    const error = await failure(() => loadTrainedModel(file()));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(/^loadTrainedModel: \S+ does not fit Cnn:\n {2}missing: 'fc1/);
    expect(error.message).toContain('conv1.weight: expected [32,1,3,3], got [8,1,5,5]');
    // A prefix that no tensor has.
    await saveCheckpoint(file(), {
      state: lenet(1).stateDict(),
      metadata: { ...about, weightsPrefix: 'ema.' },
    });
    expect((await failure(() => loadTrainedModel(file()))).message).toContain(
      "missing: 'conv1.weight'",
    );
  });

  it('refuses .npz, and says why', async () => {
    const error = await failure(() => loadTrainedModel(fixturePath('lenet.npz')));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(
      `loadTrainedModel: expected a safetensors file, got ${fixturePath('lenet.npz')}: .npz has no ` +
        `place for the model's name and its normalization; ${MEND}`,
    );
  });

  it('refuses what others wrote, what is missing, and what is no file', async () => {
    const messageOf = async (name: string): Promise<string> =>
      (await failure(() => loadTrainedModel(name))).message;
    expect(await messageOf(fixturePath('lenet.safetensors'))).toContain(
      "expected 'model' in its metadata",
    );
    expect(await messageOf(file('missing'))).toMatch(/^cannot read \S+missing: ENOENT/);
    expect(await messageOf(folder)).toMatch(/^cannot read \S+: it is not a file/);
    await writeFile(file('text'), 'no model at all');
    expect(await messageOf(file('text'))).toMatch(/truncated or not a safetensors file/);
    const proto = `{"__metadata__":{"__proto__":"x","constructor":"y"}}`;
    await writeFile(file('proto'), safetensorsOf(proto));
    expect(await messageOf(file('proto'))).toContain("expected 'model' in its metadata");
  });

  it('reads or refuses what is damaged', { timeout: 60_000 }, async () => {
    const whole = encodeSafetensors(new Map(prefixed('ema.', lenet(1))), {
      ...about,
      weightsPrefix: 'ema.',
    });
    const isRead = async (bytes: Uint8Array): Promise<boolean> => {
      await writeFile(file(), bytes);
      try {
        const { model } = await loadTrainedModel(file());
        model.dispose();
        return true;
      } catch (error) {
        if (error instanceof UnfoldError) return false;
        throw error;
      }
    };
    expect(await isRead(whole)).toBe(true);
    const header = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    for (let length = 0; length < whole.length; length += length < 40 ? 1 : 331) {
      expect(await isRead(whole.subarray(0, length)), String(length)).toBe(false);
    }
    for (let at = 0; at < header; at += 3) {
      for (const bit of [0x01, 0x80]) {
        const bytes = whole.slice();
        bytes[at] = Number(bytes[at]) ^ bit;
        await isRead(bytes);
      }
    }
  });
});
