export const CLASSES = 10;

/** `[10, 10]`: how many items of each label, row by row, were taken for each class. */
export function confusionCounts(labels: Uint8Array, predictions: Uint8Array): Uint32Array {
  const counts = new Uint32Array(CLASSES * CLASSES);
  for (const [i, predicted] of predictions.entries()) {
    const cell = CLASSES * (labels[i] ?? 0) + predicted;
    counts[cell] = (counts[cell] ?? 0) + 1;
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
