import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import {
  ConfigError,
  FileFormatError,
  formatShape,
  sizeOf,
  tensor,
  type DType,
  type Tensor,
} from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import { replaceFile } from './files.js';

/*
 * The format is safetensors: 8 bytes with the header's length, a JSON header that gives each
 * tensor's dtype, shape and place, then the bytes of the tensors, one after another.
 * https://huggingface.co/docs/safetensors
 */

/** What a checkpoint says about itself beside its tensors. Plain text values only. */
export type CheckpointMetadata = Readonly<Record<string, string>>;

export interface Checkpoint {
  /** Tensors by name, for `loadStateDict`. They belong to the scope that is open. */
  readonly state: StateDict;
  readonly metadata: CheckpointMetadata;
}

const DTYPE_NAMES: Readonly<Record<DType, string>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};
/** The name in the header that is no tensor's. */
const METADATA = '__metadata__';
const LENGTH_BYTES = 8;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

/** A tensor's entry in the header, checked. */
interface Place {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The place of its bytes in the data, which follow the header. */
  readonly start: number;
  readonly end: number;
}

/**
 * Writes tensors and metadata to `file`: to a temporary name first, flushed and renamed, so that
 * an older file stays whole whatever happens.
 * @throws ConfigError if the file cannot be written, with the system's reason, or if metadata is
 * no text or a tensor's name is not free.
 */
export async function saveCheckpoint(file: string, { state, metadata }: Checkpoint): Promise<void> {
  if (!isMetadata(metadata)) {
    throw new ConfigError(
      `saveCheckpoint: expected metadata of text values only, got ${inspect(metadata)}`,
    );
  }
  if (state.has(METADATA)) {
    throw new ConfigError(`saveCheckpoint: ${METADATA} is no name for a tensor; rename it`);
  }
  const entries: [string, Entry | CheckpointMetadata][] = [[METADATA, metadata]];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of state) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const end = offset + bytes.length;
    entries.push([name, { dtype: DTYPE_NAMES[dtype], shape, data_offsets: [offset, end] }]);
    parts.push(bytes);
    offset = end;
  }
  // Spaces at the end keep the tensors' bytes aligned, as the format advises.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  await replaceFile(file, Buffer.concat([length, padded, ...parts]));
}

/**
 * Reads what `saveCheckpoint` wrote, or another safetensors file of our dtypes. Everything is
 * checked before a tensor is made.
 * @throws FileFormatError that says what is wrong and where; ConfigError if there is no such file.
 */
export async function loadCheckpoint(file: string): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`cannot read ${file}: ${reason}`);
  }
  return parseCheckpoint(bytes, file);
}

function parseCheckpoint(bytes: Buffer, file: string): Checkpoint {
  const fail = (problem: string): FileFormatError => new FileFormatError(`${file}: ${problem}`);
  if (bytes.length < LENGTH_BYTES) {
    throw fail(`expected at least ${LENGTH_BYTES} bytes, got ${bytes.length}; is it truncated?`);
  }
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const dataStart = LENGTH_BYTES + headerBytes;
  if (dataStart > bytes.length) {
    throw fail(
      `bytes 0 to 7 promise a header of ${headerBytes} bytes, the file has ${bytes.length}; it is ` +
        'truncated or not a checkpoint',
    );
  }
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), fail);
  const data = bytes.subarray(dataStart);
  let metadata: CheckpointMetadata = {};
  const places: Place[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== METADATA) places.push(placeOf(name, value, fail));
    else if (isMetadata(value)) metadata = value;
    else throw fail(`${METADATA} must hold texts by name, got ${inspect(value, BRIEFLY)}`);
  }
  checkData(data, places, fail);
  const state = new Map(
    places.map(({ name, dtype, shape, start, end }) => [
      name,
      tensorFrom(data.subarray(start, end), dtype, shape),
    ]),
  );
  return { state, metadata };
}

type Fail = (problem: string) => FileFormatError;

/** For values from a file, which may be anything. */
const BRIEFLY = { depth: 1, maxArrayLength: 8, maxStringLength: 40, breakLength: Infinity };

function isMetadata(value: unknown): value is CheckpointMetadata {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseHeader(bytes: Uint8Array, fail: Fail): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw fail('the header, from byte 8, is not JSON; it is damaged or not a checkpoint');
  }
  if (!isObject(header)) throw fail('the header, from byte 8, is not a JSON object');
  return header;
}

function placeOf(name: string, value: unknown, fail: Fail): Place {
  if (!isObject(value)) {
    throw fail(`tensor '${name}' has no description, got ${inspect(value, BRIEFLY)}`);
  }
  const dtype = (Object.keys(DTYPE_NAMES) as DType[]).find(
    (own) => DTYPE_NAMES[own] === value['dtype'],
  );
  if (!dtype) {
    throw fail(
      `tensor '${name}' has dtype ${inspect(value['dtype'], BRIEFLY)}; expected one of ` +
        Object.values(DTYPE_NAMES).join(', '),
    );
  }
  const shape = value['shape'];
  if (!isCounts(shape)) {
    throw fail(
      `tensor '${name}' has shape ${inspect(shape, BRIEFLY)}; expected integers of at least 0`,
    );
  }
  const offsets = value['data_offsets'];
  const [start, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (start === undefined || end === undefined) {
    throw fail(
      `tensor '${name}' has data_offsets ${inspect(offsets, BRIEFLY)}; expected the first byte ` +
        'and the one after the last',
    );
  }
  const expected = sizeOf(shape) * BYTES[dtype];
  if (end - start !== expected) {
    throw fail(
      `tensor '${name}' ${formatShape(shape)} of ${dtype} needs ${expected} bytes, its ` +
        `data_offsets span ${end - start}`,
    );
  }
  return { name, dtype, shape, start, end };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/**
 * Brings `places` into the order of their bytes, which JSON need not keep, and checks that every
 * byte belongs to one tensor and is a value of its dtype.
 */
function checkData(data: Uint8Array, places: Place[], fail: Fail): void {
  places.sort((a, b) => a.start - b.start || a.end - b.end);
  let covered = 0;
  for (const { name, dtype, start, end } of places) {
    if (start !== covered) {
      throw fail(`tensor '${name}' starts at data byte ${start}, expected ${covered}`);
    }
    if (end > data.length) {
      throw fail(
        `tensor '${name}' ends at data byte ${end}, but there are ${data.length}; is it truncated?`,
      );
    }
    covered = end;
    if (dtype !== 'bool') continue;
    const wrong = data.subarray(start, end).findIndex((byte) => byte > 1);
    if (wrong >= 0) {
      throw fail(
        `tensor '${name}' of bool holds ${data[start + wrong]} at data byte ${start + wrong}; ` +
          'expected 0 or 1',
      );
    }
  }
  if (covered !== data.length) {
    throw fail(`${data.length - covered} bytes after the last tensor belong to none`);
  }
}

const BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

function tensorFrom(bytes: Uint8Array, dtype: DType, shape: readonly number[]): Tensor {
  // A copy is aligned, as typed arrays need it; the format is little-endian, as every engine is.
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case 'float32':
      return tensor(new Float32Array(buffer), shape);
    case 'float64':
      return tensor(new Float64Array(buffer), shape);
    case 'int32':
      return tensor(new Int32Array(buffer), shape);
    default:
      return tensor(new Uint8Array(buffer), shape, { dtype });
  }
}
