import { ConfigError, type Tensor } from '@unfold/core';
import { hostCall, reads, warnOnce } from '@unfold/core/internal';

/** How far a target may be off, as mixtures and sums of probabilities are rounded. */
const SLACK = 1e-3;

/**
 * @param mend How to make such targets.
 * @throws ConfigError for a target below 0 or above 1, by which a loss would have no lower bound. NaN
 * passes, and is what the loss becomes.
 */
export function requireProbabilities(operation: string, target: Tensor, mend: string): void {
  hostCall(operation, [reads(target)], (data) => {
    for (let i = 0; i < data.length; i++) {
      const value = data[i];
      if (value < -SLACK || value > 1 + SLACK) {
        throw new ConfigError(
          `${operation}: expected probabilities of 0 … 1 as targets, got ${value} at element ${i}; ${mend}`,
        );
      }
    }
  });
}

/** Says what was warned of, and isn't looked for any more. */
const warned = { sums: false, signs: false };

/**
 * Warns once of probabilities that don't sum to 1 over the classes, the second axis. They are no
 * error, as somebody may weigh rows by them; a row of zeros counts nothing, and passes.
 */
export function warnOfSums(operation: string, target: Tensor): void {
  if (warned.sums) return;
  const [N, C] = target.shape;
  const places = target.size / (N * C);
  hostCall(operation, [reads(target)], (data) => {
    if (warned.sums) return;
    for (let at = 0; at < N * places; at++) {
      const first = Math.floor(at / places) * C * places + (at % places);
      let sum = 0;
      for (let c = 0; c < C; c++) sum += data[first + c * places];
      if (sum === 0 || !(Math.abs(sum - 1) > SLACK)) continue;
      warned.sums = true;
      warnOnce(
        `${operation}: expected probabilities that sum to 1 over the classes, got ${sum}; they count as ` +
          'they are. Divide them by their sum, or take bceWithLogits where several classes are right',
      );
      return;
    }
  });
}

/**
 * Warns once of labels' log-probabilities above 0, of which there are none: they are probabilities or
 * logits. They are no error, as a density's logarithm may be above 0.
 * @param losses `[rows]`, the negative log-probabilities.
 * @param counts `[rows]`: how much a row has a part in the loss; 0 for none.
 */
export function warnOfSigns(operation: string, losses: Tensor, counts: Tensor): void {
  if (warned.signs) return;
  hostCall(operation, [reads(losses), reads(counts)], (data, counting) => {
    if (warned.signs) return;
    const row = data.findIndex((loss, row) => loss < -SLACK && counting[row] > 0);
    if (row < 0) return;
    warned.signs = true;
    warnOnce(
      `${operation}: expected log-probabilities, at most 0, got ${-data[row]} for the label of ` +
        `row ${row}; it counts as it is. logSoftmax(logits, 1) or log(probabilities) gives them, and ` +
        'crossEntropy takes logits',
    );
  });
}
