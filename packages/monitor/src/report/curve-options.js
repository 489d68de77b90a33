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
/** The room of a vertical axis: at least, for each character of its longest mark, and around that. */
const ROOM = { least: 64, character: 7, around: 18 };

/** Steps between the marks of an axis of whole numbers. */
const WHOLE = Array.from({ length: 9 }, (_, exponent) =>
  [1, 2, 5].map((digit) => digit * 10 ** exponent),
).flat();

/** The height of a chart of some width, in CSS pixels. @param {number} width @returns {number} */
export const chartHeight = (width) => (width < 600 ? 240 : 300);

/** A value as the legend tells it. @param {number | null | undefined} value @returns {string} */
export const legendText = (value) =>
  value === null || value === undefined ? NO_VALUE : figure(value, LEGEND_DIGITS);

/** @param {number} value */
function isDecade(value) {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9;
}

/**
 * The powers of ten among places of a logarithmic axis; of many, as where a loss grows without end, every
 * second, third …
 * @param {readonly (number | null)[]} splits
 */
function decades(splits) {
  const isTen = splits.map((value) => value !== null && isDecade(value));
  const every = Math.ceil(isTen.filter(Boolean).length / MOST_DECADES);
  return splits.map((value, i) =>
    isTen[i] && Math.round(Math.log10(value ?? 1)) % every === 0 ? value : null,
  );
}

/**
 * The texts of an axis. Where uPlot leaves a mark without one, as between decades, its value is null.
 * @param {readonly (number | null)[]} splits @param {boolean} isLogarithmic
 */
function axisTexts(splits, isLogarithmic) {
  if (isLogarithmic) {
    const isMany =
      splits.filter((value) => value !== null && isDecade(value)).length > MOST_DECADES;
    const marked = isMany ? decades(splits) : splits;
    return marked.map((value) => (value === null ? '' : figure(value)));
  }
  return marks(splits.map((value) => value ?? 0));
}

/** @param {ChartAxis} axis @param {(name: string) => string} colour @returns {import('uplot').Axis} */
function axisOf({ label, logarithmic, whole }, colour) {
  // The grid's lines are at powers of ten: all would be a blot.
  const filter = (/** @type {unknown} */ _, /** @type {number[]} */ splits) => decades(splits);
  const lines = { stroke: colour('--line'), width: 1, ...(logarithmic ? { filter } : {}) };
  return {
    label,
    ...(whole ? { incrs: WHOLE } : {}),
    stroke: colour('--text'),
    grid: lines,
    ticks: lines,
    values: (_, splits) => axisTexts(splits, logarithmic),
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
    },
    axes: [axisOf(x, colour), { ...axisOf(y, colour), size: roomOf }],
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
