/**
 * What is on the drawing area, and how one goes back and forth in it. Lengths are in cells: the area is
 * 28×28 cells, as many as the network has pixels, from (0, 0) at the top left.
 */

/** Cells of a side, and pixels of what the network sees. */
export const SIDE = 28;

/** Where the brush was, and how wide it was there. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Half the brush's width. */
  readonly radius: number;
}

/** From the brush's coming down to its going up; a single point is a dot. */
export type Stroke = readonly Point[];

/** A digit that was there before the first stroke, from the test set or a photo. */
export interface Base {
  /** `[28, 28]`, 0…255, light on black. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** What it shows, where that is known. */
  readonly label: number | null;
}

export interface Drawing {
  readonly base: Base | null;
  readonly strokes: readonly Stroke[];
}

export const EMPTY: Drawing = { base: null, strokes: [] };

export const isEmpty = ({ base, strokes }: Drawing): boolean =>
  base === null && strokes.length === 0;

/** A drawing with those before it and, after some steps back, those behind it. */
export interface History {
  /** Oldest first. */
  readonly past: readonly Drawing[];
  readonly present: Drawing;
  /** The next one first. */
  readonly future: readonly Drawing[];
}

export const BEGINNING: History = { past: [], present: EMPTY, future: [] };

/** More steps back than anybody takes. */
const LONGEST_PAST = 200;

/** Goes on to another drawing, which can be undone. What was undone before can't be redone then. */
export function goOn({ past, present }: History, next: Drawing): History {
  return { past: [...past, present].slice(-LONGEST_PAST), present: next, future: [] };
}

/** One step back; the same history at its beginning. */
export function undo(history: History): History {
  const { past, present, future } = history;
  const before = past.at(-1);
  if (!before) return history;
  return { past: past.slice(0, -1), present: before, future: [present, ...future] };
}

/** Takes the last step back again; the same history if there is none. */
export function redo(history: History): History {
  const { past, present, future } = history;
  const [next, ...later] = future;
  return next ? { past: [...past, present], present: next, future: later } : history;
}

export const withStroke = ({ base, strokes }: Drawing, stroke: Stroke): Drawing => ({
  base,
  strokes: [...strokes, stroke],
});

/** The brush moves on. Points that lie nearer than the eye can tell are left out. */
export function extended(stroke: Stroke, point: Point): Stroke {
  const last = stroke.at(-1);
  const isNear = last && Math.hypot(point.x - last.x, point.y - last.y) < NEAREST;
  return isNear ? stroke : [...stroke, point];
}

const NEAREST = 0.1;
