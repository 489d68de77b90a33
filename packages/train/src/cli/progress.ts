import { SingleBar } from 'cli-progress';
import type { EpochReport, StepReport } from '../trainer.js';

/** Milliseconds between two lines where there is no terminal to draw a bar on. */
const LINE_INTERVAL = 10_000;
/** Characters of the bar where the line has room for them, and the fewest that are still a bar. */
const BAR_SIZE = 24;
const SMALLEST_BAR = 5;
/** For terminals that don't say their width, or say 0. */
const USUAL_COLUMNS = 80;

/** Shows how a run goes. */
export interface Progress {
  step(report: StepReport): void;
  epoch(report: EpochReport): void;
  /** Takes the bar away, so that other lines can follow. */
  stop(): void;
}

/** Where it is shown: a terminal, if `isTTY`, of so many columns. */
export type ProgressStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

export interface ProgressOptions {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly out: ProgressStream;
  readonly quiet: boolean;
}

/** A bar on a terminal, a line now and then elsewhere, nothing if quiet. */
export function createProgress(options: ProgressOptions): Progress {
  if (options.quiet) return { step() {}, epoch() {}, stop() {} };
  return options.out.isTTY ? barProgress(options) : lineProgress(options);
}

function barProgress({ epochs, stepsPerEpoch, out }: ProgressOptions): Progress {
  let bar: SingleBar | undefined;
  let line: BarLine;
  let images = 0;
  let begin = 0;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    step({ epoch, stepInEpoch, loss, size, milliseconds }) {
      if (!bar) {
        images = 0;
        begin = performance.now() - milliseconds;
      }
      images += size;
      const seconds = (performance.now() - begin) / 1000;
      line = {
        head: `epoch ${epoch}/${epochs} `,
        done: stepInEpoch / stepsPerEpoch,
        step: ` ${stepInEpoch}/${stepsPerEpoch} · loss ${loss.toFixed(4)}`,
        rate: ` · ${Math.round(images / seconds)} images/s`,
        left: ` · ${duration((seconds / stepInEpoch) * (stepsPerEpoch - stepInEpoch))} left`,
      };
      if (!bar) {
        bar = new SingleBar({
          format: () => barLine(line, out.columns || USUAL_COLUMNS),
          stream: out,
          clearOnComplete: true,
          hideCursor: true,
        });
        bar.start(stepsPerEpoch, 0);
      }
      bar.update(stepInEpoch);
    },
    epoch(report) {
      stop();
      out.write(epochLine(report, epochs));
    },
    stop,
  };
}

interface BarLine {
  readonly head: string;
  /** From 0 to 1. */
  readonly done: number;
  readonly step: string;
  readonly rate: string;
  readonly left: string;
}

/** The line in at most `columns` characters: what matters least goes first where room is short. */
function barLine({ head, done, step, rate, left }: BarLine, columns: number): string {
  // The last column stays free: some terminals wrap when it is written to.
  const roomBeside = (tail: string): number => columns - 1 - head.length - tail.length;
  const tails = [step + rate + left, step + left, step];
  const tail = tails.find((text) => roomBeside(text) >= SMALLEST_BAR);
  if (tail === undefined) return (head + step.trimStart()).slice(0, columns - 1);
  const size = Math.min(BAR_SIZE, roomBeside(tail));
  const full = Math.round(done * size);
  return head + '━'.repeat(full) + '─'.repeat(size - full) + tail;
}

/** `7 s`, `2 min 5 s`, `1 h 12 min`. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function lineProgress({ epochs, stepsPerEpoch, out }: ProgressOptions): Progress {
  let last = performance.now();
  return {
    step({ epoch, stepInEpoch, loss }) {
      if (performance.now() - last < LINE_INTERVAL) return;
      last = performance.now();
      out.write(
        `epoch ${epoch}/${epochs} · step ${stepInEpoch}/${stepsPerEpoch} · loss ${loss.toFixed(4)}\n`,
      );
    },
    epoch(report) {
      last = performance.now();
      out.write(epochLine(report, epochs));
    },
    stop() {},
  };
}

function epochLine(
  { epoch, trainLoss, validation, seconds, images }: EpochReport,
  epochs: number,
): string {
  return (
    `epoch ${epoch}/${epochs} · loss ${trainLoss.toFixed(4)}, validation ` +
    `${validation.loss.toFixed(4)} · accuracy ${percent(validation)} · ` +
    `${Math.round(images / seconds)} images/s\n`
  );
}

/** `98.76 %`. */
export function percent({ correct, total }: { correct: number; total: number }): string {
  return `${((100 * correct) / total).toFixed(2)} %`;
}
