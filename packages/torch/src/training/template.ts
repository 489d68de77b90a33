import { statement, type Expression } from '../python.js';

/** What stands at a place of a template: a text, the lines of one, or nothing. */
export type Inserted = string | number | readonly string[] | null | false;

/**
 * The text of a file. What is inserted on a line of its own has that line's indentation, in each of its
 * lines; where it is nothing, the line isn't there either.
 */
export function file(parts: TemplateStringsArray, ...inserted: readonly Inserted[]): string {
  const marked = parts.raw.map((part, i) => (i < inserted.length ? `${part}\0${i}\0` : part));
  const lines = marked.join('').replace(/^\n/, '').split('\n');
  return (
    lines
      .flatMap((line) => {
        const alone = /^( *)\0(\d+)\0$/.exec(line);
        if (!alone) return [line.replaceAll(/\0(\d+)\0/g, (_, i) => String(inserted[Number(i)]))];
        const [, margin = '', i] = alone;
        return linesOf(inserted[Number(i)] ?? null).map((own) => own && `${margin}${own}`);
      })
      .join('\n')
      // Python has two empty lines in a row at most.
      .replaceAll(/\n{4,}/g, '\n\n\n')
      .trimEnd()
      .concat('\n')
  );
}

function linesOf(inserted: Inserted): readonly string[] {
  if (inserted === null || inserted === false) return [];
  return typeof inserted === 'object' ? inserted : String(inserted).split('\n');
}

/** The lines of a part of a file, to be inserted into it. */
export const part = (parts: TemplateStringsArray, ...inserted: readonly Inserted[]): string =>
  file(parts, ...inserted).trimEnd();

/** The lines of a statement for a place that stands so far in. */
export const statementAt = (indent: number, before: string, expression: Expression): string[] =>
  statement(before, expression, { indent }).map((line) => line.slice(indent));
