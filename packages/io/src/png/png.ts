import { ConfigError, type OptionRules } from '@unfold/core';
import { decode, type DecodedPng } from 'fast-png';
import { checkedInUse, checkOptions, valueText } from '@unfold/core/internal';
import { requireBytes } from '../arguments.js';
import { completeLimits, PNG_LIMITS, type PngLimits } from '../limits.js';
import { type Fail, failIn, reasonOf } from '../messages.js';
import type { Picture } from './picture.js';
import { type CheckedPng, checkPng, type PngHeader } from './png-chunks.js';

/** Options of `readPng`. */
export interface ReadPngOptions {
  /**
   * How much a picture may take. Defaults: 2^26 pixels (`maxPixels`), 256 MiB of samples (`maxBytes`),
   * 200 bytes from one that is packed (`maxRatio`, above 64 MiB), 65,536 chunks (`maxChunks`).
   */
  readonly limits?: Partial<PngLimits>;
}

const OPTIONS: OptionRules<ReadPngOptions> = { limits: checkedInUse };

/**
 * Reads a PNG of any kind (grey, RGB, palette, with or without alpha, 1 to 16 bits; interlaced from
 * 8 bits on) as luma: 0.2126 R + 0.7152 G + 0.0722 B of the values as they are stored. Colour profiles
 * are not looked at.
 * @param bytes The file.
 * @param name What the errors call it.
 * @returns Grey and alpha from 0 to 1.
 * @throws FileFormatError if it is no PNG, damaged, or beyond the limits, which its header tells before
 * anything is unpacked; ConfigError for an unknown option or limit.
 */
export function readPng(bytes: Uint8Array, name = 'png', options: ReadPngOptions = {}): Picture {
  requireBytes('readPng', bytes);
  if (typeof name !== 'string') {
    throw new ConfigError(
      `readPng: expected the picture's name for errors, a text, got ${valueText(name)}; options come ` +
        'third: readPng(bytes, name, { limits })',
    );
  }
  checkOptions('readPng', options, OPTIONS);
  const limits = completeLimits('readPng', PNG_LIMITS, options.limits);
  const fail = failIn(name);
  const checked = checkPng(bytes, limits, fail);
  const decoded = decoding(checked, fail);
  const { width, height } = checked.header;
  const size = width * height;
  const grey = new Float32Array(size);
  const alpha = hasAlpha(checked) ? new Float32Array(size) : null;
  const pixel = pixelReader(checked, decoded, fail);
  let isOpaque = true;
  for (let i = 0; i < size; i++) {
    const [value, opacity] = pixel(i);
    grey[i] = value;
    if (alpha) alpha[i] = opacity;
    if (opacity < 1) isOpaque = false;
  }
  return { width, height, grey, alpha: isOpaque ? null : alpha };
}

function decoding({ bare }: CheckedPng, fail: Fail): DecodedPng {
  try {
    return decode(bare);
  } catch (error) {
    throw fail(`it is a damaged PNG (${reasonOf(error)}); save or download it again`);
  }
}

function hasAlpha({ header: { colour }, transparency }: CheckedPng): boolean {
  return transparency !== null || colour === 'grey-alpha' || colour === 'rgb-alpha';
}

/** Luma and alpha of pixel i, 0…1. */
type PixelReader = (i: number) => readonly [number, number];

function pixelReader(
  { header, palette, transparency }: CheckedPng,
  decoded: DecodedPng,
  fail: Fail,
): PixelReader {
  const { colour, depth } = header;
  const sample = sampleReader(header, decoded);
  const top = 2 ** depth - 1;
  switch (colour) {
    case 'grey': {
      const clear = transparency && uint16At(transparency, 0);
      return (i) => {
        const value = sample(i);
        return [value / top, value === clear ? 0 : 1];
      };
    }
    case 'grey-alpha':
      return (i) => [sample(2 * i) / top, sample(2 * i + 1) / top];
    case 'rgb': {
      const clear = transparency && [0, 2, 4].map((at) => uint16At(transparency, at));
      return (i) => {
        const rgb = [sample(3 * i), sample(3 * i + 1), sample(3 * i + 2)] as const;
        const isClear = clear?.every((value, c) => value === rgb[c]);
        return [luma(...rgb) / top, isClear ? 0 : 1];
      };
    }
    case 'rgb-alpha':
      return (i) => [
        luma(sample(4 * i), sample(4 * i + 1), sample(4 * i + 2)) / top,
        sample(4 * i + 3) / top,
      ];
    case 'palette': {
      const colours = Array.from({ length: palette.length / 3 }, (_, index) => {
        const [r = 0, g = 0, b = 0] = palette.subarray(3 * index);
        return [luma(r, g, b) / 255, (transparency?.[index] ?? 255) / 255] as const;
      });
      return (i) => {
        const index = sample(i);
        const found = colours[index];
        if (found) return found;
        throw fail(
          `pixel ${i} has colour ${index} of a palette of ${colours.length}; it is damaged: save or ` +
            'download it again',
        );
      };
    }
  }
}

function uint16At(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint16(at);
}

/** Rec. 709's weights, which sum to 1. */
function luma(r: number, g: number, b: number): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Sample i of the image. The decoder leaves several samples in a byte, and fills each row up. */
function sampleReader({ width, depth }: PngHeader, { data }: DecodedPng): (i: number) => number {
  if (depth >= 8) return (i) => data[i] as number;
  const perByte = 8 / depth;
  const rowBytes = Math.ceil(width / perByte);
  const mask = 2 ** depth - 1;
  return (i) => {
    const x = i % width;
    const byte = data[Math.floor(i / width) * rowBytes + Math.floor(x / perByte)] as number;
    return (byte >> (8 - depth * (1 + (x % perByte)))) & mask;
  };
}
