import { configureEngine, Scope, zeros } from '@unfold/core';
import { transfer } from 'comlink';
import type { Augmentation } from '@unfold/train';
import { type Experiment, faultOfExperiment } from '../spec/experiment.js';
import { convolutionOf } from './convolution.js';
import { CLASS_NAMES, requireDigit, requireLabel } from './images.js';
import { lookAt, parametersOf } from './look.js';
import type {
  ConvolutionView,
  DigitSets,
  EngineChoice,
  EngineInfo,
  EngineTiming,
  GreyPicture,
  Lab,
  LoadedWeights,
  Look,
  LookOptions,
  ParameterView,
  Progress,
  Validation,
} from './protocol.js';
import { part } from './part.js';
import { Run } from './run.js';
import { Trainer } from './trainer.js';
import { validate } from './validation.js';
import { LAB_TEXTS } from '../texts/lab.js';

/** A worker's side of the page: one run, and all that computes with its weights. */
export const createLab = (): Lab => new OneRunLab();

/** A digit that counts as often as more of these would be most of what a run learns. */
const MOST_WEIGHT = 1000;

/**
 * Training rests for so many milliseconds after each picture that is to be centred: where it takes all cores, the page
 * on which somebody draws would follow the pointer late.
 */
const GIVE_WAY = 150;

/** The run in hand. */
interface Current {
  readonly run: Run;
  readonly trainer: Trainer;
  readonly choice: EngineChoice;
}

class OneRunLab implements Lab {
  #digits: DigitSets | null = null;
  #current: Current | null = null;
  #report: (progress: Progress) => void = () => {};

  greet(): void {}

  setDigits(digits: DigitSets): void {
    this.#digits = digits;
  }

  async create(experiment: Experiment, choice: EngineChoice): Promise<EngineInfo> {
    const { train } = this.#allDigits;
    // Before the run in hand is given up.
    requireSound(experiment);
    this.#end();
    const augment = await augmentationOf(experiment);
    const engine = await chooseEngine(choice, experiment.strict);
    // Another call may have made one while the engine started.
    this.#end();
    const { compiled } = choice;
    this.#begin(new Run(experiment, { digits: train, augment, compiled }), choice);
    return engine;
  }

  watch(report: (progress: Progress) => void): void {
    this.#report = (progress) => {
      // A page that is gone hears nothing, and nothing is lost by it.
      Promise.resolve(report(handedOver(progress))).catch(() => {});
    };
  }

  start(): void {
    this.#now.trainer.start();
  }

  pause(): Promise<void> {
    return this.#now.trainer.pause();
  }

  advance(steps: number): Promise<void> {
    return this.#now.trainer.advance(steps);
  }

  finishEpoch(): Promise<void> {
    return this.#now.trainer.finishEpoch();
  }

  async validate(): Promise<Validation> {
    const { run, trainer } = this.#now;
    const release = trainer.hold();
    try {
      return handedOver(await validate(run, this.#allDigits.test));
    } finally {
      release();
    }
  }

  parameters(layers?: readonly number[]): ParameterView[] {
    return handedOver(parametersOf(this.#now.run, layers));
  }

  async look(pixels: Uint8Array, options: LookOptions): Promise<Look> {
    requireDigit(pixels);
    return handedOver(lookAt(this.#now.run, pixels, options));
  }

  convolution(layer: number, pixels: Uint8Array, label: number): ConvolutionView {
    requireDigit(pixels);
    requireLabel(label);
    return handedOver(convolutionOf(this.#now.run, layer, pixels, label));
  }

  addDigit(pixels: Uint8Array, label: number, weight: number): void {
    requireDigit(pixels);
    requireLabel(label);
    if (!Number.isInteger(weight) || weight < 1 || weight > MOST_WEIGHT) {
      throw new Error(LAB_TEXTS.badWeight);
    }
    this.#now.run.trainingSet.add(pixels, label, weight);
  }

  async centre(picture: GreyPicture): Promise<Uint8Array<ArrayBuffer>> {
    this.#current?.trainer.rest(GIVE_WAY);
    const { centred } = await part(() => import('./centre.js'));
    return handedOver(centred(picture));
  }

  async safetensors(): Promise<Uint8Array<ArrayBuffer>> {
    const { encodeRun } = await part(() => import('./files.js'));
    return handedOver(encodeRun(this.#now.run));
  }

  async onnx(): Promise<Uint8Array<ArrayBuffer>> {
    const { exportOnnx } = await part(() => import('@unfold/onnx'));
    const { model, normalization } = this.#now.run;
    return handedOver(
      Scope.run(() =>
        exportOnnx(model, zeros([1, 1, 28, 28]), {
          normalization,
          // The view says that it takes images on the scale 0…1.
          includeNormalization: true,
          classes: CLASS_NAMES,
          names: { inputs: ['images'], outputs: ['logits'] },
        }),
      ),
    );
  }

  async pytorch(): Promise<string> {
    const { eject } = await part(() => import('@unfold/torch'));
    const { model, normalization } = this.#now.run;
    const files = Scope.run(() => eject(model, zeros([1, 1, 28, 28]), { normalization }));
    return String(files.get('model.py'));
  }

  async load(bytes: Uint8Array, name: string): Promise<LoadedWeights> {
    const { decodeRun } = await part(() => import('./files.js'));
    const augment = await augmentationOf(this.#now.run.experiment);
    const { run, choice } = this.#now;
    const { network, model, normalization, ...file } = decodeRun(bytes, name);
    this.#end();
    const experiment = { ...run.experiment, network };
    const { compiled } = choice;
    const loaded = { model, normalization };
    const parts = { digits: this.#allDigits.train, augment, compiled, loaded };
    this.#begin(new Run(experiment, parts), choice);
    return { network, model: file.name };
  }

  async time(experiment: Experiment, choice: EngineChoice, steps: number): Promise<EngineTiming> {
    requireSound(experiment);
    this.#end();
    const engine = await chooseEngine(choice, experiment.strict);
    const { timeSteps } = await part(() => import('./timing.js'));
    return timeSteps(experiment, { engine, compiled: choice.compiled, steps });
  }

  get #allDigits(): DigitSets {
    if (!this.#digits) throw new Error(LAB_TEXTS.noDigits);
    return this.#digits;
  }

  get #now(): Current {
    if (!this.#current) throw new Error(LAB_TEXTS.noRun);
    return this.#current;
  }

  #begin(run: Run, choice: EngineChoice): void {
    const trainer = new Trainer(run, (progress) => this.#report(progress));
    this.#current = { run, trainer, choice };
    trainer.tell();
  }

  #end(): void {
    const ending = this.#current;
    this.#current = null;
    ending?.trainer.end();
  }
}

/** @throws Error with a text for people for an experiment that can't be run. */
function requireSound(experiment: Experiment): void {
  const fault = faultOfExperiment(experiment);
  if (fault !== null) throw new Error(fault);
}

/** What changes digits in training is loaded where it is wanted. */
async function augmentationOf({ augmentation }: Experiment): Promise<Augmentation | null> {
  if (augmentation === 'none') return null;
  const { AUGMENTATIONS } = await part(() => import('./augmentation.js'));
  return AUGMENTATIONS[augmentation]();
}

async function chooseEngine(
  { kernels, threads }: EngineChoice,
  strict: boolean,
): Promise<EngineInfo> {
  const engine = await configureEngine({ kernels, threads, strict });
  return { description: engine.description, threads: engine.threads, warnings: engine.warnings };
}

/** The same, whose arrays go to the page without a copy. */
function handedOver<T extends object>(value: T): T {
  return transfer(value, buffersIn(value));
}

/** The memory of all arrays in an object, and in the objects in it. */
function buffersIn(value: unknown): ArrayBuffer[] {
  if (value instanceof Uint8Array || value instanceof Float32Array) {
    return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(buffersIn);
}
