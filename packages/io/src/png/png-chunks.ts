import { zlibSync } from 'fflate';
import { crc32Of } from '../crc32.js';
import { inflated } from '../inflate.js';
import { isTooDense, type PngLimits, raise } from '../limits.js';
import { type Fail, reasonOf } from '../messages.js';

/*
 * Here a PNG is checked before a decoder sees it: https://www.w3.org/TR/png-3/#5DataRep. The
 * decoder believes the last header that it meets, and unpacks whatever is packed; it gets a file of one
 * header and one chunk of pixels, unpacked, which are as many as that header says.
 */

/** The fields of the chunk IHDR. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample, or of an index into the palette. */
  readonly depth: number;
  readonly colour: Colour;
  readonly interlaced: boolean;
}

/** The kinds of pixels, by the samples that each has. */
type Colour = 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';

/** A PNG whose parts have been found right. */
export interface CheckedPng {
  readonly header: PngHeader;
  /** A PNG of header and pixels, and nothing else. */
  readonly bare: Uint8Array;
  /** Three bytes for each colour; empty where there is none. */
  readonly palette: Uint8Array;
  /**
   * Of a palette, the opacities of its first colours; else the one transparent colour, a 16-bit number
   * for each sample; null where all is opaque or pixels have an alpha of their own.
   */
  readonly transparency: Uint8Array | null;
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Length, type and checksum of a chunk, 4 bytes each. */
const CHUNK_FRAME = 12;
const HEADER_BYTES = 13;
const MAX_COLOURS = 256;

interface Kind {
  readonly colour: Colour;
  readonly samples: number;
  readonly depths: readonly number[];
}

/** By the number that IHDR has for it. */
const KINDS: Readonly<Record<number, Kind>> = {
  0: { colour: 'grey', samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { colour: 'rgb', samples: 3, depths: [8, 16] },
  3: { colour: 'palette', samples: 1, depths: [1, 2, 4, 8] },
  4: { colour: 'grey-alpha', samples: 2, depths: [8, 16] },
  6: { colour: 'rgb-alpha', samples: 4, depths: [8, 16] },
};

const MEND = 'save or download it again';

/**
 * Checks the frame of a PNG: signature, chunks, their order and checksums, header, palette, and that
 * the packed pixels are as many as the header says. Chunks that the pixels don't depend on, such as
 * profiles, texts, times and frames of films, are passed over.
 * @param bytes The file.
 * @throws What `fail` makes of the problem.
 */
export function checkPng(bytes: Uint8Array, limits: PngLimits, fail: Fail): CheckedPng {
  // Not the bytes as they come: of a Buffer, whose methods mean other things, parts are Buffers.
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!SIGNATURE.every((byte, i) => byte === file[i])) throw fail(noPng(file));
  const reader = new ChunkReader(file, limits, fail);
  for (const chunk of chunksOf(file, limits, fail)) reader.read(chunk);
  return reader.finish();
}

/** Tells by its first bytes which kind of file it is that is no PNG. */
function noPng(file: Uint8Array): string {
  const start = textOf(file.subarray(0, 12));
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

/** Where a chunk lies: no view of it is made, as there may be very many. */
interface Chunk {
  readonly type: string;
  /** The first byte of its frame. */
  readonly at: number;
  /** Where its data begin, and the byte behind them. */
  readonly start: number;
  readonly end: number;
}

/** The chunks up to IEND, which has to be there. */
function* chunksOf(file: Uint8Array, { maxChunks }: PngLimits, fail: Fail): Iterable<Chunk> {
  let at = SIGNATURE.length;
  for (let count = 1; count <= maxChunks; count++) {
    const left = file.length - at;
    const length = left < CHUNK_FRAME ? 0 : uint32At(file, at);
    if (length + CHUNK_FRAME > left) {
      throw fail(`it ends within a chunk, at byte ${file.length}; it is truncated: ${MEND}`);
    }
    const type = textOf(file.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) throw fail(`byte ${at + 4} begins no chunk; ${MEND}`);
    const start = at + 8;
    const end = start + length;
    yield { type, at, start, end };
    if (type === 'IEND') return;
    at = end + 4;
  }
  throw fail(
    `it has more than ${maxChunks} chunks; save it again by another program, or, ` +
      raise('maxChunks', 2 * maxChunks),
  );
}

/** Takes the chunks one by one, and holds their order against the specification's. */
class ChunkReader {
  readonly #file: Uint8Array;
  readonly #limits: PngLimits;
  readonly #fail: Fail;
  #header: { readonly header: PngHeader; readonly size: number; readonly data: Uint8Array } | null =
    null;
  #palette: Uint8Array | null = null;
  #transparency: Uint8Array | null = null;
  /** The data of all chunks IDAT, of which the first `#packedBytes` are there. */
  readonly #packed: Uint8Array;
  #packedBytes = 0;
  #last = '';
  #hasPixels = false;

  constructor(file: Uint8Array, limits: PngLimits, fail: Fail) {
    this.#file = file;
    this.#limits = limits;
    this.#fail = fail;
    this.#packed = new Uint8Array(file.length);
  }

  read(chunk: Chunk): void {
    const { type } = chunk;
    if (!this.#header && type !== 'IHDR') {
      throw this.#fail(`expected the chunk IHDR first, got ${type}; ${MEND}`);
    }
    switch (type) {
      case 'IHDR':
        this.#expectFirst(chunk, this.#header !== null);
        this.#header = readHeader(this.#dataOf(chunk), this.#limits, this.#fail);
        break;
      case 'PLTE':
        this.#expectFirst(chunk, this.#palette !== null);
        this.#expectBefore(chunk, this.#hasPixels ? 'IDAT' : this.#transparency && 'tRNS');
        this.#palette = this.#dataOf(chunk);
        break;
      case 'tRNS':
        this.#expectFirst(chunk, this.#transparency !== null);
        this.#expectBefore(chunk, this.#hasPixels ? 'IDAT' : null);
        this.#transparency = this.#dataOf(chunk);
        break;
      case 'IDAT':
        if (this.#hasPixels && this.#last !== type) {
          throw this.#fail(
            `expected its chunks IDAT one behind the other, got ${this.#last} between them, before ` +
              `byte ${chunk.at}; ${MEND}`,
          );
        }
        this.#hasPixels = true;
        this.#append(this.#dataOf(chunk));
        break;
      case 'IEND':
        break;
      default:
        // A capital says that the picture can't be understood without it.
        if (/^[A-Z]/.test(type)) {
          throw this.#fail(`its chunk ${type} is none that PNG has; save it again as a plain PNG`);
        }
    }
    this.#last = type;
  }

  finish(): CheckedPng {
    // chunksOf gives IEND, which read refuses before a header.
    if (!this.#header) throw this.#fail(`it ends before its header; it is truncated: ${MEND}`);
    const { header, size, data } = this.#header;
    const packed = this.#packed.subarray(0, this.#packedBytes);
    if (isTooDense({ unpacked: size, packed: packed.length }, this.#limits.maxRatio)) {
      throw this.#fail(
        `its ${header.width} × ${header.height} pixels take ${size} bytes, packed into ` +
          `${packed.length}; expected at most ${this.#limits.maxRatio} from one byte: make it smaller, ` +
          `or, ${raise('maxRatio', size / packed.length)}`,
      );
    }
    const pixels = unpackPixels(packed, size, this.#fail);
    const palette = checkPalette(header, this.#palette, this.#fail);
    return {
      header,
      bare: barePng(data, pixels),
      palette,
      transparency: checkTransparency(header, palette, this.#transparency, this.#fail),
    };
  }

  #append(data: Uint8Array): void {
    this.#packed.set(data, this.#packedBytes);
    this.#packedBytes += data.length;
  }

  /** The data of a chunk whose checksum is right. */
  #dataOf({ type, at, start, end }: Chunk): Uint8Array {
    // Over type and data.
    if (crc32Of(this.#file.subarray(at + 4, end)) !== uint32At(this.#file, end)) {
      throw this.#fail(
        `its chunk ${type} at byte ${at} has a wrong checksum; it is damaged: ${MEND}`,
      );
    }
    return this.#file.subarray(start, end);
  }

  #expectFirst({ type, at }: Chunk, isThere: boolean): void {
    if (isThere) {
      throw this.#fail(`expected one chunk ${type}, got a second at byte ${at}; ${MEND}`);
    }
  }

  #expectBefore({ type, at }: Chunk, other: string | null): void {
    if (other) {
      throw this.#fail(`expected its chunk ${type} before ${other}, got it at byte ${at}; ${MEND}`);
    }
  }
}

/**
 * A file of three chunks for the decoder, which isn't asked to look at their checksums. The pixels are
 * stored in zlib's form, not packed, so that they are unpacked once only.
 */
function barePng(header: Uint8Array, pixels: Uint8Array): Uint8Array {
  const chunks = [
    ['IHDR', header],
    ['IDAT', zlibSync(pixels, { level: 0 })],
    ['IEND', new Uint8Array(0)],
  ] as const;
  const size = chunks.reduce((sum, [, data]) => sum + CHUNK_FRAME + data.length, SIGNATURE.length);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  file.set(SIGNATURE);
  let at = SIGNATURE.length;
  for (const [type, data] of chunks) {
    view.setUint32(at, data.length);
    file.set(new TextEncoder().encode(type), at + 4);
    file.set(data, at + 8);
    at += CHUNK_FRAME + data.length;
  }
  return file;
}

function uint32At(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

/** A character for each byte. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** @returns The header, its bytes, and how many bytes its pixels unpack to. */
function readHeader(
  data: Uint8Array,
  { maxPixels, maxBytes }: PngLimits,
  fail: Fail,
): { header: PngHeader; size: number; data: Uint8Array } {
  if (data.length !== HEADER_BYTES) {
    throw fail(`expected a header of ${HEADER_BYTES} bytes, got ${data.length}; ${MEND}`);
  }
  const [width, height] = [uint32At(data, 0), uint32At(data, 4)];
  const [depth, colourNumber, compression, filter, interlace] = data.subarray(8);
  const kind = KINDS[Number(colourNumber)];
  if (!kind || depth === undefined || !kind.depths.includes(depth) || Number(interlace) > 1) {
    throw fail(
      `its header has a depth of ${depth} bits, colour type ${colourNumber}, interlacing ` +
        `${interlace}, which PNG doesn't have; ${MEND}`,
    );
  }
  if (compression !== 0 || filter !== 0) {
    throw fail(
      `its header has compression ${compression} and filters ${filter}, of which PNG has 0 only; ` +
        MEND,
    );
  }
  if (width === 0 || height === 0) {
    throw fail(`its header claims ${width} × ${height} pixels, expected at least one; ${MEND}`);
  }
  if (width * height > maxPixels) {
    throw fail(
      `its header claims ${width} × ${height} pixels, expected at most ${maxPixels}; make it ` +
        `smaller, or cut the digit out; ${raise('maxPixels', width * height)}`,
    );
  }
  const interlaced = interlace === 1;
  const { colour, samples } = kind;
  const header: PngHeader = { width, height, depth, colour, interlaced };
  if (interlaced && depth < 8) {
    throw fail(`interlaced images of ${depth} bits are not read; save it without interlacing`);
  }
  const size = packedSize(header, samples);
  if (size > maxBytes) {
    throw fail(
      `its ${width} × ${height} pixels take ${size} bytes, expected at most ${maxBytes}; make it ` +
        `smaller, or save it in grey with 8 bits; ${raise('maxBytes', size)}`,
    );
  }
  return { header, size, data };
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

/** Unpacks the pixels, no further than they may go: the decoder has no such limit. */
function unpackPixels(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
  const pixels = new Uint8Array(size);
  let got = 0;
  try {
    expectZlib(packed);
    for (const part of inflated(packed.subarray(ZLIB_HEADER, -ZLIB_CHECKSUM))) {
      pixels.set(part.subarray(0, size - got), got);
      got += part.length;
      if (got > size) break;
    }
  } catch (error) {
    throw fail(`its pixels cannot be unpacked (${reasonOf(error)}); it is damaged: ${MEND}`);
  }
  if (got > size) {
    throw fail(`its pixels unpack to more than the ${size} bytes of its size; ${MEND}`);
  }
  if (got < size) throw fail(`its pixels unpack to ${got} bytes, expected ${size}; ${MEND}`);
  return pixels;
}

/** Bytes of zlib's form before and behind what is deflated: RFC 1950. */
const ZLIB_HEADER = 2;
const ZLIB_CHECKSUM = 4;

/** Method 8, deflate, with no dictionary, in a header that 31 divides. */
function expectZlib([method = 0, flags = 0]: Uint8Array): void {
  const isHeader = (method & 15) === 8 && (flags & 32) === 0 && (256 * method + flags) % 31 === 0;
  if (!isHeader) throw new Error('incorrect header check');
}

/** Colours of the palette; in a picture of another kind they are a suggestion, which nobody needs. */
function checkPalette({ colour }: PngHeader, palette: Uint8Array | null, fail: Fail): Uint8Array {
  if (colour !== 'palette') return new Uint8Array(0);
  const bytes = palette?.length ?? 0;
  if (!palette || bytes === 0 || bytes % 3 !== 0 || bytes > 3 * MAX_COLOURS) {
    throw fail(
      `expected a palette of 1 to ${MAX_COLOURS} colours, 3 bytes each, got ` +
        `${palette ? `${bytes} bytes` : 'none'}; ${MEND}`,
    );
  }
  return palette;
}

function checkTransparency(
  { colour }: PngHeader,
  palette: Uint8Array,
  transparency: Uint8Array | null,
  fail: Fail,
): Uint8Array | null {
  if (!transparency) return null;
  const bytes = transparency.length;
  const expected = {
    grey: bytes === 2 ? null : '2 bytes, its transparent grey',
    rgb: bytes === 6 ? null : '6 bytes, its transparent colour',
    palette:
      bytes <= palette.length / 3
        ? null
        : `at most a byte for each of ${palette.length / 3} colours`,
    'grey-alpha': 'none beside the alpha of its pixels',
    'rgb-alpha': 'none beside the alpha of its pixels',
  }[colour];
  if (expected !== null) {
    throw fail(`its chunk tRNS has ${bytes} bytes; expected ${expected}: ${MEND}`);
  }
  return transparency;
}
