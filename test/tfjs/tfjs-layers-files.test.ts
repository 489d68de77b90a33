import { mkdir, realpath, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, FileFormatError, findLeaks, ShapeError, zeros } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  copyFixture,
  edit,
  failure,
  makeCopies,
  present,
  refuse,
} from '../support/tfjs/fixture.js';

makeCopies();
let folder = '';
beforeEach(async () => {
  folder = await copyFixture();
});

describe('the model', () => {
  it('keeps no memory but its parameters', async () => {
    const leaks = await findLeaks(async () => {
      const loaded = await loadTfjsLayersModel(join(folder, 'model.json'));
      expect(loaded.parameterCount()).toBe(72 + 6 + 72 + 12 + 360 + 5);
      loaded.dispose();
    });
    expect(leaks).toEqual([]);
  });

  it('refuses images of another size, and says when they look like NHWC', async () => {
    const loaded = await loadTfjsLayersModel(join(folder, 'model.json'));
    const start = 'TfjsLayersModel: expected x [N,2,9,8], got float32 tensor';
    expect(() => loaded.forward(zeros([4, 9, 8, 2]))).toThrow(
      new ShapeError(
        `${start} [4,9,8,2]; x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])`,
      ),
    );
    expect(() => loaded.forward(zeros([4, 2, 8, 9]))).toThrow(
      new ShapeError(`${start} [4,2,8,9]; give it the size that the model was saved with`),
    );
    loaded.dispose();
  });
});

describe('files', () => {
  const inFolder = (path: string): string => join(folder, path);

  it('a model.json that is not there', async () => {
    await rm(inFolder('model.json'));
    const error = await failure(folder);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty('message', expect.stringContaining(inFolder('model.json')));
  });

  it.each([
    ['no JSON', '{"format": "layers-model", "modelTopology"', 'it is not JSON'],
    ['no object', '[1, 2]', 'it is not a JSON object'],
    ['too deep', `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'it is nested more than 128 deep'],
  ])('a model.json that is %s', async (_name, text, problem) => {
    await writeFile(inFolder('model.json'), text);
    const error = await failure(folder);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error).toHaveProperty(
      'message',
      `${inFolder('model.json')}: ${problem}; expected the model.json of a TensorFlow.js layers ` +
        'model: save it again',
    );
  });

  it('weights that are missing, or are a folder', async () => {
    const shard = inFolder('group1-shard2of3.bin');
    await rm(shard);
    const held =
      "it holds 'conv2d/kernel', 'conv2d/bias', 'depthwise_conv2d/depthwise_kernel', " +
      "'depthwise_conv2d/bias', 'dense/kernel', 'dense/bias': put it beside the model.json";
    const missing = await failure(folder);
    expect(missing).toBeInstanceOf(FileFormatError);
    expect(missing).toHaveProperty(
      'message',
      expect.stringMatching(/cannot be read: there is no such file; it holds/),
    );
    expect(missing).toHaveProperty('message', expect.stringContaining(shard));
    expect(missing).toHaveProperty('message', expect.stringContaining(held));
    await mkdir(shard);
    expect(await failure(folder)).toHaveProperty(
      'message',
      `${shard}: cannot be read: it is not a file; ${held}`,
    );
  });

  it('weights that link out of the folder; a model whose files all lie elsewhere is read', async () => {
    const other = await copyFixture();
    const shard = inFolder('group1-shard2of3.bin');
    const place = join(other, 'group1-shard2of3.bin');
    await rm(shard);
    await symlink(place, shard);
    const error = await failure(folder);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error).toHaveProperty(
      'message',
      expect.stringContaining(
        `${shard}: cannot be read: it is a link to ${await realpath(place)}, out of the model's folder; copy`,
      ),
    );
    await rm(inFolder('model.json'));
    await symlink(join(other, 'model.json'), inFolder('model.json'));
    (await loadTfjsLayersModel(inFolder('model.json'))).dispose();
  });

  it('weights that are cut off, or too long', async () => {
    const shards = [1, 2, 3].map((n) => inFolder(`group1-shard${n}of3.bin`));
    await truncate(present(shards[2]), 15);
    const cut = await failure(folder);
    expect(cut).toBeInstanceOf(FileFormatError);
    expect(cut).toHaveProperty(
      'message',
      `${shards.join(', ')}: tensor 'dense/bias' [5] lies at bytes 996 to 1016, but there are 1015; ` +
        'truncated, or of another model: save the model again',
    );
    await truncate(present(shards[2]), 17);
    const long = await failure(folder);
    expect(long).toBeInstanceOf(FileFormatError);
    expect(long).toHaveProperty(
      'message',
      `${shards.join(', ')}: the manifest's 6 tensors take 1016 bytes, got 1017; these are the ` +
        'weights of another model, or a tensor has the wrong shape or dtype: save the model again',
    );
  });

  refuse({
    'a graph model': [
      ({ json }) => (json.format = 'graph-model'),
      '~/model.json: expected a layers model, got format "graph-model"; save it with save() ' +
        'of a tf.LayersModel, or convert it with --output_format=tfjs_layers_model',
    ],
    'weights only': [
      ({ json }) => delete json.modelTopology,
      '~/model.json: it has no modelTopology, so no layers; save the whole model',
    ],
    'a topology that is no model': [
      ({ model }) => (model.class_name = 'Widget'),
      '~/model.json: expected a model of class Sequential, Model or Functional, got ' +
        '"Widget"; rebuild it as one of these and save it again',
    ],
    'no layers': [
      ({ model }) => (model.config.layers = []),
      '~/model.json: the Functional model has no list of layers, got []; save the model again',
    ],
  });

  it.each([
    '../weights.bin',
    'a/../../b',
    '/etc/passwd',
    'C:\\w',
    'a\\..\\..\\b',
    'http://x/y',
    '',
    5,
    'x'.repeat(4097),
  ])('a path of weights that leads out of the folder: %s', async (path) => {
    await edit(folder, ({ group }) => group.paths.splice(1, 1, path));
    const json = JSON.stringify(path);
    const shown = json.length > 80 ? `${json.slice(0, 80)}…` : json;
    const error = await failure(folder);
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error).toHaveProperty(
      'message',
      `${inFolder('model.json')}: weightsManifest names the file ${shown}; expected ` +
        'a path inside the folder of the model.json: put the weights there and name them without ..',
    );
  });
});

describe('the manifest', () => {
  refuse({
    'no manifest': [
      ({ json }) => delete json.weightsManifest,
      "~/model.json: layer 'conv2d' (Conv2D): tensor 'conv2d/kernel' [3,2,2,6] is missing; " +
        'weights without a layer: none. Save model and weights together',
    ],
    'no list': [
      ({ json }) => Object.assign(json, { weightsManifest: {} }),
      '~/model.json: weightsManifest must be a list of groups, got {}; save the model again',
    ],
    'a group without files': [
      ({ json }) => Object.assign(json, { weightsManifest: [{}] }),
      '~/model.json: a group of weightsManifest must hold lists named paths and weights, ' +
        'got {}; save the model again',
    ],
    'a file that is named twice': [
      ({ group }) => group.paths.push(group.paths[0]),
      "~/model.json: weightsManifest names the file 'group1-shard1of3.bin' twice; save the " +
        'model again',
    ],
    'a tensor that is there twice': [
      ({ group }) => group.weights.push(present(group.weights[0])),
      "~/model.json: tensor 'conv2d/kernel' is there twice; save the model again",
    ],
    'a tensor without a name': [
      ({ weight }) => delete weight('dense/bias')['name'],
      '~/model.json: weightsManifest holds a tensor without a name, got ' +
        '{"shape":[5],"dtype":"float32"}; save the model again',
    ],
    '2^53 elements': [
      ({ weight }) => (weight('dense/bias')['shape'] = [2 ** 53]),
      "~/model.json: tensor 'dense/bias' has shape [9007199254740992]; expected a list of at most 64 " +
        'integers from 0 to 2^53 - 1; save the model again',
    ],
    'sizes that multiply to 2^53': [
      ({ weight }) => (weight('dense/bias')['shape'] = [2 ** 26, 2 ** 27]),
      "~/model.json: tensor 'dense/bias' [67108864,134217728] of float32 claims " +
        '36028797018963970 bytes, more than a file can hold; save the model again',
    ],
    '2^40 elements': [
      ({ weight }) => (weight('dense/bias')['shape'] = [2 ** 20, 2 ** 20]),
      "~/model.json: tensor 'dense/bias' [1048576,1048576] and those before it take 4398046513192 " +
        'bytes, expected at most 2147483648; save the model again, or, if you trust the file, pass ' +
        'limits: { maxBytes: 4398046513192 }',
    ],
    '2^28 elements': [
      ({ weight }) => (weight('dense/bias')['shape'] = [2 ** 14, 2 ** 14]),
      '~/group1-shard1of3.bin, ~/group1-shard2of3.bin, ~/group1-shard3of3.bin: tensor ' +
        "'dense/bias' [16384,16384] lies at bytes 996 to 1073742820, but there are " +
        '1016; truncated, or of another model: save the model again',
    ],
    'a negative size': [
      ({ weight }) => (weight('dense/bias')['shape'] = [-5]),
      "~/model.json: tensor 'dense/bias' has shape [-5]; expected a list of at most 64 integers " +
        'from 0 to 2^53 - 1; save the model again',
    ],
    '65 axes': [
      ({ weight }) => (weight('dense/bias')['shape'] = new Array(65).fill(1)),
      `~/model.json: tensor 'dense/bias' has shape [${'1,'.repeat(39)}1…; expected a list of at most ` +
        '64 integers from 0 to 2^53 - 1; save the model again',
    ],
    'a file under two spellings': [
      ({ group }) => group.paths.push(`.//./${String(group.paths[0])}`),
      "~/model.json: weightsManifest names the file './/./group1-shard1of3.bin' twice; save the " +
        'model again',
    ],
    text: [
      ({ weight }) => (weight('dense/bias')['dtype'] = 'string'),
      `~/model.json: tensor 'dense/bias' has dtype "string"; Unfold reads float32, int32 ` +
        'and bool: cast it and save again',
    ],
    'half precision of integers': [
      ({ weight }) => (weight('dense/kernel')['dtype'] = 'int32'),
      "~/model.json: tensor 'dense/kernel' of int32 has quantization " +
        '{"dtype":"float16","original_dtype":"float32"}; expected dtype float16 (of float32), ' +
        'uint8 or uint16 (of float32 and int32): save the model again',
    ],
    'no scale': [
      ({ weight }) => (weight('conv2d/kernel')['quantization'] = { dtype: 'uint8' }),
      "~/model.json: tensor 'conv2d/kernel' is quantised to uint8; expected numbers scale " +
        'and min, got {"dtype":"uint8"}; save the model again',
    ],
    'another packing': [
      ({ weight }) => (weight('dense/bias')['quantization'] = { dtype: 'int4' }),
      `~/model.json: tensor 'dense/bias' of float32 has quantization {"dtype":"int4"}; ` +
        'expected dtype float16 (of float32), uint8 or uint16 (of float32 and int32): save ' +
        'the model again',
    ],
  });
});

it('weights of no use to predictions, of any dtype, are passed over', async () => {
  await edit(folder, ({ group }) => {
    group.paths.push('more.bin');
    group.weights.push(
      { name: 'iterations', shape: [], dtype: 'int32', group: 'optimizer' },
      { name: 'mask', shape: [3], dtype: 'bool', group: 'optimizer' },
      {
        name: 'steps',
        shape: [2],
        dtype: 'int32',
        group: 'optimizer',
        quantization: { dtype: 'uint16', min: 0, scale: 1 },
      },
    );
  });
  await writeFile(join(folder, 'more.bin'), new Uint8Array(4 + 3 + 2 * 2));
  const loaded = await loadTfjsLayersModel(join(folder, 'model.json'));
  expect([...loaded.stateDict().keys()]).toEqual([
    'conv2d.weight',
    'conv2d.bias',
    'depthwise_conv2d.weight',
    'depthwise_conv2d.bias',
    'dense.weight',
    'dense.bias',
  ]);
  loaded.dispose();
});

describe('limits', () => {
  const load = (limits: object): Promise<unknown> =>
    loadTfjsLayersModel(join(folder, 'model.json'), { limits });

  it('hold for the model.json, its weights and their bytes', async () => {
    const { size } = await stat(join(folder, 'model.json'));
    await expect(load({ maxHeaderBytes: size - 1 })).rejects.toThrow(
      new FileFormatError(
        `${folder}/model.json: it has ${size} bytes, expected at most ${size - 1} of a model.json; is ` +
          `it one? Then, if you trust the file, pass limits: { maxHeaderBytes: ${size} }`,
      ),
    );
    await expect(load({ maxTensors: 5 })).rejects.toThrow(
      'weightsManifest holds more than 5 tensors; if you trust the file, pass limits: { maxTensors: 10 }',
    );
    const bytes = 4 * (72 + 6 + 72 + 12 + 360 + 5);
    await expect(load({ maxBytes: bytes - 1 })).rejects.toThrow(
      /take 2108 bytes, expected at most 2107/,
    );
    await load({ maxHeaderBytes: size, maxTensors: 6, maxBytes: bytes });
  });

  it('cannot be passed by a folder or device, which has no size', async () => {
    await expect(loadTfjsLayersModel(folder)).rejects.toThrow(
      new ConfigError(
        `cannot read ${folder}: it is not a file; see that the path is right and the file may be read`,
      ),
    );
  });

  it('are refused where they are unknown, as other options', async () => {
    await expect(load({ maxRatio: 5 })).rejects.toThrow(
      "loadTfjsLayersModel: limits: unknown option 'maxRatio'; the options are maxBytes, " +
        'maxHeaderBytes, maxTensors',
    );
    const wrong = JSON.parse('{ "strict": true }') as object;
    await expect(loadTfjsLayersModel(join(folder, 'model.json'), wrong)).rejects.toThrow(
      new ConfigError("loadTfjsLayersModel: unknown option 'strict'; the options are limits"),
    );
  });

  it('a model.json of brackets is refused before it is parsed', async () => {
    await writeFile(join(folder, 'model.json'), `{"a":[${'[],'.repeat(3_000_000)}[]]}`);
    await expect(load({})).rejects.toThrow('it has more than 2097152 objects, lists and keys');
  });

  it('10,000 layers whose weights have long names and the other order are found in linear time', async () => {
    // With a search over all weights for each layer this takes minutes.
    const names = Array.from({ length: 10_000 }, (_, i) => `d${i}`);
    const layers = names.map((name, i) => ({
      class_name: 'Dense',
      config: { name, units: 1, ...(i === 0 && { batch_input_shape: [null, 1] }) },
    }));
    const weights = names.flatMap((name) => [
      { name: `${name}/again/kernel`, shape: [1, 1], dtype: 'float32' },
      { name: `${name}/again/bias`, shape: [1], dtype: 'float32' },
    ]);
    const json = {
      modelTopology: { class_name: 'Sequential', config: layers },
      weightsManifest: [{ paths: ['all.bin'], weights: weights.reverse() }],
    };
    await writeFile(join(folder, 'all.bin'), new Uint8Array(8 * names.length));
    await writeFile(join(folder, 'model.json'), JSON.stringify(json));
    const model = await loadTfjsLayersModel(join(folder, 'model.json'));
    expect(model.parameterCount()).toBe(2 * names.length);
    model.dispose();
  });
});
