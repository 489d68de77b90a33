import { elementsOf } from '@unfold/core';
import type { StateDict } from '@unfold/nn';
import { crc32Of } from '../crc32.js';
import { type Fail, quote } from '../messages.js';
import { type Header, METADATA, type WeightsMetadata } from './safetensors-header.js';

/*
 * Safetensors has no checksums, so a bit that flips in a tensor makes another number of it. Unfold
 * keeps them in the metadata, where other readers see a text among others: a line for each tensor,
 * its CRC-32 in hexadecimal and its name as JSON, and one for the rest of the metadata. They are
 * named, because others write the tensors in an order of their own.
 */

/** The key of the metadata that holds them. */
export const CHECKSUMS = 'unfold.crc32';

/** Whether a file is believed. */
export interface VerifyOptions {
  /**
   * Whether the tensors and the metadata of a file that has checksums are held against them; false
   * for one that another program edited without knowing of them. Default true.
   */
  readonly verify?: boolean | undefined;
}

/** The checksums of a file, as far as they are known. */
export interface Checksums {
  /** The file's metadata without them. */
  readonly metadata: WeightsMetadata;
  /**
   * Holds a tensor's bytes, as they lie in the file, against its checksum, if the file has such.
   * @throws FileFormatError that names the tensor and the mend.
   */
  check(name: string, bytes: Uint8Array): void;
}

const LINE = /^([\da-f]{8}) (.*)$/;
const MEND =
  'the file is damaged: save or download it again; if another program edited it and kept the ' +
  'checksums, read it with { verify: false } and save it again';

/** Metadata with the checksums of tensors, and of itself. There are none where there is nothing. */
export function withChecksums(state: StateDict, metadata: WeightsMetadata): WeightsMetadata {
  if (state.size === 0 && Object.keys(metadata).length === 0) return metadata;
  const lines = [lineOf(METADATA, metadataCrc(metadata))];
  for (const [name, tensor] of state) {
    const { buffer, byteOffset, byteLength } = elementsOf(tensor);
    lines.push(lineOf(name, crc32Of(new Uint8Array(buffer, byteOffset, byteLength))));
  }
  return { ...metadata, [CHECKSUMS]: lines.join('\n') };
}

/**
 * Reads the checksums of a file; there are none in one that another program wrote.
 * @throws FileFormatError if they are no checksums of this file's tensors and metadata.
 */
export function readChecksums(
  { entries, metadata: all }: Header,
  { verify = true, fail }: VerifyOptions & { readonly fail: Fail },
): Checksums {
  const { [CHECKSUMS]: text, ...metadata } = all;
  if (text === undefined || !verify) return { metadata, check: () => {} };
  const table = parseTable(text, fail);
  const expected = (name: string): string => {
    const crc = table.get(asJson(name));
    if (crc !== undefined) return crc;
    throw fail(`${subject(name)} has no checksum, others have; ${MEND}`);
  };
  const compare = (name: string, crc: number): void => {
    const [want, got] = [expected(name), hex(crc)];
    if (want === got) return;
    throw fail(`${subject(name)} has the checksum ${got}, expected ${want}; ${MEND}`);
  };
  compare(METADATA, metadataCrc(metadata));
  for (const { name } of entries) expected(name);
  if (table.size !== entries.length + 1) {
    const known = new Set([METADATA, ...entries.map(({ name }) => name)].map(asJson));
    const lost = [...table.keys()].find((name) => !known.has(name)) ?? '';
    throw fail(`there is a checksum of tensor ${quote(lost.slice(1, -1))}, and no tensor; ${MEND}`);
  }
  return { metadata, check: (name, bytes) => compare(name, crc32Of(bytes)) };
}

/** Checksums by names as JSON. */
function parseTable(text: string, fail: Fail): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').map((line): [string, string] => {
      const [, crc, name] = LINE.exec(line) ?? [];
      if (crc !== undefined && name !== undefined) return [name, crc];
      throw fail(`${CHECKSUMS} in its metadata is no list of checksums; ${MEND}`);
    }),
  );
}

/** The checksum of the texts by name, in whatever order the file has them. */
function metadataCrc(metadata: WeightsMetadata): number {
  const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return crc32Of(new TextEncoder().encode(JSON.stringify(sorted)));
}

function lineOf(name: string, crc: number): string {
  return `${hex(crc)} ${asJson(name)}`;
}

function subject(name: string): string {
  return name === METADATA ? 'its metadata' : `tensor ${quote(name)}`;
}

function asJson(name: string): string {
  return JSON.stringify(name);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
