import { TEXTS } from '../../texts.js';
import { verdictOf } from './verdict.js';

/** 93.1 %, in one piece, but never 100 % of what isn't sure, nor 0 % of what isn't excluded. */
export function percent(share: number): string {
  const shown = 100 * share;
  if (share < 1 && shown > 99.9) return `>${NO_BREAK}99.9${NO_BREAK}%`;
  if (share > 0 && shown < 0.1) return `<${NO_BREAK}0.1${NO_BREAK}%`;
  return `${shown.toFixed(1)}${NO_BREAK}%`;
}

const NO_BREAK = '\u00a0';

/** A number with three figures or so: 0.0312, −1.25, 341. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const isExtreme = size < 1e-4 || size >= 1e6;
  const text = isExtreme
    ? value.toExponential(2)
    : size >= 100
      ? value.toFixed(0)
      : value.toPrecision(3);
  return text.replaceAll('-', '−');
}

/** What went wrong, for people. */
export function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Errors come from the worker with their names; this one is centring's, which finds nothing to centre.
  return error.name === 'FileFormatError' ? TEXTS.draw.photo.noDigit : error.message;
}

/** What the network says of a digit, in one sentence. */
export function sentenceOf(probabilities: ArrayLike<number>): string {
  const { certainty, first, second } = verdictOf(probabilities);
  const share = percent(first.probability);
  const { verdict } = TEXTS.draw.answer;
  if (certainty === 'sure') return verdict.sure(first.digit, share);
  return verdict[certainty](first.digit, share, second.digit, percent(second.probability));
}
