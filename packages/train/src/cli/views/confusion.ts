import { paint, type LineOptions } from './colour.js';

/** Rows of labels, columns of predictions. */
type Confusion = readonly (readonly number[])[];

/** An image of class `label` that was taken for `prediction`, and how often that was. */
interface Error {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
}

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
    .map(({ label, prediction, count }) => `${label} → ${prediction}: ${count}`);
  return list.length > 0 ? list : ['no errors'];
}

/** The errors, the most frequent first. */
function errorsOf(confusion: Confusion): Error[] {
  return confusion
    .flatMap((row, label) => row.map((count, prediction) => ({ label, prediction, count })))
    .filter(({ label, prediction, count }) => label !== prediction && count > 0)
    .sort((a, b) => b.count - a.count);
}

function tableOf(
  confusion: Confusion,
  { diagonal, largest }: { readonly diagonal: 'counts' | 'marks'; readonly largest: number },
): { readonly width: number; lines(colour: boolean): string[] } {
  const classes = confusion.map((_, c) => c);
  const text = (label: number, prediction: number): string => {
    const count = confusion[label]?.[prediction] ?? 0;
    if (count === 0) return '·';
    return label === prediction && diagonal === 'marks' ? '■' : String(count);
  };
  const widths = classes.map((c) =>
    Math.max(String(c).length, ...classes.map((label) => text(label, c).length)),
  );
  const labelWidth = String(classes.length - 1).length;
  const pad = (cell: string, c: number): string => cell.padStart((widths[c] ?? 0) + 1);
  const format = (label: number, prediction: number) => {
    const count = confusion[label]?.[prediction] ?? 0;
    if (count === 0) return 'dim';
    if (label === prediction) return 'green';
    return count >= LARGE * largest ? (['bold', 'red'] as const) : 'yellow';
  };
  return {
    width: widths.reduce((sum, width) => sum + width + 1, labelWidth),
    lines: (colour) => [
      ' '.repeat(labelWidth) +
        classes.map((c) => paint(colour, 'bold', pad(String(c), c))).join(''),
      ...classes.map(
        (label) =>
          paint(colour, 'bold', String(label).padStart(labelWidth)) +
          classes
            .map((c) => {
              const style = format(label, c);
              const formats = typeof style === 'string' ? style : [...style];
              return paint(colour, formats, pad(text(label, c), c));
            })
            .join(''),
      ),
    ],
  };
}
