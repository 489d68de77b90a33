import { digitFromImage } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import {
  type Drawing,
  EMPTY,
  type Point,
  type Stroke,
} from '../../../playground/src/views/draw/drawing.js';
import { rasterOf } from '../../../playground/src/views/draw/raster.js';

const MARGIN = 4;
const SCALE = 4;
const of = (...strokes: Stroke[]): Drawing => ({ base: null, strokes });
const point = (x: number, y: number, radius = 1.25): Point => ({ x, y, radius });

/** The brightness at a place of the drawing, in cells. */
function at(drawing: Drawing, x: number, y: number): number | undefined {
  const { grey, width } = rasterOf(drawing);
  return grey[Math.floor(SCALE * (y + MARGIN)) * width + Math.floor(SCALE * (x + MARGIN))];
}

const inkOf = (drawing: Drawing): number =>
  rasterOf(drawing).grey.reduce((sum, value) => sum + value, 0) / SCALE ** 2;

describe('the pixels of a drawing', () => {
  it('have a margin around them, and are black where nothing was drawn', () => {
    const { width, height, grey, alpha } = rasterOf(EMPTY);
    expect([width, height, alpha]).toEqual([144, 144, null]);
    expect(grey.every((value) => value === 0)).toBe(true);
  });

  it('make a dot as large as the brush', () => {
    for (const radius of [0.5, 1.25, 2.5]) {
      expect(inkOf(of([point(14, 14, radius)]))).toBeCloseTo(Math.PI * radius ** 2, 1);
    }
  });

  it('make a line as wide as the brush, with round ends, in every direction', () => {
    for (const [x, y] of [
      [20, 7],
      [7, 20],
      [18, 18],
      [10, 21],
    ] as const) {
      const length = Math.hypot(x - 7, y - 7);
      const ink = inkOf(of([point(7, 7), point(x, y)]));
      expect(ink).toBeCloseTo(2.5 * length + Math.PI * 1.25 ** 2, 0);
    }
  });

  it('widen along a line as the pen is pressed', () => {
    const drawing = of([point(5, 14, 0.5), point(23, 14, 3)]);
    expect(at(drawing, 6, 16)).toBe(0);
    expect(at(drawing, 22, 16)).toBe(1);
  });

  it('are no brighter where strokes cross', () => {
    const line: Stroke = [point(5, 14), point(23, 14)];
    const cross = of(line, [point(14, 5), point(14, 23)], line);
    expect(at(cross, 14, 14)).toBe(1);
    expect(Math.max(...rasterOf(cross).grey)).toBe(1);
    expect(inkOf(of(line, line))).toBe(inkOf(of(line)));
  });

  it('show the margin’s part of a stroke that leaves the area, and nothing of what is farther', () => {
    const inside = inkOf(of([point(14, 27), point(14, 27.9)]));
    expect(inkOf(of([point(14, 27), point(14, 500)]))).toBeGreaterThan(inside);
    expect(inkOf(of([point(-90, -90), point(-80, 300)]))).toBe(0);
  });

  it('keep the digit that was there, under the strokes', () => {
    const pixels = new Uint8Array(784);
    pixels[28 * 3 + 10] = 51;
    const base = { pixels, label: null };
    expect(at({ base, strokes: [] }, 10.5, 3.5)).toBeCloseTo(0.2);
    expect(at({ base, strokes: [] }, 11.5, 3.5)).toBe(0);
    expect(at({ base, strokes: [[point(10.5, 3.5)]] }, 10.5, 3.5)).toBe(1);
  });

  it('become a digit of the same form wherever, and however large, it was drawn', () => {
    const seven = (left: number, top: number, size: number): Drawing =>
      of(
        [
          [0, 0],
          [1, 0],
          [0.3, 1.4],
        ].map(([x = 0, y = 0]) => point(left + size * x, top + size * y, 0.13 * size)),
      );
    const middle = digitFromImage(rasterOf(seven(9, 6, 11)));
    const ink = middle.reduce((sum, level) => sum + level, 0);
    /** How much of the ink lies elsewhere, or is missing. */
    const distance = (drawing: Drawing): number =>
      digitFromImage(rasterOf(drawing)).reduce(
        (sum, level, i) => sum + Math.abs(level - (middle[i] ?? 0)),
        0,
      ) / ink;
    expect(Math.max(...middle)).toBeGreaterThan(240);
    expect(distance(seven(1, 1, 11))).toBeLessThan(0.01);
    expect(distance(seven(16, 11, 11))).toBeLessThan(0.01);
    // Edges of other sizes fall differently on the pixels.
    expect(distance(seven(12, 10, 6))).toBeLessThan(0.4);
    expect(distance(of([point(14, 5), point(14, 23)]))).toBeGreaterThan(0.8);
  });
});
