import { describe, expect, it } from 'vitest';
import {
  counted,
  duration,
  figure,
  fixed,
  grouped,
  marks,
  percent,
  roughDuration,
  roughPercent,
  score,
  speed,
} from '../../packages/monitor/src/number-text.js';

describe('numbers are written for people:', () => {
  it('counts in groups of three', () => {
    expect([0, 999, 1000, -1234, 1_199_882].map(grouped)).toEqual([
      '0',
      '999',
      '1,000',
      '-1,234',
      '1,199,882',
    ]);
    expect([0, 1, 2, 1720].map((n) => counted(n, 'step'))).toEqual([
      '0 steps',
      '1 step',
      '2 steps',
      '1,720 steps',
    ]);
  });

  it.each<[number, string]>([
    [0, '0'],
    [0.1, '0.1'],
    [0.05 + 0.05 * 1e-15, '0.05'],
    [0.012345, '0.0123'],
    [0.0011, '0.0011'],
    [0.000999, '9.99e-4'],
    [4.0e-7, '4e-7'],
    [1.163e-5, '1.16e-5'],
    [98.67, '98.7'],
    [18_426, '18,426'],
    [18_426.4, '18,426'],
    [-1234.5, '-1,234'],
    [999_999_999.4, '999,999,999'],
    [2.5e12, '2.5e12'],
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '-∞'],
  ])('%d in three digits as %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  it('with as many digits as asked for', () => {
    expect([1.23456789, 0.00002, 12_345.678].map((value) => figure(value, 6))).toEqual([
      '1.23457',
      '2e-5',
      '12,345.7',
    ]);
    expect([0.12345, 3.4567e-7].map((value) => figure(value, 2))).toEqual(['0.12', '3.5e-7']);
  });

  it('losses with four decimals, unless these say little', () => {
    expect(
      [0.43, 2.30259, 0, 0.00123, 0.000043, 12_345.6, NaN, undefined].map((v) => fixed(v)),
    ).toEqual(['0.4300', '2.3026', '0.0000', '0.0012', '4.3e-5', '12,346', 'NaN', 'NaN']);
  });

  it('accuracies in percent, other metrics as losses', () => {
    expect(score('accuracy', 0.98765)).toBe('98.77 %');
    expect(score('topFiveAccuracy', 1)).toBe('100.00 %');
    expect(score('mae', 1.25)).toBe('1.2500');
    expect(score('accuracy')).toBe('NaN %');
    expect(percent(0.5)).toBe('50.00 %');
  });

  it('probabilities roughly, but never as the 0 or 1 that they are not', () => {
    expect([0, 0.001, 0.249, 0.9, 0.9999, 1].map(roughPercent)).toEqual([
      '0 %',
      '< 1 %',
      '25 %',
      '90 %',
      '> 99 %',
      '100 %',
    ]);
  });

  it('speeds whole, or with a decimal where they are few', () => {
    expect([13_045.6, 345.6, 34.56, 64, 0, Infinity, NaN].map(speed)).toEqual([
      '13,046',
      '346',
      '34.6',
      '64',
      '0',
      '–',
      '–',
    ]);
  });

  it('times by their length', () => {
    expect([0, 119.94, 119.95, 3599.4, 3599.5, 8999, 3_700_000].map(duration)).toEqual([
      '0.0 s',
      '119.9 s',
      '2 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '2 h 30 min',
      '1,027 h 47 min',
    ]);
    expect([0.4, 59.4, 125, 4320].map(roughDuration)).toEqual([
      '0 s',
      '59 s',
      '2 min 5 s',
      '1 h 12 min',
    ]);
  });

  it.each<[number[], string[]]>([
    [
      [0, 0.05, 0.1, 0.15000000000000002],
      ['0.00', '0.05', '0.10', '0.15'],
    ],
    [
      [0, 10_000, 20_000],
      ['0', '10,000', '20,000'],
    ],
    [
      [-2.5, 0, 2.5],
      ['-2.5', '0.0', '2.5'],
    ],
    [
      [0, 2e-5, 4e-5],
      ['0', '2e-5', '4e-5'],
    ],
    [[], []],
  ])('the marks %j of an axis alike', (values, texts) => {
    expect(marks(values)).toEqual(texts);
  });
});
