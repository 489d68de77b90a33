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

/** How values of one row are laid out so that they are seen: at most 28 a row. */
export function stripSize(count: number): { readonly width: number; readonly height: number } {
  const width = Math.min(count, 28);
  return { width, height: Math.ceil(count / width) };
}
