import type { OptionRules } from '@unfold/core';
import { checkOptions, flag, functionRule } from '@unfold/core/internal';
import type { Callback, EpochReport, FitResult, StepReport, TrainingRun } from '@unfold/train';
import { fixed, grouped, roughDuration, speed as speedText } from '../number-text.js';
import { Bar, columnsOf, type ProgressStream } from './bar.js';
import { isTerminal, painter, wantsColour } from './colour.js';
import { type BestBy, BestEpoch, isBestBy } from './run/best.js';
import { runCharts } from './run/charts.js';
import { epochLine, EpochTable } from './run/epochs.js';
import { LossCurve } from './run/loss-curve.js';
import { Pace } from './run/pace.js';
import { output } from '../output.js';
import { printable } from './printable.js';

/** Milliseconds between two lines where there is no terminal to draw a bar on. */
const LINE_INTERVAL = 10_000;
/** The share that the loss shown keeps of itself at each step: it is a mean of about the last 50. */
const LOSS_MEMORY = 0.98;
/** Earlier epochs that a resumed run shows again. */
const EARLIER_EPOCHS = 10;

/** Options of `terminalProgress`. */
export interface TerminalProgressOptions {
  /** Where it is written; stdout by default. */
  readonly out?: ProgressStream;
  /** Writes nothing at all. */
  readonly quiet?: boolean;
  /** By default as `FORCE_COLOR` and `NO_COLOR` say, else on terminals. */
  readonly colour?: boolean;
  /**
   * By what the best epoch is told: `loss` or the name of a metric, of the validation images where
   * there are such. By default the highest `accuracy`, or the lowest loss if that isn't measured.
   */
  readonly best?: BestBy;
  /** Draws charts when the run has ended; by default on terminals. */
  readonly charts?: boolean;
  /** A clock, in milliseconds. */
  readonly now?: () => number;
}

const OPTIONS: OptionRules<TerminalProgressOptions> = {
  out: output,
  quiet: flag,
  colour: flag,
  best: {
    expected: "{ metric, mode }, with mode 'min' or 'max'",
    accepts: isBestBy,
  },
  charts: flag,
  now: functionRule,
};

/**
 * Shows in the terminal how a run of `fit` goes: a bar for the epoch in hand, a table that grows by a
 * row an epoch, and charts at the end. Where there is no terminal, lines: one an epoch, and one about
 * every ten seconds within. A run that is resumed shows its last ten epochs again.
 *
 * The bar is gone and the cursor back when the run has ended, by itself, by an error or by a signal.
 * What else is to be written while the run goes on belongs between epochs, in an `onEpochEnd` after
 * this one.
 */
export function terminalProgress(options: TerminalProgressOptions = {}): Callback {
  checkOptions('terminalProgress', options, OPTIONS);
  return options.quiet ? {} : new Progress(options);
}

/** A moment of the run, as a bar or a line tells it. */
interface Moment {
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly step: number;
}

class Progress implements Callback {
  readonly #out: ProgressStream;
  readonly #options: TerminalProgressOptions;
  readonly #now: () => number;
  readonly #isTerminal: boolean;
  readonly #colour: boolean;
  readonly #bar: Bar;
  readonly #best: BestEpoch;
  readonly #pace = new Pace();
  readonly #curve = new LossCurve();
  #table: EpochTable | undefined;
  #loss = { sum: 0, weight: 0 };
  #lastLoss: number | undefined;
  #lastLine = 0;

  constructor(options: TerminalProgressOptions) {
    this.#options = options;
    this.#out = options.out ?? process.stdout;
    this.#now = options.now ?? (() => performance.now());
    this.#isTerminal = isTerminal(this.#out);
    this.#colour = options.colour ?? wantsColour(this.#out);
    this.#bar = new Bar(this.#out, { paint: painter(this.#colour), now: this.#now });
    this.#best = new BestEpoch(options.best);
  }

  onTrainBegin(run: TrainingRun): void {
    this.#lastLine = this.#now();
    if (run.step === 0) return;
    const { step, epochs, stepsPerEpoch } = run;
    const all = stepsPerEpoch === null ? '' : ` of ${grouped(epochs * stepsPerEpoch)}`;
    this.#write(`resumed after step ${grouped(step)}${all}`);
    const unseen = Math.max(0, run.history.length - EARLIER_EPOCHS);
    run.history.forEach((report, i) => this.#epoch(report, run, i >= unseen));
  }

  onEpochBegin(run: TrainingRun): void {
    this.#pace.begin(this.#now());
    this.#show(run, run);
  }

  onStepEnd(report: StepReport, run: TrainingRun): void {
    const now = this.#now();
    this.#pace.step(report.size, now);
    this.#curve.add(report.step, report.loss);
    this.#lastLoss = report.loss;
    if (Number.isFinite(report.loss)) {
      this.#loss.sum = this.#loss.sum * LOSS_MEMORY + report.loss;
      this.#loss.weight = this.#loss.weight * LOSS_MEMORY + 1;
    }
    if (this.#isTerminal) {
      this.#show(report, run);
    } else if (now - this.#lastLine >= LINE_INTERVAL) {
      const { loss, speed, timeLeft } = this.#figures(report, run);
      const step = `step ${stepText(report, run)}`;
      this.#write(joined([`epoch ${report.epoch}/${run.epochs}`, step, loss, speed, timeLeft]));
    }
  }

  onValidationBegin(run: TrainingRun): void {
    const { epoch, epochs } = run;
    const { loss, runLeft } = this.#figures(run, run);
    this.#bar.show(
      {
        head: `epoch ${epoch}/${epochs} `,
        done: 1,
        tails: [[' validating', loss, runLeft], [' validating', loss], [' validating']].map(joined),
      },
      { now: true },
    );
  }

  onEpochEnd(report: EpochReport, run: TrainingRun): void {
    this.#epoch(report, run, true);
  }

  onTrainEnd(result: FitResult, run: TrainingRun): void {
    this.#bar.stop();
    const { history, stopped, finished } = result;
    if (stopped !== null) {
      this.#write(`stopped after epoch ${history.length} of ${run.epochs}: ${printable(stopped)}`);
    }
    const best = this.#best.text();
    if (history.length > 1 && best !== undefined) this.#write(best);
    if (!finished || !(this.#options.charts ?? this.#isTerminal)) return;
    const lines = runCharts(history, this.#curve.points(), {
      columns: columnsOf(this.#out),
      colour: this.#colour,
      stepsPerEpoch: run.stepsPerEpoch ?? Math.max(1, run.step),
    });
    if (lines.length > 0) this.#write(['', ...lines, ''].join('\n'));
  }

  onError(): void {
    this.#bar.stop();
  }

  #show(moment: Moment, run: TrainingRun): void {
    const { loss, speed, timeLeft, runLeft } = this.#figures(moment, run);
    const step = ` ${stepText(moment, run)}`;
    this.#bar.show({
      head: `epoch ${moment.epoch}/${run.epochs} `,
      // Where nobody knows how long an epoch is, the first one is not seen to grow.
      done: run.stepsPerEpoch === null ? 0 : moment.stepInEpoch / run.stepsPerEpoch,
      tails: [
        [step, loss, speed, timeLeft],
        [step, loss, speed, runLeft],
        [step, loss, runLeft],
        [step, loss],
        [step],
      ].map(joined),
    });
  }

  /** Gathers the figures of a moment of the run. */
  #figures({ epoch, step, stepInEpoch }: Moment, { epochs, stepsPerEpoch }: TrainingRun): Figures {
    const speed = this.#pace.imagesPerSecond;
    const [epochLeft, runLeft] =
      stepsPerEpoch === null
        ? []
        : [
            this.#pace.secondsFor(stepsPerEpoch - stepInEpoch, 0),
            this.#pace.secondsFor(epochs * stepsPerEpoch - step, epochs - epoch + 1),
          ];
    const isLast = epoch === epochs;
    const left = runLeft === undefined ? undefined : `${roughDuration(runLeft)} left`;
    return {
      loss: this.#lossText(),
      speed: speed === undefined ? undefined : `${speedText(speed)} images/s`,
      runLeft: left === undefined || isLast ? left : `run ${left}`,
      timeLeft:
        epochLeft === undefined || isLast ? left : `epoch ${roughDuration(epochLeft)}, run ${left}`,
    };
  }

  /** A loss that is no number is told at once, and is in no mean. */
  #lossText(): string | undefined {
    if (this.#lastLoss === undefined) return undefined;
    const { sum, weight } = this.#loss;
    return `loss ${fixed(Number.isFinite(this.#lastLoss) ? sum / weight : this.#lastLoss)}`;
  }

  #epoch(report: EpochReport, { epochs }: TrainingRun, isShown: boolean): void {
    const isBest = this.#best.add(report);
    if (!isShown) return;
    const paint = painter(this.#colour);
    if (!this.#isTerminal) return this.#write(epochLine({ report, isBest }, epochs, paint));
    this.#bar.stop();
    this.#table ??= new EpochTable({ epochs, best: this.#options.best, paint });
    for (const line of this.#table.lines({ report, isBest }, columnsOf(this.#out))) {
      this.#write(line);
    }
  }

  #write(text: string): void {
    this.#lastLine = this.#now();
    this.#out.write(`${text}\n`);
  }
}

/** Texts for a bar or a line; undefined as long as there is nothing to tell. */
interface Figures {
  /** A mean of the last steps' losses: that of one step flickers. */
  readonly loss: string | undefined;
  readonly speed: string | undefined;
  /** Until the run's end. */
  readonly runLeft: string | undefined;
  /** Until the epoch's end and the run's, if that is another. */
  readonly timeLeft: string | undefined;
}

/** `3/10`: steps of the epoch that are done, and all where they are known. */
function stepText({ stepInEpoch }: Moment, { stepsPerEpoch }: TrainingRun): string {
  const done = grouped(stepInEpoch);
  return stepsPerEpoch === null ? done : `${done}/${grouped(stepsPerEpoch)}`;
}

function joined(texts: readonly (string | undefined)[]): string {
  return texts.filter((text) => text !== undefined).join(' · ');
}
