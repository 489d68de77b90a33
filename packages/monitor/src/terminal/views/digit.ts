import type { ImageArray } from '@unfold/train';
import type { LineOptions } from './lines.js';
import { fitting, type Raster, rasterOf } from './raster.js';

/** Without colours: how much ink each stands for, from none to full. */
const SHADES = [' ', '░', '▒', '▓', '█'] as const;
/** The first of the 24 greys, from black to white, among the terminal's 256 colours. */
const FIRST_GREY = 232;
const GREYS = 24;
const RESET = '\u001b[0m';

/**
 * An image in characters, two rows of pixels in each line: in colours, half blocks of 24 greys;
 * without, half blocks and shades. Where it is wider than `columns`, it is made half as large.
 * @param pixels `[C, H, W]`, of which the mean over the channels is drawn: bytes, or numbers, drawn
 * from the least to the largest.
 * @param size `[H, W]`
 * @returns Lines of equal width.
 */
export function digitLines(
  pixels: ImageArray,
  size: readonly [number, number],
  { columns, colour }: LineOptions,
): string[] {
  return rasterLines(fitting(rasterOf(pixels, size), columns), colour);
}

/** The lines of a raster, which has to be narrow enough. */
export function rasterLines({ height, width, at }: Raster, colour: boolean): string[] {
  return Array.from({ length: Math.ceil(height / 2) }, (_, row) => {
    const pairs = Array.from({ length: width }, (__, x): Pair => {
      const lower = 2 * row + 1;
      return [at(2 * row, x), lower < height ? at(lower, x) : 0];
    });
    return colour ? greyLine(pairs) : pairs.map(plainCell).join('');
  });
}

/** The ink of the upper and the lower pixel. */
type Pair = readonly [number, number];

function greyLine(pairs: readonly Pair[]): string {
  const grey = (ink: number): number => FIRST_GREY + Math.round(ink * (GREYS - 1));
  let last = '';
  const cells = pairs.map(([upper, lower]) => {
    const colours = `\u001b[38;5;${grey(upper)};48;5;${grey(lower)}m`;
    // Neighbours are often alike, and one sequence serves them all.
    const begin = colours === last ? '' : colours;
    last = colours;
    return `${begin}▀`;
  });
  return cells.join('') + RESET;
}

/** A half block where one pixel has far more ink than the other, else the shade of both. */
function plainCell([upper, lower]: Pair): string {
  if (upper >= 0.5 && lower < 0.25) return '▀';
  if (lower >= 0.5 && upper < 0.25) return '▄';
  const shade = Math.round(((upper + lower) / 2) * (SHADES.length - 1));
  return SHADES[shade] ?? ' ';
}
