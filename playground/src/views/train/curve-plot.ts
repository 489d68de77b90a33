import { curveOptions } from '@unfold/monitor/internal/browser';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { TRAIN_TEXTS } from '../../texts/train.js';
import { lookOf, PARTS } from './curve-legend.js';

/*
 * What draws curves, which is loaded when they begin.
 */

export interface CurvePlotOptions {
  /** The runs' names, in the order of the curves. */
  readonly names: readonly string[];
  readonly axis: string;
  readonly isLogarithmic: boolean;
  /** In CSS pixels. */
  readonly height: number;
  /** Hears that the pointer is elsewhere. */
  readonly onPoint: () => void;
}

/** Draws columns in an element. @returns null where they are not those of these runs. */
export function plotCurves(
  element: HTMLElement,
  columns: uPlot.AlignedData,
  options: CurvePlotOptions,
): uPlot | null {
  const own = optionsOf(options, element.clientWidth);
  return columns.length === own.series.length ? new uPlot(own, columns, element) : null;
}

/** A colour of the page's style, as a canvas understands it: `light-dark()` is for styles only. */
function colour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionsOf(
  { names, axis, isLogarithmic, height, onPoint }: CurvePlotOptions,
  width: number,
): uPlot.Options {
  const lines = names.flatMap((name) => PARTS.map((part) => ({ name, part })));
  const {
    axes = [],
    series,
    scales,
    ...base
  } = curveOptions(
    {
      x: { label: TRAIN_TEXTS.curves.step, logarithmic: false, whole: true, values: [] },
      y: { label: axis, logarithmic: isLogarithmic },
      series: lines.map(({ part }) => ({ label: part, values: [] })),
      levels: [],
    },
    { width, colour },
  );
  const [steps = {}, ...rest] = series;
  return {
    ...base,
    height,
    axes: axes.map((options) => ({ ...options, labelSize: 22 })),
    scales: {
      ...scales,
      x: { time: false, range: (_, low, high) => [Math.max(0, low - 1), Math.max(high, 10)] },
      y: isLogarithmic
        ? { distr: 3, range: (plot, low, high) => lossRange(plot, [low, high]) }
        : { range: (_, low) => [Math.max(0, low - 2), 100] },
    },
    series: [
      steps,
      ...rest.map((options, i) => ({ ...options, ...styleOf(lines[i]?.name ?? '', i) })),
    ],
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    hooks: { setCursor: [onPoint] },
  };
}

/**
 * From well below the lowest mean: a batch of a few images may have a loss of almost 0, and would press all else
 * together.
 */
function lossRange({ data }: uPlot, [low, high]: uPlot.Range.MinMax): uPlot.Range.MinMax {
  const means = data.slice(1).filter((_, i) => PARTS[i % PARTS.length] !== 'batch');
  let floor = Infinity;
  for (const column of means) {
    for (const value of column) if (value && value < floor) floor = value;
  }
  const [least, most] = [Math.max(low ?? 0, floor < Infinity ? floor / 4 : 0), high ?? 0];
  return least > 0 && most > 0 ? uPlot.rangeLog(least, most, 10, false) : [0.1, 10];
}

/** How the batches, the mean and the validations of a run are drawn. */
function styleOf(name: string, line: number): Partial<uPlot.Series> {
  const look = lookOf(name);
  const stroke = colour(look.colour);
  const none = { show: false };
  switch (PARTS[line % PARTS.length]) {
    case 'mean':
      return { stroke, width: 2.5, dash: [...look.dash], spanGaps: true, points: none };
    case 'validation':
      return { width: 0, points: { show: true, size: 8, stroke, fill: colour(look.fill) } };
    default:
      return { stroke, width: 1, alpha: 0.3, points: none };
  }
}
