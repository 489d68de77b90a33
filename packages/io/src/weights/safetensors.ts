import {
  bufferOf,
  ConfigError,
  elementsOf,
  tensor,
  type DType,
  type OptionRules,
  type Tensor,
  type NumericArray,
} from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import { checkedInUse, checkOptions, flag, text, valueText } from '@unfold/core/internal';
import { requireBytes, requireNames, requireState, texts } from '../arguments.js';
import { completeLimits, SAFETENSORS_LIMITS, type WeightsLimits } from '../limits.js';
import {
  type Checksums,
  CHECKSUMS,
  readChecksums,
  type VerifyOptions,
  withChecksums,
} from './checksums.js';
import { copyOf, expectRoom } from './encodings.js';
import { type Fail, failIn, quote } from '../messages.js';
import {
  type Entry,
  headerLength,
  LENGTH_BYTES,
  METADATA,
  parseHeader,
  type WeightsMetadata,
} from './safetensors-header.js';

/** The contents of a safetensors file. */
export interface Safetensors {
  /** Tensors by name, in the order of the file's header. */
  readonly state: StateDict;
  /** The facts that the file tells about itself. Plain text values only. */
  readonly metadata: WeightsMetadata;
}

/** Options of the functions that read weights from bytes. */
export interface DecodeOptions {
  /** The name of the bytes in errors: a path or an address. */
  readonly name?: string;
  /** How much a file may take. docs/weights.md lists the defaults. */
  readonly limits?: Partial<WeightsLimits>;
}

export const DECODE_OPTIONS: OptionRules<DecodeOptions> = { name: text, limits: checkedInUse };

/** The arguments of a function that reads weights from bytes, checked and complete. */
export function decodeArguments(
  operation: string,
  bytes: Uint8Array,
  options: DecodeOptions,
  {
    rules = DECODE_OPTIONS,
    ...defaults
  }: {
    readonly name: string;
    readonly limits: WeightsLimits;
    /** Those of more options than these. */
    readonly rules?: OptionRules<DecodeOptions>;
  },
): { readonly limits: WeightsLimits; readonly fail: Fail } {
  requireBytes(operation, bytes);
  checkOptions(operation, options, rules);
  return {
    limits: completeLimits(operation, defaults.limits, options.limits),
    fail: failIn(options.name ?? defaults.name),
  };
}

/** Options of `decodeSafetensors`. */
export interface DecodeSafetensorsOptions extends DecodeOptions, VerifyOptions {}

const SAFETENSORS_OPTIONS: OptionRules<DecodeSafetensorsOptions> = {
  ...DECODE_OPTIONS,
  verify: flag,
};

const DTYPE_NAMES: Readonly<Record<DType, string>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** Header and data begin at multiples of so many bytes. */
const ALIGNMENT = 8;

/**
 * The bytes of a safetensors file. Header and tensors are aligned to 8 bytes and to the size of
 * their numbers, so that others can map the file instead of reading it. A checksum of each tensor is
 * added to the metadata, as text under `unfold.crc32`.
 * @throws ConfigError if metadata is no text, or the name of a tensor or of a text is not free, or one that
 * UTF-8 cannot hold.
 */
export function encodeSafetensors(
  state: StateDict,
  metadata: WeightsMetadata = {},
): Uint8Array<ArrayBuffer> {
  requireState('encodeSafetensors', state);
  if (!texts.accepts(metadata)) {
    throw new ConfigError(
      `encodeSafetensors: metadata must be ${texts.expected}, got ${valueText(metadata)}`,
    );
  }
  requireNames('encodeSafetensors', state.keys());
  requireNames('encodeSafetensors: metadata', Object.entries(metadata).flat());
  if (state.has(METADATA)) {
    throw new ConfigError(`encodeSafetensors: ${METADATA} is no name for a tensor; rename it`);
  }
  if (Object.hasOwn(metadata, CHECKSUMS)) {
    throw new ConfigError(`encodeSafetensors: ${CHECKSUMS} is no name for metadata; rename it`);
  }
  const places = new Map<string, { start: number; end: number }>();
  let dataBytes = 0;
  for (const [name, tensor] of widestFirst(state)) {
    const end = dataBytes + bufferOf(tensor).byteLength;
    places.set(name, { start: dataBytes, end });
    dataBytes = end;
  }
  const header = encodeHeader(state, withChecksums(state, metadata), places);
  const dataStart = LENGTH_BYTES + header.length;
  const bytes = new Uint8Array(dataStart + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, LENGTH_BYTES);
  for (const [name, tensor] of state) {
    const { buffer, byteOffset, byteLength } = elementsOf(tensor);
    bytes.set(
      new Uint8Array(buffer, byteOffset, byteLength),
      dataStart + Number(places.get(name)?.start),
    );
  }
  return bytes;
}

/** Where a stable sort by width puts them, every tensor is aligned to its numbers. */
function widestFirst(state: StateDict): [string, Tensor][] {
  return [...state].sort(
    ([, a], [, b]) => bufferOf(b).bytesPerElement - bufferOf(a).bytesPerElement,
  );
}

function encodeHeader(
  state: StateDict,
  metadata: WeightsMetadata,
  places: ReadonlyMap<string, { readonly start: number; readonly end: number }>,
): Uint8Array {
  // Not by way of an object, which would move names like "10" to the front.
  const fields = [...state].map(([name, { dtype, shape }]) => {
    const place = places.get(name);
    const entry = { dtype: DTYPE_NAMES[dtype], shape, data_offsets: [place?.start, place?.end] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (Object.keys(metadata).length > 0) {
    fields.unshift(`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`);
  }
  const text = new TextEncoder().encode(`{${fields.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(text.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  padded.set(text);
  return padded;
}

/**
 * Reads the bytes of a safetensors file. Everything is checked before a tensor is made; the tensors
 * belong to the scope that is open. float16 and bfloat16 become float32, int64 becomes int32. What
 * Unfold wrote is held against its checksums, which are no part of the metadata that is returned.
 * @throws FileFormatError that names the file, the tensor, what is wrong, and the mend; ConfigError for
 * an unknown option or limit.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  options: DecodeSafetensorsOptions = {},
): Safetensors {
  const { limits, fail } = decodeArguments('decodeSafetensors', bytes, options, {
    name: 'safetensors',
    limits: SAFETENSORS_LIMITS,
    rules: SAFETENSORS_OPTIONS,
  });
  const { verify } = options;
  const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.length, limits, fail);
  const data = bytes.subarray(LENGTH_BYTES + length);
  const header = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  const parsed = parseHeader(header, data.length, limits, fail);
  const checksums = readChecksums(parsed, { verify, fail });
  expectRoom(
    parsed.entries.map(({ shape, encoding: { dtype } }) => ({ shape, dtype })),
    fail,
  );
  const read = parsed.entries.map((entry) => ({
    entry,
    values: decodeEntry(entry, copyOf(data, entry.start, entry.end), { checksums, fail }),
  }));
  const state = new Map(
    read.map(({ entry: { name, shape, encoding }, values }) => [
      name,
      tensor(values, shape, { dtype: encoding.dtype }),
    ]),
  );
  return { state, metadata: checksums.metadata };
}

/**
 * The numbers of one tensor, whose checksum is right.
 * @param bytes Its bytes, in a buffer of their own, which may become part of the result.
 */
export function decodeEntry(
  { name, encoding }: Entry,
  bytes: Uint8Array<ArrayBuffer>,
  { checksums, fail }: { readonly checksums: Checksums; readonly fail: Fail },
): NumericArray {
  checksums.check(name, bytes);
  return encoding.decode(bytes, (problem) => fail(`tensor ${quote(name)}: ${problem}`));
}
