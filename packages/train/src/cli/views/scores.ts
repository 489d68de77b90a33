import type { Evaluation } from '../../evaluate.js';
import { paint, type LineOptions } from './colour.js';

/** The names over the columns, the full ones first. The last column counts images. */
const HEADS = [
  ['class', 'precision', 'recall', 'F1', 'images'],
  ['', 'prec', 'rec', 'F1', 'n'],
] as const;

/** Classes whose F1 is below the mean by so much stand out. */
const WEAK = 0.01;

/** A table of precision, recall, F1 and images of each class, and the means over the classes. */
export function scoresLines(
  { classes, macro, total }: Pick<Evaluation, 'classes' | 'macro' | 'total'>,
  { columns, colour }: LineOptions,
): string[] {
  const tables = HEADS.map((heads, form) => {
    const score = (value: number): string => value.toFixed(form === 0 ? 4 : 3);
    const rows = [
      ...classes.map(({ precision, recall, f1, support }, c) => [
        String(c),
        ...[precision, recall, f1].map(score),
        String(support),
      ]),
      ['mean', ...[macro.precision, macro.recall, macro.f1].map(score), String(total)],
    ];
    const gap = form === 0 ? '  ' : ' ';
    const widths = heads.map((head, i) =>
      Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)),
    );
    return [[...heads], ...rows].map((row) =>
      row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join(gap),
    );
  });
  const fitting = tables.find(([head = '']) => head.length <= columns) ?? tables.at(-1) ?? [];
  return fitting.map((line, i) => {
    if (i === 0 || i === fitting.length - 1) return paint(colour, 'bold', line);
    const f1 = classes[i - 1]?.f1 ?? 0;
    return f1 < macro.f1 - WEAK ? paint(colour, 'yellow', line) : line;
  });
}
