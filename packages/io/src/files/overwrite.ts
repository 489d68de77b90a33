import { ConfigError, FileFormatError } from '@unfold/core';
import { failIn } from '../messages.js';
import { RUN_FORMAT } from '../run-format.js';
import { parseStrictJson } from '../strict-json.js';
import { withSafetensors } from '../weights/safetensors-file.js';
import { DOWNLOAD, filesFor } from './files-for.js';
import type { Files } from './files.js';
import { openFile, reading, readWhole } from './read.js';

/*
 * What a program writes replaces an older file of its own kind, as people expect of any program. A
 * file of another kind is there by a slip, and its loss would be noticed too late: that is refused.
 */

const OPERATION = 'refuseOtherKind';

function filesHere(): Files {
  return filesFor(OPERATION, DOWNLOAD);
}

/** A kind of file that is written, and how an older one of the kind is known. */
export interface FileKind {
  /** With its article. */
  readonly what: string;
  /** @throws ConfigError if the file cannot be read. */
  holds(file: string): Promise<boolean>;
}

/** @throws ConfigError if a file is there and not empty, and of another kind. */
export async function refuseOtherKind(file: string, { what, holds }: FileKind): Promise<void> {
  const files = filesHere();
  const found = await files.stat(file).catch(() => null);
  // What is no file cannot be written either, which others say.
  if (!found?.isFile || found.size === 0 || (await holds(file))) return;
  throw refusal(file, `it is not ${what}, or damaged`);
}

/** Makes the error that is thrown instead of replacing a file. */
export function refusal(file: string, what: string): ConfigError {
  return new ConfigError(
    `${file} would be replaced, and ${what}. Name another file, or move or delete that one`,
  );
}

/** Tensors and metadata, a run's too. */
export const SAFETENSORS: FileKind = {
  what: 'a safetensors file',
  holds: (file) => hasHeader(file, () => true),
};

/** The kinds of file that `saveWeights` writes. */
export const WEIGHTS: Readonly<Record<'safetensors' | 'npz', FileKind>> = {
  safetensors: {
    what: 'a safetensors file of weights',
    holds: (file) => hasHeader(file, ({ format }) => format !== RUN_FORMAT),
  },
  npz: {
    what: 'a .npz file',
    async holds(file) {
      const start = await startOf(file);
      const text = new TextDecoder('latin1').decode(start);
      // The first entry's name follows 30 bytes; an archive without entries has an end only.
      const [low = 0, high = 0] = start.subarray(26);
      const isArray = text.slice(30, 30 + low + 256 * high).endsWith('.npy');
      return (text.startsWith('PK\x03\x04') && isArray) || text.startsWith('PK\x05\x06');
    },
  },
};

/** The bounds of the JSON that is written: none comes near. */
const JSON_BOUNDS = { maxBytes: 2 ** 26, maxDepth: 64, maxNodes: 2 ** 22, maxKeys: 1000 };

/** A JSON object that has these keys. */
export function jsonWith(what: string, ...keys: readonly string[]): FileKind {
  return {
    what,
    async holds(file) {
      const fail = failIn(file);
      const { maxBytes } = JSON_BOUNDS;
      try {
        const bytes = await readWhole(filesHere(), file, {
          maxBytes,
          tooLarge: (size) => fail(`it has ${size} bytes, expected at most ${maxBytes}`),
        });
        const { value } = parseStrictJson(new TextDecoder().decode(bytes), JSON_BOUNDS, {
          fail,
          tooMany: () => fail('it has too many fields'),
        });
        return keys.every((key) => Object.hasOwn(value, key));
      } catch (error) {
        if (error instanceof FileFormatError) return false;
        throw error;
      }
    },
  };
}

/** The mark that a page bears near its beginning. */
export const GENERATOR = '<meta name="generator" content="Unfold" />';

/** A report or a comparison. */
export const PAGE: FileKind = {
  what: 'a page that Unfold wrote',
  async holds(file) {
    const start = new TextDecoder().decode(await startOf(file));
    return start.startsWith('<!doctype html>') && start.includes(GENERATOR);
  },
};

/** Whether it is a whole safetensors file, by its header, whose metadata is as asked. */
async function hasHeader(
  file: string,
  accepts: (metadata: Readonly<Record<string, string>>) => boolean,
): Promise<boolean> {
  try {
    return await withSafetensors(
      file,
      { operation: OPERATION, instead: DOWNLOAD },
      ({ metadata }) => Promise.resolve(accepts(metadata)),
    );
  } catch (error) {
    if (error instanceof FileFormatError) return false;
    throw error;
  }
}

const START_BYTES = 4096;

/** The first bytes of a file. */
async function startOf(file: string): Promise<Uint8Array> {
  const handle = await openFile(filesHere(), file);
  try {
    return await reading(file, () => handle.read(0, START_BYTES));
  } finally {
    await handle.close();
  }
}
