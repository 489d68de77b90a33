import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, FileFormatError, randn, zeros } from '@unfold/core';
import { loadOnnx, saveOnnx } from '@unfold/onnx';
import { LeNet } from '@unfold/train';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rawOf } from '../../packages/onnx/src/model/elements.js';
import { file as modelFile, node } from '../support/onnx/model-file.js';

let folder = '';
const file = (name: string): string => join(folder, name);
const example = zeros([1, 1, 28, 28]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-onnx-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A model x + w, whose w lies in another file. */
const withExternal = (location: string): Uint8Array =>
  modelFile({
    nodes: [node('Add', ['x', 'w'], ['y'])],
    initializers: [
      {
        name: 'w',
        dims: [2],
        elementType: 1,
        raw: new Uint8Array(),
        external: { location, offset: 4, length: null },
      },
    ],
  });

it('a saved model is loaded, and gives the same', async () => {
  const model = new LeNet();
  await saveOnnx(model, file('lenet.onnx'), example);
  await saveOnnx(model, file('lenet.onnx'), example);
  const loaded = await loadOnnx(file('lenet.onnx'));
  const x = randn([3, 1, 28, 28]);
  expect(loaded.forward(x).toArray()).toEqual(model.forward(x).toArray());
  expect(await readdir(folder)).toEqual(['lenet.onnx']);
});

it('nothing else is replaced', async () => {
  await writeFile(file('notes.txt'), 'for tomorrow');
  await expect(saveOnnx(new LeNet(), file('notes.txt'), example)).rejects.toThrow(
    /notes\.txt would be replaced, and it is not an ONNX model, or damaged/,
  );
  expect(await readFile(file('notes.txt'), 'utf8')).toBe('for tomorrow');
  await expect(saveOnnx(new LeNet(), file('no/lenet.onnx'), example)).rejects.toThrow(ConfigError);
  // @ts-expect-error -- What plain JavaScript may give.
  await expect(saveOnnx(new LeNet(), 7, example)).rejects.toThrow(ConfigError);
});

it('what is missing or no model is told', async () => {
  await expect(loadOnnx(file('missing.onnx'))).rejects.toThrow(
    /cannot read .*missing\.onnx: ENOENT/,
  );
  await expect(loadOnnx(file('notes.txt'))).rejects.toThrow(FileFormatError);
  await expect(loadOnnx(folder)).rejects.toThrow(ConfigError);
});

it("weights are read from the model's own folder, and from nowhere else", async () => {
  await mkdir(file('net/deep'), { recursive: true });
  const weights = rawOf('float32', [0, 1, 2]);
  await writeFile(file('net/deep/w.bin'), weights);
  await writeFile(file('outside.bin'), weights);
  await symlink(file('outside.bin'), file('net/link.bin'));
  const load = async (location: string): Promise<unknown> => {
    await writeFile(file('net/model.onnx'), withExternal(location));
    return (await loadOnnx(file('net/model.onnx'))).forward(zeros([2])).toArray();
  };
  expect(await load('deep/w.bin')).toEqual([1, 2]);
  for (const location of ['../outside.bin', 'link.bin', '', '.']) {
    await expect(load(location), location).rejects.toThrow(
      /model\.onnx: expected weights in its own folder, got the file/,
    );
  }
  await expect(load('missing.bin')).rejects.toThrow(ConfigError);
});
