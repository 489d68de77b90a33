import { crc32, deflateSync } from 'node:zlib';

/** PNG's numbers for what samples a pixel has. */
export const COLOUR = { grey: 0, rgb: 2, palette: 3, greyAlpha: 4, rgbAlpha: 6 } as const;

/** What a PNG is made of, as it stands in the file, right or wrong. */
export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlace?: number;
  /** The rows, each behind the byte for its filter. */
  readonly rows: readonly (readonly number[])[];
  /** Chunks between the header and the pixels. */
  readonly chunks?: readonly Uint8Array[];
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);

/** A chunk with its frame. */
export function chunk(type: string, data: Uint8Array | readonly number[]): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** The chunk IHDR. */
export function header({
  width,
  height,
  depth,
  colour,
  interlace = 0,
}: Omit<PngParts, 'rows'>): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  data.set([depth, colour, 0, 0, interlace], 8);
  return chunk('IHDR', data);
}

/** A file of these chunks. */
export function pngOfChunks(...chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([SIGNATURE, ...chunks, chunk('IEND', [])]));
}

/** A file of these parts. */
export function pngOf(parts: PngParts): Uint8Array {
  const packed = deflateSync(Buffer.from(parts.rows.flat()));
  return pngOfChunks(header(parts), ...(parts.chunks ?? []), chunk('IDAT', packed));
}
