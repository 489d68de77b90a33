/** A part of a long row of things, all of which would be too small or too many to look at. */
export interface Window {
  readonly first: number;
  /** Behind the last. */
  readonly end: number;
}

/** The window of at most `size` things that has number `at` in it; windows begin at multiples of `size`. */
export function windowWith(at: number, count: number, size: number): Window {
  const within = Math.max(0, Math.min(count - 1, at));
  const first = Math.floor(within / size) * size;
  return { first, end: Math.min(count, first + size) };
}

/** Where an arrow or another key leads in a row of things that is laid out in `columns`; null for other keys. */
export function placeAfter(key: string, at: number, count: number, columns: number): number | null {
  const step = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    Home: -at,
    End: count - 1 - at,
  }[key];
  if (step === undefined) return null;
  const next = at + step;
  return next < 0 || next >= count ? at : next;
}

/** How values of one row are laid out so that they are seen: at most 28 a row. */
export function stripSize(count: number): { readonly width: number; readonly height: number } {
  const width = Math.min(count, 28);
  return { width, height: Math.ceil(count / width) };
}
