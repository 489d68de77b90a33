import { ConfigError } from '@unfold/core';
import { checkFolder, putFolder } from '@unfold/io/internal';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unfold-folder-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CONTENTS = new Map<string, Uint8Array | string>([
  ['model.py', 'import torch\n'],
  ['weights.bin', Uint8Array.of(1, 2, 3)],
]);

describe('putFolder', () => {
  it('makes a folder of files, also in the place of an empty one, and through a link', async () => {
    mkdirSync(join(folder, 'empty'));
    symlinkSync('empty', join(folder, 'link'));
    for (const name of ['new', 'slash/', 'link']) {
      const place = join(folder, name);
      await checkFolder(place);
      await putFolder(place, CONTENTS);
      expect(readFileSync(join(place, 'model.py'), 'utf8')).toBe('import torch\n');
      expect([...readFileSync(join(place, 'weights.bin'))]).toEqual([1, 2, 3]);
    }
    expect(readdirSync(folder).sort()).toEqual(['empty', 'link', 'new', 'slash']);
  });

  it('leaves what is there, and nothing beside it', async () => {
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'mine'), 'mine');
    writeFileSync(join(folder, 'file'), 'mine');
    for (const [name, reason] of [
      ['full', 'it exists and is not empty'],
      ['file', 'it exists and is not a folder'],
      ['missing/inside', 'no such file or directory'],
    ] as const) {
      const place = join(folder, name);
      for (const attempt of [() => checkFolder(place), () => putFolder(place, CONTENTS)]) {
        await expect(attempt()).rejects.toThrow(ConfigError);
        await expect(attempt()).rejects.toThrow(reason);
      }
    }
    await expect(putFolder('', CONTENTS)).rejects.toThrow('the path is empty');
    expect(readdirSync(folder).sort()).toEqual(['file', 'full']);
    expect(readdirSync(join(folder, 'full'))).toEqual(['mine']);
  });

  it('is all or nothing', async () => {
    const place = join(folder, 'half');
    // The second name leads into a folder that is not there.
    const contents = new Map([...CONTENTS, ['sub/other', 'x']]);
    await expect(putFolder(place, contents)).rejects.toThrow(`cannot write ${place}`);
    expect(existsSync(place)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
