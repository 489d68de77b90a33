/** The vertical axis of a chart. */
export interface Axis {
  /** Where a value stands between `range[0]` and `range[1]`. */
  readonly at: (value: number) => number;
  readonly range: readonly [number, number];
  /** The values that are marked, as they are written, all equally wide. */
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** Spaces between the marks of a linear axis. */
const INTERVALS = 4;
const MANTISSAS = [1, 2, 2.5, 5] as const;
/** From this ratio of the largest to the smallest value on, losses are drawn on a logarithmic axis. */
const LOG_FROM = 5;
/** Decades from which on only powers of ten are marked. */
const MANY_DECADES = 2;

/** Whether values are better seen on a logarithmic axis. */
export function spansDecades(values: readonly number[]): boolean {
  const [low, high] = extent(values);
  return low > 0 && high / low >= LOG_FROM;
}

/** An axis with four equal spaces between round numbers, around all values and, if it can, below `cap`. */
export function linearAxis(values: readonly number[], cap: number, unit = ''): Axis {
  const [low, high] = extent(values);
  const smallest = (high - low || Math.abs(high) || 1) / 10;
  for (let exponent = Math.floor(Math.log10(smallest)); ; exponent++) {
    for (const mantissa of MANTISSAS) {
      const step = mantissa * 10 ** exponent;
      const below = Math.floor(low / step);
      if ((below + INTERVALS) * step < high) continue;
      const capped = Math.min(below, Math.round(cap / step) - INTERVALS);
      const first = (capped + INTERVALS) * step >= high ? capped : below;
      const decimals = Math.max(0, (mantissa === 2.5 ? 1 : 0) - exponent);
      const ticks = Array.from({ length: INTERVALS + 1 }, (_, i) => {
        const value = (first + i) * step;
        return { value, label: value.toFixed(decimals) + unit };
      });
      return {
        at: (value) => value,
        range: [first * step, (first + INTERVALS) * step],
        ticks: aligned(ticks),
      };
    }
  }
}

/** A logarithmic axis around all values, which are above 0. */
export function logAxis(values: readonly number[]): Axis {
  const [low, high] = extent(values);
  const marked = Math.log10(high / low) > MANY_DECADES ? [1] : [1, 2, 5];
  const candidates: { value: number; label: string }[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const mantissa of marked) {
      const value = Number(`${mantissa}e${e}`);
      candidates.push({ value, label: value < 0.001 ? `${mantissa}e${e}` : String(value) });
    }
  }
  const above = candidates.findIndex(({ value }) => value > low);
  const to = candidates.findIndex(({ value }) => value >= high);
  const ticks = candidates.slice(above - 1, to + 1);
  return {
    at: Math.log10,
    range: [Math.log10(ticks[0]?.value ?? low), Math.log10(ticks.at(-1)?.value ?? high)],
    ticks: aligned(ticks),
  };
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
