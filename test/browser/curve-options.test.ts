import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { curveColumns, curveOptions } from '../../packages/monitor/src/report/curve-options.js';

type Data = Parameters<typeof curveOptions>[0];

const line = (label: string, ...values: (number | null)[]) => ({ label, values });

function data(changes: Partial<Data> = {}): Data {
  return {
    x: { label: 'step', values: [1, 2, 3], logarithmic: false },
    y: { label: 'loss', logarithmic: false },
    series: [line('a', 3, 2, 1), line('b', 3, 2, 1), line('c', 3, 2, null)],
    levels: [{ label: 'bar', value: 0.00002 }],
    ...changes,
  };
}

const optionsOf = (given: Data) =>
  curveOptions(given, { width: 700, colour: (name) => `colour of ${name}` });

/** What the legend tells of each line where the pointer is at a place, or nowhere. */
function legendOf(given: Data, place: number | null): unknown[] {
  const columns = curveColumns(given);
  const { series } = optionsOf(given);
  const plot = { data: columns, series };
  return series.map(({ value }, i) => {
    if (typeof value !== 'function') throw new Error('a function tells the value');
    const at = place === null ? null : (columns[i]?.[place] ?? null);
    // Of the plot it asks for nothing but the columns and what they are called.
    return Reflect.apply(value, undefined, [plot, at, i, place]);
  });
}

/** The texts at the marks of a vertical axis over such values. @param splits Where uPlot makes them. */
function marksOf(
  { logarithmic }: { logarithmic: boolean },
  [min, max]: [number, number],
  splits: number[] = [],
): string {
  const { axes, scales } = optionsOf(data({ y: { label: 'y', logarithmic } }));
  const axis = axes?.[1];
  const scale = scales?.[axis?.scale ?? ''];
  if (typeof scale?.range !== 'function' || typeof axis?.values !== 'function') {
    throw new Error('functions give the range and the texts');
  }
  // Of the plot they ask for the scale of the data.
  const plot = { scales: { y: { min, max } } };
  const [least, most] = Reflect.apply(scale.range, undefined, [plot, min, max]) as number[];
  const places =
    typeof axis.splits === 'function'
      ? Reflect.apply(axis.splits, undefined, [plot, 1, least, most])
      : splits;
  return Reflect.apply(axis.values, undefined, [plot, places]).join(' ');
}

describe('curves', () => {
  it('that are the same are all seen: each lies narrower upon the one below, or has gaps', () => {
    const { series } = optionsOf(data());
    const [, first, second, third, bar] = series;
    expect(first).toMatchObject({ width: 3, dash: [], stroke: 'colour of --series-1' });
    expect(second).toMatchObject({ width: 2, dash: [9, 6], stroke: 'colour of --series-2' });
    expect(third).toMatchObject({ width: 2, dash: [3, 4] });
    expect(bar).toMatchObject({ stroke: 'colour of --level' });
  });

  it('that others are drawn upon take no dashes from them', () => {
    const series = [{ ...line('batch', 1, 2, 3), look: 'faint' as const }, line('mean', 1, 2, 3)];
    const [, batch, mean] = optionsOf(data({ series })).series;
    expect(batch).toMatchObject({ width: 1, alpha: 0.45, dash: [] });
    expect(mean).toMatchObject({ width: 3, alpha: 1, dash: [] });
  });

  it('of few values have dots, a later one within an earlier one', () => {
    const series = ['a', 'b'].map((label) => ({ ...line(label, 1, 2, 3), look: 'dots' as const }));
    const [, a, b] = optionsOf(data({ series })).series;
    expect([a?.points, b?.points]).toMatchObject([
      { show: true, size: 9 },
      { show: true, size: 5 },
    ]);
  });

  it('are seven and more with colours that are defined, told apart by dashes', () => {
    const series = Array.from({ length: 12 }, (_, i) => line(String(i), 1, 2, 3));
    const looks = optionsOf(data({ series, levels: [] })).series.slice(1);
    const seen = looks.map(({ stroke, dash }) => `${String(stroke)} ${String(dash)}`);
    expect(new Set(seen).size).toBe(12);
    for (const { stroke } of looks) expect(stroke).toMatch(/--series-[1-6]$/);
  });

  it('have a legend with the values under the pointer, and at rest with the last', () => {
    expect(legendOf(data(), 1)).toEqual(['2', '2', '2', '2', '2e-5']);
    expect(legendOf(data(), null)).toEqual(['3', '1', '1', '2 (step 2)', '2e-5']);
    // Of a line without a value there is nothing to tell.
    const empty = data({ series: [line('a', null, null, null)], levels: [] });
    expect(legendOf(empty, null)).toEqual(['3', '–']);
  });

  it.each<[string, [number, number], string]>([
    ['many decades', [0.05, 3e18], '1 1,000 1,000,000 1e9 1e12 1e15 1e18'],
    ['a loss that grew without end', [0.2, 2.7e34], '1 100,000 1e10 1e15 1e20 1e25 1e30'],
    ['values near 0', [1e-30, 2e-27], '1e-30 1e-29 1e-28 1e-27'],
    ['few decades', [0.009, 3], '0.01 0.1 1'],
    ['two', [0.04, 3], '0.05 0.1 0.2 0.5 1 2'],
    ['one', [4, 11], '4 6 8 10'],
    ['none', [0.11, 0.135], '0.110 0.115 0.120 0.125 0.130 0.135'],
  ])('have round marks on a logarithmic axis of %s', (_, range, texts) => {
    expect(marksOf({ logarithmic: true }, range)).toBe(texts);
  });

  it.each<[[number, number], number[], string]>([
    [[0, 2.1e4], [0, 10_000, 20_000], '0 10,000 20,000'],
    [[0.1, 0.2], [0.1, 0.15, 0.2], '0.10 0.15 0.20'],
    // What uPlot is told to mark is in units of a power of ten.
    [[-3e33, 2.7e34], [0, 1, 2], '0 1e34 2e34'],
    [[1e-20, 3e-20], [1, 1.5, 2], '1e-20 1.5e-20 2e-20'],
    [[0, 0], [0], '0'],
  ])('have marks written as all numbers are, of values between %j', (range, splits, texts) => {
    expect(marksOf({ logarithmic: false }, range, splits)).toBe(texts);
  });

  it('have room for the longest mark', () => {
    const [, axis] = optionsOf(data()).axes ?? [];
    const { size } = axis ?? {};
    if (typeof size !== 'function') throw new Error('a function gives the room');
    const roomOf = (texts: string[] | null): unknown => Reflect.apply(size, undefined, [{}, texts]);
    expect([roomOf(null), roomOf(['0.1']), roomOf(['1', '100,000,000'])]).toEqual([64, 64, 95]);
  });
});

it('what browsers take of it bundles for them, and holds nothing of Node’s', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: "export * from '@unfold/monitor/internal/browser';",
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['unfold-source'],
    logLevel: 'silent',
  });
  const [{ text } = { text: '' }] = outputFiles;
  expect(text).toContain('curveOptions');
  expect(text.length).toBeLessThan(12_000);
});
