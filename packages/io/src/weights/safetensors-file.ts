import { open, stat, type FileHandle } from 'node:fs/promises';
import { ConfigError } from '@unfold/core';
import { completeLimits, SAFETENSORS_LIMITS, type WeightsLimits } from '../limits.js';
import type { StoredTensor } from './assign.js';
import { readChecksums } from './checksums.js';
import { failIn } from '../messages.js';
import { decodeEntry } from './safetensors.js';
import {
  headerLength,
  LENGTH_BYTES,
  parseHeader,
  type WeightsMetadata,
} from './safetensors-header.js';

/** Of one read, so that a large file doesn't hold a thread of Node's pool for long. */
const CHUNK_BYTES = 2 ** 26;

/** The tensors of an open file, none of them read yet. */
export interface WeightsFile {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: WeightsMetadata;
}

interface WithSafetensorsOptions {
  readonly operation: string;
  readonly limits?: Partial<WeightsLimits> | undefined;
  /** Whether checksums count. Default true. */
  readonly verify?: boolean | undefined;
}

/**
 * Opens a safetensors file, reads and checks its header, and lets `use` read of its tensors what it
 * wants: straight from the file, each into its own place, and held against its checksum.
 * @param options.operation Whose limits they are, for errors.
 * @throws FileFormatError that says what is wrong and where; ConfigError if it cannot be read, or for
 * an unknown limit.
 */
export async function withSafetensors<T>(
  file: string,
  { operation, limits, verify = true }: WithSafetensorsOptions,
  use: (opened: WeightsFile) => Promise<T>,
): Promise<T> {
  const complete = completeLimits(operation, SAFETENSORS_LIMITS, limits);
  const handle = await openFile(file);
  try {
    return await use(await readHeader(handle, file, { limits: complete, verify }));
  } finally {
    await handle.close();
  }
}

async function readHeader(
  handle: FileHandle,
  file: string,
  { limits, verify }: { readonly limits: WeightsLimits; readonly verify: boolean },
): Promise<WeightsFile> {
  const fail = failIn(file);
  const readAt = (position: number, length: number) =>
    reading(file, () => readFrom(handle, position, length));
  const { size } = await reading(file, () => handle.stat());
  const start = await readAt(0, Math.min(LENGTH_BYTES, size));
  const length = headerLength(start, size, limits, fail);
  const dataStart = LENGTH_BYTES + length;
  const header = await readAt(LENGTH_BYTES, length);
  const parsed = parseHeader(header, size - dataStart, limits, fail);
  const checksums = readChecksums(parsed, { verify, fail });
  const tensors = parsed.entries.map((entry): StoredTensor => {
    const { name, shape, storedAs, encoding, start, end } = entry;
    const read = async () =>
      decodeEntry(entry, await readAt(dataStart + start, end - start), { checksums, fail });
    return { name, shape, storedAs, dtype: encoding.dtype, read };
  });
  return { tensors, metadata: checksums.metadata };
}

async function readFrom(
  handle: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, {
      offset: done,
      length: Math.min(length - done, CHUNK_BYTES),
      position: position + done,
    });
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}

/** Opens a file for reading. @throws ConfigError, with the system's reason, if it cannot be. */
export async function openFile(file: string): Promise<FileHandle> {
  return reading(file, async () => {
    // Opening a pipe would wait for its other end.
    if (!(await stat(file)).isFile()) throw new Error('it is not a file');
    return open(file);
  });
}

/** Runs `read` on a file, and turns the system's errors into ours. */
export async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `cannot read ${file}: ${reason}; see that the path is right and the file may be read`,
      { cause: error },
    );
  }
}
