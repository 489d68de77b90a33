import { bufferOf, ConfigError, tensor, type Tensor } from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import { requireNames, requireState } from '../arguments.js';
import { zipSync, type Zippable } from 'fflate';
import { NPZ_LIMITS, type WeightsLimits } from '../limits.js';
import type { StoredTensor } from './assign.js';
import { type Fail, quote } from '../messages.js';
import { expectRoom } from './encodings.js';
import { decodeNpyData, encodeNpy, NPY_START, npyDataStart, parseNpyHeader } from './npy.js';
import { decodeArguments, type DecodeOptions } from './safetensors.js';
import { expectReadable, zipContent, zipEntries, type ZipEntry, zipPrefix } from './zip.js';

/*
 * NumPy's .npz: a zip archive with one .npy file for each array, named after it.
 */

const EXTENSION = '.npy';
/** The most bytes that an archive without zip64 can hold. */
const MAX_BYTES = 2 ** 31 - 1;
const MAX_ENTRIES = 2 ** 16 - 2;
const MAX_NAME_BYTES = 2 ** 16 - 1 - EXTENSION.length;

/**
 * The bytes of a .npz file, as numpy.savez writes it: not compressed, because weights hardly
 * become smaller. The same tensors give the same bytes.
 * @throws ConfigError if it would be larger than 2 GiB, or for a name that it cannot hold.
 */
export function encodeNpz(state: StateDict): Uint8Array<ArrayBuffer> {
  requireState('encodeNpz', state);
  requireNames('encodeNpz', state.keys(), MAX_NAME_BYTES);
  let bytes = 0;
  for (const tensor of state.values()) bytes += bufferOf(tensor).byteLength;
  if (bytes > MAX_BYTES || state.size > MAX_ENTRIES) {
    throw new ConfigError(
      `encodeNpz: ${state.size} tensors of ${bytes} bytes are too many; use safetensors`,
    );
  }
  const files: Zippable = {};
  for (const [name, tensor] of state) files[name + EXTENSION] = encodeNpy(tensor);
  // Zip's first day, which NumPy writes too.
  return zipSync(files, { level: 0, mtime: new Date(1980, 0, 1) });
}

/**
 * Reads the bytes of a .npz file, compressed or not. Everything is checked before a tensor is made;
 * the tensors belong to the scope that is open. float16 becomes float32, int64 becomes int32,
 * Fortran's order becomes row-major.
 * @returns Tensors by name, in the archive's order.
 * @throws FileFormatError that names the file, the tensor, what is wrong, and the mend; ConfigError for
 * an unknown option or limit.
 */
export function decodeNpz(bytes: Uint8Array, options: DecodeOptions = {}): Map<string, Tensor> {
  const defaults = { name: 'npz', limits: NPZ_LIMITS };
  const { limits, fail } = decodeArguments('decodeNpz', bytes, options, defaults);
  const tensors = storedInNpz(bytes, limits, fail);
  expectRoom(tensors, fail);
  const read = tensors.map((stored) => ({
    stored,
    values: stored.read(),
  }));
  return new Map(
    read.map(({ stored: { name, shape, dtype }, values }) => [
      name,
      tensor(values, shape, { dtype }),
    ]),
  );
}

/** A stored tensor whose numbers are in memory already, if perhaps packed. */
interface PackedTensor extends StoredTensor {
  read(): ReturnType<typeof decodeNpyData>;
}

/** The arrays of an archive: each one's header is checked, and no more of it is unpacked. */
export function storedInNpz(bytes: Uint8Array, limits: WeightsLimits, fail: Fail): PackedTensor[] {
  const entries = zipEntries(bytes, limits, fail);
  // NumPy, too, leaves folders and other files alone; without any array it is another kind of archive.
  const arrays = entries.filter(({ name }) => name.endsWith(EXTENSION));
  const [other] = entries;
  if (other && arrays.length === 0) {
    throw fail(
      `entry ${quote(other.name)} is no .npy array, nor is any other, so this is not a .npz file; ` +
        'save one by numpy.savez',
    );
  }
  const seen = new Set<string>();
  return arrays.map((entry) => {
    const name = entry.name.slice(0, -EXTENSION.length);
    if (seen.has(name)) {
      throw fail(`tensor ${quote(name)} is there twice; the file is damaged: save it again`);
    }
    seen.add(name);
    return storedIn(entry, name, limits, fail);
  });
}

function storedIn(entry: ZipEntry, name: string, limits: WeightsLimits, fail: Fail): PackedTensor {
  expectReadable(entry, fail);
  const failTensor: Fail = (problem) => fail(`tensor ${quote(name)}: ${problem}`);
  const dataStart = npyDataStart(zipPrefix(entry, NPY_START, fail), limits, failTensor);
  const available = entry.size - dataStart;
  const start = zipPrefix(entry, dataStart, fail);
  const header = parseNpyHeader(start, { name, available, fail });
  const read = () => decodeNpyData(header, zipContent(entry, fail).subarray(dataStart), failTensor);
  const { shape, storedAs, encoding } = header;
  return { name, shape, storedAs, dtype: encoding.dtype, read };
}
