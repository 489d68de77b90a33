import { type Confusion, errorsOf } from '../../confusion.js';
import type { Style } from '../colour.js';
import { grouped } from '../../number-text.js';
import { type LineOptions, paint } from './lines.js';

/** Errors as frequent as this part of the most frequent one stand out. */
const LARGE = 0.5;
/** Where no table fits, so many errors are told. */
const LIST = 10;

/**
 * A confusion matrix: a row for each label, a column for each prediction; no images: `·`. Where the
 * counts don't all fit, those on the diagonal, which were right, become `■`; where that doesn't fit
 * either, the most frequent errors are listed.
 */
export function confusionLines(confusion: Confusion, { columns, colour }: LineOptions): string[] {
  const errors = errorsOf(confusion);
  for (const diagonal of ['counts', 'marks'] as const) {
    const table = tableOf(confusion, { diagonal, largest: errors[0]?.count ?? 0 });
    if (table.width <= columns) return table.lines(colour);
  }
  const list = errors
    .slice(0, LIST)
    .map(({ label, prediction, count }) => `${label} → ${prediction}: ${grouped(count)}`);
  return list.length > 0 ? list : ['no errors'];
}

/** One place of the table. */
interface Cell {
  readonly text: string;
  readonly format: Style;
}

function tableOf(
  confusion: Confusion,
  { diagonal, largest }: { readonly diagonal: 'counts' | 'marks'; readonly largest: number },
): { readonly width: number; lines(colour: boolean): string[] } {
  const head = (c: number): Cell => ({ text: String(c), format: 'bold' });
  const cell = (count: number, isRight: boolean): Cell => {
    if (count === 0) return { text: '·', format: 'dim' };
    const text = isRight && diagonal === 'marks' ? '■' : grouped(count);
    if (isRight) return { text, format: 'green' };
    return { text, format: count >= LARGE * largest ? ['bold', 'red'] : 'yellow' };
  };
  const rows: Cell[][] = [
    [{ text: '', format: 'bold' }, ...confusion.map((_, c) => head(c))],
    ...confusion.map((row, label) => [
      head(label),
      ...row.map((count, prediction) => cell(count, label === prediction)),
    ]),
  ];
  const widest = (cells: readonly Cell[]): number =>
    Math.max(...cells.map(({ text }) => text.length));
  // Columns of counts are as wide as each other, so that a row is read without stumbling.
  const [labels, counts] = [
    widest(rows.flatMap((row) => row.slice(0, 1))),
    widest(rows.flatMap((row) => row.slice(1))),
  ];
  return {
    width: labels + confusion.length * (counts + 1),
    lines: (colour) =>
      rows.map((row) =>
        row
          .map(({ text, format }, c) =>
            paint(colour, format, text.padStart(c === 0 ? labels : counts)),
          )
          .join(' '),
      ),
  };
}
