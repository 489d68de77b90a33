import type { PairedRun, PairedStep } from './compare/compare.js';
import { BAR_STEPS, tiny } from './compare/comparison.js';
import { relativeDifference } from './compare/statistics.js';
import { Bar, fixed, grouped, percent, roughDuration, speed } from '@unfold/monitor/internal';
import type { ProgressStream } from '@unfold/monitor';

/** Milliseconds between two lines where there is no terminal to draw a bar on. */
const LINE_INTERVAL = 10_000;

/** Shows how a comparison goes. */
export interface CompareProgress {
  step(seed: number, step: PairedStep): void;
  run(run: PairedRun): void;
  /** Takes the bar away, so that other lines can follow. */
  stop(): void;
}

export interface CompareProgressOptions {
  readonly seeds: readonly number[];
  readonly stepsPerRun: number;
  readonly out: ProgressStream;
}

/**
 * A line for each of the steps of the first seed that the bar of the losses is for; then a bar on a
 * terminal, a line now and then elsewhere.
 */
export function createCompareProgress(options: CompareProgressOptions): CompareProgress {
  const { seeds, stepsPerRun, out } = options;
  const bar = new Bar(out);
  const begin = performance.now();
  const total = seeds.length * stepsPerRun;
  let done = 0;
  let lastLine = begin;
  const write = (line: string): void => {
    bar.stop();
    out.write(`${line}\n`);
    lastLine = performance.now();
  };
  return {
    step(seed, step) {
      done++;
      const seconds = (performance.now() - begin) / 1000;
      const left = ` · ${roughDuration((seconds / done) * (total - done))} left`;
      const head = `seed ${seed} · step ${grouped(step.step)}/${grouped(stepsPerRun)} `;
      const isEarly = seed === seeds[0] && step.step <= BAR_STEPS;
      if (isEarly || (!out.isTTY && performance.now() - lastLine > LINE_INTERVAL)) {
        write(`${head}· ${lossesOf(step)}${isEarly ? '' : left}`);
      }
      if (out.isTTY) {
        const difference = ` difference ${tiny(relativeDifference(step.ours, step.tfjs))}`;
        const loss = ` loss ${fixed(step.tfjs)} ·${difference}`;
        bar.show({ head, done: done / total, tails: [loss + left, loss, difference, ''] });
      }
    },
    run({ seed, ours, tfjs }) {
      const side = (name: string, { testAccuracy, imagesPerSecond }: PairedRun['ours']): string =>
        `${name} ${percent(testAccuracy)}, ${speed(imagesPerSecond)} images/s`;
      write(`seed ${seed} · ${side('Unfold', ours)} · ${side('TensorFlow.js', tfjs)}`);
    },
    stop: () => bar.stop(),
  };
}

function lossesOf({ ours, tfjs }: PairedStep): string {
  const difference = tiny(relativeDifference(ours, tfjs));
  return `Unfold ${ours.toFixed(7)}, TensorFlow.js ${tfjs.toFixed(7)} · difference ${difference}`;
}
