/*
 * A reader of event files, written from the formats' descriptions and sharing nothing with the writer:
 * not the library of protocol buffers, not the checksum. Only what the tests look at is read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An event, with the names of the .proto files. */
export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly writer?: string;
  readonly sessionStatus?: number;
  readonly tag?: string;
  readonly scalar?: number;
  readonly image?: { height: number; width: number; colorspace: number; png: Uint8Array };
  readonly histogram?: {
    min: number;
    max: number;
    num: number;
    sum: number;
    sumSquares: number;
    limits: number[];
    counts: number[];
  };
  readonly text?: string;
  readonly plugin?: string;
}

/** The events of the folder's files, in the order of the files' names. */
export async function readFolder(folder: string): Promise<ReadEvent[]> {
  const names = (await readdir(folder)).sort();
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return files.flatMap((bytes) => readRecords(bytes).map(readEvent));
}

/** As TensorBoard shows the folder: without what a START event made void. The first one is none such. */
export async function shownIn(folder: string): Promise<ReadEvent[]> {
  let shown: ReadEvent[] = [];
  let started = false;
  for (const event of await readFolder(folder)) {
    if (event.sessionStatus === 1) {
      if (started) shown = shown.filter(({ step }) => step < event.step);
      started = true;
    }
    if (event.tag !== undefined) shown.push(event);
  }
  return shown;
}

/** The records of a file; throws where a length, a checksum or the end is wrong. */
export function readRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true));
    const data = file.subarray(at + 12, at + 12 + length);
    if (data.length !== length) throw new Error('a record is cut off');
    const sums = [view.getUint32(at + 8, true), view.getUint32(at + 12 + length, true)];
    const expected = [masked(file.subarray(at, at + 8)), masked(data)];
    if (sums.join() !== expected.join()) throw new Error(`checksums ${sums}, expected ${expected}`);
    records.push(data);
    at += length + 16;
  }
  return records;
}

/** CRC-32C, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  const turned = (crc >> 15n) | ((crc << 17n) & 0xffffffffn);
  return Number((turned + 0xa282ead8n) & 0xffffffffn);
}

export function readEvent(record: Uint8Array): ReadEvent {
  const event = fields(record);
  const value = nested(nested(event, 5), 1);
  const [histogram, image, tensor] = [nested(value, 5), nested(value, 4), nested(value, 8)];
  const png = image.get(4);
  return {
    wallTime: number(event, 1),
    step: number(event, 2),
    ...(event.has(3) ? { fileVersion: text(event, 3) } : {}),
    ...(event.has(10) ? { writer: text(nested(event, 10), 1) } : {}),
    ...(event.has(7) ? { sessionStatus: number(nested(event, 7), 1) } : {}),
    ...(value.has(1) ? { tag: text(value, 1) } : {}),
    ...(value.has(2) ? { scalar: number(value, 2) } : {}),
    ...(png instanceof Uint8Array
      ? {
          image: {
            height: number(image, 1),
            width: number(image, 2),
            colorspace: number(image, 3),
            png,
          },
        }
      : {}),
    ...(value.has(5)
      ? {
          histogram: {
            min: number(histogram, 1),
            max: number(histogram, 2),
            num: number(histogram, 3),
            sum: number(histogram, 4),
            sumSquares: number(histogram, 5),
            limits: doubles(histogram, 6),
            counts: doubles(histogram, 7),
          },
        }
      : {}),
    ...(value.has(8) ? { text: text(tensor, 8) } : {}),
    ...(value.has(9) ? { plugin: text(nested(nested(value, 9), 1), 1) } : {}),
  };
}

type Fields = ReadonlyMap<number, number | Uint8Array>;

/** A message's fields by number. Of one that comes several times the last counts. */
function fields(message: Uint8Array): Fields {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const found = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < message.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) found.set(field, varint());
    else if (wire === 1) found.set(field, view.getFloat64((at += 8) - 8, true));
    else if (wire === 5) found.set(field, view.getFloat32((at += 4) - 4, true));
    else if (wire === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error(`field ${field} is cut off`);
      found.set(field, message.subarray(at, (at += length)));
    } else throw new Error(`wire type ${wire}`);
  }
  return found;
}

function nested(message: Fields, field: number): Fields {
  const value = message.get(field);
  return value instanceof Uint8Array ? fields(value) : new Map();
}

function number(message: Fields, field: number): number {
  const value = message.get(field) ?? 0;
  if (typeof value !== 'number') throw new Error(`field ${field} is no number`);
  return value;
}

function text(message: Fields, field: number): string {
  const value = message.get(field);
  return value instanceof Uint8Array ? new TextDecoder('utf-8', { fatal: true }).decode(value) : '';
}

function doubles(message: Fields, field: number): number[] {
  const value = message.get(field);
  if (!(value instanceof Uint8Array)) return [];
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}
