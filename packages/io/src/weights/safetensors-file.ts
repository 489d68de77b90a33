import { filesFor } from '../files/files-for.js';
import type { OpenFile } from '../files/files.js';
import { openFile, readExactly, reading } from '../files/read.js';
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

/** The tensors of an open file, none of them read yet. */
export interface WeightsFile {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: WeightsMetadata;
}

interface WithSafetensorsOptions {
  readonly operation: string;
  /** The way to do the same where there are no files. */
  readonly instead: string;
  readonly limits?: Partial<WeightsLimits> | undefined;
  /** Whether checksums count. Default true. */
  readonly verify?: boolean | undefined;
}

/**
 * Opens a safetensors file, reads and checks its header, and lets `use` read of its tensors what it
 * wants: straight from the file, each into its own place, and held against its checksum.
 * @param options.operation Whose file and limits they are, for errors.
 * @throws FileFormatError that says what is wrong and where; ConfigError if it cannot be read, or for
 * an unknown limit, or in a browser.
 */
export async function withSafetensors<T>(
  file: string,
  { operation, instead, limits, verify = true }: WithSafetensorsOptions,
  use: (opened: WeightsFile) => Promise<T>,
): Promise<T> {
  const files = filesFor(operation, instead);
  const complete = completeLimits(operation, SAFETENSORS_LIMITS, limits);
  const handle = await openFile(files, file);
  try {
    return await use(await readHeader(handle, file, { limits: complete, verify }));
  } finally {
    await handle.close();
  }
}

async function readHeader(
  handle: OpenFile,
  file: string,
  { limits, verify }: { readonly limits: WeightsLimits; readonly verify: boolean },
): Promise<WeightsFile> {
  const fail = failIn(file);
  const readAt = (position: number, length: number) =>
    readExactly(handle, file, { position, length });
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
