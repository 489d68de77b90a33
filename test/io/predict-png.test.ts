import { deflateSync } from 'node:zlib';
import { FileFormatError, UnfoldError } from '@unfold/core';
import { digitFromImage } from '@unfold/train';
import { type Picture, readPng } from '@unfold/io';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { darkOnLight, onNothing, oneBit, strokes } from '../support/files/pictures.js';
import { chunk, COLOUR, header, pngOf, pngOfChunks, type PngParts } from '../support/files/png.js';
import { refuse } from '../support/refuse.js';

/** Rounded, so that it can be compared. */
function read(parts: PngParts): { grey: number[]; alpha: number[] | null } {
  const picture = readPng(pngOf(parts));
  expect([picture.width, picture.height]).toEqual([parts.width, parts.height]);
  const rounded = (values: Float32Array): number[] =>
    Array.from(values, (value) => Math.round(1e4 * value) / 1e4);
  return { grey: rounded(picture.grey), alpha: picture.alpha && rounded(picture.alpha) };
}

const opaque = (grey: readonly number[]) => ({ grey, alpha: null });
const size = { width: 3, height: 2 };

describe('readPng', () => {
  it('reads grey of 1, 2, 4, 8 and 16 bits', () => {
    const grey = { ...size, colour: COLOUR.grey };
    expect(
      read({
        ...grey,
        depth: 1,
        rows: [
          [0, 0b10100000],
          [0, 0b01000000],
        ],
      }),
    ).toEqual(opaque([1, 0, 1, 0, 1, 0]));
    expect(
      read({
        ...grey,
        depth: 2,
        rows: [
          [0, 0b00011011],
          [0, 0b11001100],
        ],
      }),
    ).toEqual(opaque([0, 0.3333, 0.6667, 1, 0, 1]));
    expect(
      read({
        ...grey,
        depth: 4,
        rows: [
          [0, 0x0f, 0x30],
          [0, 0x6a, 0xc0],
        ],
      }),
    ).toEqual(opaque([0, 1, 0.2, 0.4, 0.6667, 0.8]));
    expect(
      read({
        ...grey,
        depth: 8,
        rows: [
          [0, 0, 51, 102],
          [0, 153, 204, 255],
        ],
      }),
    ).toEqual(opaque([0, 0.2, 0.4, 0.6, 0.8, 1]));
    const sixteen = [
      [0, 0, 0, 0, 255, 255, 0],
      [0, 255, 255, 128, 0, 0, 1],
    ];
    expect(read({ ...grey, depth: 16, rows: sixteen })).toEqual(
      opaque([0, 0.0039, 0.9961, 1, 0.5, 0]),
    );
  });

  it('reads rows of nine pixels of 1 bit, which fill their bytes up', () => {
    const rows = [
      [0, 0b10000001, 0b10000000],
      [0, 0b00000000, 0b01111111],
    ];
    expect(read({ width: 9, height: 2, depth: 1, colour: COLOUR.grey, rows }).grey).toEqual([
      1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it('turns colours into luma', () => {
    const rgb = { width: 3, height: 1, colour: COLOUR.rgb, depth: 8 };
    const rows = [[0, 255, 0, 0, 0, 255, 0, 0, 0, 255]];
    expect(read({ ...rgb, rows })).toEqual(opaque([0.2126, 0.7152, 0.0722]));
    const deep = [[0, 255, 255, 0, 0, 0, 0]];
    expect(read({ ...rgb, width: 1, depth: 16, rows: deep })).toEqual(opaque([0.2126]));
  });

  it('reads palettes of 1 to 8 bits, with and without transparency', () => {
    const chunks = [chunk('PLTE', [255, 255, 255, 0, 0, 0, 0, 255, 0])];
    const palette = { ...size, colour: COLOUR.palette, chunks };
    expect(
      read({
        ...palette,
        depth: 2,
        rows: [
          [0, 0b00011000],
          [0, 0b10010000],
        ],
      }),
    ).toEqual(opaque([1, 0, 0.7152, 0.7152, 0, 1]));
    const clear = [...chunks, chunk('tRNS', [0, 51])];
    const rows = [
      [0, 0, 1, 2],
      [0, 2, 1, 0],
    ];
    expect(read({ ...palette, chunks: clear, depth: 8, rows })).toEqual({
      grey: [1, 0, 0.7152, 0.7152, 0, 1],
      alpha: [0, 0.2, 1, 1, 0.2, 0],
    });
  });

  it('reads alpha, of pixels and of one transparent colour', () => {
    const one = { width: 2, height: 1 };
    const grey = [[0, 255, 51, 0, 255]];
    expect(read({ ...one, colour: COLOUR.greyAlpha, depth: 8, rows: grey })).toEqual({
      grey: [1, 0],
      alpha: [0.2, 1],
    });
    const rgb = [[0, 255, 0, 0, 0, 0, 255, 0, 255]];
    expect(read({ ...one, colour: COLOUR.rgbAlpha, depth: 8, rows: rgb })).toEqual({
      grey: [0.2126, 0.7152],
      alpha: [0, 1],
    });
    const opaqueRows = [[0, 9, 255, 8, 255]];
    expect(read({ ...one, colour: COLOUR.greyAlpha, depth: 8, rows: opaqueRows }).alpha).toBe(null);
    const clearGrey = { chunks: [chunk('tRNS', [0, 7])], rows: [[0, 7, 8]] };
    expect(read({ ...one, colour: COLOUR.grey, depth: 8, ...clearGrey }).alpha).toEqual([0, 1]);
    const clearRgb = {
      chunks: [chunk('tRNS', [0, 1, 0, 2, 0, 3])],
      rows: [[0, 1, 2, 3, 1, 2, 4, 1, 2, 3]],
    };
    expect(read({ width: 3, height: 1, colour: COLOUR.rgb, depth: 8, ...clearRgb }).alpha).toEqual([
      0, 1, 0,
    ]);
  });

  it('undoes the five filters', () => {
    const rows = [
      [1, 10, 10, 10],
      [2, 1, 1, 1],
      [3, 10, 10, 10],
      [4, 5, 5, 5],
      [0, 1, 2, 3],
    ];
    const parts = { width: 3, height: 5, depth: 8, colour: COLOUR.grey, rows };
    const bytes = Array.from(readPng(pngOf(parts)).grey, (value) => Math.round(255 * value));
    // Sub; up; the mean of left and above; Paeth, whose guess here is: above, then left or above.
    expect(bytes).toEqual([10, 20, 30, 11, 21, 31, 15, 28, 39, 20, 33, 44, 1, 2, 3]);
  });

  it('reads Adam7, also of images in which passes are empty', () => {
    const parts = { width: 3, height: 2, depth: 8, colour: COLOUR.grey, interlace: 1 };
    // Passes 1, 4, 6, 7; none of the others has a pixel.
    const rows = [
      [0, 1],
      [0, 3],
      [0, 2],
      [0, 4, 5, 6],
    ];
    const bytes = Array.from(readPng(pngOf({ ...parts, rows })).grey, (v) => Math.round(255 * v));
    expect(bytes).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads pixels that are cut into many chunks, some of them empty', () => {
    const packed = deflateSync(Buffer.from([0, 51, 102, 153]));
    const cut = Array.from(packed, (byte) => [chunk('IDAT', [byte]), chunk('IDAT', [])]).flat();
    const grey = header({ width: 3, height: 1, depth: 8, colour: COLOUR.grey });
    const values = [...readPng(pngOfChunks(grey, ...cut)).grey];
    expect(values.map((value) => Math.round(255 * value))).toEqual([51, 102, 153]);
  });

  it('reads a transparent colour of a single pixel', () => {
    const clear = [chunk('tRNS', [0, 1, 0, 2, 0, 3])];
    const one = { width: 1, height: 1, depth: 8, colour: COLOUR.rgb, chunks: clear };
    expect(read({ ...one, rows: [[0, 1, 2, 3]] }).alpha).toEqual([0]);
  });

  it('passes over profiles and texts, however much they would unpack to', () => {
    const bomb = Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(2 ** 22))]);
    const chunks = [chunk('iCCP', bomb), chunk('tEXt', Buffer.from('no end')), chunk('acTL', [])];
    const parts = { width: 1, height: 1, depth: 8, colour: COLOUR.grey, rows: [[0, 255]], chunks };
    expect(read(parts)).toEqual(opaque([1]));
  });
});

describe('readPng refuses', () => {
  const parts = {
    ...size,
    depth: 8,
    colour: COLOUR.grey,
    rows: [
      [0, 1, 2, 3],
      [0, 4, 5, 6],
    ],
  };
  const whole = pngOf(parts);
  const again = 'save or download it again';
  const png =
    (bytes: Uint8Array): (() => Picture) =>
    () =>
      readPng(bytes, 'a.png');
  const claims = (fields: Partial<PngParts>): (() => Picture) =>
    png(pngOfChunks(header({ ...parts, ...fields }), chunk('IDAT', deflateSync(Buffer.alloc(1)))));
  const pixels = chunk('IDAT', deflateSync(Buffer.from(parts.rows.flat())));
  const colours = chunk('PLTE', [0, 0, 0, 9, 9, 9]);
  const withByte = (at: number, value: number): Uint8Array => {
    const bytes = whole.slice();
    bytes[at] = value;
    return bytes;
  };
  const no = (looks: string): string =>
    `a.png: expected a PNG image, but it ${looks}; save the picture as PNG`;

  refuse({
    'an empty file': [png(new Uint8Array()), FileFormatError, no('is empty')],
    'a JPEG': [png(Uint8Array.of(255, 216, 255, 224)), FileFormatError, no('looks like a JPEG')],
    'a WebP': [png(Buffer.from('RIFF....WEBPVP8')), FileFormatError, no('looks like a WebP')],
    'an SVG': [png(Buffer.from('<svg width="2"/>')), FileFormatError, no('looks like an SVG')],
    text: [png(Buffer.from('digits')), FileFormatError, no('begins otherwise')],
    'a signature alone': [
      png(whole.slice(0, 8)),
      FileFormatError,
      `a.png: it ends within a chunk, at byte 8; it is truncated: ${again}`,
    ],
    'a truncated file': [
      png(whole.slice(0, -5)),
      FileFormatError,
      `a.png: it ends within a chunk, at byte ${whole.length - 5}; it is truncated: ${again}`,
    ],
    'no header': [
      png(pngOfChunks(chunk('IDAT', []))),
      FileFormatError,
      `a.png: expected the chunk IHDR first, got IDAT; ${again}`,
    ],
    'a short header': [
      png(pngOfChunks(chunk('IHDR', [0, 0, 0, 1]))),
      FileFormatError,
      `a.png: expected a header of 13 bytes, got 4; ${again}`,
    ],
    'an odd chunk': [
      png(pngOfChunks(header(parts), chunk('I\0AT', []))),
      FileFormatError,
      `a.png: byte 37 begins no chunk; ${again}`,
    ],
    '60,000 × 60,000 pixels': [
      claims({ width: 60_000, height: 60_000 }),
      FileFormatError,
      'a.png: its header claims 60000 × 60000 pixels, expected at most 67108864; make it smaller, or ' +
        'cut the digit out; if you trust the file, pass limits: { maxPixels: 3600000000 }',
    ],
    'no pixels': [
      claims({ height: 0 }),
      FileFormatError,
      `a.png: its header claims 3 × 0 pixels, expected at least one; ${again}`,
    ],
    'too many bytes': [
      claims({ width: 8192, height: 8192, depth: 16, colour: COLOUR.rgb }),
      FileFormatError,
      'a.png: its 8192 × 8192 pixels take 402661376 bytes, expected at most 268435456; make it ' +
        'smaller, or save it in grey with 8 bits; if you trust the file, pass limits: ' +
        '{ maxBytes: 402661376 }',
    ],
    'a depth that PNG lacks': [
      claims({ depth: 2, colour: COLOUR.rgb }),
      FileFormatError,
      'a.png: its header has a depth of 2 bits, colour type 2, interlacing 0, which PNG ' +
        `doesn't have; ${again}`,
    ],
    'a colour type that PNG lacks': [
      claims({ colour: 5 }),
      FileFormatError,
      'a.png: its header has a depth of 8 bits, colour type 5, interlacing 0, which PNG ' +
        `doesn't have; ${again}`,
    ],
    'interlacing of few bits': [
      claims({ depth: 4, interlace: 1 }),
      FileFormatError,
      'a.png: interlaced images of 4 bits are not read; save it without interlacing',
    ],
    'too few pixels': [
      claims({}),
      FileFormatError,
      `a.png: its pixels unpack to 1 bytes, expected 8; ${again}`,
    ],
    'pixels without end': [
      png(pngOf({ ...parts, rows: [...parts.rows, new Array<number>(2 ** 16).fill(0)] })),
      FileFormatError,
      `a.png: its pixels unpack to more than the 8 bytes of its size; ${again}`,
    ],
    'pixels that are not packed': [
      png(pngOfChunks(header(parts), chunk('IDAT', [1, 2, 3]))),
      FileFormatError,
      `a.png: its pixels cannot be unpacked (incorrect header check); it is damaged: ${again}`,
    ],
    'an unknown filter': [
      png(
        pngOf({
          ...parts,
          rows: [
            [7, 1, 2, 3],
            [0, 4, 5, 6],
          ],
        }),
      ),
      FileFormatError,
      `a.png: it is a damaged PNG (Unsupported filter: 7); ${again}`,
    ],
    'a colour outside the palette': [
      png(pngOf({ ...parts, colour: COLOUR.palette, chunks: [chunk('PLTE', [0, 0, 0, 9, 9, 9])] })),
      FileFormatError,
      `a.png: pixel 1 has colour 2 of a palette of 2; it is damaged: ${again}`,
    ],
    'no palette': [
      png(pngOf({ ...parts, colour: COLOUR.palette })),
      FileFormatError,
      `a.png: expected a palette of 1 to 256 colours, 3 bytes each, got none; ${again}`,
    ],
    'half a colour': [
      png(pngOf({ ...parts, colour: COLOUR.palette, chunks: [chunk('PLTE', [1, 2, 3, 4])] })),
      FileFormatError,
      `a.png: expected a palette of 1 to 256 colours, 3 bytes each, got 4 bytes; ${again}`,
    ],
    'a second header': [
      png(pngOfChunks(header(parts), header({ ...parts, width: 2 ** 31 }), pixels)),
      FileFormatError,
      `a.png: expected one chunk IHDR, got a second at byte 33; ${again}`,
    ],
    'the same header twice': [
      png(pngOfChunks(header(parts), header(parts), pixels)),
      FileFormatError,
      `a.png: expected one chunk IHDR, got a second at byte 33; ${again}`,
    ],
    'a header behind the pixels': [
      png(pngOfChunks(header(parts), pixels, header({ ...parts, depth: 16 }))),
      FileFormatError,
      `a.png: expected one chunk IHDR, got a second at byte ${33 + pixels.length}; ${again}`,
    ],
    'a second palette': [
      png(pngOf({ ...parts, colour: COLOUR.palette, chunks: [colours, colours] })),
      FileFormatError,
      `a.png: expected one chunk PLTE, got a second at byte 51; ${again}`,
    ],
    'a palette behind the pixels': [
      png(pngOfChunks(header({ ...parts, colour: COLOUR.palette }), pixels, colours)),
      FileFormatError,
      `a.png: expected its chunk PLTE before IDAT, got it at byte ${33 + pixels.length}; ${again}`,
    ],
    'opacities before their palette': [
      png(pngOf({ ...parts, colour: COLOUR.palette, chunks: [chunk('tRNS', [0]), colours] })),
      FileFormatError,
      `a.png: expected its chunk PLTE before tRNS, got it at byte 46; ${again}`,
    ],
    'transparency behind the pixels': [
      png(pngOfChunks(header(parts), pixels, chunk('tRNS', [0, 1]))),
      FileFormatError,
      `a.png: expected its chunk tRNS before IDAT, got it at byte ${33 + pixels.length}; ${again}`,
    ],
    'more opacities than colours': [
      png(pngOf({ ...parts, colour: COLOUR.palette, chunks: [colours, chunk('tRNS', [1, 2, 3])] })),
      FileFormatError,
      'a.png: its chunk tRNS has 3 bytes; expected at most a byte for each of 2 colours: ' + again,
    ],
    'a transparent grey of one byte': [
      png(pngOf({ ...parts, chunks: [chunk('tRNS', [1])] })),
      FileFormatError,
      `a.png: its chunk tRNS has 1 bytes; expected 2 bytes, its transparent grey: ${again}`,
    ],
    'a transparent colour of two samples': [
      png(
        pngOf({
          ...parts,
          width: 1,
          colour: COLOUR.rgb,
          rows: parts.rows,
          chunks: [chunk('tRNS', [0, 1, 0, 2])],
        }),
      ),
      FileFormatError,
      `a.png: its chunk tRNS has 4 bytes; expected 6 bytes, its transparent colour: ${again}`,
    ],
    'transparency twice over': [
      png(
        pngOf({
          ...parts,
          width: 1,
          height: 1,
          colour: COLOUR.greyAlpha,
          rows: [[0, 1, 2]],
          chunks: [chunk('tRNS', [0, 1])],
        }),
      ),
      FileFormatError,
      `a.png: its chunk tRNS has 2 bytes; expected none beside the alpha of its pixels: ${again}`,
    ],
    'pixels with something between': [
      png(pngOfChunks(header(parts), pixels, chunk('tEXt', [65, 0]), pixels)),
      FileFormatError,
      'a.png: expected its chunks IDAT one behind the other, got tEXt between them, before byte ' +
        `${33 + pixels.length + 14}; ${again}`,
    ],
    'a chunk that has to be understood': [
      png(pngOfChunks(header(parts), chunk('CgBI', [1]), pixels)),
      FileFormatError,
      'a.png: its chunk CgBI is none that PNG has; save it again as a plain PNG',
    ],
    'another compression': [
      png(pngOfChunks(chunk('IHDR', [0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 1, 0, 0]), pixels)),
      FileFormatError,
      `a.png: its header has compression 1 and filters 0, of which PNG has 0 only; ${again}`,
    ],
    'a million chunks without pixels': [
      png(pngOfChunks(header(parts), Buffer.alloc(12e6, chunk('IDAT', [])), pixels)),
      FileFormatError,
      'a.png: it has more than 65536 chunks; save it again by another program, or, if you trust the ' +
        'file, pass limits: { maxChunks: 131072 }',
    ],
    'many pixels out of few bytes': [
      png(
        pngOfChunks(
          header({ ...parts, width: 2 ** 13, height: 2 ** 13 }),
          chunk('IDAT', deflateSync(Buffer.alloc(1000))),
        ),
      ),
      FileFormatError,
      'a.png: its 8192 × 8192 pixels take 67117056 bytes, packed into 17; expected at most 200 from ' +
        'one byte: make it smaller, or, if you trust the file, pass limits: { maxRatio: 3948063 }',
    ],
  });

  it('a changed byte, by the checksums', () => {
    // The last of the width, and one of the checksum of IHDR.
    expect(png(withByte(19, 4))).toThrow(
      /chunk IHDR at byte 8 has a wrong checksum; it is damaged/,
    );
    expect(png(withByte(30, 1))).toThrow(/chunk IHDR at byte 8 has a wrong checksum/);
    expect(png(withByte(45, 7))).toThrow(/chunk IDAT at byte 33 has a wrong checksum/);
  });

  it('what its limits say, which can be raised and lowered', () => {
    const limited = (limits: object) => () => readPng(whole, 'a.png', { limits });
    expect(limited({ maxPixels: 5 })).toThrow(
      'its header claims 3 × 2 pixels, expected at most 5; make it smaller, or cut the digit out; if ' +
        'you trust the file, pass limits: { maxPixels: 6 }',
    );
    expect(limited({ maxBytes: 7 })).toThrow(/take 8 bytes, expected at most 7/);
    expect(limited({ maxChunks: 2 })).toThrow(/more than 2 chunks/);
    const enough = { maxPixels: 6, maxBytes: 8, maxChunks: 3, maxRatio: Infinity };
    expect(limited(enough)()).toEqual(readPng(whole));
    expect(limited({ maxPixel: 5 })).toThrow(
      "readPng: limits: unknown option 'maxPixel'; did you mean maxPixels? The options are maxBytes, maxRatio, maxPixels, " +
        'maxChunks',
    );
    expect(limited({ maxPixels: -1 })).toThrow(
      'readPng: limits: maxPixels must be an integer from 1, or Infinity, got -1',
    );
    expect(() => readPng(whole, 'a.png', JSON.parse('{ "maxPixels": 5 }'))).toThrow(
      "readPng: unknown option 'maxPixels'; the options are limits",
    );
    expect(() => readPng(whole, JSON.parse('{ "limits": {} }'))).toThrow(
      'options come third: readPng(bytes, name, { limits })',
    );
  });
});

describe('damaged files', { timeout: 60_000 }, () => {
  const drawing = strokes({ width: 30, height: 40, pen: 4 }, [
    [
      [6, 8],
      [24, 8],
      [12, 34],
    ],
  ]);
  const interlaced = {
    width: 2,
    height: 2,
    depth: 8,
    colour: COLOUR.rgb,
    interlace: 1,
    rows: [
      [0, 9, 8, 7],
      [1, 7, 7, 7],
      [2, 1, 2, 3, 4, 5, 6],
    ],
  };
  const files: readonly [string, Uint8Array][] = [
    ['grey', darkOnLight(drawing)],
    ['palette', oneBit(drawing)],
    ['alpha', onNothing(drawing, [200, 0, 0])],
    ['interlaced', pngOf(interlaced)],
  ];

  /** Whether a file is read; any error but a typed one fails the test. */
  function isRead(bytes: Uint8Array): boolean {
    try {
      const picture = readPng(bytes);
      for (const values of [picture.grey, picture.alpha ?? []]) {
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
      }
      digitFromImage(picture);
      return true;
    } catch (error) {
      if (error instanceof UnfoldError) return false;
      throw error;
    }
  }

  it.each(files)('%s: truncated at any length is refused', (_, whole) => {
    readPng(whole);
    for (let length = 0; length < whole.length; length++) {
      expect(isRead(whole.subarray(0, length)), String(length)).toBe(false);
    }
  });

  it.each(files)('%s: a changed bit is refused, or one that makes no difference', (_, whole) => {
    const before = readPng(whole);
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [0x01, 0x20, 0x80]) {
        const bytes = whole.slice();
        bytes[at] = Number(bytes[at]) ^ bit;
        let after: Picture | undefined;
        try {
          after = readPng(bytes);
        } catch (error) {
          expect(error, String(at)).toBeInstanceOf(UnfoldError);
        }
        if (after) expect({ at, ...after }).toEqual({ at, ...before });
      }
    }
  });

  it('any bytes after a right signature and header are read or refused', () => {
    const parts = fc.record({
      width: fc.integer({ min: 0, max: 40 }),
      height: fc.integer({ min: 0, max: 40 }),
      depth: fc.constantFrom(1, 2, 4, 8, 16, 3),
      colour: fc.constantFrom(0, 2, 3, 4, 6, 1),
      interlace: fc.constantFrom(0, 1, 2),
    });
    const others = fc.array(
      fc
        .tuple(
          fc.constantFrom('PLTE', 'tRNS', 'IDAT', 'IHDR', 'iCCP', 'zTXt'),
          fc.uint8Array({ maxLength: 30 }),
        )
        .map(([type, data]) => chunk(type, data)),
      { maxLength: 3 },
    );
    const pixels = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(parts, others, pixels, (fields, chunks, data) => {
        isRead(pngOfChunks(header(fields), ...chunks, chunk('IDAT', deflateSync(data))));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});
