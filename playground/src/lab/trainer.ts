import { pauses } from '@unfold/core/internal';
import { fingerprintOf } from './fingerprint.js';
import type { Progress } from './protocol.js';
import type { Run, Stepped } from './run.js';
import { LAB_TEXTS } from '../texts/lab.js';

/** Milliseconds between reports of a run that trains. */
const REPORT_EVERY = 100;
/** Milliseconds after which calls are answered. */
const TURN = 8;
/** Speed is measured over so many seconds of training. */
const SPEED_SECONDS = 1;

/** Lets a run train, and the worker answer calls between its steps. */
export class Trainer {
  readonly #run: Run;
  readonly #report: (progress: Progress) => void;
  readonly #speed = new Speed();
  #losses: number[] = [];
  #accuracies: number[] = [];
  /** Whether the steps that were asked for are done. */
  #isDone: () => boolean = () => true;
  #training: Promise<void> | null = null;
  #isEnded = false;
  /** Those that want no step made meanwhile. */
  #holders = 0;
  #release: (() => void) | null = null;
  /** On the clock of `performance`. */
  #restsUntil = 0;

  constructor(run: Run, report: (progress: Progress) => void) {
    this.#run = run;
    this.#report = report;
  }

  /** Trains until `pause`. */
  start(): void {
    void this.#until(() => false);
  }

  /** Settles when no step is under way any more, and that was reported. */
  async pause(): Promise<void> {
    this.#isDone = () => true;
    await this.#training;
  }

  /** Trains for so many steps. */
  async advance(steps: number): Promise<void> {
    const goal = this.#run.step + steps;
    await this.#until(() => this.#run.step >= goal);
  }

  /** Trains up to the end of the epoch. */
  async finishEpoch(): Promise<void> {
    const goal = this.#run.trainingSet.epochsDone + 1;
    await this.#until(() => this.#run.trainingSet.epochsDone >= goal);
  }

  /** Reports how a run stands that doesn't train. */
  tell(): void {
    if (!this.#training) this.#tell('paused', null);
  }

  /** Makes no step until what it returns is called. */
  hold(): () => void {
    this.#holders++;
    return () => {
      this.#holders--;
      if (this.#holders > 0) return;
      this.#release?.();
      this.#release = null;
    };
  }

  /** Begins no step for so many milliseconds from now. */
  rest(milliseconds: number): void {
    this.#restsUntil = performance.now() + milliseconds;
  }

  /** Ends it, and the run. */
  end(): void {
    this.#isEnded = true;
    this.#isDone = () => true;
    this.#release?.();
    this.#run.dispose();
  }

  #until(isDone: () => boolean): Promise<void> {
    this.#isDone = isDone;
    this.#training ??= this.#train().finally(() => {
      this.#training = null;
    });
    return this.#training;
  }

  async #train(): Promise<void> {
    this.#tell('running', null);
    let fault = await this.#prepare();
    const pause = pauses(TURN);
    let told = performance.now();
    while (fault === null) {
      await this.#released();
      await this.#rested();
      if (this.#isDone()) break;
      fault = this.#step();
      if (performance.now() - told >= REPORT_EVERY) {
        this.#tell('running', null);
        told = performance.now();
      }
      await pause();
    }
    if (!this.#isEnded) this.#tell('paused', fault);
  }

  /** Settles when nobody wants that no step is made. */
  async #released(): Promise<void> {
    while (this.#holders > 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#release = resolve;
      });
    }
  }

  /** Settles when the rest is over, however often it was begun anew meanwhile, or nothing is left to do. */
  async #rested(): Promise<void> {
    for (;;) {
      const left = this.#restsUntil - performance.now();
      if (left <= 0 || this.#isDone()) return;
      await new Promise((resolve) => {
        setTimeout(resolve, left);
      });
    }
  }

  /** @returns Why it can't train; null if nothing is wrong. */
  async #prepare(): Promise<string | null> {
    try {
      await this.#run.prepare();
      return null;
    } catch (error) {
      // Without a network, the compiler may not come.
      return reasonOf(error);
    }
  }

  /** Makes one step. @returns Why there can be no more; null if nothing is wrong. */
  #step(): string | null {
    const begin = performance.now();
    let stepped: Stepped;
    try {
      stepped = this.#run.advance();
    } catch (error) {
      return reasonOf(error);
    }
    const { loss, accuracy, images } = stepped;
    if (!Number.isFinite(loss)) {
      return LAB_TEXTS.noNumber(this.#run.step + 1, this.#run.experiment.optimizer.lr);
    }
    this.#speed.note(images, (performance.now() - begin) / 1000);
    this.#losses.push(loss);
    this.#accuracies.push(accuracy);
    return null;
  }

  #tell(state: Progress['state'], fault: string | null): void {
    const progress: Progress = {
      state,
      step: this.#run.step,
      epoch: this.#run.trainingSet.position,
      losses: Float32Array.from(this.#losses),
      accuracies: Float32Array.from(this.#accuracies),
      imagesPerSecond: this.#speed.imagesPerSecond,
      fingerprint: state === 'paused' ? fingerprintOf(this.#run.model) : null,
      fault,
    };
    this.#losses = [];
    this.#accuracies = [];
    this.#report(progress);
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Images a second, over the last steps. */
class Speed {
  #steps: { readonly images: number; readonly seconds: number }[] = [];
  #seconds = 0;
  #images = 0;

  note(images: number, seconds: number): void {
    this.#steps.push({ images, seconds });
    this.#seconds += seconds;
    this.#images += images;
    for (;;) {
      const [first] = this.#steps;
      if (!first || this.#seconds - first.seconds < SPEED_SECONDS) return;
      this.#steps.shift();
      this.#seconds -= first.seconds;
      this.#images -= first.images;
    }
  }

  get imagesPerSecond(): number | null {
    return this.#seconds > 0 ? this.#images / this.#seconds : null;
  }
}
