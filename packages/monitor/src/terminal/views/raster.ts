import type { ImageArray } from '@unfold/train';

/** Ink on a grid: 0, none, to 1. */
export interface Raster {
  readonly height: number;
  readonly width: number;
  readonly at: (y: number, x: number) => number;
}

/**
 * The mean over an image's channels.
 * @param pixels `[C, H, W]`: bytes, or numbers, of which the least is no ink and the largest full ink.
 * @param size `[H, W]`
 */
export function rasterOf(pixels: ImageArray, [height, width]: readonly [number, number]): Raster {
  const plane = height * width;
  const channels = pixels.length / plane;
  const isBytes = pixels instanceof Uint8Array;
  const least = isBytes ? 0 : pixels.reduce((a, b) => Math.min(a, b));
  const largest = isBytes ? 255 : pixels.reduce((a, b) => Math.max(a, b));
  const range = largest - least || 1;
  const at = (y: number, x: number): number => {
    let sum = 0;
    for (let i = y * width + x; i < pixels.length; i += plane) sum += pixels[i] as number;
    return (sum / channels - least) / range;
  };
  return { height, width, at };
}

/** Half as large, by means of four pixels, as often as it takes to be at most `columns` wide. */
export function fitting(raster: Raster, columns: number): Raster {
  const { height, width, at } = raster;
  if (width <= columns || width === 1) return raster;
  const mean = (y: number, x: number): number => {
    const ys = [2 * y, 2 * y + 1].filter((row) => row < height);
    const xs = [2 * x, 2 * x + 1].filter((column) => column < width);
    const ink = ys.flatMap((row) => xs.map((column) => at(row, column)));
    return ink.reduce((a, b) => a + b, 0) / ink.length;
  };
  const half = { height: Math.ceil(height / 2), width: Math.ceil(width / 2), at: mean };
  return fitting(half, columns);
}

/** The rasters, all of one size, without the margins that are empty in all of them. */
export function withoutMargins(rasters: readonly Raster[]): Raster[] {
  const [first] = rasters;
  if (!first) return [];
  const { height, width } = first;
  const range = (size: number): number[] => Array.from({ length: size }, (_, i) => i);
  const rows = range(height).filter((y) =>
    rasters.some(({ at }) => range(width).some((x) => at(y, x) > 0)),
  );
  const columns = range(width).filter((x) =>
    rasters.some(({ at }) => range(height).some((y) => at(y, x) > 0)),
  );
  const [top = 0, left = 0] = [rows[0], columns[0]];
  return rasters.map(({ at }) => ({
    height: (rows.at(-1) ?? height - 1) - top + 1,
    width: (columns.at(-1) ?? width - 1) - left + 1,
    at: (y, x) => at(top + y, left + x),
  }));
}
