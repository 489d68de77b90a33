import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../../playground/src/views/draw/verdict.js';
import { percent, sentenceOf, troubleOf } from '../../../playground/src/views/draw/words.js';

/** Ten probabilities, of which some digits have the given ones and the others equal shares of the rest. */
function shares(given: Readonly<Record<number, number>>): number[] {
  const known = Object.values(given);
  const rest = 1 - known.reduce((sum, share) => sum + share, 0);
  return Array.from({ length: 10 }, (_, digit) => given[digit] ?? rest / (10 - known.length));
}

/** As one types it. */
const typed = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('what a network says, in words', () => {
  it('names one digit where it is sure, two where it isn’t', () => {
    expect(typed(sentenceOf(shares({ 8: 0.98 })))).toBe('The network says: an 8 (98 %).');
    expect(typed(sentenceOf(shares({ 7: 0.7, 1: 0.2 })))).toBe(
      'Most likely a 7 (70 %), perhaps a 1 (20 %).',
    );
    expect(typed(sentenceOf(shares({ 4: 0.3, 9: 0.25 })))).toBe(
      'Not sure: perhaps a 4 (30 %), or a 9 (25 %).',
    );
  });

  it('takes the smaller of two digits that are equally likely first', () => {
    const { first, second } = verdictOf(shares({}));
    expect([first.digit, second.digit]).toEqual([0, 1]);
  });
});

describe('a share in per cent', () => {
  it('stays in one piece, and is no 0 and no 100 unless it is one', () => {
    expect([0, 1e-9, 0.5, 0.9999, 1].map(percent)).toEqual([
      '0\u00a0%',
      '<\u00a01\u00a0%',
      '50\u00a0%',
      '>\u00a099\u00a0%',
      '100\u00a0%',
    ]);
  });
});

describe('what went wrong, in words', () => {
  it('is a sentence of the page’s where a picture shows no digit, else the error’s', () => {
    const none = Object.assign(new Error('picture: expected a digit'), { name: 'FileFormatError' });
    expect(troubleOf(none)).toMatch(/^No digit stands out of the paper/);
    expect(troubleOf(new Error('There is no network yet.'))).toBe('There is no network yet.');
    expect(troubleOf('gone')).toBe('gone');
  });
});
