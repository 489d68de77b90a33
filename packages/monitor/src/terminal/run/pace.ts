/** Milliseconds in which what has been measured loses most (1 − 1/e) of its weight. */
const MEMORY = 15_000;

/**
 * How fast steps go: over the last quarter of a minute or so, so that neither the slow first steps
 * nor an afternoon's sleep of the machine is dragged along. The time between epochs, in which
 * the validation is, counts apart.
 */
export class Pace {
  #steps = 0;
  #images = 0;
  #milliseconds = 0;
  #last: number | undefined;
  #between: number | undefined;

  /** Steps begin at the time `now`, in milliseconds: an epoch's, or those after a run was resumed. */
  begin(now: number): void {
    if (this.#last !== undefined) this.#between = now - this.#last;
    this.#last = now;
  }

  /** A step with `size` images ended. */
  step(size: number, now: number): void {
    const took = Math.max(0, now - (this.#last ?? now));
    this.#last = now;
    const weight = Math.exp(-took / MEMORY);
    this.#steps = this.#steps * weight + 1;
    this.#images = this.#images * weight + size;
    this.#milliseconds = this.#milliseconds * weight + took;
  }

  /** Undefined as long as no time was measured. */
  get imagesPerSecond(): number | undefined {
    return this.#milliseconds > 0 ? (1000 * this.#images) / this.#milliseconds : undefined;
  }

  /**
   * Seconds that `steps` steps, and `gaps` times what comes between epochs, will take; undefined as
   * long as no step was measured. What comes between epochs is known from the second one on; until then
   * it is left out, unless there is nothing else.
   */
  secondsFor(steps: number, gaps: number): number | undefined {
    if (!(this.#milliseconds > 0)) return undefined;
    if (steps === 0 && gaps > 0 && this.#between === undefined) return undefined;
    return ((steps * this.#milliseconds) / this.#steps + gaps * (this.#between ?? 0)) / 1000;
  }
}
