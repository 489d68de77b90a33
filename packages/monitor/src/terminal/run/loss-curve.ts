/** The mean loss of some neighbouring steps. */
export interface LossPoint {
  /** The middle of the steps, which count from 1 over the whole run. */
  readonly step: number;
  readonly loss: number;
}

/** Points from which on neighbours are merged. */
const CAPACITY = 1024;

/**
 * The losses of a run's steps, thinned: at most 1,024 points, however long the run, each the mean of
 * as many steps (the last one of fewer).
 */
export class LossCurve {
  #sums: number[] = [];
  #perPoint = 1;
  #steps = 0;
  #first = 1;

  /** Adds the loss of the step after the last one; of the first, `step` says which it is. */
  add(step: number, loss: number): void {
    if (this.#steps === 0) this.#first = step;
    if (this.#steps === CAPACITY * this.#perPoint) {
      this.#sums = Array.from(
        { length: CAPACITY / 2 },
        (_, i) => (this.#sums[2 * i] ?? 0) + (this.#sums[2 * i + 1] ?? 0),
      );
      this.#perPoint *= 2;
    }
    const at = Math.floor(this.#steps / this.#perPoint);
    this.#sums[at] = (this.#sums[at] ?? 0) + loss;
    this.#steps++;
  }

  /** In the order of the steps. */
  points(): LossPoint[] {
    return this.#sums.map((sum, i) => {
      const begin = i * this.#perPoint;
      const count = Math.min(this.#perPoint, this.#steps - begin);
      return { step: this.#first + begin + (count - 1) / 2, loss: sum / count };
    });
  }
}
