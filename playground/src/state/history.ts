/** The losses and accuracies of all steps so far; `losses[i]` is step i + 1's. */
export interface History {
  readonly losses: Float32Array;
  readonly accuracies: Float32Array;
}

/**
 * Gathers what a run reports. An evening of training has a million steps, so each report must not copy those
 * before it: a history is a view of a buffer with room to spare, and what comes later is written behind it.
 */
export class HistoryKeeper {
  #losses = new Series();
  #accuracies = new Series();

  /** @param accuracies As many as losses. @returns The history with these steps at its end. */
  add(losses: Float32Array, accuracies: Float32Array): History {
    return { losses: this.#losses.add(losses), accuracies: this.#accuracies.add(accuracies) };
  }
}

export const EMPTY_HISTORY: History = {
  losses: new Float32Array(0),
  accuracies: new Float32Array(0),
};

class Series {
  #buffer = new Float32Array(1024);
  #length = 0;

  add(values: Float32Array): Float32Array {
    const length = this.#length + values.length;
    if (length > this.#buffer.length) {
      const larger = new Float32Array(2 * length);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(values, this.#length);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }
}

/** The mean of the last so many values; null where there is none. */
export function recentMean(values: Float32Array, count: number): number | null {
  const recent = values.subarray(-count);
  return recent.length === 0 ? null : recent.reduce((sum, value) => sum + value, 0) / recent.length;
}
