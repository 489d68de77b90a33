/** What the network makes of a digit, in a form for words. */
export interface Verdict {
  readonly certainty: 'sure' | 'likely' | 'unsure';
  readonly first: Ranked;
  readonly second: Ranked;
}

export interface Ranked {
  readonly digit: number;
  /** 0…1 */
  readonly probability: number;
}

const SURE = 0.9;
const LIKELY = 0.5;

/** Of equal probabilities, the smaller digit is first. @param probabilities `[10]`, finite. */
export function verdictOf(probabilities: ArrayLike<number>): Verdict {
  const [first, second] = Array.from(probabilities, (probability, digit) => ({
    digit,
    probability,
  })).sort((a, b) => b.probability - a.probability);
  if (!first || !second) throw new RangeError('verdictOf: expected at least two probabilities');
  const { probability } = first;
  const certainty = probability >= SURE ? 'sure' : probability >= LIKELY ? 'likely' : 'unsure';
  return { certainty, first, second };
}
