import type { Confusion } from '@unfold/monitor/internal/browser';

export const CLASSES = 10;

/** How many items of each label, row by row, were taken for each class. */
export function confusionCounts(labels: Uint8Array, predictions: Uint8Array): Confusion {
  const counts = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  for (const [i, predicted] of predictions.entries()) {
    const row = counts[labels[i] ?? 0];
    if (row) row[predicted] = (row[predicted] ?? 0) + 1;
  }
  return counts;
}

/** The places of the items of a label that were taken for a class. */
export function itemsOf(
  labels: Uint8Array,
  predictions: Uint8Array,
  { label, predicted }: { label: number; predicted: number },
): number[] {
  const items: number[] = [];
  for (const [i, found] of predictions.entries()) {
    if (found === predicted && labels[i] === label) items.push(i);
  }
  return items;
}
