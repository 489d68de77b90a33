import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../../playground/src/views/draw/verdict.js';
import { figure, percent, sentenceOf } from '../../../playground/src/views/draw/words.js';

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
    expect(typed(sentenceOf(shares({ 8: 0.98 })))).toBe('The network says: an 8 (98.0 %).');
    expect(typed(sentenceOf(shares({ 7: 0.7, 1: 0.2 })))).toBe(
      'Most likely a 7 (70.0 %), perhaps a 1 (20.0 %).',
    );
    expect(typed(sentenceOf(shares({ 4: 0.3, 9: 0.25 })))).toBe(
      'Not sure: perhaps a 4 (30.0 %), or a 9 (25.0 %).',
    );
  });

  it('takes the smaller of two digits that are equally likely first', () => {
    const { first, second } = verdictOf(shares({}));
    expect([first.digit, second.digit]).toEqual([0, 1]);
  });
});

describe('a share in per cent', () => {
  it('is no 0 and no 100 unless it is one', () => {
    expect([0, 1e-9, 0.0005, 0.5, 0.9989, 0.9999, 1].map((share) => typed(percent(share)))).toEqual(
      ['0.0 %', '< 0.1 %', '< 0.1 %', '50.0 %', '99.9 %', '> 99.9 %', '100.0 %'],
    );
  });
});

describe('a figure', () => {
  it('has three digits or so, at every size and sign', () => {
    expect([0, 0.03125, -1.2345, 341.4, -12345.6, 1.5e-7, 2.5e6].map(figure)).toEqual([
      '0',
      '0.0313',
      '−1.23',
      '341',
      '−12346',
      '1.50e−7',
      '2.50e+6',
    ]);
  });
});
