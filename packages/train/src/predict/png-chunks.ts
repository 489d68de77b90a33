import { inflateSync } from 'node:zlib';
import type { Fail } from '../weights/messages.js';

/*
 * What is checked of a PNG before a decoder sees it: https://www.w3.org/TR/png-3/#5DataRep. The
 * decoder believes what a header claims, and unpacks whatever is packed; here both are bounded.
 */

/** What the chunk IHDR says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample, or of an index into the palette. */
  readonly depth: number;
  readonly colour: Colour;
  readonly interlaced: boolean;
}

/** What samples a pixel has. */
type Colour = 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
/** Length, type and checksum of a chunk, 4 bytes each. */
const CHUNK_FRAME = 12;
const HEADER_BYTES = 13;

/** By the number that IHDR has for it. */
const COLOURS: Readonly<Record<number, { colour: Colour; samples: number; depths: number[] }>> = {
  0: { colour: 'grey', samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { colour: 'rgb', samples: 3, depths: [8, 16] },
  3: { colour: 'palette', samples: 1, depths: [1, 2, 4, 8] },
  4: { colour: 'grey-alpha', samples: 2, depths: [8, 16] },
  6: { colour: 'rgb-alpha', samples: 4, depths: [8, 16] },
};

/** Pixels of an image, and bytes of all its samples: more is refused by the header alone. */
const MAX_PIXELS = 2 ** 26;
const MAX_BYTES = 2 ** 28;

/** Chunks that the pixels depend on. The others are profiles, texts, times and frames of films. */
const NEEDED: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

const MEND = 'save or download it again';

/**
 * Checks the frame of a PNG: signature, chunks, header, and that the packed pixels are as many as the
 * header says.
 * @param bytes The file.
 * @returns The header, and the file without the chunks that its pixels don't depend on.
 * @throws What `fail` makes of the problem.
 */
export function checkPng(
  bytes: Uint8Array,
  fail: Fail,
): { readonly header: PngHeader; readonly bytes: Uint8Array } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw fail(noPng(file));
  const parts: Buffer[] = [SIGNATURE];
  const packed: Buffer[] = [];
  let checked: { header: PngHeader; size: number } | undefined;
  for (const { type, data, whole } of chunksOf(file, fail)) {
    if (type === 'IHDR' && !checked) checked = readHeader(data, fail);
    if (!checked) throw fail(`expected the chunk IHDR first, got ${type}; ${MEND}`);
    if (type === 'IDAT') packed.push(data);
    if (NEEDED.has(type)) parts.push(whole);
  }
  if (!checked) throw fail(`it ends before its header; it is truncated: ${MEND}`);
  checkPixels(Buffer.concat(packed), checked.size, fail);
  return { header: checked.header, bytes: Buffer.concat(parts) };
}

/** What a file is that is no PNG, by its first bytes. */
function noPng(file: Buffer): string {
  const start = file.toString('latin1', 0, 12);
  const known: readonly [RegExp, string][] = [
    [/^$/, 'is empty'],
    [/^\xff\xd8\xff/, 'looks like a JPEG'],
    [/^GIF8/, 'looks like a GIF'],
    [/^BM/, 'looks like a BMP'],
    [/^RIFF.{4}WEBP/s, 'looks like a WebP'],
    [/^\s*<(\?xml|svg)/, 'looks like an SVG'],
  ];
  const found = known.find(([pattern]) => pattern.test(start));
  const looks = found ? `it ${found[1]}` : 'it begins otherwise';
  return `expected a PNG image, but ${looks}; save the picture as PNG`;
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
  /** With its frame. */
  readonly whole: Buffer;
}

/** The chunks up to IEND, which has to be there. */
function* chunksOf(file: Buffer, fail: Fail): Iterable<Chunk> {
  for (let at = SIGNATURE.length; ;) {
    const left = file.length - at;
    const length = left < CHUNK_FRAME ? 0 : file.readUInt32BE(at);
    if (length + CHUNK_FRAME > left) {
      throw fail(`it ends within a chunk, at byte ${file.length}; it is truncated: ${MEND}`);
    }
    const whole = file.subarray(at, at + CHUNK_FRAME + length);
    const type = whole.toString('latin1', 4, 8);
    if (!/^[A-Za-z]{4}$/.test(type)) throw fail(`byte ${at + 4} begins no chunk; ${MEND}`);
    yield { type, data: whole.subarray(8, 8 + length), whole };
    if (type === 'IEND') return;
    at += whole.length;
  }
}

/** @returns The header, and how many bytes its pixels unpack to. */
function readHeader(data: Buffer, fail: Fail): { header: PngHeader; size: number } {
  if (data.length !== HEADER_BYTES) {
    throw fail(`expected a header of ${HEADER_BYTES} bytes, got ${data.length}; ${MEND}`);
  }
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [depth, colourNumber, interlace] = [data[8], data[9], data[12]];
  const kind = COLOURS[Number(colourNumber)];
  if (!kind || depth === undefined || !kind.depths.includes(depth) || Number(interlace) > 1) {
    throw fail(
      `its header has a depth of ${depth} bits, colour type ${colourNumber}, interlacing ` +
        `${interlace}, which PNG doesn't have; ${MEND}`,
    );
  }
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    throw fail(
      `its header claims ${width} × ${height} pixels; expected at least one, and at most ` +
        `${MAX_PIXELS / 2 ** 20} million: make it smaller, or cut the digit out`,
    );
  }
  const interlaced = interlace === 1;
  const { colour, samples } = kind;
  const header: PngHeader = { width, height, depth, colour, interlaced };
  if (interlaced && depth < 8) {
    throw fail(`interlaced images of ${depth} bits are not read; save it without interlacing`);
  }
  const size = packedSize(header, samples);
  if (size > MAX_BYTES) {
    throw fail(
      `its ${width} × ${height} pixels take ${size} bytes, expected at most ${MAX_BYTES}; make it ` +
        'smaller, or save it in grey with 8 bits',
    );
  }
  return { header, size };
}

/** The rows of all passes, each behind a byte for its filter. */
function packedSize({ width, height, depth, interlaced }: PngHeader, samples: number): number {
  const rows = (w: number, h: number): number =>
    w === 0 ? 0 : h * (1 + Math.ceil((w * samples * depth) / 8));
  if (!interlaced) return rows(width, height);
  // Adam7: where each pass begins, and its steps. https://www.w3.org/TR/png-3/#8Interlace
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  return passes.reduce(
    (sum, [x, y, dx, dy]) => sum + rows(Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)),
    0,
  );
}

/** Unpacks the pixels once, no further than they may go: the decoder has no such limit. */
function checkPixels(packed: Buffer, size: number, fail: Fail): void {
  let got: number;
  try {
    got = inflateSync(packed, { maxOutputLength: size }).length;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw fail(`its pixels unpack to more than the ${size} bytes of its size; ${MEND}`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw fail(`its pixels cannot be unpacked (${reason}); it is damaged: ${MEND}`);
  }
  if (got < size) throw fail(`its pixels unpack to ${got} bytes, expected ${size}; ${MEND}`);
}
