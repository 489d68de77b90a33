import { decode, type DecodedPng } from 'fast-png';
import { failIn, type Fail } from '../weights/messages.js';
import type { Picture } from './picture.js';
import { checkPng, type PngHeader } from './png-chunks.js';

/**
 * Reads a PNG of any kind (grey, RGB, palette, with or without alpha, 1 to 16 bits; interlaced from
 * 8 bits on) as luma: 0.2126 R + 0.7152 G + 0.0722 B of the values as they are stored. Colour profiles
 * are not looked at.
 * @param bytes The file.
 * @param name What the errors call it.
 * @throws FileFormatError if it is no PNG, damaged, or has more than 64 million pixels, which its
 * header tells before anything is unpacked.
 */
export function readPng(bytes: Uint8Array, name = 'png'): Picture {
  const fail = failIn(name);
  const { header, bytes: needed } = checkPng(bytes, fail);
  let decoded: DecodedPng;
  try {
    decoded = decode(needed, { checkCrc: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fail(`it is a damaged PNG (${reason}); save or download it again`);
  }
  const { width, height } = header;
  const size = width * height;
  const grey = new Float32Array(size);
  const alpha = new Float32Array(size);
  const pixel = pixelReader(header, decoded, fail);
  let isOpaque = true;
  for (let i = 0; i < size; i++) {
    const [value, opacity] = pixel(i);
    grey[i] = value;
    alpha[i] = opacity;
    if (opacity < 1) isOpaque = false;
  }
  return { width, height, grey, alpha: isOpaque ? null : alpha };
}

/** Luma and alpha of pixel i, 0…1. */
type PixelReader = (i: number) => readonly [number, number];

function pixelReader(header: PngHeader, decoded: DecodedPng, fail: Fail): PixelReader {
  const { colour, depth } = header;
  const sample = sampleReader(header, decoded);
  const top = 2 ** depth - 1;
  const { transparency } = decoded;
  switch (colour) {
    case 'grey':
      return (i) => {
        const value = sample(i);
        return [value / top, value === transparency?.[0] ? 0 : 1];
      };
    case 'grey-alpha':
      return (i) => [sample(2 * i) / top, sample(2 * i + 1) / top];
    case 'rgb':
      return (i) => {
        const rgb = [sample(3 * i), sample(3 * i + 1), sample(3 * i + 2)] as const;
        const isClear = transparency?.length === 3 && rgb.every((v, c) => v === transparency[c]);
        return [luma(...rgb) / top, isClear ? 0 : 1];
      };
    case 'rgb-alpha':
      return (i) => [
        luma(sample(4 * i), sample(4 * i + 1), sample(4 * i + 2)) / top,
        sample(4 * i + 3) / top,
      ];
    case 'palette': {
      const colours = (decoded.palette ?? []).map(
        ([r = 0, g = 0, b = 0, a = 255]) => [luma(r, g, b) / 255, a / 255] as const,
      );
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
