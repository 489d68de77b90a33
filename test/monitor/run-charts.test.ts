import { describe, expect, it } from 'vitest';
import { linearAxis, logAxis } from '../../packages/monitor/src/terminal/run/axis.js';
import { runCharts } from '../../packages/monitor/src/terminal/run/charts.js';
import { LossCurve } from '../../packages/monitor/src/terminal/run/loss-curve.js';
import type { EpochReport } from '../../packages/train/src/fit/callback.js';
import { epochReport } from '../support/runs/training-run.js';

const ESCAPE = String.fromCharCode(27);

/** Epochs with a loss that falls from 0.5 and accuracies that rise from 90 and 94 %. */
function history(
  epochs: number,
  loss: (epoch: number) => number = (epoch) => 0.6 - 0.1 * epoch,
): EpochReport[] {
  return Array.from({ length: epochs }, (_, i) =>
    epochReport(
      i + 1,
      { loss: loss(i + 1), accuracy: 0.9 + 0.02 * i },
      { loss: 0.5 * loss(i + 1) + 0.1, accuracy: 0.94 + 0.01 * i },
    ),
  );
}

type Steps = Parameters<typeof runCharts>[1];

function charts(
  reports: readonly EpochReport[],
  columns: number,
  { colour = false, steps = [] }: { colour?: boolean; steps?: Steps } = {},
): string[] {
  return runCharts(reports, steps, { columns, colour, stepsPerEpoch: 100 });
}

describe('charts', () => {
  it('of four epochs are side by side where there is room', () => {
    expect(charts(history(4), 100)).toEqual([
      'loss  ⠒● train  ⎻◆ validation                      accuracy  ⠒● train  ⎻◆ validation',
      '   ▲                                                   ▲',
      '0.6┤                                               98 %┤',
      '   │                                                   │                                  ⎽⎽⎽⎽⎼⎼⎼◆',
      '0.5┤●⠤⣀⣀                                           96 %┤                     ⎽⎽⎽⎼⎼⎼◆⎻⎻⎻⎺⎺⎺    ⣀⣀⠤●',
      '   │    ⠉⠉⠒⠤⠤⣀⣀                                        │       ⎽⎽⎽⎽⎼⎼⎼◆⎻⎻⎻⎺⎺⎺          ⣀⣀⠤⠒⠒⠉⠉',
      '0.4┤           ⠉⠉⠒●⠤⣀⣀                             94 %┤◆⎻⎻⎻⎺⎺⎺                 ⣀⣀⠤●⠒⠉⠉',
      '   │◆⎼⎼⎼⎽⎽⎽           ⠉⠉⠒⠤⠤⣀⣀                          │                  ⣀⠤⠤⠒⠒⠉',
      '0.3┤       ⎺⎺⎺⎺⎻⎻⎻◆⎼⎼⎼⎽⎽⎽    ⠉⠉⠒●⠤⣀⣀               92 %┤           ⣀⣀⠤●⠒⠉⠉',
      '   │                     ⎺⎺⎺⎺⎻⎻⎻◆⎼⎼⎼⠉⎽⠒⠤⠤⣀⣀            │    ⣀⣀⠤⠒⠒⠉⠉',
      '0.2┤                                   ⎺⎺⎺⎺⎻⠉⎻◆    90 %┤●⠒⠉⠉',
      '   └┬─────────────┬─────────────┬─────────────┬▶       └┬─────────────┬────────────┬─────────────┬▶',
      '    1             2             3             4         1             2            3             4',
      '                       epoch                                              epoch',
    ]);
  });

  it('are below each other where there is less', () => {
    expect(charts(history(4), 50)).toEqual([
      'loss  ⠒● train  ⎻◆ validation',
      '   ▲',
      '0.6┤',
      '   │',
      '0.5┤●⠤⣀⣀',
      '   │    ⠉⠉⠒⠤⠤⣀⣀',
      '0.4┤           ⠉⠉⠒●⠤⣀⣀',
      '   │◆⎼⎼⎼⎽⎽⎽           ⠉⠉⠒⠒⠤⠤⣀⣀',
      '0.3┤       ⎺⎺⎺⎺⎻⎻⎻◆⎼⎼⎼⎽⎽⎽⎽    ⠉⠉⠒●⠤⣀⣀',
      '   │                      ⎺⎺⎺⎺⎻⎻⎻◆⎼⎼⎼⎽⠉⎽⠤⠤⣀⣀',
      '0.2┤                                    ⎺⎺⎺⎺⠉⎻⠒◆',
      '   └┬─────────────┬──────────────┬─────────────┬▶',
      '    1             2              3             4',
      '                       epoch',
      '',
      'accuracy  ⠒● train  ⎻◆ validation',
      '    ▲',
      '98 %┤',
      '    │                                   ⎽⎽⎽⎽⎼⎼⎼◆',
      '96 %┤                     ⎽⎽⎽⎽⎼⎼⎼◆⎻⎻⎻⎺⎺⎺    ⣀⣀⠤●',
      '    │       ⎽⎽⎽⎽⎼⎼⎼◆⎻⎻⎻⎺⎺⎺           ⣀⣀⠤⠒⠒⠉⠉',
      '94 %┤◆⎻⎻⎻⎺⎺⎺                  ⣀⣀⠤●⠒⠉⠉',
      '    │                  ⣀⣀⠤⠒⠒⠉⠉',
      '92 %┤           ⣀⣀⠤●⠒⠉⠉',
      '    │    ⣀⣀⠤⠒⠒⠉⠉',
      '90 %┤●⠒⠉⠉',
      '    └┬─────────────┬─────────────┬─────────────┬▶',
      '     1             2             3             4',
      '                        epoch',
    ]);
  });

  it('of less epochs are over steps, with the validation at its step', () => {
    const steps = Array.from({ length: 200 }, (_, i) => ({ step: i + 1, loss: 4 - i / 50 }));
    expect(
      charts(
        history(2, () => 2),
        60,
        { steps },
      ),
    ).toEqual([
      'loss (log)  ⠒⠒ train  ◆ validation',
      '   ▲',
      '   │⠒⠤⠤⠤⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀',
      '   │                ⠉⠉⠉⠉⠉⠒⠒⠒⠒⠒⠤⠤⠤⠤⠤⣀⣀⣀',
      '  1┤                           ◆      ⠉⠉⠉⠒⠒⠒⠤⠤⣀⣀         ◆',
      '   │                                            ⠉⠒⠒⠤',
      '   │                                                ⠉⠒⠤',
      '   │                                                   ⠒',
      '0.1┤                                                    ⠉',
      '   │                                                     ⣀',
      '   │',
      '   └┬────────────┬─────────────┬────────────┬────────────┬▶',
      '    0           50           100          150          200',
      '                             step',
    ]);
  });

  it('of a run that was resumed begin where it went on', () => {
    const steps = Array.from({ length: 60 }, (_, i) => ({ step: 141 + i, loss: 2 }));
    const lines = charts(history(2), 60, { steps });
    expect(lines.at(-2)?.trim().split(/ +/)).toEqual(['140', '155', '170', '185', '200']);
    // Of the legend, and the one validation of this part; the curve reaches over all of the marks.
    expect(lines.filter((line) => line.includes('◆'))).toHaveLength(2);
    expect(lines.find((line) => line.includes('⠒⠒⠒'))).toMatch(/┤ ?⠒{53,}$/);
  });

  it('show a rise of less than a row, and which values were measured', () => {
    const accuracies = [0.964, 0.978, 0.983, 0.987];
    const reports = accuracies.map((accuracy, i) =>
      epochReport(i + 1, { loss: 1 }, { loss: 1, accuracy }),
    );
    const lines = charts(reports, 60).slice(15);
    expect(lines).toEqual([
      'accuracy  ⎻◆ validation',
      '     ▲',
      '100 %┤',
      '     │',
      ' 99 %┤',
      '     │                                 ⎽◆⎽⎽⎽⎼⎼⎼⎼⎼⎻⎻⎻⎻⎻⎺⎺⎺◆',
      ' 98 %┤                 ◆⎽⎽⎼⎼⎼⎼⎻⎻⎻⎻⎻⎺⎺⎺⎺',
      '     │           ⎽⎼⎼⎻⎺⎺',
      ' 97 %┤     ⎽⎼⎼⎻⎺⎺',
      '     │◆⎼⎻⎺⎺',
      ' 96 %┤',
      '     └┬────────────────┬────────────────┬────────────────┬▶',
      '      1                2                3                4',
      '                             epoch',
    ]);
    const marks = lines.slice(2, 11).join('');
    expect(marks.match(/◆/g)).toHaveLength(4);
    for (const mark of '⎽⎼⎻⎺') expect(marks).toContain(mark);
  });

  it('are never wider than the window or 100 columns, and there are none in less than 40', () => {
    for (let columns = 40; columns < 130; columns++) {
      const lines = [
        ...charts(
          history(30, (epoch) => 2 / epoch),
          columns,
        ),
        ...charts(history(3), columns, { steps: [1, 2, 3].map((step) => ({ step, loss: step })) }),
      ];
      const width = Math.max(...lines.map((line) => line.length));
      expect(width).toBeLessThan(Math.min(columns, 101));
      expect(width).toBeGreaterThan(Math.min(columns, 100) - 4);
    }
    expect(charts(history(30), 39)).toEqual([]);
  });

  it('are only drawn of what was measured', () => {
    expect(charts([], 80)).toEqual([]);
    expect(charts(history(3), 80, { steps: [{ step: 1, loss: 1 }] })).toEqual([]);
    const bare = [1, 2, 3, 4].map((epoch) => epochReport(epoch, { loss: epoch }, null));
    const titles = (reports: EpochReport[]): string[] =>
      charts(reports, 80).filter((line) => line.includes('train'));
    expect(titles(bare)).toEqual(['loss  ⠒● train']);
    expect(titles(history(5, (epoch) => (epoch === 3 ? NaN : 1)))).toEqual([
      'loss  ⠒● train  ⎻◆ validation',
      'accuracy  ⠒● train  ⎻◆ validation',
    ]);
    expect(titles(history(5, () => Infinity))).toEqual(['accuracy  ⠒● train  ⎻◆ validation']);
  });

  it('are coloured where colour is wanted, and the same without', () => {
    const coloured = charts(history(4), 100, { colour: true });
    expect(coloured[0]).toContain(`${ESCAPE}[36m⠒●${ESCAPE}[39m train`);
    expect(coloured.join()).toContain(`${ESCAPE}[33m⎻${ESCAPE}[39m`);
    const plain = coloured.map((line) => line.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), ''));
    expect(plain).toEqual(charts(history(4), 100));
  });
});

describe('axes', () => {
  const labels = ({ ticks }: ReturnType<typeof linearAxis>): string =>
    ticks.map(({ label }) => label).join(' ');

  it.each<[number[], string]>([
    [[0.03, 0.43], '0.00 0.25 0.50'],
    [[0.42, 0.5], '0.42 0.44 0.46 0.48 0.50'],
    [[1000, 4000], '1,000 2,000 3,000 4,000 5,000'],
    [[0.05, 0.11], '0.04 0.06 0.08 0.10 0.12'],
    [[0.5, 0.5], '0.50 0.55 0.60 0.65 0.70'],
    [[0, 0], '0.0 0.1 0.2 0.3 0.4'],
    [[-3, 5], '-3 -2 -1  0  1  2  3  4  5'],
    // 0.6 - 0.4 is a little less than 0.2; a mark below it would stand empty.
    [[0.6 - 0.4, 0.5], '0.2 0.3 0.4 0.5 0.6'],
    [[0.053, 0.149], '0.050 0.075 0.100 0.125 0.150'],
  ])('a linear one around %j is marked at %s', (values, expected) => {
    const axis = linearAxis(values, Infinity);
    expect(labels(axis)).toBe(expected);
    expect(axis.range[0]).toBeLessThanOrEqual(Math.min(...values) + 1e-9);
    expect(axis.range[1]).toBeGreaterThanOrEqual(Math.max(...values) - 1e-9);
  });

  it.each<[number[], string]>([
    [[91, 99.5], ' 90.0 %  92.5 %  95.0 %  97.5 % 100.0 %'],
    [[97.2, 99.9], ' 96 %  97 %  98 %  99 % 100 %'],
    [[100, 100], ' 60 %  70 %  80 %  90 % 100 %'],
    [[10, 98], '  0 %  25 %  50 %  75 % 100 %'],
    [[96.4, 98.7], ' 96 %  97 %  98 %  99 % 100 %'],
  ])('one of parts around %j ends at 100 %%: %s', (values, expected) => {
    expect(labels(linearAxis(values, 100, ' %'))).toBe(expected);
  });

  it.each<[number[], string]>([
    [[0.02, 0.43], '0.02 0.05  0.1  0.2'],
    [[0.05, 0.5], '0.05  0.1  0.2  0.5'],
    [[0.002, 2.3], '0.01  0.1    1'],
    [[3e-8, 1e-4], '1e-7 1e-6 1e-5 1e-4'],
    // As where a loss grew without end.
    [[2.3, 4e13], '    1,000 1,000,000       1e9      1e12'],
  ])('a logarithmic one around %j is marked at %s', (values, expected) => {
    const axis = logAxis(values);
    expect(labels(axis)).toBe(expected);
    expect(axis.range).toEqual(values.map(Math.log10));
  });
});

describe('the curve of losses', () => {
  it('keeps each step as long as there are not many', () => {
    const curve = new LossCurve();
    for (const step of [41, 42, 43]) curve.add(step, step / 2);
    expect(curve.points()).toEqual([
      { step: 41, loss: 20.5 },
      { step: 42, loss: 21 },
      { step: 43, loss: 21.5 },
    ]);
  });

  it('of a long run holds means of as many steps each, and no more than 1,024', () => {
    const curve = new LossCurve();
    for (let step = 1; step <= 5002; step++) {
      curve.add(step, step);
      expect(curve.points().length).toBeLessThanOrEqual(1024);
    }
    const points = curve.points();
    // 8 steps each: 625 times, and the last two.
    expect(points).toHaveLength(626);
    expect(points[0]).toEqual({ step: 4.5, loss: 4.5 });
    expect(points[624]).toEqual({ step: 4996.5, loss: 4996.5 });
    expect(points[625]).toEqual({ step: 5001.5, loss: 5001.5 });
  });
});
