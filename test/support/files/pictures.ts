import { encode } from 'fast-png';
import { randomSource } from '../kernels/kernels.js';

/** A drawing: how much ink each pixel has, 0…1, `[height, width]`. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly ink: Float64Array;
}

/** An image of MNIST as a drawing. */
export function drawingOf(image: ArrayLike<number>): Drawing {
  return { width: 28, height: 28, ink: Float64Array.from(image, (byte) => byte / 255) };
}

/** A drawing by a function of the pixel's place. */
export function draw(
  width: number,
  height: number,
  ink: (x: number, y: number) => number,
): Drawing {
  const values = Float64Array.from({ length: width * height }, (_, i) =>
    ink(i % width, Math.floor(i / width)),
  );
  return { width, height, ink: values };
}

/** The ink at a place between pixels, linearly; 0 outside. */
function inkAt({ width, height, ink }: Drawing, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let sum = 0;
  for (const [row, weightY] of [
    [top, top + 1 - y],
    [top + 1, y - top],
  ] as const) {
    for (const [column, weightX] of [
      [left, left + 1 - x],
      [left + 1, x - left],
    ] as const) {
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      sum += weightX * weightY * (ink[row * width + column] as number);
    }
  }
  return sum;
}

/** `factor` times as large, smooth. */
export function enlarge(drawing: Drawing, factor: number): Drawing {
  const scaled = (side: number): number => Math.round(factor * side);
  return draw(scaled(drawing.width), scaled(drawing.height), (x, y) =>
    inkAt(drawing, (x + 0.5) / factor - 0.5, (y + 0.5) / factor - 0.5),
  );
}

/** On a larger sheet, its corner at a place. */
export function placed(
  drawing: Drawing,
  { width, height, x: left, y: top }: { width: number; height: number; x: number; y: number },
): Drawing {
  return draw(width, height, (x, y) => {
    const [column, row] = [x - left, y - top];
    const isInside = column >= 0 && row >= 0 && column < drawing.width && row < drawing.height;
    return isInside ? (drawing.ink[row * drawing.width + column] as number) : 0;
  });
}

/** Ink where there is more than `threshold`, none elsewhere: a low one makes strokes thick. */
export function hard(drawing: Drawing, threshold: number): Drawing {
  return { ...drawing, ink: drawing.ink.map((value) => (value > threshold ? 1 : 0)) };
}

/** A point `[x, y]`. */
export type Point = readonly [number, number];

/** Lines of a round pen, with soft edges, through the points of each stroke. */
export function strokes(
  { width, height, pen }: { width: number; height: number; pen: number },
  lines: readonly (readonly Point[])[],
): Drawing {
  const segments = lines.flatMap((points) =>
    points.slice(1).map((to, i) => [points[i] ?? to, to] as const),
  );
  return draw(width, height, (x, y) => {
    const distances = segments.map(([a, b]) => distance([x, y], a, b));
    return Math.min(1, Math.max(0, pen / 2 + 0.5 - Math.min(...distances)));
  });
}

function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const part = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - ax - part * dx, y - ay - part * dy);
}

/** A PNG in grey, 8 bits, of any values 0…1. */
export function greyPng(width: number, height: number, value: (i: number) => number): Uint8Array {
  const data = Uint8Array.from({ length: width * height }, (_, i) => Math.round(255 * value(i)));
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/** Black ink on white. */
export function darkOnLight({ width, height, ink }: Drawing): Uint8Array {
  return greyPng(width, height, (i) => 1 - (ink[i] as number));
}

/** White ink on black, as in MNIST. */
export function lightOnDark({ width, height, ink }: Drawing): Uint8Array {
  return greyPng(width, height, (i) => ink[i] as number);
}

/** Grey ink on paper that is darker towards one corner, with noise of the camera. */
export function onGreyPaper({ width, height, ink }: Drawing, seed = 1): Uint8Array {
  const random = randomSource(seed);
  return greyPng(width, height, (i) => {
    const across = ((i % width) / width + Math.floor(i / width) / height) / 2;
    const paper = 0.85 - 0.35 * across;
    const noise = 0.03 * (random() + random() - 1);
    return paper + noise - 0.4 * (ink[i] as number);
  });
}

/** Coloured ink on nothing. */
export function onNothing(
  { width, height, ink }: Drawing,
  [r, g, b]: readonly [number, number, number],
): Uint8Array {
  const data = new Uint8Array(4 * width * height);
  for (const [i, value] of ink.entries()) data.set([r, g, b, Math.round(255 * value)], 4 * i);
  return encode({ width, height, data, channels: 4, depth: 8 });
}

/** Two colours, a bit for each pixel. */
export function oneBit({ width, height, ink }: Drawing): Uint8Array {
  const rowBytes = Math.ceil(width / 8);
  const data = new Uint8Array(rowBytes * height);
  for (const [i, value] of ink.entries()) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const at = y * rowBytes + (x >> 3);
    if (value > 0.5) data[at] = (data[at] as number) | (0x80 >> (x & 7));
  }
  const palette = [
    [250, 245, 230],
    [20, 30, 120],
  ];
  return encode({ width, height, data, channels: 1, depth: 1, palette });
}
