import type { FileFormatError, Shape } from '@unfold/core';
import { raise, type WeightsLimits } from '../limits.js';
import { checkShape, copyOf, type Encoding, ENCODINGS, isCounts } from './encodings.js';
import { brief, type Fail, quote } from '../messages.js';
import { isObject, parseStrictJson } from '../strict-json.js';

/*
 * A safetensors file: 8 bytes with the header's length, a JSON header that gives each tensor's
 * dtype, shape and place, then the bytes of the tensors, little-endian and row-major. Every byte
 * belongs to exactly one tensor. https://github.com/huggingface/safetensors#format
 */

/** Plain texts by name: what a file says about itself beside its tensors. */
export type WeightsMetadata = Readonly<Record<string, string>>;

/** Bytes before the header. */
export const LENGTH_BYTES = 8;
/** The key of the header that is no tensor's. */
export const METADATA = '__metadata__';

/** Three levels are needed; fields that a later version may add get a few more. */
const MAX_DEPTH = 8;
/** A tensor's entry has seven: two keys and two brackets more than its three fields. */
const NODES_PER_TENSOR = 10;
/** Texts of the metadata. */
const SPARE_NODES = 10_000;

/** The encodings that Unfold reads, by their names in the format. */
const BY_NAME: ReadonlyMap<string, Encoding> = new Map<string, Encoding>([
  ['F32', ENCODINGS.float32],
  ['F64', ENCODINGS.float64],
  ['F16', ENCODINGS.float16],
  ['BF16', ENCODINGS.bfloat16],
  ['I32', ENCODINGS.int32],
  ['I64', ENCODINGS.int64],
  ['U8', ENCODINGS.uint8],
  ['BOOL', ENCODINGS.bool],
]);

/** A tensor's entry in the header, checked. */
export interface Entry {
  readonly name: string;
  readonly encoding: Encoding;
  /** The name of the encoding in the header. */
  readonly storedAs: string;
  readonly shape: Shape;
  /** The place of its bytes in the data, which follow the header. */
  readonly start: number;
  readonly end: number;
}

/** A header whose every promise about the file's length holds. */
export interface Header {
  /** In the header's order. */
  readonly entries: readonly Entry[];
  readonly metadata: WeightsMetadata;
}

/**
 * The length of the header, checked before a byte of it is read.
 * @param start The first 8 bytes of the file, or all if it has fewer.
 */
export function headerLength(
  start: Uint8Array,
  fileBytes: number,
  { maxHeaderBytes }: WeightsLimits,
  fail: Fail,
): number {
  if (start.length < LENGTH_BYTES) {
    throw fail(
      `expected at least ${LENGTH_BYTES} bytes, got ${start.length}; it is truncated: save or ` +
        'download it again',
    );
  }
  const promised = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (promised <= fileBytes - LENGTH_BYTES) {
    if (promised <= maxHeaderBytes) return Number(promised);
    throw fail(
      `its header has ${promised} bytes, expected at most ${maxHeaderBytes}; ` +
        raise('maxHeaderBytes', Number(promised)),
    );
  }
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  throw fail(
    `bytes 0 to 7 promise a header of ${promised} bytes, the file has ${fileBytes}; ` +
      (isZip
        ? 'it looks like a zip archive: rename it if it is .npz; if it is .pt of PyTorch, save it by ' +
          'safetensors.torch.save_file'
        : 'it is truncated or not a safetensors file: save or download it again'),
  );
}

/**
 * Parses the header and checks it against the length of what follows, so that later nothing is
 * allocated or read that the file doesn't hold.
 * @param bytes The header.
 * @param dataBytes How many bytes follow it.
 * @throws What `fail` makes of a problem, which names the tensor.
 */
export function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
  { maxTensors, maxBytes }: WeightsLimits,
  fail: Fail,
): Header {
  if (dataBytes > maxBytes) {
    throw fail(
      `its tensors take ${dataBytes} bytes, expected at most ${maxBytes}; ${raise('maxBytes', dataBytes)}`,
    );
  }
  const failHeader: Fail = (problem) =>
    fail(`the header, from byte 8, is wrong: ${problem}; the file is damaged or not safetensors`);
  let text: string;
  try {
    // A copy, because decoders refuse shared memory.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(copyOf(bytes));
  } catch {
    throw failHeader('it is not UTF-8');
  }
  if (!text.startsWith('{')) throw failHeader('it does not begin with {');
  const tooMany = (): FileFormatError =>
    fail(`it has more than ${maxTensors} tensors; ${raise('maxTensors', 2 * maxTensors)}`);
  const { value: header, keys } = parseStrictJson(
    text,
    {
      maxDepth: MAX_DEPTH,
      maxNodes: NODES_PER_TENSOR * maxTensors + SPARE_NODES,
      // Metadata are no tensor.
      maxKeys: maxTensors + 1,
    },
    { fail: failHeader, tooMany },
  );
  // The format's own library takes null for none.
  const metadata = (Object.hasOwn(header, METADATA) ? header[METADATA] : null) ?? {};
  if (!isMetadata(metadata)) {
    throw fail(`${METADATA} must hold texts by name, got ${brief(metadata)}; save it without`);
  }
  const names = keys.filter((key) => key !== METADATA);
  if (names.length > maxTensors) throw tooMany();
  const entries = names.map((name) => entryOf(name, header[name], fail));
  checkPlaces(entries, dataBytes, fail);
  return { entries, metadata };
}

/** Whether `value` holds texts by name and nothing else. */
export function isMetadata(value: unknown): value is WeightsMetadata {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function entryOf(name: string, value: unknown, fail: Fail): Entry {
  const tensor = `tensor ${quote(name)}`;
  if (!isObject(value)) {
    throw fail(
      `${tensor} has no description, got ${brief(value)}; the file is damaged: save it again`,
    );
  }
  // Only own properties count: a file may hold anything under "__proto__".
  const field = (key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
  const storedAs = field('dtype');
  if (typeof storedAs !== 'string') {
    throw fail(`${tensor} has dtype ${brief(storedAs)}; the file is damaged: save it again`);
  }
  const encoding = BY_NAME.get(storedAs);
  if (!encoding) {
    throw fail(
      `${tensor} has dtype ${quote(storedAs)}; Unfold reads ${[...BY_NAME.keys()].join(', ')}: ` +
        'convert it before saving, by tensor.float() in PyTorch',
    );
  }
  const offsets = field('data_offsets');
  const [start, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (start === undefined || end === undefined || end < start) {
    throw fail(
      `${tensor} has data_offsets ${brief(offsets)}; expected its first byte and the one after ` +
        'its last; the file is damaged: save it again',
    );
  }
  const available = end - start;
  const shape = checkShape(name, field('shape'), { bytes: encoding.bytes, available, fail });
  return { name, encoding, storedAs, shape, start, end };
}

/** Checks that every byte of the data belongs to one tensor. */
function checkPlaces(entries: readonly Entry[], dataBytes: number, fail: Fail): void {
  let covered = 0;
  // JSON need not keep the order of the bytes.
  for (const { name, start, end } of [...entries].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== covered) {
      const fault = start < covered ? 'overlaps the one before' : 'leaves a hole';
      throw fail(
        `tensor ${quote(name)} ${fault}: it starts at data byte ${start}, expected ${covered}; ` +
          'the file is damaged: save it again',
      );
    }
    if (end > dataBytes) {
      throw fail(
        `tensor ${quote(name)} ends at data byte ${end}, but there are ${dataBytes}; the file is ` +
          'truncated: save or download it again',
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw fail(
      `${dataBytes - covered} bytes after the last tensor belong to none; the file is damaged: ` +
        'save it again',
    );
  }
}
