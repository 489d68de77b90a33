import { ConfigError, type Tensor } from '@unfold/core';
import { hostCall, reads, warnOnce } from '@unfold/core/internal';

/** How far a target may be off, as mixtures and sums of probabilities are rounded. */
const SLACK = 1e-3;

/**
 * @param mend How to make such numbers.
 * @param options What they are to the loss, and by how much they may be off.
 * @throws ConfigError for a number below 0 or above 1; of a target, by which a loss would have no lower
 * bound. NaN passes, and is what the loss becomes.
 */
export function requireProbabilities(
  operation: string,
  x: Tensor,
  mend: string,
  { role = 'targets', slack = SLACK } = {},
): void {
  hostCall(operation, [reads(x)], (data) => {
    for (let i = 0; i < data.length; i++) {
      const value = data[i];
      if (value < -slack || value > 1 + slack) {
        throw new ConfigError(
          `${operation}: expected probabilities of 0 … 1 as ${role}, got ${value} at element ${i}; ${mend}`,
        );
      }
    }
  });
}

/** @throws ConfigError for a target that is neither 1 nor -1, of a loss that pulls or pushes by it. */
export function requireSigns(operation: string, target: Tensor): void {
  hostCall(operation, [reads(target)], (data) => {
    const at = data.findIndex((value) => value !== 1 && value !== -1);
    if (at < 0) return;
    throw new ConfigError(
      `${operation}: expected targets of 1 and -1, got ${data[at]} at element ${at}; labels of 0 and 1 ` +
        'become such by 2·y - 1',
    );
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
