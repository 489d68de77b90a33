import type { Grid } from './resample.js';

/** The grid's values are looked at in at most so many columns and rows: a surface needs no more. */
const SAMPLES = 64;
/** Fits and outliers settle within a few rounds. */
const ROUNDS = 12;
/** The least tolerance, as a part of white: rounding of bytes is no structure. */
const LEAST_TOLERANCE = 0.01;
/** Beyond so many deviations a pixel isn't taken for background. */
const DEVIATIONS = 3;
/** Turns the median distance into the standard deviation of a normal distribution. */
const MAD_TO_DEVIATION = 1.4826;
/** The part of a side that counts as the picture's border. */
const BORDER = 0.08;

/** 1, x, y, x², xy, y² with x and y from -1 to 1 over the picture. */
type Surface = readonly number[];

interface Sample {
  readonly terms: readonly number[];
  readonly value: number;
  readonly isBorder: boolean;
}

/**
 * Takes the background away: the grid less the brightness of the paper, which may change over the
 * picture like a shadow or the light of a lamp does. That is a quadratic surface, fitted to
 * the border first, where there is seldom ink, then to all that lies near it.
 * @returns The difference for each pixel, and the standard deviation of the background's noise.
 */
export function withoutBackground(grid: Grid): { difference: Float32Array; noise: number } {
  const { width, height, values } = grid;
  const samples = samplesOf(grid);
  let inside = samples.filter(({ isBorder }) => isBorder);
  let surface: Surface = [median(inside.map(({ value }) => value)), 0, 0, 0, 0, 0];
  let noise = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // The first rounds see the border only, by a plane.
    const pool = round < 3 ? samples.filter(({ isBorder }) => isBorder) : samples;
    const distances = pool.map((sample) => Math.abs(sample.value - at(surface, sample.terms)));
    noise = MAD_TO_DEVIATION * median(distances);
    const limit = Math.max(DEVIATIONS * noise, LEAST_TOLERANCE);
    inside = pool.filter((_, i) => distances[i] <= limit);
    surface = fit(inside, round < 3 ? 3 : 6) ?? surface;
  }
  const difference = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      difference[i] = values[i] - at(surface, termsAt(grid, x, y));
    }
  }
  return { difference, noise };
}

function samplesOf(grid: Grid): Sample[] {
  const { width, height, values } = grid;
  const places = (size: number): number[] => {
    const count = Math.min(size, SAMPLES);
    return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * size) / count));
  };
  const margin = Math.max(1, Math.round(BORDER * Math.min(width, height)));
  return places(height).flatMap((y) =>
    places(width).map((x) => ({
      terms: termsAt(grid, x, y),
      value: values[y * width + x],
      isBorder: x < margin || y < margin || x >= width - margin || y >= height - margin,
    })),
  );
}

function termsAt({ width, height }: Grid, column: number, row: number): readonly number[] {
  const x = (2 * column + 1) / width - 1;
  const y = (2 * row + 1) / height - 1;
  return [1, x, y, x * x, x * y, y * y];
}

function at(surface: Surface, terms: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < terms.length; i++) sum += terms[i] * surface[i];
  return sum;
}

/**
 * Least squares by the normal equations.
 * @param count How many of the terms may be used.
 * @returns null if the samples don't determine them.
 */
function fit(samples: readonly Sample[], count: number): Surface | null {
  const rows = Array.from({ length: count }, () => new Array<number>(count + 1).fill(0));
  for (const { terms, value } of samples) {
    for (const [i, row] of rows.entries()) {
      const term = terms[i];
      for (let j = 0; j < count; j++) row[j] = row[j] + term * terms[j];
      row[count] = row[count] + term * value;
    }
  }
  const solution = solve(rows, samples.length * 1e-9);
  return solution && [...solution, 0, 0, 0, 0, 0, 0].slice(0, 6);
}

/** Gauss's elimination of `rows`, each with its right side last. */
function solve(rows: number[][], smallestPivot: number): number[] | null {
  const cell = (i: number, j: number): number => rows[i][j];
  for (let k = 0; k < rows.length; k++) {
    const below = rows.slice(k);
    const largest = below.reduce((a, b) => (Math.abs(b[k]) > Math.abs(a[k]) ? b : a));
    rows.splice(k, below.length, largest, ...below.filter((row) => row !== largest));
    if (Math.abs(cell(k, k)) <= smallestPivot) return null;
    for (const [i, row] of rows.entries()) {
      if (i === k) continue;
      const factor = cell(i, k) / cell(k, k);
      rows[i] = row.map((value, j) => value - factor * cell(k, j));
    }
  }
  return rows.map((row, k) => (row.at(-1) ?? 0) / cell(k, k));
}

/** 0 of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
