import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, FileFormatError, manualSeed, ShapeError, UnfoldError } from '@unfold/core';
import { encodeSafetensors, loadWeights, saveCheckpoint, saveWeights } from '@unfold/io';
import { BatchNorm1d, Flatten, Linear, type Module, Sequential } from '@unfold/nn';
import {
  AdamW,
  CheckpointFile,
  classify,
  DataLoader,
  decodeModel,
  EMA,
  encodeModel,
  fit,
  LeNet,
  loadModel,
  loadTrainedModel,
  saveModel,
} from '@unfold/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../support/failure.js';
import { contents, fixturePath } from '../support/files/weights.js';
import { refuseMisuses } from '../support/misuse.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

let folder = '';
let files = 0;
const newFile = (): string => join(folder, `${files++}.safetensors`);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-models-'));
});
afterAll(() => rm(folder, { recursive: true }));

function net(seed: number): Sequential {
  manualSeed(seed);
  return new Sequential(new Flatten(), new Linear(36, CLASSES), new BatchNorm1d(CLASSES));
}

const normalization = { mean: [0.5, 0.25, 0.125], std: [1, 2, 0.1] };
const classes = ['cat', 'dog "Rex"', 'élan\n'];
const nothing = { name: null, normalization: null, classes: null, metadata: {} };
const weightsOf = (model: Module): unknown => contents(model.stateDict());

describe('a model that was saved', () => {
  it('is read with its weights, buffers too, and all that stood beside them', async () => {
    const [model, file] = [net(1), newFile()];
    const metadata = { trainedOn: 'stripes', format: 'pt' };
    await saveModel(model, file, { name: 'stripes', normalization, classes, metadata });
    const read = net(2);
    read.eval();
    const facts = await loadModel(read, file);
    expect(facts).toEqual({ name: 'stripes', normalization, classes, metadata });
    expect(weightsOf(read)).toEqual(weightsOf(model));
    expect(read.training).toBe(false);
    const bytes = net(3);
    expect(decodeModel(bytes, await readFile(file))).toEqual(facts);
    expect(weightsOf(bytes)).toEqual(weightsOf(model));
    await loadWeights(read, file);
  });

  it('needs nothing beside its weights, and may come from elsewhere', async () => {
    const [model, file] = [net(1), newFile()];
    await saveModel(model, file);
    expect(await loadModel(net(2), file)).toEqual(nothing);
    await saveWeights(model, file);
    expect(await loadModel(net(2), file)).toEqual(nothing);
    const torch = new LeNet();
    const { normalization: none, classes: names } = await loadModel(
      torch,
      fixturePath('lenet.safetensors'),
    );
    expect([none, names]).toEqual([null, null]);
  });

  it('is the bytes of encodeModel', async () => {
    const [model, file] = [net(1), newFile()];
    await saveModel(model, file, { classes });
    expect(new Uint8Array(await readFile(file))).toEqual(encodeModel(model, { classes }));
  });

  it('takes the place of an older one', async () => {
    const file = newFile();
    await saveModel(net(1), file, { classes });
    await saveModel(net(2), file);
    const read = net(3);
    expect(await loadModel(read, file)).toEqual(nothing);
    expect(weightsOf(read)).toEqual(weightsOf(net(2)));
  });

  it('of MODELS is read by loadTrainedModel too, and classify takes what either read', async () => {
    manualSeed(1);
    const [model, file] = [new LeNet(), newFile()];
    const grey = { mean: [0.13], std: [0.31] };
    await saveModel(model, file, { name: 'lenet', normalization: grey });
    const trained = await loadTrainedModel(file);
    expect([trained.name, trained.normalization]).toEqual(['lenet', grey]);
    const own = new LeNet();
    const facts = await loadModel(own, file);
    if (!facts.normalization) throw new Error('no normalization');
    const digits = [Uint8Array.from({ length: 784 }, (_, i) => (i * 7919) % 256)];
    expect(classify({ model: own, normalization: facts.normalization }, digits)).toEqual(
      classify(trained, digits),
    );
  });

  it.each([true, false])(
    'may be a run’s checkpoint, of which the weights are taken that predict best; with an average: %s',
    async (hasAverage) => {
      const [model, file] = [net(1), newFile()];
      const ema = hasAverage ? new EMA(model, { decay: 0.9, useBuffers: true }) : null;
      const about = { normalization: JSON.stringify(normalization), note: 'mine' };
      await fit(model, {
        train: new DataLoader(stripes(24), { batchSize: 8, shuffle: true }),
        epochs: 2,
        optimizer: new AdamW(model.parameters(), { lr: 0.01 }),
        ...(ema && { ema }),
        callbacks: [new CheckpointFile(file, { metadata: about })],
      });
      // What the run ended with, which is the average where there is one.
      const expected = weightsOf(model);
      for (const load of [
        (read: Sequential) => loadModel(read, file),
        async (read: Sequential) => decodeModel(read, await readFile(file)),
      ]) {
        const read = net(2);
        const facts = await load(read);
        expect(facts).toEqual({ ...nothing, normalization, metadata: { note: 'mine' } });
        expect(weightsOf(read)).toEqual(expected);
      }
    },
  );

  it('is read whole or not at all', async () => {
    const [model, file] = [net(1), newFile()];
    const whole = encodeModel(model, { normalization, classes });
    const read = net(2);
    const before = weightsOf(read);
    const header = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    const damaged = [0, 7, header - 1, header, whole.length - 1].map((end) => whole.slice(0, end));
    const flipped = whole.slice();
    flipped[whole.length - 1] = Number(flipped[whole.length - 1]) ^ 1;
    for (const bytes of [...damaged, flipped]) {
      await writeFile(file, bytes);
      expect(await failure(() => loadModel(read, file))).toBeInstanceOf(FileFormatError);
      expect(await failure(() => decodeModel(read, bytes))).toBeInstanceOf(FileFormatError);
      expect(weightsOf(read)).toEqual(before);
    }
    await writeFile(file, flipped);
    await loadModel(read, file, { verify: false });
    expect(weightsOf(read)).not.toEqual(before);
  });

  it('does not fit other layers, which stay as they are', async () => {
    const file = newFile();
    await saveModel(net(1), file, { classes });
    const other = new Sequential(new Flatten(), new Linear(36, CLASSES));
    const before = weightsOf(other);
    const error = await failure(() => loadModel(other, file));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain(
      `loadModel: ${file} does not fit Sequential:\n  unexpected: '2.`,
    );
    expect(await failure(async () => decodeModel(other, await readFile(file)))).toBeInstanceOf(
      ShapeError,
    );
    expect(weightsOf(other)).toEqual(before);
  });

  const PAIR = 'normalization: expected the JSON of { mean, std }, lists of numbers, got';
  const NAMES = 'classes: expected the JSON of a list of names, got';
  it.each([
    ['normalization', '{"mean":[0.5]}', `${PAIR} {"mean":[0.5]}`],
    ['normalization', 'x', `${PAIR} "x"`],
    ['classes', '[]', `${NAMES} "[]"`],
    ['classes', '[1]', `${NAMES} "[1]"`],
    ['classes', '["a"],"x":1', String.raw`${NAMES} "[\"a\"],\"x\":1"`],
    ['classes', '{"a":"b"}', String.raw`${NAMES} "{\"a\":\"b\"}"`],
  ])('whose %s is %s is refused, and nothing is loaded', async (key, text, message) => {
    const [file, read] = [newFile(), net(2)];
    const before = weightsOf(read);
    await writeFile(file, encodeSafetensors(net(1).stateDict(), { [key]: text }));
    const error = await failure(() => loadModel(read, file));
    expect([error.constructor, error.message]).toEqual([
      FileFormatError,
      `${file}: ${message}; save the model again by saveModel`,
    ]);
    expect(weightsOf(read)).toEqual(before);
  });

  it('with texts nested deep or with mean and std of other lengths is an error of ours', async () => {
    const deep = '['.repeat(1e5) + ']'.repeat(1e5);
    for (const metadata of [
      { classes: deep },
      { normalization: deep },
      { normalization: '{"mean":[],"std":[]}' },
      { normalization: '{"mean":[1],"std":[1,2]}' },
      { normalization: '{"mean":[1],"std":[0]}' },
    ]) {
      const bytes = encodeSafetensors(net(1).stateDict(), metadata);
      expect(await failure(() => decodeModel(net(2), bytes))).toBeInstanceOf(UnfoldError);
    }
  });
});

describe('what saveModel does not replace', () => {
  it('is a file of something else, and a run’s checkpoint', async () => {
    const file = newFile();
    await writeFile(file, 'a letter');
    expect((await failure(() => saveModel(net(1), file))).message).toBe(
      `${file} would be replaced, and it is not a safetensors file of weights, or damaged. Name another ` +
        'file, or move or delete that one',
    );
    expect(await readFile(file, 'utf8')).toBe('a letter');
    const run = newFile();
    await saveCheckpoint(run, {
      state: net(1).stateDict(),
      metadata: { format: 'unfold-checkpoint-2' },
    });
    expect(await failure(() => saveModel(net(1), run))).toBeInstanceOf(ConfigError);
  });
});

describe('what saveModel and loadModel refuse', () => {
  refuseMisuses([
    [
      'another ending',
      () => saveModel(net(1), 'model.npz'),
      ConfigError,
      'saveModel: expected a name that ends in .safetensors, got model.npz; saveWeights writes .npz, which has no place for more than weights',
    ],
    [
      'a text that has an option',
      () => saveModel(net(1), 'a.safetensors', { metadata: { classes: 'a, b' } }),
      ConfigError,
      'saveModel: metadata: expected other names than model, normalization, classes, weightsPrefix, got classes; name, normalization and classes are options of their own',
    ],
    [
      'classes by number',
      () => encodeModel(net(1), { classes: [1, 2] as never }),
      ConfigError,
      'encodeModel: classes must be a list of names, such as ["cat", "dog"], got [1, 2]',
    ],
    [
      'a deviation of 0',
      () => encodeModel(net(1), { normalization: { mean: [0], std: [0] } }),
      ConfigError,
      'encodeModel: normalization of channel 0: expected a finite mean and a finite std above 0, got mean 0, std 0; are all pixels equal, or some not finite?',
    ],
    [
      'lists of other lengths',
      () => encodeModel(net(1), { normalization: { mean: [0, 1], std: [1] } }),
      ConfigError,
      'encodeModel: normalization: expected a mean and a std for each of 2 channels, got 2 and 1',
    ],
    [
      'an archive',
      () => loadModel(net(1), 'model.npz'),
      ConfigError,
      'loadModel: expected a safetensors file, got model.npz; loadWeights reads .npz',
    ],
  ]);
});
