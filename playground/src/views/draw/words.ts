import { figure, roughPercent } from '@unfold/monitor/internal/browser';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { verdictOf } from './verdict.js';

/** 93 %, which no line ends in. */
export const percent = (share: number): string => roughPercent(share).replaceAll(' ', '\u00a0');

/** A number of a map or of a scale, with a true minus. */
export const numeral = (value: number): string => figure(value).replaceAll('-', '−');

/** What went wrong, for people. */
export function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Errors come from the worker with their names; this one is centring's, which finds nothing to centre.
  return error.name === 'FileFormatError' ? DRAW_TEXTS.photo.noDigit : error.message;
}

/** What the network says of a digit, in one sentence. */
export function sentenceOf(probabilities: ArrayLike<number>): string {
  const { certainty, first, second } = verdictOf(probabilities);
  const share = percent(first.probability);
  const { verdict } = DRAW_TEXTS.answer;
  if (certainty === 'sure') return verdict.sure(first.digit, share);
  return verdict[certainty](first.digit, share, second.digit, percent(second.probability));
}
