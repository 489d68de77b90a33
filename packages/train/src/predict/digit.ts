import { ConfigError, FileFormatError } from '@unfold/core';
import { positiveCount, valueText } from '@unfold/core/internal';
import { inkOf, overGround } from './ink.js';
import type { Picture } from '@unfold/io';
import { type Grid, resample } from './resample.js';

/** Rows and columns of what a network sees. */
export const SIDE = 28;
/** The longer side of the digit in it, as MNIST's makers had it: http://yann.lecun.com/exdb/mnist */
const DIGIT = 20;
/** The pixel that the centre of mass comes to; over MNIST's images it is there within half a pixel. */
const CENTRE = 14;
/** What is symmetric lies between two pixels: this much, far below a pixel, puts it up and left, noise or not. */
const TIE = 0.02;
/** A larger picture is made smaller first: a digit that is a fiftieth of it still has 20 pixels. */
const WORKING_SIDE = 1024;
/** The ink at which a digit's strokes are full. */
const FULL = 0.9;

/**
 * The picture as MNIST's makers would have had it: 28×28 bytes, light on black. The background goes,
 * dark ink becomes light; the digit, cut out, gets a longer side of 20 pixels and its sides' ratio
 * stays; its centre of mass comes to the middle. A picture that has that form already, opaque, 28×28
 * and light on black, a longer side of 20 ± 1 pixels, centred within a pixel, is taken as it is, byte
 * for byte.
 * @param name What the errors call it.
 * @returns `[28, 28]`, 0…255.
 * @throws ConfigError for what is no picture, FileFormatError if nothing stands out of the background.
 */
export function digitFromImage(picture: Picture, name = 'picture'): Uint8Array {
  checkPicture(name, picture);
  const asItIs = mnistForm(picture);
  if (asItIs) return asItIs;
  const ink = inkOf(workingSize(overGround(picture)));
  if (!ink) {
    throw new FileFormatError(
      `${name}: expected a digit, got a picture of one colour, or nearly; draw it darker or lighter ` +
        'than the paper, with some of that around it',
    );
  }
  return centred(sized(cutOut(ink)));
}

/** @throws ConfigError unless `value` is a picture. */
function checkPicture(name: string, value: unknown): void {
  const { width, height, grey, alpha } = Object(value) as Partial<Picture>;
  const areSides = [width, height].every((side) => positiveCount.accepts(side));
  if (areSides && ArrayBuffer.isView(grey) && (alpha === null || ArrayBuffer.isView(alpha))) return;
  throw new ConfigError(
    `digitFromImage: ${valueText(name)}: expected a picture { width, height, grey, alpha }, as ` +
      `readPng gives it, got ${valueText(value)}`,
  );
}

function mnistForm({ width, height, grey, alpha }: Picture): Uint8Array | null {
  if (width !== SIDE || height !== SIDE || alpha !== null) return null;
  const box = boxOf({ width, height, values: grey });
  const longer = box ? Math.max(box.right - box.left, box.bottom - box.top) : 0;
  if (Math.abs(longer - DIGIT) > 1) return null;
  const { x, y } = massCentre({ width, height, values: grey });
  if (Math.abs(x - CENTRE) > 1 || Math.abs(y - CENTRE) > 1) return null;
  return Uint8Array.from(grey, (value) => Math.round(255 * value));
}

function workingSize(grid: Grid): Grid {
  const factor = Math.min(1, WORKING_SIDE / Math.max(grid.width, grid.height));
  if (factor === 1) return grid;
  const scaled = (side: number): number => Math.max(1, Math.round(factor * side));
  return resample(grid, scaled(grid.width), scaled(grid.height));
}

interface Box {
  readonly left: number;
  readonly top: number;
  /** Behind the last, as `bottom`. */
  readonly right: number;
  readonly bottom: number;
}

/** Finds the box that holds all values above 0; null if there is none. */
function boxOf({ width, values }: Grid): Box | null {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  for (const [i, value] of values.entries()) {
    if (value <= 0) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  return right > left ? { left, top, right, bottom } : null;
}

function cutOut(grid: Grid): Grid {
  const box = boxOf(grid) ?? { left: 0, top: 0, right: grid.width, bottom: grid.height };
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (box.top + y) * grid.width + box.left;
    values.set(grid.values.subarray(from, from + width), y * width);
  }
  return { width, height, values };
}

/** With a longer side of 20, and thin strokes, whose ink spread over whole pixels, full again. */
function sized(grid: Grid): Grid {
  const factor = DIGIT / Math.max(grid.width, grid.height);
  const scaled = (side: number): number => Math.max(1, Math.round(factor * side));
  const small = resample(grid, scaled(grid.width), scaled(grid.height));
  const peak = small.values.reduce((a, b) => Math.max(a, b), 0);
  const strokes = [...small.values].filter((value) => value > peak / 2).sort((a, b) => a - b);
  const usual = strokes[strokes.length >> 1] ?? 1;
  const gain = Math.max(1, FULL / usual);
  return { ...small, values: small.values.map((value) => Math.min(1, gain * value)) };
}

function centred(grid: Grid): Uint8Array {
  const centre = massCentre(grid);
  // The digit stays whole, also where its mass is at one end.
  const place = (at: number, size: number): number =>
    Math.min(Math.max(Math.round(CENTRE - at - TIE), 0), SIDE - size);
  const [left, top] = [place(centre.x, grid.width), place(centre.y, grid.height)];
  const out = new Uint8Array(SIDE * SIDE);
  for (const [i, value] of grid.values.entries()) {
    const [x, y] = [i % grid.width, Math.floor(i / grid.width)];
    out[(top + y) * SIDE + left + x] = Math.round(255 * value);
  }
  return out;
}

function massCentre({ width, values }: Grid): { x: number; y: number } {
  let [mass, x, y] = [0, 0, 0];
  for (const [i, value] of values.entries()) {
    mass += value;
    x += value * (i % width);
    y += value * Math.floor(i / width);
  }
  return { x: x / mass, y: y / mass };
}
