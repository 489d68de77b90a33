import {
  lstat,
  mkdtemp,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ConfigError, tensor } from '@unfold/core';
import { Linear } from '@unfold/nn';
import {
  checkWritable,
  encodeNpz,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
  saveCheckpoint,
  saveWeights,
} from '@unfold/io';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonWith, PAGE, refuseOtherKind } from '../../packages/io/src/files/overwrite.js';
import { makeFolder } from '../../packages/io/src/files/make-folder.node.js';
import { failure } from '../support/failure.js';

let folder = '';
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-overwrite-'));
});
afterAll(() => rm(folder, { recursive: true }));

const newFile = (ending: string): string => join(folder, `${files++}.${ending}`);
const STATE = new Map([['a', tensor([1, 2])]]);
const WEIGHTS = encodeSafetensors(STATE, { note: 'mine' });
const RUN = encodeSafetensors(STATE, { format: 'unfold-checkpoint-2', state: '{}' });
const DOCUMENT = zipSync({ 'word/document.xml': new Uint8Array(3) });
const MEND = 'Name another file, or move or delete that one';

async function refused(
  save: (file: string) => Promise<void>,
  [ending, content, what]: readonly [string, Uint8Array | string, string],
): Promise<void> {
  const file = newFile(ending);
  await writeFile(file, content);
  const error = await failure(() => save(file));
  expect(error).toEqual(
    new ConfigError(`${file} would be replaced, and it is not ${what}, or damaged. ${MEND}`),
  );
  expect(await readFile(file)).toEqual(Buffer.from(content));
}

describe('saveWeights', () => {
  it.each<[string, string, Uint8Array | string, string]>([
    ['a text', 'safetensors', 'Dear diary', 'a safetensors file of weights'],
    ['an archive', 'safetensors', encodeNpz(STATE), 'a safetensors file of weights'],
    ['a run', 'safetensors', RUN, 'a safetensors file of weights'],
    ['damaged weights', 'safetensors', WEIGHTS.subarray(0, -1), 'a safetensors file of weights'],
    ['a text', 'npz', 'Dear diary', 'a .npz file'],
    ['a document', 'npz', DOCUMENT, 'a .npz file'],
    ['other weights', 'npz', WEIGHTS, 'a .npz file'],
  ])('does not replace %s (.%s)', async (_, ...file) => {
    await refused((path) => saveWeights(new Linear(1, 1), path), file);
  });

  it.each<[string, string, Uint8Array | string]>([
    ['weights of its kind', 'safetensors', WEIGHTS],
    ['an empty file', 'safetensors', ''],
    ['an archive of arrays', 'npz', encodeNpz(STATE)],
    ['an archive of nothing', 'npz', encodeNpz(new Map())],
  ])('replaces %s (.%s)', async (_, ending, content) => {
    const file = newFile(ending);
    await writeFile(file, content);
    const model = new Linear(3, 2);
    await saveWeights(model, file);
    await loadWeights(model, file);
  });
});

describe('saveCheckpoint', () => {
  it.each<[string, Uint8Array | string]>([
    ['a text', 'Dear diary'],
    ['a checkpoint that is damaged', RUN.subarray(0, -1)],
  ])('does not replace %s', async (_, content) => {
    await refused(
      (path) => saveCheckpoint(path, { state: STATE, metadata: {} }),
      ['bin', content, 'a safetensors file'],
    );
  });

  it('replaces any safetensors file that is whole', async () => {
    for (const content of [RUN, WEIGHTS]) {
      const file = newFile('bin');
      await writeFile(file, content);
      await saveCheckpoint(file, { state: new Map(), metadata: { note: 'new' } });
      expect((await loadCheckpoint(file)).metadata).toEqual({ note: 'new' });
    }
  });
});

describe('figures', () => {
  const KIND = jsonWith('mine', 'a', 'b');

  it.each(['{"a":1}', '[1]', 'null', '{', 'a text'])('do not replace %s', async (content) => {
    await refused((path) => refuseOtherKind(path, KIND), ['json', content, 'mine']);
  });

  it('do not replace what no JSON of ours is like, and take no memory for it', async () => {
    const huge = newFile('json');
    await writeFile(huge, '{"a":1,"b":2,"c":"');
    await truncate(huge, 2 ** 26 + 1);
    expect(await KIND.holds(huge)).toBe(false);
    for (const inner of ['['.repeat(100) + ']'.repeat(100), '1,"a":2']) {
      await refused(
        (path) => refuseOtherKind(path, KIND),
        ['json', `{"b":1,"a":${inner}}`, 'mine'],
      );
    }
  });

  it('replace such as have their keys', async () => {
    const file = newFile('json');
    await writeFile(file, '{"b":1,"a":2,"c":3}');
    await refuseOtherKind(file, KIND);
    await refuseOtherKind(join(folder, 'missing'), KIND);
  });
});

it('a page replaces one that Unfold wrote, and no other', async () => {
  await refused(
    (path) => refuseOtherKind(path, PAGE),
    ['html', '<!doctype html><title>x</title>', 'a page that Unfold wrote'],
  );
});

describe('a link whose target is missing', () => {
  it('is followed, not replaced: the file is made where it leads', async () => {
    const [target, middle, link] = [newFile('npz'), newFile('npz'), newFile('npz')];
    await symlink(basename(target), middle);
    await symlink(middle, link);
    await checkWritable(link);
    await saveWeights(new Linear(1, 1), link);
    expect(await readlink(link)).toBe(middle);
    expect(await readlink(middle)).toBe(basename(target));
    expect((await lstat(target)).isFile()).toBe(true);
  });

  it('to a folder that is missing, or round to itself, cannot be written', async () => {
    const [lost, round] = [newFile('npz'), newFile('npz')];
    await symlink(join(folder, 'missing', 'w.npz'), lost);
    await symlink(round, round);
    for (const link of [lost, round]) {
      expect(await failure(() => checkWritable(link))).toBeInstanceOf(ConfigError);
      expect(await failure(() => saveWeights(new Linear(1, 1), link))).toBeInstanceOf(ConfigError);
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
    }
  });
});

describe('makeFolder', () => {
  it('makes a folder and those above it, and leaves one that is there', async () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeFolder(deep);
    makeFolder(deep);
    expect((await lstat(deep)).isDirectory()).toBe(true);
    const file = newFile('txt');
    await writeFile(file, '');
    expect(() => makeFolder(file)).toThrow(/EEXIST/);
    expect(() => makeFolder(join(file, 'below'))).toThrow(/ENOTDIR/);
    expect(() => makeFolder(join(file, 'below', 'deeper'))).toThrow(/ENOTDIR/);
  });

  it.runIf(process.platform === 'linux')('gives up where no folder can be made', () => {
    expect(() => makeFolder('/proc/x/y')).toThrow(/ENOENT/);
  });
});
