import { elementsOf, manualSeed } from '@unfold/core';
import {
  type Batch,
  DataLoader,
  type Dataset,
  NonFiniteLossError,
  type Normalization,
} from '@unfold/train';
import { EVALUATION_BATCH } from '@unfold/train/internal';
import { type Contender, type SgdSettings, UnfoldNetwork } from './contender.js';
import type { Hits } from './mcnemar.js';
import { type NetworkName, NETWORKS } from './networks.js';
import type { TensorFlowLayers } from './tensorflow.js';
import { TfjsNetwork } from './tfjs-network.js';

/** The settings that both sides share. */
export interface TrainingPlan extends SgdSettings {
  readonly model: NetworkName;
  readonly epochs: number;
  readonly batchSize: number;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly normalization: Normalization;
}

/** A pair of losses of the same step; counts from 1. */
export interface PairedStep {
  readonly step: number;
  readonly ours: number;
  readonly tfjs: number;
}

/** The result of one side with one seed. */
export interface RunResult {
  readonly testAccuracy: number;
  readonly imagesPerSecond: number;
  readonly hits: Hits;
}

export interface PairedRun {
  readonly seed: number;
  readonly steps: readonly PairedStep[];
  readonly ours: RunResult;
  readonly tfjs: RunResult;
}

export interface PairedRunOptions {
  readonly plan: TrainingPlan;
  readonly seed: number;
  readonly tf: TensorFlowLayers;
  readonly signal: AbortSignal;
  readonly onStep: (step: PairedStep) => void;
}

/**
 * Steps that a side takes before it is the other's turn: many, for the threads of TensorFlow stay
 * awake for a while after each, and take the cores from ours; few enough that what else the machine
 * does falls on both.
 */
export const TURN = 50;

/**
 * Trains both networks on the same batches, in turns, and tests them.
 * @throws NonFiniteLossError when a loss is no finite number; the reason of `signal` when that
 * aborts.
 */
export async function runPair(options: PairedRunOptions): Promise<PairedRun> {
  const { plan, seed, tf, signal, onStep } = options;
  const ours = createNetwork(plan, seed);
  const theirs = new TfjsNetwork(
    tf,
    {
      plan: NETWORKS[plan.model].plan,
      image: plan.train.shape,
      weights: ours.model.stateDict(),
    },
    plan,
  );
  // Both iterate over the same batches, in buffers of their own.
  const ourBatches = batchesOf(plan, seed, signal);
  const theirBatches = batchesOf(plan, seed, signal);
  try {
    const steps: PairedStep[] = [];
    const ourClock = new Clock();
    const theirClock = new Clock();
    for (;;) {
      const losses = await train(ours, ourBatches, { clock: ourClock, maxSteps: TURN });
      if (losses.length === 0) break;
      await train(theirs, theirBatches, {
        clock: theirClock,
        maxSteps: losses.length,
        onLoss(tfjs) {
          const step = { step: steps.length + 1, ours: losses[steps.length % TURN] ?? NaN, tfjs };
          checkFinite(step, seed);
          steps.push(step);
          onStep(step);
        },
      });
    }
    return {
      seed,
      steps,
      ours: resultOf(await hitsOf(ours, plan, signal), ourClock),
      tfjs: resultOf(await hitsOf(theirs, plan, signal), theirClock),
    };
  } finally {
    await Promise.all([ourBatches.return(), theirBatches.return()]);
    ours.dispose();
    theirs.dispose();
  }
}

/** The result of our side alone. */
export interface SoloRun {
  readonly losses: readonly number[];
  readonly hits: Hits;
  readonly imagesPerSecond: number;
}

/**
 * Our side of `runPair` again, on the engine that runs now.
 * @param maxSteps Stops after so many steps.
 */
export async function runOurs(
  plan: TrainingPlan,
  seed: number,
  { signal, maxSteps }: { signal: AbortSignal; maxSteps: number },
): Promise<SoloRun> {
  const ours = createNetwork(plan, seed);
  const batches = batchesOf(plan, seed, signal);
  try {
    const clock = new Clock();
    const losses = await train(ours, batches, { clock, maxSteps });
    const { imagesPerSecond } = clock;
    return { losses, hits: await hitsOf(ours, plan, signal), imagesPerSecond };
  } finally {
    await batches.return();
    ours.dispose();
  }
}

/** The same seed gives the same weights. */
function createNetwork({ model, lr, momentum }: TrainingPlan, seed: number): UnfoldNetwork {
  manualSeed(seed);
  return new UnfoldNetwork(NETWORKS[model].create(), { lr, momentum });
}

type Batches = AsyncGenerator<Batch, void, void>;

/** The batches of all epochs; the same seed gives the same ones. */
async function* batchesOf(
  { train, epochs, batchSize, normalization }: TrainingPlan,
  seed: number,
  signal: AbortSignal,
): Batches {
  const loader = new DataLoader(train, { batchSize, shuffle: true, normalization, seed });
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      for await (const batch of loader) {
        signal.throwIfAborted();
        yield batch;
      }
    }
  } finally {
    loader.dispose();
  }
}

interface TrainingTurn {
  readonly clock: Clock;
  readonly maxSteps: number;
  readonly onLoss?: (loss: number) => void;
}

/** Takes steps on the next batches, as many as there are or are allowed. @returns The losses. */
async function train(
  contender: Contender,
  batches: Batches,
  { clock, maxSteps, onLoss }: TrainingTurn,
): Promise<number[]> {
  const losses: number[] = [];
  while (losses.length < maxSteps) {
    const next = await batches.next();
    if (next.done) break;
    const { images, labels, size } = next.value;
    const { loss, milliseconds } = await contender.step(images, labels);
    clock.add(size, milliseconds);
    losses.push(loss);
    onLoss?.(loss);
  }
  return losses;
}

async function hitsOf(
  contender: Contender,
  { test, normalization }: TrainingPlan,
  signal: AbortSignal,
): Promise<Hits> {
  const loader = new DataLoader(test, { batchSize: EVALUATION_BATCH, normalization });
  try {
    const hits = new Uint8Array(test.length);
    let done = 0;
    for await (const { images, labels, size } of loader) {
      signal.throwIfAborted();
      const classes = contender.classify(images);
      elementsOf(labels).forEach((label, i) => {
        hits[done + i] = classes[i] === label ? 1 : 0;
      });
      done += size;
    }
    return hits;
  } finally {
    loader.dispose();
  }
}

function resultOf(hits: Hits, clock: Clock): RunResult {
  return {
    testAccuracy: hits.reduce((sum, hit) => sum + hit, 0) / hits.length,
    imagesPerSecond: clock.imagesPerSecond,
    hits,
  };
}

/** The speed of training, without the first step, which compiles, where others follow. */
class Clock {
  #steps = 0;
  #images = 0;
  #milliseconds = 0;

  add(images: number, milliseconds: number): void {
    if (this.#steps++ === 1) {
      this.#images = 0;
      this.#milliseconds = 0;
    }
    this.#images += images;
    this.#milliseconds += milliseconds;
  }

  get imagesPerSecond(): number {
    return (1000 * this.#images) / this.#milliseconds;
  }
}

function checkFinite({ step, ours, tfjs }: PairedStep, seed: number): void {
  if (Number.isFinite(ours) && Number.isFinite(tfjs)) return;
  throw new NonFiniteLossError(
    `compare: step ${step} of seed ${seed}: expected finite losses, got ${ours} from Unfold and ` +
      `${tfjs} from TensorFlow.js. A smaller learning rate usually helps`,
  );
}
