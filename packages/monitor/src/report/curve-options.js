/*
 * How curves are drawn with uPlot: on the pages that stand by themselves, and wherever else a program
 * in a browser draws the like. A page holds this file as it is, after `number-text.js`: it imports
 * nothing else, and asks for uPlot's types only.
 */
import { figure, marks } from '../number-text.js';

/** @typedef {import('./chart.js').ChartAxis} ChartAxis */
/** @typedef {import('./chart.js').ChartData} ChartData */
/** @typedef {import('uplot').Options} Options */

/** Digits of a value in the legend. */
const LEGEND_DIGITS = 6;
/** What stands where a series has no value. */
const NO_VALUE = '–';

/** Colours of series, as the page's style defines them: `--series-1` to `--series-6`. */
export const SERIES_COLOURS = 6;
/**
 * Dashes and widths of lines, by their place among a chart's lines. Each is narrower than the one below
 * it or has gaps, so that where two are the same, both are seen.
 */
const DASHES = [[], [9, 6], [3, 4], [14, 5, 3, 5]];
const WIDTHS = [3, 2, 2, 2];
/** Dots likewise: a later one lies within an earlier one. */
const DOTS = [9, 5, 5, 5];

/** Powers of ten that are marked beside each other. */
const MOST_DECADES = 8;
/** An axis has so many marks, if it can. */
const ENOUGH = 3;
/** Digits of round numbers. */
const DIGITS = [1, 2, 5];
/** The room of a vertical axis: at least, for each character of its longest mark, and around that. */
const ROOM = { least: 64, character: 7, around: 18 };

/** Steps between the marks of an axis of whole numbers. */
const WHOLE = Array.from({ length: 9 }, (_, exponent) =>
  DIGITS.map((digit) => digit * 10 ** exponent),
).flat();

/** The height of a chart of some width, in CSS pixels. @param {number} width @returns {number} */
export const chartHeight = (width) => (width < 600 ? 240 : 300);

/** A value as the legend tells it. @param {number | null | undefined} value @returns {string} */
export const legendText = (value) =>
  value === null || value === undefined ? NO_VALUE : figure(value, LEGEND_DIGITS);

/** The scale that an axis stands on, beside that of the data. @param {string} of */
const markScale = (of) => `marks of ${of}`;

/**
 * uPlot marks nothing where values have 18 digits and more, before the point or behind it, and a loss
 * that grows without end has such. So an axis has a scale of its own: of exponents where it is
 * logarithmic, else of the data's values in a unit that leaves them few digits.
 * @param {'x' | 'y'} of @param {ChartAxis} axis @returns {import('uplot').Scale}
 */
function markScaleOf(of, { logarithmic, whole = false }) {
  return {
    from: of,
    time: false,
    distr: 1,
    range: (_, least, most) => {
      if (logarithmic) return [Math.log10(least), Math.log10(most)];
      const unit = whole ? 1 : unitOf(least, most);
      return [least / unit, most / unit];
    },
  };
}

/** A power of ten; 1 for values that are written in full. @param {number} least @param {number} most */
function unitOf(least, most) {
  const size = Math.max(Math.abs(least), Math.abs(most));
  return size === 0 || (size >= 1e-3 && size < 1e9) ? 1 : 10 ** Math.floor(Math.log10(size));
}

/**
 * The exponents that are marked between two others: powers of ten, of many every second, third …; of few
 * what lies between them too.
 * @param {number} least @param {number} most
 */
function logarithmicMarks(least, most) {
  const within = (/** @type {number} */ exponent) => exponent >= least && exponent <= most;
  const first = Math.floor(least);
  const decades = Array.from({ length: Math.floor(most) - first + 1 }, (_, i) => first + i);
  const tens = decades.filter(within);
  if (tens.length >= ENOUGH) {
    const every = Math.ceil(tens.length / MOST_DECADES);
    return tens.filter((exponent) => exponent % every === 0);
  }
  const between = decades.flatMap((ten) => DIGITS.map((digit) => ten + Math.log10(digit)));
  const round = between.filter(within);
  return round.length >= ENOUGH ? round : evenMarks(10 ** least, 10 ** most).map(Math.log10);
}

/** Values at even, round steps. @param {number} least @param {number} most Above it. */
function evenMarks(least, most) {
  const ten = 10 ** Math.floor(Math.log10((most - least) / ENOUGH));
  const steps = DIGITS.map((digit) => digit * ten);
  const step = Math.max(...steps.filter((size) => ENOUGH * size <= most - least), ten);
  const first = Math.ceil(least / step);
  const length = Math.floor(most / step) - first + 1;
  return Array.from({ length }, (_, i) => (first + i) * step);
}

/** @param {readonly number[]} exponents */
function logarithmicTexts(exponents) {
  const values = exponents.map((exponent) => Number((10 ** exponent).toPrecision(12)));
  const isFine = (exponents.at(-1) ?? 0) - (exponents[0] ?? 0) < 1;
  return isFine ? marks(values) : values.map((value) => figure(value));
}

/**
 * @param {'x' | 'y'} of @param {ChartAxis} axis @param {(name: string) => string} colour
 * @returns {import('uplot').Axis}
 */
function axisOf(of, { label, logarithmic, whole = false }, colour) {
  const lines = { stroke: colour('--line'), width: 1 };
  return {
    scale: markScale(of),
    label,
    ...(whole ? { incrs: WHOLE } : {}),
    ...(logarithmic ? { splits: (_, __, least, most) => logarithmicMarks(least, most) } : {}),
    stroke: colour('--text'),
    grid: lines,
    ticks: lines,
    values: (plot, splits) => {
      if (logarithmic) return logarithmicTexts(splits);
      const { min = 0, max = 0 } = plot.scales[of] ?? {};
      const unit = whole ? 1 : unitOf(min, max);
      return marks(splits.map((value) => value * unit));
    },
  };
}

/**
 * Marks such as 10,000,000 don't lie upon the axis' name.
 * @param {unknown} _ @param {readonly string[] | null} texts
 */
function roomOf(_, texts) {
  const longest = Math.max(0, ...(texts ?? []).map((text) => text.length));
  return Math.max(ROOM.least, ROOM.around + ROOM.character * longest);
}

/**
 * What the legend tells: the value under the pointer, and while there is no pointer the last one, which is
 * how it ended; where that is before the others' end, with its place.
 * @param {import('uplot')} plot @param {number | null} value @param {number} series
 * @param {number | null} place
 */
function told(plot, value, series, place) {
  if (place !== null) return legendText(value);
  const column = plot.data[series] ?? [];
  let last = column.length - 1;
  while (last >= 0 && typeof column[last] !== 'number') last--;
  const text = legendText(column[last]);
  if (last === -1 || last === column.length - 1) return text;
  return `${text} (${plot.series[0]?.label} ${legendText(plot.data[0][last])})`;
}

/** @param {ChartData['series']} series @returns {number[]} The place of each among those in full. */
function placesInFull(series) {
  let count = 0;
  return series.map(({ look }) => (look === 'faint' ? 0 : count++));
}

/**
 * Options of uPlot for a chart.
 * @param {ChartData} data
 * @param {{ readonly width: number, readonly colour: (name: string) => string }} look The width in CSS
 * pixels; the colours of the page's style, by names such as `--text` and `--series-1`.
 * @returns {Options}
 */
export function curveOptions({ x, y, series, levels }, { width, colour }) {
  const places = placesInFull(series);
  return {
    width,
    height: chartHeight(width),
    scales: {
      x: { time: false, distr: x.logarithmic ? 3 : 1 },
      y: { distr: y.logarithmic ? 3 : 1 },
      [markScale('x')]: markScaleOf('x', x),
      [markScale('y')]: markScaleOf('y', y),
    },
    axes: [axisOf('x', x, colour), { ...axisOf('y', y, colour), size: roomOf }],
    legend: {
      markers: { width: 3, dash: (_, i) => (dashOf(i - 1).length > 0 ? 'dashed' : 'solid') },
    },
    series: [
      { label: x.label, value: told },
      ...series.map(({ label, look = 'line' }, i) => {
        const place = (places[i] ?? 0) % WIDTHS.length;
        return {
          label,
          value: told,
          stroke: colour(`--series-${(i % SERIES_COLOURS) + 1}`),
          dash: dashOf(i),
          width: look === 'faint' ? 1 : (WIDTHS[place] ?? 2),
          alpha: look === 'faint' ? 0.45 : 1,
          points: { show: look === 'dots', size: DOTS[place] ?? 5, fill: colour('--back') },
          pxAlign: 0,
        };
      }),
      ...levels.map(({ label }) => ({
        label,
        value: told,
        stroke: colour('--level'),
        width: 2,
        points: { show: false },
      })),
    ],
  };

  /** @param {number} i A series; beyond them levels, which have none. */
  function dashOf(i) {
    const place = places[i];
    return place === undefined ? [] : (DASHES[place % DASHES.length] ?? []);
  }
}

/** The columns that uPlot draws of it. @param {ChartData} data @returns {import('uplot').AlignedData} */
export function curveColumns({ x, series, levels }) {
  return [
    [...x.values],
    ...series.map(({ values }) => [...values]),
    ...levels.map(({ value }) => x.values.map(() => value)),
  ];
}
