import type { Evaluation } from '@unfold/train';
import { grouped, percent } from '../../number-text.js';
import { type LineOptions, paint } from './lines.js';

/** A class of which a table tells. */
interface Row {
  readonly class: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly images: number;
}

type Column = readonly [head: string, cell: (row: Row) => string];

const FULL: readonly Column[] = [
  ['class', (row) => row.class],
  ['precision', (row) => percent(row.precision)],
  ['recall', (row) => percent(row.recall)],
  ['F1', (row) => percent(row.f1)],
  ['images', (row) => grouped(row.images)],
];

/** 23 columns wide for MNIST. */
const NARROW: readonly Column[] = [
  ['class', (row) => row.class],
  ['F1', (row) => percent(row.f1)],
  ['images', (row) => grouped(row.images)],
];

/** Between two columns. */
const GAP = '  ';
/** Classes whose F1 is below the mean by so much stand out. */
const WEAK = 0.01;

/**
 * A table of precision, recall, F1 and images of each class, and the means over the classes; in narrow
 * windows of F1 and images.
 */
export function scoresLines(
  { classes, macro, total }: Pick<Evaluation, 'classes' | 'macro' | 'total'>,
  { columns, colour }: LineOptions,
): string[] {
  const rows: Row[] = [
    ...classes.map(({ support, ...scores }, c) => ({
      class: String(c),
      images: support,
      ...scores,
    })),
    { class: 'mean', images: total, ...macro },
  ];
  const full = tableOf(FULL, rows);
  const { head, lines } = full.head.length <= columns ? full : tableOf(NARROW, rows);
  return [
    paint(colour, 'bold', head),
    ...lines.map((line, c) => {
      if (c === classes.length) return paint(colour, 'bold', line);
      const f1 = classes[c]?.f1 ?? 0;
      return f1 < macro.f1 - WEAK ? paint(colour, 'yellow', line) : line;
    }),
  ];
}

function tableOf(
  table: readonly Column[],
  rows: readonly Row[],
): { head: string; lines: string[] } {
  const columns = table.map(([head, cell]) => {
    const cells = [head, ...rows.map(cell)];
    const width = Math.max(...cells.map(({ length }) => length));
    return cells.map((text) => text.padStart(width));
  });
  const line = (i: number): string => columns.map((cells) => cells[i]).join(GAP);
  return { head: line(0), lines: rows.map((_, i) => line(i + 1)) };
}
