import { Writable } from 'node:stream';

const ESCAPE = String.fromCharCode(27);

/** Keeps what is written to it, as a terminal of some width or as a file. */
export class Screen extends Writable {
  readonly isTTY: boolean;
  columns: number | undefined;
  text = '';

  constructor(columns: number | undefined, isTTY = true) {
    super();
    this.columns = columns;
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  /** The texts between escape sequences and line ends. */
  get texts(): string[] {
    return this.text
      .split(new RegExp(`${ESCAPE}\\[[?\\d;]*[A-Za-z]|[\\r\\n]`))
      .filter((text) => text !== '');
  }

  /** The last of `texts`. */
  get last(): string {
    return this.texts.at(-1) ?? '';
  }
}

/** What such a screen shows: each row, after all that was written. Lines of a terminal don't wrap. */
export function shownOn({ text }: Screen): string[] {
  const rows = [''];
  let row = 0;
  let column = 0;
  const parts = text.matchAll(new RegExp(`${ESCAPE}\\[([?\\d;]*)([A-Za-z])|[^]`, 'g'));
  for (const [part, count, command] of parts) {
    const line = rows[row] ?? '';
    if (command === 'A') row = Math.max(0, row - Number(count));
    else if (command === 'K') rows[row] = line.slice(0, column);
    else if (command === 'J') rows.splice(row, Infinity, line.slice(0, column));
    else if (command !== undefined) continue;
    else if (part === '\r') column = 0;
    else if (part === '\n') {
      row++;
      column = 0;
      rows[row] ??= '';
    } else {
      rows[row] = line.slice(0, column).padEnd(column) + part + line.slice(column + 1);
      column++;
    }
  }
  return rows;
}
