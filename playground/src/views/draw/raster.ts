import type { GreyPicture } from '../../lab/protocol.js';
import { type Drawing, type Point, SIDE, type Stroke } from './drawing.js';

/** Pixels of a cell's side: strokes have soft edges and round ends, and centring them stays quick. */
const SCALE = 4;
/** Empty cells around the area, so that a stroke at its edge has a ground on both sides. */
const MARGIN = 4;

/**
 * The drawing as a picture, light on black: 4×4 pixels a cell, with a margin of four cells.
 * Strokes that cross are no brighter there.
 */
export function rasterOf({ base, strokes }: Drawing): GreyPicture {
  const side = SCALE * (SIDE + 2 * MARGIN);
  const grey = new Float32Array(side * side);
  if (base) {
    for (let y = 0; y < SCALE * SIDE; y++) {
      for (let x = 0; x < SCALE * SIDE; x++) {
        const pixel = Math.floor(y / SCALE) * SIDE + Math.floor(x / SCALE);
        grey[(y + SCALE * MARGIN) * side + x + SCALE * MARGIN] = (base.pixels[pixel] ?? 0) / 255;
      }
    }
  }
  for (const stroke of strokes) paint(grey, side, stroke);
  return { width: side, height: side, grey, alpha: null };
}

function paint(grey: Float32Array, side: number, stroke: Stroke): void {
  const inPixels = ({ x, y, radius }: Point): Point => ({
    x: SCALE * (x + MARGIN),
    y: SCALE * (y + MARGIN),
    radius: SCALE * radius,
  });
  let from: Point | null = null;
  for (const point of stroke) {
    const to = inPixels(point);
    paintSegment(grey, side, from ?? to, to);
    from = to;
  }
}

/** Fills what is within the brush's radius of the line; the edge fades over one pixel. */
function paintSegment(grey: Float32Array, side: number, from: Point, to: Point): void {
  const reach = Math.max(from.radius, to.radius) + 0.5;
  const first = (a: number, b: number): number => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const last = (a: number, b: number): number =>
    Math.min(side - 1, Math.ceil(Math.max(a, b) + reach));
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const squaredLength = dx * dx + dy * dy;
  const [left, right] = [first(from.x, to.x), last(from.x, to.x)];
  for (let row = first(from.y, to.y); row <= last(from.y, to.y); row++) {
    for (let column = left; column <= right; column++) {
      const [x, y] = [column + 0.5 - from.x, row + 0.5 - from.y];
      // How far along the line its nearest point is.
      const along = squaredLength && Math.max(0, Math.min(1, (x * dx + y * dy) / squaredLength));
      const radius = from.radius + along * (to.radius - from.radius);
      const distance = Math.hypot(x - along * dx, y - along * dy);
      const cover = Math.max(0, Math.min(1, radius - distance + 0.5));
      const at = row * side + column;
      grey[at] = Math.max(grey[at] ?? 0, cover);
    }
  }
}
