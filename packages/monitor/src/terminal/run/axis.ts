import { figure, marks } from '../../number-text.js';

/** The vertical axis of a chart. */
export interface Axis {
  /** Where a value stands between `range[0]` and `range[1]`. */
  readonly at: (value: number) => number;
  readonly range: readonly [number, number];
  /** The values that are marked, as they are written, all equally wide. */
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** Spaces between the marks of a linear axis, which all rows of a chart can be parted into. */
const INTERVALS = [2, 4, 8] as const;
const MANTISSAS = [1, 2, 2.5, 5] as const;
/** So near to a mark, in spaces, a value is on it: differences like 0.6 - 0.4 are not quite 0.2. */
const NEARLY = 1e-6;
/** From this ratio of the largest to the smallest value on, losses are drawn on a logarithmic axis. */
const LOG_FROM = 5;
/** Decades from which on only powers of ten are marked. */
const MANY_DECADES = 2;
/** Powers of ten that are marked at most: more are nearer to each other than the rows of a chart. */
const MOST_DECADES = 6;

/** Whether values are better seen on a logarithmic axis. */
export function spansDecades(values: readonly number[]): boolean {
  const [low, high] = extent(values);
  return low > 0 && high / low >= LOG_FROM;
}

/**
 * A linear axis with equal spaces between round numbers, around all values and, if it can, below `cap`:
 * of those the one that leaves the least empty.
 */
export function linearAxis(values: readonly number[], cap: number, unit = ''): Axis {
  const [low, high] = extent(values);
  const span = high - low || Math.abs(high) || 1;
  const candidates = INTERVALS.flatMap((intervals) =>
    scalesOf(low, high, cap, { span, intervals }),
  );
  const best = candidates.reduce((a, b) => (wasteOf(b) < wasteOf(a) ? b : a));
  const { first, step, intervals } = best;
  const marked = Array.from({ length: intervals + 1 }, (_, i) => (first + i) * step);
  const texts = marks(marked);
  return {
    at: (value) => value,
    range: [first * step, (first + intervals) * step],
    ticks: aligned(marked.map((value, i) => ({ value, label: (texts[i] ?? '') + unit }))),
  };
}

/** An axis that begins with `first` steps above 0. */
interface Scale {
  readonly first: number;
  readonly step: number;
  readonly intervals: number;
}

/** How far it reaches; of those that reach as far, four spaces are read best. */
const wasteOf = ({ step, intervals }: Scale): number =>
  step * intervals * (1 + Math.abs(Math.log2(intervals / 4)) / 100);

/** The finest scale with so many spaces around all values. */
function scalesOf(
  low: number,
  high: number,
  cap: number,
  { span, intervals }: { readonly span: number; readonly intervals: number },
): Scale[] {
  for (let exponent = Math.floor(Math.log10(span / intervals)) - 1; ; exponent++) {
    for (const mantissa of MANTISSAS) {
      const step = Number(`${mantissa}e${exponent}`);
      const covers = (first: number): boolean =>
        first <= low / step + NEARLY && first + intervals >= high / step - NEARLY;
      const below = Math.floor(low / step + NEARLY);
      const capped = Math.min(below, Math.round(cap / step) - intervals);
      const first = [capped, below].find(covers);
      if (first !== undefined && step * intervals >= 0.4 * span)
        return [{ first, step, intervals }];
    }
  }
}

/**
 * A logarithmic axis from the smallest value to the largest, which are above 0, with marks between: a
 * decade that they hardly reach into would stand empty.
 */
export function logAxis(values: readonly number[]): Axis {
  const [low, high] = extent(values);
  const decades = Math.log10(high / low);
  const marked = decades > MANY_DECADES ? [1] : [1, 2, 5];
  const every = Math.ceil(decades / MOST_DECADES);
  const candidates: { value: number; label: string }[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    if (e % every !== 0) continue;
    for (const mantissa of marked) {
      const value = Number(`${mantissa}e${e}`);
      candidates.push({ value, label: figure(value) });
    }
  }
  const ticks = candidates.filter(({ value }) => value >= low && value <= high);
  return { at: Math.log10, range: [Math.log10(low), Math.log10(high)], ticks: aligned(ticks) };
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function aligned(ticks: readonly { value: number; label: string }[]): Axis['ticks'] {
  const width = Math.max(...ticks.map(({ label }) => label.length));
  return ticks.map(({ value, label }) => ({ value, label: label.padStart(width) }));
}
