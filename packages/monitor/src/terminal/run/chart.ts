import { plot } from 'simple-ascii-chart';
import type { Paint, Style } from '../colour.js';
import { figure } from '../../number-text.js';
import type { Axis } from './axis.js';

/** Rows of the plane that lines are drawn in. */
const ROWS = 9;

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** Stands where a value was measured. It tells it from others where there is no colour. */
  readonly point: string;
  /**
   * What its line is drawn with, from low to high within a row: so lines rise and fall by less than a row.
   * Empty for points that stand by themselves.
   */
  readonly line: readonly string[];
  /** Whether the points are to be seen upon the line: they are few, and the line between says nothing. */
  readonly showsPoints: boolean;
  readonly style: Style;
  /** From left to right. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** The series, axes and sizes of a chart. */
export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly axis: Axis;
  /** Where marks are below. The first and the last are at the ends. */
  readonly ticks: readonly number[];
  /** The name of what is counted there. */
  readonly below: string;
  /** Characters of the widest line. */
  readonly columns: number;
  readonly paint: Paint;
}

/**
 * A chart as lines of text: title with legend, the lines, and what is counted below. Lines in the
 * same place take turns.
 */
export function chartLines(options: ChartOptions): string[] {
  const { title, series, axis, ticks, below, columns, paint } = options;
  const labelWidth = axis.ticks[0]?.label.length ?? 0;
  // Beside the plane are the labels, the axis, and the tip of the arrow below.
  const width = columns - labelWidth - 2;
  const [left, right] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  const [bottom, top] = axis.range;
  /** In rows from the lowest, with what lies between two. */
  const heightOf = (y: number): number => ((y - bottom) / (top - bottom)) * (ROWS - 1);
  const cells = alternating(
    series
      .flatMap((one) => cellsOf(one, { left, right, width }, axis.at))
      // Rounded, the ends of the axis may lie inside of the values; what is outside is not drawn.
      .map((cell) => ({ ...cell, y: Math.min(Math.max(cell.y, bottom), top) })),
    (y) => Math.round(heightOf(y)),
  ).map(({ column, y, isPoint, from }) => ({
    x: left + (column / (width - 1)) * (right - left),
    y,
    mark: paint(from.style, isPoint ? from.point : lineMark(from.line, heightOf(y))),
  }));
  // The plane spans what is drawn: invisible marks stand in its corners.
  cells.unshift({ x: left, y: bottom, mark: ' ' }, { x: right, y: bottom, mark: ' ' });
  cells.sort((a, b) => a.x - b.x);
  const labels = new Map(axis.ticks.map(({ value, label }) => [axis.at(value), label]));
  const blank = ' '.repeat(labelWidth);
  const drawn = plot(
    cells.map(({ x, y }) => [x, y]),
    {
      width,
      height: ROWS,
      yRange: [bottom, top],
      customXAxisTicks: [...ticks],
      customYAxisTicks: [...labels.keys()],
      formatter: (value, { axis: which }) =>
        which === 'y' ? (labels.get(value) ?? blank) : figure(value),
      lineFormatter: ({ index, plotX, plotY }) => ({
        x: plotX,
        y: plotY,
        symbol: cells[index]?.mark ?? '',
      }),
    },
  );
  const legend = series.map((one) => `${paint(one.style, sampleOf(one))} ${one.name}`).join('  ');
  return [
    `${paint('bold', title)}  ${legend}`,
    ...drawn
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== ''),
    ' '.repeat(labelWidth + 1 + Math.floor((width - below.length) / 2)) + paint('dim', below),
  ];
}

/** A piece of the line, or the point. */
const sampleOf = ({ line, point, showsPoints }: Series): string => {
  const piece = line[line.length >> 1] ?? '';
  return showsPoints ? `${piece}${point}` : piece.repeat(2);
};

/** The mark for a height in rows, by where in its row it lies. */
function lineMark(line: readonly string[], height: number): string {
  const within = height - Math.round(height) + 0.5;
  return line[Math.min(line.length - 1, Math.floor(within * line.length))] ?? '';
}

interface Cell {
  /** From the left, from 0. */
  readonly column: number;
  /** On the axis. */
  readonly y: number;
  /** Whether a value was measured there, that is to be seen. */
  readonly isPoint: boolean;
  readonly from: Series;
}

/** Finds the cells of a series: a point in each column that it passes, or where its points are. */
function cellsOf(
  series: Series,
  { left, right, width }: { left: number; right: number; width: number },
  at: Axis['at'],
): Cell[] {
  const { points, line, showsPoints } = series;
  const columnOf = (x: number): number =>
    Math.round(((x - left) / (right - left || 1)) * (width - 1));
  const sums = new Map<number, { y: number; count: number }>();
  for (const { x, y } of points) {
    const column = columnOf(x);
    const { y: sum, count } = sums.get(column) ?? { y: 0, count: 0 };
    sums.set(column, { y: sum + y, count: count + 1 });
  }
  const means = [...sums].map(([column, { y, count }]) => ({ column, y: y / count }));
  return means.flatMap(({ column, y }, i) => {
    const next = means[i + 1];
    const end = line.length > 0 && next ? next.column : column + 1;
    const [here, there] = [at(y), at(next?.y ?? y)];
    return Array.from({ length: end - column }, (_, step) => ({
      column: column + step,
      y: here + ((there - here) * step) / (end - column),
      isPoint: showsPoints && step === 0,
      from: series,
    }));
  });
}

/** Leaves, of lines that are in the same place, one in each column, in turn. */
function alternating(cells: readonly Cell[], rowOf: (y: number) => number): Cell[] {
  const places = new Map<string, Cell[]>();
  for (const cell of cells) {
    const place = `${cell.column},${rowOf(cell.y)}`;
    places.set(place, [...(places.get(place) ?? []), cell]);
  }
  return [...places.values()].flatMap((together) => {
    // A point has no other column to be seen in; of two, that of the later series is seen.
    let point: Cell | undefined;
    for (const cell of together) if (cell.isPoint) point = cell;
    const shown = point ?? together[(together[0]?.column ?? 0) % together.length];
    return shown ? [shown] : [];
  });
}
