/** How many images of each label, row by row, were taken for each class: `confusion[label][prediction]`. */
export type Confusion = readonly (readonly number[])[];

/** An image of class `label` that was taken for `prediction`, and how often that was. */
export interface Confused {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
}

/** The errors, the most frequent first. */
export function errorsOf(confusion: Confusion): Confused[] {
  return confusion
    .flatMap((row, label) => row.map((count, prediction) => ({ label, prediction, count })))
    .filter(({ label, prediction, count }) => label !== prediction && count > 0)
    .sort((a, b) => b.count - a.count);
}

/** The parts of a row, 0…1; of a class without images they are 0. */
export function rowShares(row: readonly number[]): number[] {
  const all = row.reduce((a, b) => a + b, 0);
  return row.map((count) => (all === 0 ? 0 : count / all));
}

/**
 * How deep the colour of each cell is, 0…1, by its part of its row, so that rare classes count as much as
 * frequent ones. Errors are few: on one scale with what is right they would all be white, so that theirs is
 * their own.
 */
export function cellDepths(confusion: Confusion): number[][] {
  const parts = confusion.map(rowShares);
  const most = Math.max(...parts.flatMap((row, label) => row.filter((_, c) => c !== label))) || 1;
  return parts.map((row, label) =>
    row.map((share, c) => (c === label ? share : Math.sqrt(share / most))),
  );
}
