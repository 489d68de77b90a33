import type { EpochReport, StepReport } from '../trainer.js';
import { Bar, duration, type ProgressStream } from './bar.js';

/** Milliseconds between two lines where there is no terminal to draw a bar on. */
const LINE_INTERVAL = 10_000;

/** Shows how a run goes. */
export interface Progress {
  step(report: StepReport): void;
  epoch(report: EpochReport): void;
  /** Takes the bar away, so that other lines can follow. */
  stop(): void;
}

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
  const bar = new Bar(out);
  let images = 0;
  let begin = 0;
  return {
    step({ epoch, stepInEpoch, loss, size, milliseconds }) {
      if (!bar.isShown) {
        images = 0;
        begin = performance.now() - milliseconds;
      }
      images += size;
      const seconds = (performance.now() - begin) / 1000;
      const step = ` ${stepInEpoch}/${stepsPerEpoch} · loss ${loss.toFixed(4)}`;
      const rate = ` · ${Math.round(images / seconds)} images/s`;
      const left = ` · ${duration((seconds / stepInEpoch) * (stepsPerEpoch - stepInEpoch))} left`;
      bar.show({
        head: `epoch ${epoch}/${epochs} `,
        done: stepInEpoch / stepsPerEpoch,
        tails: [step + rate + left, step + left, step],
      });
    },
    epoch(report) {
      bar.stop();
      out.write(epochLine(report, epochs));
    },
    stop: () => bar.stop(),
  };
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
