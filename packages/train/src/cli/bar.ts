import { SingleBar } from 'cli-progress';

/** Characters of the bar where the line has room for them, and the fewest that are still a bar. */
const BAR_SIZE = 24;
const SMALLEST_BAR = 5;
/** For terminals that don't say their width, or say 0. */
const USUAL_COLUMNS = 80;

/** Where progress is shown: a terminal, if `isTTY`, of so many columns. */
export type ProgressStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** What a bar shows. */
export interface BarLine {
  readonly head: string;
  /** From 0 to 1. */
  readonly done: number;
  /** What stands behind the bar, the fullest text first; the first that fits is taken. */
  readonly tails: readonly string[];
}

/** A bar on the last line of a terminal. */
export class Bar {
  readonly #out: ProgressStream;
  #bar: SingleBar | undefined;
  #line: BarLine = { head: '', done: 0, tails: [''] };

  constructor(out: ProgressStream) {
    this.#out = out;
  }

  /** Whether it is to be seen. */
  get isShown(): boolean {
    return this.#bar !== undefined;
  }

  show(line: BarLine): void {
    this.#line = line;
    if (!this.#bar) {
      this.#bar = new SingleBar({
        format: () => fit(this.#line, this.#out.columns || USUAL_COLUMNS),
        stream: this.#out,
        clearOnComplete: true,
        hideCursor: true,
      });
      this.#bar.start(1, 0);
    }
    this.#bar.update(line.done);
  }

  /** Takes the bar away, so that other lines can follow. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** The line in at most `columns` characters. */
function fit({ head, done, tails }: BarLine, columns: number): string {
  // The last column stays free: some terminals wrap when it is written to.
  const roomBeside = (tail: string): number => columns - 1 - head.length - tail.length;
  const tail = tails.find((text) => roomBeside(text) >= SMALLEST_BAR);
  if (tail === undefined) return (head + (tails.at(-1) ?? '').trimStart()).slice(0, columns - 1);
  const size = Math.min(BAR_SIZE, roomBeside(tail));
  const full = Math.round(done * size);
  return head + '━'.repeat(full) + '─'.repeat(size - full) + tail;
}

/** `7 s`, `2 min 5 s`, `1 h 12 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
