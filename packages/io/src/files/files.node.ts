import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { atEnd } from './at-end.node.js';
import { codeOf } from './code-of.js';
import { type FileInfo, type Files, GzipError, type OpenFile } from './files.js';
import { lock, lockOf } from './lock.node.js';
import { makeFolder } from './make-folder.node.js';
import { checkFolder, putFolder } from './put-folder.node.js';
import { checkWritable, removeLeftovers, replace } from './replace.node.js';
import { targetOf } from './target.node.js';

/** The bytes of one read, few enough that a large file doesn't hold a thread of Node's pool for long. */
const CHUNK_BYTES = 2 ** 26;

/** The door to the files of Node, and of what is like Node. */
export const files: Files | null = {
  stat: statOf,
  open: openFile,
  makeFolder,
  target: targetOf,
  replace,
  putFolder,
  checkFolder,
  checkWritable,
  removeLeftovers,
  lock,
  lockOf,
  atEnd,
  join,
  isBelow(folder, path) {
    const way = relative(folder, path);
    // Another drive of Windows is reached by no relative path.
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  },
  cacheFolder() {
    const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
    return (
      XDG_CACHE_HOME ||
      (process.platform === 'win32' && LOCALAPPDATA) ||
      join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache')
    );
  },
  requiresFrom(folders, own) {
    const parents = folders?.map(fileIn) ?? [own, fileIn(process.cwd())];
    return parents.map((parent) => createRequire(parent));
  },
  sha256(parts) {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  },
  crc32: zlib.crc32,
  async gunzip(packed, maxBytes) {
    try {
      // One piece of memory for all of it, and a byte to see whether there is more.
      return await gunzip(packed, { maxOutputLength: maxBytes, chunkSize: maxBytes + 64 });
    } catch (error) {
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') return null;
      throw gzipError(error);
    }
  },
  gunzipStart(packed, maxBytes) {
    try {
      const finishFlush = zlib.constants.Z_SYNC_FLUSH;
      return zlib.gunzipSync(packed, { finishFlush, maxOutputLength: maxBytes });
    } catch (error) {
      throw gzipError(error);
    }
  },
};

const gunzip = promisify(zlib.gunzip);

function gzipError(error: unknown): GzipError {
  return new GzipError(error, codeOf(error) === 'Z_BUF_ERROR');
}

async function statOf(path: string): Promise<FileInfo | null> {
  try {
    return infoOf(await stat(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function infoOf(stats: { isFile(): boolean; readonly size: number }): FileInfo {
  return { isFile: stats.isFile(), size: stats.size };
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r');
  const readInto = async (target: Uint8Array, position: number): Promise<number> => {
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await handle.read(target, {
        offset: done,
        length: Math.min(target.length - done, CHUNK_BYTES),
        position: position + done,
      });
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  };
  return {
    stat: async () => infoOf(await handle.stat()),
    async read(position, length) {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, await readInto(bytes, position));
    },
    readInto,
    close: () => handle.close(),
  };
}

/** A file in `folder`, which need not exist: packages are looked up from a file. */
function fileIn(folder: string): string {
  return resolve(folder, 'noop.js');
}
