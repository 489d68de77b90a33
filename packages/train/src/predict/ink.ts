import { median, withoutBackground } from './background.js';
import type { Picture } from '@unfold/io';
import type { Grid } from './resample.js';

/** What differs from the paper by less, on the scale from black to white, is no ink. */
const LEAST_CONTRAST = 0.06;
/** Ink is so many deviations of the paper's noise from it. */
const DEVIATIONS = 5;
/** Ink whose strokes are parted weighs at least so much of the heaviest piece; the rest is specks. */
const SMALLEST_PIECE = 0.03;

/**
 * The picture over a ground: what is transparent gets the brightness of the paper. That is the
 * opaque border's median, else the median of all that is opaque. Where all of that has one
 * brightness, it is ink on nothing, and the ground is what is farther from it, black or white.
 */
export function overGround({ width, height, grey, alpha }: Picture): Grid {
  if (alpha === null) return { width, height, values: grey };
  const border: number[] = [];
  const all: number[] = [];
  let borderSize = 0;
  for (let i = 0; i < grey.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const isBorder = x === 0 || y === 0 || x === width - 1 || y === height - 1;
    if (isBorder) borderSize++;
    if (alpha[i] < 0.5) continue;
    all.push(grey[i]);
    if (isBorder) border.push(grey[i]);
  }
  const ground = 2 * border.length > borderSize ? median(border) : groundOf(all);
  const values = grey.map((value, i) => ground + alpha[i] * (value - ground));
  return { width, height, values };
}

function groundOf(opaque: readonly number[]): number {
  const sorted = [...opaque].sort((a, b) => a - b);
  const quantile = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  const middle = quantile(0.5);
  if (quantile(0.98) - quantile(0.02) >= LEAST_CONTRAST) return middle;
  return middle < 0.5 ? 1 : 0;
}

/**
 * How much ink each pixel has, from 0, paper, to 1: dark on light or light on dark, whichever stands
 * out more. Noise of the paper, and specks apart from the strokes, are 0.
 * @returns null if nothing stands out.
 */
export function inkOf(grid: Grid): Grid | null {
  const { difference, noise } = withoutBackground(grid);
  const floor = Math.max(DEVIATIONS * noise, LEAST_CONTRAST);
  const weight = (sign: number): number =>
    difference.reduce((sum, value) => sum + Math.max(0, sign * value - floor), 0);
  const sign = weight(1) >= weight(-1) ? 1 : -1;
  const strength = difference.map((value) => Math.max(0, sign * value));
  const strongest = strength.reduce((a, b) => Math.max(a, b), 0);
  if (strongest <= floor) return null;
  // The strokes' usual strength: neither their soft edges nor one glint or blot.
  const visible = Math.max(floor, 0.3 * strongest);
  const level = median(Array.from(strength.filter((value) => value > visible)));
  const values = pieces(
    { ...grid, values: strength },
    { faint: noise === 0 ? 0.02 * level : 2 * noise, strong: level / 2 },
  );
  return { ...grid, values: values.map((value) => Math.min(1, value / level)) };
}

/**
 * Keeps what hangs together: pixels above `faint` that touch each other, by a side or corner, in
 * pieces with a pixel above `strong`, and of those the ones that weigh enough.
 */
function pieces(
  { width, height, values }: Grid,
  { faint, strong }: { readonly faint: number; readonly strong: number },
): Float32Array {
  const pieceOf = new Int32Array(values.length).fill(-1);
  const weights: number[] = [];
  for (let seed = 0; seed < values.length; seed++) {
    if (values[seed] <= strong || pieceOf[seed] !== -1) continue;
    const piece = weights.length;
    let weight = 0;
    const open = [seed];
    pieceOf[seed] = piece;
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      weight += values[i];
      const [x, y] = [i % width, Math.floor(i / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (pieceOf[next] !== -1 || values[next] <= faint) continue;
          pieceOf[next] = piece;
          open.push(next);
        }
      }
    }
    weights.push(weight);
  }
  const least = SMALLEST_PIECE * weights.reduce((a, b) => Math.max(a, b), 0);
  return values.map((value, i) => {
    const weight = weights[pieceOf[i]];
    return weight !== undefined && weight >= least ? value : 0;
  });
}
