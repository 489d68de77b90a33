import { stripVTControlCharacters } from 'node:util';
import type { EpochReport } from '@unfold/train';
import { type Paint, painter } from '../colour.js';
import { linearAxis, logAxis, spansDecades } from './axis.js';
import { chartLines, type ChartOptions, type Series } from './chart.js';
import type { LossPoint } from './loss-curve.js';

/** From so many epochs on, a chart over epochs says something. */
const MANY_EPOCHS = 4;
/** Two charts are side by side from this width on; a line is never wider. */
const WIDE = 100;
const GAP = 3;
/** In less, title and legend don't fit. */
const NARROW = 39;
/** A mark below for each so many columns. */
const COLUMNS_PER_TICK = 6;
/** Points stand out of a line where each has so many columns. */
const COLUMNS_PER_POINT = 4;

/** Options of `runCharts`. */
export interface RunChartsOptions {
  /** Columns of the window. */
  readonly columns: number;
  readonly colour: boolean;
  readonly stepsPerEpoch: number;
}

/**
 * Charts of a run, as lines of text below `columns` columns: losses and accuracies over epochs, or of
 * a run with less than four epochs the losses over steps. No lines if there is too little to
 * see, or too little room.
 */
export function runCharts(
  history: readonly EpochReport[],
  steps: readonly LossPoint[],
  { columns, colour, stepsPerEpoch }: RunChartsOptions,
): string[] {
  const room = Math.min(columns - 1, WIDE);
  if (room < NARROW) return [];
  const paint = painter(colour);
  if (history.length < MANY_EPOCHS) {
    return steps.length < 2 ? [] : stepChart(history, steps, { stepsPerEpoch, room, paint });
  }
  const isPair = room >= WIDE - 1 && hasAccuracy(history);
  const each = isPair ? Math.floor((room - GAP) / 2) : room;
  const loss = epochChart(history, 'loss', each, paint);
  if (!hasAccuracy(history)) return loss;
  const accuracy = epochChart(history, 'accuracy', each, paint);
  if (!isPair) return [...loss, '', ...accuracy];
  return loss.map((line, i) => padEnd(line, each + GAP) + (accuracy[i] ?? ''));
}

function stepChart(
  history: readonly EpochReport[],
  steps: readonly LossPoint[],
  { stepsPerEpoch, room, paint }: { stepsPerEpoch: number; room: number; paint: Paint },
): string[] {
  const first = steps[0]?.step ?? 1;
  const last = steps.at(-1)?.step ?? 1;
  // A resumed run begins where it went on: what was before is not known here.
  const left = Math.ceil(first) - 1;
  const right = Math.max(Math.ceil(last), history.length * stepsPerEpoch);
  const epochs = Math.max(1, Math.round((right - left) / stepsPerEpoch));
  const parts = epochs * Math.max(1, Math.floor(MANY_EPOCHS / epochs));
  const validation = history.flatMap(({ epoch, validation }) => {
    const x = epoch * stepsPerEpoch;
    return validation && x >= left ? [{ x, y: validation.loss ?? NaN }] : [];
  });
  return lossChart({
    title: 'loss',
    series: [
      {
        ...TRAIN,
        showsPoints: false,
        points: finite(steps.map(({ step, loss }) => ({ x: step, y: loss }))),
      },
      { ...VALIDATION, line: [], showsPoints: true, points: finite(validation) },
    ],
    ticks: Array.from({ length: parts + 1 }, (_, i) =>
      Math.round(left + (i / parts) * (right - left)),
    ),
    below: 'step',
    columns: room,
    paint,
  });
}

function epochChart(
  history: readonly EpochReport[],
  name: 'loss' | 'accuracy',
  room: number,
  paint: Paint,
): string[] {
  const pointsOf = (part: 'train' | 'validation'): Series['points'] =>
    finite(
      history.flatMap((report) => {
        const value = report[part]?.[name];
        return value === undefined ? [] : [{ x: report.epoch, y: value }];
      }),
    );
  // Between few epochs most of the line is made up, so the values stand out of it.
  const showsPoints = history.length * COLUMNS_PER_POINT <= room;
  const chart = {
    title: name,
    series: [
      { ...TRAIN, showsPoints, points: pointsOf('train') },
      { ...VALIDATION, showsPoints, points: pointsOf('validation') },
    ],
    ticks: epochTicks(history[0]?.epoch ?? 1, history.at(-1)?.epoch ?? 1, room),
    below: 'epoch',
    columns: room,
    paint,
  };
  return name === 'loss' ? lossChart(chart) : accuracyChart(chart);
}

/** Each line has marks of its own kind, at four heights in a row. */
const TRAIN = { name: 'train', point: '●', line: ['⣀', '⠤', '⠒', '⠉'], style: 'cyan' } as const;
const VALIDATION = {
  name: 'validation',
  point: '◆',
  line: ['⎽', '⎼', '⎻', '⎺'],
  style: 'yellow',
} as const;

type Chart = Omit<ChartOptions, 'axis'>;

function lossChart(chart: Chart): string[] {
  const series = chart.series.filter(({ points }) => points.length > 0);
  const values = valuesOf(series);
  if (values.length === 0) return [];
  return spansDecades(values)
    ? chartLines({ ...chart, series, title: 'loss (log)', axis: logAxis(values) })
    : chartLines({ ...chart, series, axis: linearAxis(values, Infinity) });
}

function accuracyChart(chart: Chart): string[] {
  const series = chart.series
    .filter(({ points }) => points.length > 0)
    .map((one) => ({ ...one, points: one.points.map(({ x, y }) => ({ x, y: 100 * y })) }));
  return chartLines({ ...chart, series, axis: linearAxis(valuesOf(series), 100, ' %') });
}

function valuesOf(series: readonly Series[]): number[] {
  return series.flatMap(({ points }) => points.map(({ y }) => y));
}

function finite(points: Series['points']): Series['points'] {
  return points.filter(({ y }) => Number.isFinite(y));
}

function hasAccuracy(history: readonly EpochReport[]): boolean {
  return history.some(({ train, validation }) =>
    [train['accuracy'], validation?.['accuracy']].some((value) => Number.isFinite(value)),
  );
}

/** Both ends, and round numbers between them. */
function epochTicks(first: number, last: number, room: number): number[] {
  const least = ((last - first) * COLUMNS_PER_TICK) / room;
  let every = 1;
  for (let power = 1; every < least; power *= 10) {
    every = [1, 2, 5, 10].map((mantissa) => mantissa * power).find((n) => n >= least) ?? every;
  }
  const ticks = [first];
  for (let tick = Math.ceil((first + 1) / every) * every; tick < last; tick += every) {
    if (tick - first >= every / 2 && last - tick >= every / 2) ticks.push(tick);
  }
  return [...ticks, last];
}

/** Pads to `width` characters, codes of colours not counted. */
function padEnd(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - stripVTControlCharacters(line).length));
}
