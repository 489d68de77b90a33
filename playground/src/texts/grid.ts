/** The words of grids of numbers, in several views. */
export const GRID_TEXTS = {
  rows: (first: number, last: number, all: number) => `rows ${first}–${last} of ${all}`,
  columns: (first: number, last: number, all: number) => `columns ${first}–${last} of ${all}`,
} as const;
