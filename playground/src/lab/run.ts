import { argmax, type Compiled, manualSeed, Scope, type Tensor, Tape } from '@unfold/core';
import { crossEntropy, type Sequential } from '@unfold/nn';
import type { Augmentation, Normalization, Optimizer } from '@unfold/train';
import { NORMALIZATION } from '../spec/digits.js';
import type { Experiment } from '../spec/experiment.js';
import { buildNetwork } from './network.js';
import { optimizerOf } from './optimizer.js';
import { part } from './part.js';
import type { DigitSet } from './protocol.js';
import { TrainingSet } from './training-set.js';

/** How a step went. */
export interface Stepped {
  /** Not finite where the step was not made. */
  readonly loss: number;
  /** The share of right answers before the step. */
  readonly accuracy: number;
  readonly images: number;
}

/** What a run is made of besides its experiment. */
export interface RunParts {
  readonly digits: DigitSet;
  /** What is done to each digit that it learns from; null for nothing. */
  readonly augment: Augmentation | null;
  /** Whether its steps are to be compiled. */
  readonly compiled: boolean;
  /** A network with weights, and what its pixels are normalised by; by default a new one. */
  readonly loaded?: { readonly model: Sequential; readonly normalization: Normalization };
}

type Learn = (images: Tensor, labels: Tensor) => { logits: Tensor; loss: Tensor };

/**
 * A network in training. It draws from the global random streams, which it seeds: there is one run at a
 * time.
 */
export class Run {
  readonly experiment: Experiment;
  readonly model: Sequential;
  readonly normalization: Normalization;
  readonly trainingSet: TrainingSet;
  readonly #optimizer: Optimizer;
  #learn: Learn;
  #descend: () => void;
  #isToCompile: boolean;
  #programs: readonly Pick<Compiled<never, unknown>, 'dispose'>[] = [];
  #step = 0;
  #isDisposed = false;

  /** @throws Error with a text for people if the network can't be built. */
  constructor(experiment: Experiment, { digits, augment, compiled, loaded }: RunParts) {
    const { network, optimizer, batchSize, seed } = experiment;
    manualSeed(seed);
    const model = loaded?.model ?? buildNetwork(network);
    this.experiment = experiment;
    this.model = model.train();
    this.normalization = loaded?.normalization ?? NORMALIZATION;
    this.#optimizer = optimizerOf(optimizer, model.parameters());
    this.trainingSet = new TrainingSet(digits, {
      batchSize,
      normalization: this.normalization,
      augment,
    });
    this.#learn = (images, labels) => {
      this.#optimizer.zeroGrad();
      return Tape.run((tape) => {
        const logits = model.forward(images);
        const loss = crossEntropy(logits, labels);
        tape.backward(loss);
        return { logits, loss };
      });
    };
    this.#descend = () => this.#optimizer.step();
    this.#isToCompile = compiled;
  }

  /** To be awaited before the first step: the compiler is loaded here, as a page that only shows needs none. */
  async prepare(): Promise<void> {
    if (!this.#isToCompile) return;
    const { compile } = await part(() => import('@unfold/core/compile'));
    if (!this.#isToCompile || this.#isDisposed) return;
    this.#isToCompile = false;
    const options = { modules: [this.model], fallback: true, compare: true };
    const learn = compile(this.#learn, options);
    const descend = compile(this.#descend, options);
    this.#programs = [learn, descend];
    this.#learn = learn;
    this.#descend = descend;
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Learns from the next batch. Where the loss is no number, the weights stay as they are. */
  advance(): Stepped {
    const stepped = Scope.run(() => {
      const batch = this.trainingSet.next();
      const { logits, loss } = this.#learn(batch.images, batch.labels);
      const taken = argmax(logits, { axis: 1 }).toTypedArray();
      const labels = Array.from(batch.labels.toTypedArray());
      const right = labels.filter((label, i) => label === taken[i]).length;
      return { loss: loss.item(), accuracy: right / batch.size, images: batch.size };
    });
    if (Number.isFinite(stepped.loss)) {
      Scope.run(() => this.#descend());
      this.#step++;
    }
    return stepped;
  }

  /** Frees all that it holds. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const program of this.#programs) program.dispose();
    this.#optimizer.dispose();
    this.model.zeroGrad();
    this.model.dispose();
  }
}
