import { stripVTControlCharacters } from 'node:util';
import { Dataset, type Evaluation, type Mistake } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { wantsColour } from '../../packages/monitor/src/terminal/colour.js';
import { lineOptions } from '../../packages/monitor/src/terminal/views/lines.js';
import { confusionLines } from '../../packages/monitor/src/terminal/views/confusion.js';
import { digitLines } from '../../packages/monitor/src/terminal/views/digit.js';
import { evaluationLines } from '../../packages/monitor/src/terminal/views/evaluation.js';
import { mistakesLines } from '../../packages/monitor/src/terminal/views/mistakes.js';
import { predictionLines } from '../../packages/monitor/src/terminal/views/prediction.js';
import { scoresLines } from '../../packages/monitor/src/terminal/views/scores.js';

const plain = (columns: number) => ({ columns, colour: false });
const coloured = (columns: number) => ({ columns, colour: true });
const ESCAPE = '\u001b[';

describe('wantsColour', () => {
  it.each<[string, boolean, Record<string, string>, boolean]>([
    ['a terminal', true, {}, true],
    ['a file', false, {}, false],
    ['a dumb terminal', true, { TERM: 'dumb' }, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['FORCE_COLOR on a file', false, { FORCE_COLOR: '1' }, true],
    ['an empty FORCE_COLOR, which Node takes for a yes', false, { FORCE_COLOR: '' }, true],
    ['FORCE_COLOR=0 on a terminal', true, { FORCE_COLOR: '0' }, false],
    ['FORCE_COLOR=false on a terminal', true, { FORCE_COLOR: 'false' }, false],
    ['FORCE_COLOR against NO_COLOR', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('%s', (_, isTTY, env, wanted) => {
    expect(wantsColour({ isTTY }, env)).toBe(wanted);
  });

  it('a stream that doesn’t say its width has 80 columns', () => {
    expect(lineOptions({}).columns).toBe(80);
    expect(lineOptions({ columns: 0 }).columns).toBe(80);
    expect(lineOptions({ columns: 33 }).columns).toBe(33);
  });
});

/** Ten classes: 100 and more right of each, and the given errors. */
function confusionOf(...errors: readonly (readonly [number, number, number])[]): number[][] {
  const rows = Array.from({ length: 10 }, (_, c) =>
    Array.from({ length: 10 }, (__, d) => (c === d ? 100 + c : 0)),
  );
  for (const [label, prediction, count] of errors) {
    const row = rows[label];
    if (row) row[prediction] = count;
  }
  return rows;
}

describe('confusionLines', () => {
  const confusion = confusionOf([4, 9, 12], [9, 4, 6], [7, 2, 5]);

  it('has all counts where they fit', () => {
    const lines = [
      '    0   1   2   3   4   5   6   7   8   9',
      '0 100   ·   ·   ·   ·   ·   ·   ·   ·   ·',
      '1   · 101   ·   ·   ·   ·   ·   ·   ·   ·',
      '2   ·   · 102   ·   ·   ·   ·   ·   ·   ·',
      '3   ·   ·   · 103   ·   ·   ·   ·   ·   ·',
      '4   ·   ·   ·   · 104   ·   ·   ·   ·  12',
      '5   ·   ·   ·   ·   · 105   ·   ·   ·   ·',
      '6   ·   ·   ·   ·   ·   · 106   ·   ·   ·',
      '7   ·   ·   5   ·   ·   ·   · 107   ·   ·',
      '8   ·   ·   ·   ·   ·   ·   ·   · 108   ·',
      '9   ·   ·   ·   ·   6   ·   ·   ·   · 109',
    ];
    expect(confusionLines(confusion, plain(80))).toEqual(lines);
    expect(confusionLines(confusion, plain(41))).toEqual(lines);
  });

  it('marks the diagonal where its counts don’t fit', () => {
    const lines = [
      '   0  1  2  3  4  5  6  7  8  9',
      '0  ■  ·  ·  ·  ·  ·  ·  ·  ·  ·',
      '1  ·  ■  ·  ·  ·  ·  ·  ·  ·  ·',
      '2  ·  ·  ■  ·  ·  ·  ·  ·  ·  ·',
      '3  ·  ·  ·  ■  ·  ·  ·  ·  ·  ·',
      '4  ·  ·  ·  ·  ■  ·  ·  ·  · 12',
      '5  ·  ·  ·  ·  ·  ■  ·  ·  ·  ·',
      '6  ·  ·  ·  ·  ·  ·  ■  ·  ·  ·',
      '7  ·  ·  5  ·  ·  ·  ·  ■  ·  ·',
      '8  ·  ·  ·  ·  ·  ·  ·  ·  ■  ·',
      '9  ·  ·  ·  ·  6  ·  ·  ·  ·  ■',
    ];
    expect(confusionLines(confusion, plain(40))).toEqual(lines);
    expect(confusionLines(confusion, plain(31))).toEqual(lines);
  });

  it('lists the most frequent errors where no table fits', () => {
    expect(confusionLines(confusion, plain(30))).toEqual(['4 → 9: 12', '9 → 4: 6', '7 → 2: 5']);
    const many = Array.from({ length: 9 }, (_, c) => [9, c, 20 - c] as const);
    const lines = confusionLines(confusionOf(...many, [0, 1, 1], [0, 2, 1]), plain(10));
    expect([lines.length, lines[0], lines[9]]).toEqual([10, '9 → 0: 20', '0 → 1: 1']);
    expect(confusionLines(confusionOf(), plain(10))).toEqual(['no errors']);
  });

  it('has colours for what is right, errors, large errors and nothing', () => {
    const lines = confusionLines(confusion, coloured(80));
    expect(lines.map(stripVTControlCharacters)).toEqual(confusionLines(confusion, plain(80)));
    expect(lines[5]).toContain(`${ESCAPE}32m104`);
    expect(lines[5]).toContain(`${ESCAPE}1m${ESCAPE}31m 12`);
    expect(lines[10]).toContain(`${ESCAPE}1m${ESCAPE}31m  6`);
    expect(lines[8]).toContain(`${ESCAPE}33m  5`);
    expect(lines[8]).toContain(`${ESCAPE}2m  ·`);
  });

  it('has room for classes of two figures', () => {
    const eleven = Array.from({ length: 11 }, (_, c) =>
      Array.from({ length: 11 }, (__, d) => (c === d ? 1 : 0)),
    );
    const lines = confusionLines(eleven, plain(80));
    expect(lines[0]).toBe(
      `  ${Array.from({ length: 11 }, (_, c) => String(c).padStart(3)).join('')}`,
    );
    expect(lines[11]).toBe(`10${'  ·'.repeat(10)}  1`);
  });
});

const scores: Pick<Evaluation, 'classes' | 'macro' | 'total'> = {
  classes: [
    { precision: 1, recall: 0.98765, f1: 0.9938, support: 980 },
    { precision: 0.9, recall: 0.95, f1: 0.9243, support: 1135 },
  ],
  macro: { precision: 0.95, recall: 0.9688, f1: 0.9591 },
  total: 2115,
};

describe('scoresLines', () => {
  const full = [
    'class  precision   recall       F1  images',
    '    0   100.00 %  98.77 %  99.38 %     980',
    '    1    90.00 %  95.00 %  92.43 %   1,135',
    ' mean    95.00 %  96.88 %  95.91 %   2,115',
  ];

  it('is a table, with fewer columns in a narrow window', () => {
    expect(scoresLines(scores, plain(80))).toEqual(full);
    expect(scoresLines(scores, plain(42))).toEqual(full);
    const narrow = [
      'class       F1  images',
      '    0  99.38 %     980',
      '    1  92.43 %   1,135',
      ' mean  95.91 %   2,115',
    ];
    expect(scoresLines(scores, plain(41))).toEqual(narrow);
    expect(scoresLines(scores, plain(25))).toEqual(narrow);
  });

  it('lets weak classes stand out', () => {
    const lines = scoresLines(scores, coloured(80));
    expect(lines.map(stripVTControlCharacters)).toEqual(full);
    expect(lines[1]).toBe(full[1]);
    expect(lines[2]).toBe(`${ESCAPE}33m${full[2]}${ESCAPE}39m`);
  });
});

describe('digitLines', () => {
  /** 4 × 3: full above nothing, nothing above full, both, half; a third row. */
  const pixels = Uint8Array.of(255, 0, 255, 128, 0, 255, 255, 128, 255, 100, 0, 200);

  it('has half blocks and shades, two rows of pixels in a line', () => {
    expect(digitLines(pixels, [3, 4], plain(80))).toEqual(['▀▄█▒', '▀░ ▀']);
  });

  it('has greys in colours', () => {
    const cell = (upper: number, lower: number): string => `${ESCAPE}38;5;${upper};48;5;${lower}m▀`;
    expect(digitLines(pixels.subarray(0, 8), [2, 4], coloured(80))).toEqual([
      `${cell(255, 232)}${cell(232, 255)}${cell(255, 255)}${cell(244, 244)}${ESCAPE}0m`,
    ]);
    // One sequence for neighbours that are alike.
    expect(digitLines(new Uint8Array(6), [2, 3], coloured(80))).toEqual([
      `${cell(232, 232)}▀▀${ESCAPE}0m`,
    ]);
  });

  it('is half as large where it doesn’t fit', () => {
    const wide = Uint8Array.from({ length: 4 * 6 }, (_, i) => (i % 6 < 3 ? 255 : 0));
    expect(digitLines(wide, [4, 6], plain(6))).toEqual(['███   ', '███   ']);
    expect(digitLines(wide, [4, 6], plain(5))).toEqual(['█▒ ']);
    expect(digitLines(wide, [4, 6], plain(2))).toEqual(['▀ ']);
    expect(digitLines(wide, [4, 6], plain(0))).toHaveLength(1);
  });

  it('draws the mean of the channels, and other numbers from least to largest', () => {
    expect(digitLines(Uint8Array.of(255, 0, 255, 0), [2, 1], plain(9))).toEqual(['▀']);
    expect(digitLines(Uint8Array.of(255, 255, 0, 0), [2, 1], plain(9))).toEqual(['▒']);
    expect(digitLines(Float32Array.of(-2, 7, -2, -2), [2, 2], plain(9))).toEqual([' ▀']);
    expect(digitLines(new Float32Array(4), [2, 2], plain(9))).toEqual(['  ']);
  });
});

describe('mistakesLines', () => {
  /** 20 × 20 with margins of 4: an upright bar, one across. */
  const images = new Uint8Array(2 * 28 * 28);
  for (let i = 4; i < 24; i++) {
    images.fill(255, i * 28 + 4, i * 28 + 6);
    if (i < 6) images.fill(255, 784 + i * 28 + 4, 784 + i * 28 + 24);
  }
  const dataset = Dataset.fromArrays({ images, shape: [1, 28, 28], labels: [7, 0] });
  const mistake = (index: number, label: number, prediction: number, p: number): Mistake => ({
    index,
    label,
    prediction,
    probabilities: Array.from({ length: 10 }, (_, c) => (c === prediction ? p : 0)),
  });
  const mistakes = [
    mistake(0, 7, 1, 0.934),
    mistake(1, 0, 9, 1),
    mistake(0, 7, 2, 0.5),
    mistake(1, 0, 8, 0.49),
  ];

  it('has as many digits beside each other as fit, without their margins', () => {
    const lines = mistakesLines(mistakes, dataset, plain(80));
    expect(lines.slice(0, 3)).toEqual([
      '7 → 1 (93 %)          0 → 9 (100 %)         7 → 2 (50 %)',
      `██${' '.repeat(20)}${'█'.repeat(20)}  ██${' '.repeat(18)}`,
      `██${' '.repeat(42)}██${' '.repeat(18)}`,
    ]);
    expect(lines.slice(10, 14)).toEqual([
      `██${' '.repeat(42)}██${' '.repeat(18)}`,
      '',
      '0 → 8 (49 %)',
      '█'.repeat(20),
    ]);
    expect(lines).toHaveLength(11 + 1 + 11);
  });

  it.each([
    [64, 3],
    [63, 2],
    [42, 2],
    [41, 1],
    [40, 1],
    [25, 1],
    [20, 1],
  ])('in %i columns: %i', (columns, perRow) => {
    for (const options of [plain(columns), coloured(columns)]) {
      const lines = mistakesLines(mistakes, dataset, options).map(stripVTControlCharacters);
      const captions = lines.filter((line) => line.includes('→'));
      expect(captions.map((line) => line.split('→').length - 1)[0]).toBe(perRow);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  it('are smaller where one doesn’t fit', () => {
    expect(mistakesLines(mistakes.slice(1, 2), dataset, plain(15))).toEqual([
      '0 → 9 (100 %)',
      '▀'.repeat(10),
    ]);
  });

  it('of none, and of an empty picture', () => {
    expect(mistakesLines([], dataset, plain(80))).toEqual([]);
    const blank = Dataset.fromArrays({ images: new Uint8Array(8), shape: [1, 2, 4], labels: [3] });
    expect(mistakesLines([mistake(0, 3, 1, 0.9)], blank, plain(80))).toEqual([
      '3 → 1 (90 %)',
      '    ',
    ]);
  });

  it('stand below the figures of an evaluation', () => {
    const evaluation: Evaluation = {
      ...scores,
      loss: 0.12345,
      accuracy: 0.5,
      correct: 1,
      confusion: [
        [1, 0],
        [1, 0],
      ],
      mistakes: [],
    };
    expect(evaluationLines(evaluation, dataset, plain(80))).toEqual([
      'test loss 0.1235',
      '',
      'test scores of each class',
      ...scoresLines(scores, plain(80)),
      '',
      'label ↓ prediction →',
      '  0 1',
      '0 1 ·',
      '1 1 ·',
    ]);
    const drawn = evaluationLines({ ...evaluation, mistakes }, dataset, plain(80));
    expect(drawn.slice(12, 14)).toEqual(['', 'worst mistakes, least likely label first']);
    expect(drawn.slice(14)).toEqual(mistakesLines(mistakes, dataset, plain(80)));
  });
});

describe('predictionLines', () => {
  const probabilities = [0, 0.25, 0, 0, 0, 0, 0, 0.75, 0, 0];
  const prediction = { digit: 7, probability: 0.75, probabilities };
  const pixels = new Uint8Array(784);
  pixels.fill(255, 0, 28);
  pixels.fill(255, 9 * 28, 10 * 28);
  const what = { prediction, pixels };

  it('has bars beside the picture', () => {
    const lines = predictionLines('a.png', what, plain(80));
    const empty = ' '.repeat(28);
    expect(lines).toEqual([
      'a.png: 7 (75.00 %)',
      '▀'.repeat(28),
      '',
      `${empty}   0 ${' '.repeat(30)}   0.00 %`,
      `${empty}   1 ${'━'.repeat(8)}${' '.repeat(22)}  25.00 %`,
      `${'▄'.repeat(28)}   2 ${' '.repeat(30)}   0.00 %`,
      ...[3, 4, 5, 6].map((c) => `${empty}   ${c} ${' '.repeat(30)}   0.00 %`),
      `${empty}   7 ${'━'.repeat(23)}${' '.repeat(7)}  75.00 %`,
      ...[8, 9].map((c) => `${empty}   ${c} ${' '.repeat(30)}   0.00 %`),
      '',
      '',
    ]);
  });

  it('has the picture below in narrow windows, smaller if it must be', () => {
    const bars = (size: number): string[] =>
      probabilities.map((p, c) => {
        const bar = '━'.repeat(Math.round(p * size)).padEnd(size);
        return `${c} ${bar} ${(100 * p).toFixed(2).padStart(6)} %`;
      });
    const forty = predictionLines('a.png', what, plain(40));
    expect(forty.slice(0, 11)).toEqual(['a.png: 7 (75.00 %)', ...bars(29)]);
    expect(forty[11]).toBe('▀'.repeat(28));
    expect(forty).toHaveLength(11 + 14);
    const narrow = predictionLines('a.png', what, plain(25));
    expect(narrow.slice(1, 11)).toEqual(bars(14));
    expect(narrow).toHaveLength(11 + 7);
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(25);
  });

  it('lets the digit stand out in colours', () => {
    const lines = predictionLines('a.png', what, coloured(25));
    expect(lines.slice(0, 11).map(stripVTControlCharacters)).toEqual(
      predictionLines('a.png', what, plain(25)).slice(0, 11),
    );
    expect(lines[0]).toBe(`a.png: ${ESCAPE}1m7${ESCAPE}22m (75.00 %)`);
    expect(lines[8]?.startsWith(`${ESCAPE}1m${ESCAPE}32m7 ━`)).toBe(true);
  });
});
