import { atEnd } from '@unfold/io/internal';
import { isTerminal, type Paint, painter } from './colour.js';

/** Characters of the bar where the line has room for them, and the fewest that are still a bar. */
const BAR_SIZE = 24;
const SMALLEST_BAR = 5;
/** For terminals that don't say their width, or say 0. */
const USUAL_COLUMNS = 80;
/** Milliseconds between two drawings, for an eye that is to read. */
const REDRAW_INTERVAL = 100;

const ESCAPE = '\u001B[';
const HIDE_CURSOR = `${ESCAPE}?25l`;
const SHOW_CURSOR = `${ESCAPE}?25h`;
const WRAP_OFF = `${ESCAPE}?7l`;
const WRAP_ON = `${ESCAPE}?7h`;
const CLEAR_TO_END_OF_LINE = `${ESCAPE}K`;
const CLEAR_TO_END_OF_SCREEN = `${ESCAPE}J`;

/** Where progress is shown: a terminal, if `isTTY`, of so many columns. Node's streams are such. */
export interface ProgressStream {
  /** Adds the text to what is there. */
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Read at each drawing, so that a window may change its size. */
  readonly columns?: number | undefined;
}

/** The state that a bar shows. */
export interface BarLine {
  readonly head: string;
  /** From 0 to 1. */
  readonly done: number;
  /** Texts to stand behind the bar, the fullest first; the first that fits is taken. */
  readonly tails: readonly string[];
}

/** Options of a `Bar`. */
export interface BarOptions {
  readonly paint?: Paint;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** The width of the window. */
export function columnsOf(out: Pick<ProgressStream, 'columns'>): number {
  return out.columns || USUAL_COLUMNS;
}

/**
 * A bar on the last line of a terminal, drawn at most ten times a second. Where the process ends while
 * the bar is shown, as `atEnd` tells, the bar goes and the cursor comes back.
 */
export class Bar {
  readonly #out: ProgressStream;
  readonly #paint: Paint;
  readonly #now: () => number;
  /** Whether lines can be written over. */
  readonly #works: boolean;
  #isShown = false;
  /** Takes back that the bar is to go where the process ends. */
  #forget = (): void => {};
  #drawnAt = 0;
  /** Characters on the line. */
  #length = 0;

  constructor(out: ProgressStream, options: BarOptions = {}) {
    this.#out = out;
    this.#paint = options.paint ?? painter(false);
    this.#now = options.now ?? (() => performance.now());
    this.#works = isTerminal(out);
  }

  /** Whether it is to be seen. */
  get isShown(): boolean {
    return this.#isShown;
  }

  /** Draws the line, unless the last drawing was a moment ago; at once where `now` says so. */
  show(line: BarLine, { now = false }: { readonly now?: boolean } = {}): void {
    if (!this.#works) return;
    const time = this.#now();
    if (this.#isShown && !now && time - this.#drawnAt < REDRAW_INTERVAL) return;
    const columns = columnsOf(this.#out);
    const { plain, painted } = fit(line, columns, this.#paint);
    // Wrapping is off while this is written: Node may not have heard yet that the window shrank.
    const text = WRAP_OFF + painted + CLEAR_TO_END_OF_LINE + WRAP_ON;
    if (this.#isShown) {
      this.#out.write(this.#toBegin(columns) + text);
    } else {
      this.#isShown = true;
      this.#out.write(HIDE_CURSOR + text);
      this.#forget = atEnd(() => this.stop());
    }
    this.#drawnAt = time;
    this.#length = plain.length;
  }

  /** Takes the bar away, so that other lines can follow. */
  stop(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#forget();
    this.#out.write(
      this.#toBegin(columnsOf(this.#out)) + CLEAR_TO_END_OF_LINE + SHOW_CURSOR + WRAP_ON,
    );
    this.#length = 0;
  }

  /**
   * Goes to where the line begins. In a window that became narrower, terminals have broken the line
   * into several, which are cleared.
   */
  #toBegin(columns: number): string {
    const rowsAbove = Math.max(0, Math.ceil(this.#length / columns) - 1);
    return rowsAbove === 0 ? '\r' : `\r${ESCAPE}${rowsAbove}A${CLEAR_TO_END_OF_SCREEN}`;
  }
}

/** The line in less than `columns` characters: the last stays free, as some terminals wrap there. */
function fit(
  { head, done, tails }: BarLine,
  columns: number,
  paint: Paint,
): { plain: string; painted: string } {
  const roomBeside = (tail: string): number => columns - 1 - head.length - tail.length;
  const tail = tails.find((text) => roomBeside(text) >= SMALLEST_BAR);
  if (tail === undefined) {
    const short = tails.find((text) => roomBeside(text.trimStart()) >= 0) ?? tails.at(-1) ?? '';
    const plain = (head + short.trimStart()).slice(0, columns - 1);
    return { plain, painted: plain };
  }
  const size = Math.min(BAR_SIZE, roomBeside(tail));
  const full = Math.round(Math.min(Math.max(done, 0), 1) * size);
  const [past, future] = ['━'.repeat(full), '─'.repeat(size - full)];
  return {
    plain: head + past + future + tail,
    painted: head + paint('cyan', past) + paint('dim', future) + tail,
  };
}
