import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualSeed, relu, reshape, type Tensor } from '@unfold/core';
import { encodeSafetensors } from '@unfold/io';
import { BatchNorm1d, CrossEntropyLoss, Dropout, Linear, Module } from '@unfold/nn';
import {
  DataLoader,
  Dataset,
  EMA,
  fit,
  normalizationOf,
  SGD,
  type EMAOptions,
  type FitSchedules,
  type LoaderOptions,
  type Optimizer,
  type StepReport,
} from '@unfold/train';
import type { LiveRun, ProjectFacts } from '../../../packages/torch/src/training/facts.js';
import { lossExpression } from '../../../packages/torch/src/training/loss.js';
import { trainingFiles } from '../../../packages/torch/src/training/training.js';
import { stripes } from '../runs/stripes.js';

/** A classifier of `stripes`, and what stands for it in PyTorch. */
export class Small extends Module {
  readonly fc1 = new Linear(36, 16);
  readonly norm: BatchNorm1d | null;
  readonly dropout: Dropout | null;
  readonly fc2 = new Linear(16, 3);

  constructor({ norm = false, dropout = false }: Pick<RunCase, 'norm' | 'dropout'> = {}) {
    super();
    this.norm = norm ? new BatchNorm1d(16) : null;
    this.dropout = dropout ? new Dropout(0.2) : null;
  }

  forward(x: Tensor): Tensor {
    const h = this.fc1.forward(reshape(x, [-1, 36]));
    const normal = relu(this.norm?.forward(h) ?? h);
    return this.fc2.forward(this.dropout?.forward(normal) ?? normal);
  }
}

const MODEL = `"""A classifier of stripes."""

import torch.nn.functional as F
from torch import Tensor, nn


class Small(nn.Module):
    """Images [N, 1, 6, 6] to logits [N, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(36, 16)
        self.norm = NORM
        self.dropout = DROPOUT
        self.fc2 = nn.Linear(16, 3)
FROZEN
    def forward(self, x: Tensor) -> Tensor:
        """Computes the logits."""
        x = F.relu(self.norm(self.fc1(x.flatten(1))))
        return self.fc2(self.dropout(x))
`;

/** What differs between the runs of the tests. */
export interface RunCase {
  readonly optimizer?: (model: Small) => Optimizer;
  readonly scheduler?: (optimizer: Optimizer, stepsPerEpoch: number) => FitSchedules;
  readonly norm?: boolean;
  readonly dropout?: boolean;
  readonly ema?: EMAOptions;
  readonly loader?: LoaderOptions;
  readonly bytes?: boolean;
  readonly training?: Partial<LiveRun>;
  readonly ownState?: readonly string[];
  readonly classes?: readonly string[];
  /** The step after which the run stands, 20 by default; 0 before it begins, -1 where it ends. */
  readonly stop?: number;
  /** Ejects it without training. */
  readonly isUntrained?: boolean;
}

/** A run that was ejected, and what it did in Unfold after that. */
export interface Ejected {
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly losses: readonly number[];
  /** Learning rates. */
  readonly rates: readonly number[];
  /** What the run ended with, its average where there is one. */
  readonly trained: Small;
}

const EPOCHS = 5;

/** The parts of a case's run, the same each time. */
function partsOf(given: RunCase) {
  manualSeed(7);
  const model = new Small(given);
  const { optimizer: make = descent, loader = {} } = given;
  const images = (count: number, seed: number): Dataset =>
    unlearnable(stripes(count, seed), given.bytes ?? false);
  const dataset = images(100, 1);
  const normalization = normalizationOf(dataset);
  const train = new DataLoader(dataset, { batchSize: 8, shuffle: true, normalization, ...loader });
  const validation = new DataLoader(images(30, 2), { batchSize: 10, normalization });
  const optimizer = make(model);
  const { accumulate = 1 } = given.training ?? {};
  const scheduler = given.scheduler?.(optimizer, Math.ceil(train.length / accumulate));
  const training: LiveRun = {
    optimizer,
    loss: new CrossEntropyLoss(),
    epochs: EPOCHS,
    train,
    validation,
    test: images(40, 3),
    ...(scheduler && { scheduler }),
    ...(given.ema && { ema: new EMA(model, given.ema) }),
    ...given.training,
  };
  return { model, training };
}

const descent = (model: Small): Optimizer =>
  new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });

/** Labels of other images, so that losses stay too large to be mostly rounding. */
function unlearnable({ images, shape, length }: Dataset, isBytes: boolean): Dataset {
  const { labels } = stripes(length, length);
  const bytes = Uint8Array.from(images, (value) => Math.round((value + 1) * 100));
  return Dataset.fromArrays({ images: isBytes ? bytes : images, shape: [...shape], labels });
}

/** Trains a case, ejects it where it is to stop, and trains on. */
export async function ejected(given: RunCase): Promise<Ejected> {
  const { stop = 20 } = given;
  if (given.isUntrained) {
    const { model, training } = partsOf(given);
    const files = trainingFiles(training, factsOf(model, training.loss, given));
    return { files, losses: [], rates: [], trained: model };
  }
  const steps: StepReport[] = [];
  const whole = partsOf(given);
  await run(whole, (report) => void steps.push(report));
  const next = steps.slice(stop);
  const losses = next.slice(0, 20).map(({ loss }) => loss);
  const { model, training } = partsOf(given);
  const facts = (): ProjectFacts => factsOf(model, training.loss, given);
  let files = trainingFiles({ ...training, losses }, facts());
  let weights = encodeSafetensors(model.stateDict());
  await run({ model, training }, ({ step }, state) => {
    if (step !== stop) return;
    const { position, randomness } = state();
    const { loader: generator } = randomness;
    files = trainingFiles({ ...training, position, generator, losses }, facts());
    weights = encodeSafetensors(model.stateDict());
  });
  if (stop < 0) {
    const position = { epoch: training.epochs + 1, batch: 0, step: steps.length };
    files = trainingFiles({ ...training, position, losses }, facts());
    weights = encodeSafetensors(model.stateDict());
  }
  files.set('model.py', modelScript(given, model));
  files.set('weights.safetensors', weights);
  return { files, losses, rates: next.map(({ lr }) => lr), trained: whole.model };
}

/** What of a run's state says where it stands. */
type Standing = Pick<Required<LiveRun>, 'position'> & {
  readonly randomness: { readonly loader: LiveRun['generator'] & object };
};

async function run(
  { model, training }: ReturnType<typeof partsOf>,
  onStep: (report: StepReport, state: () => Standing) => void,
): Promise<void> {
  const { test: _, loss, ...options } = training;
  let last: StepReport | undefined;
  await fit(model, {
    ...options,
    loss: loss as CrossEntropyLoss,
    callbacks: [
      {
        onStepEnd: (report) => void (last = report),
        onSavePoint(point) {
          // Its JSON is what run-state.ts writes.
          const state = (): Standing => point.state().json as object as Standing;
          if (last && point.kind === 'step') onStep(last, state);
        },
      },
    ],
  });
}

function factsOf(
  model: Small,
  loss: Module,
  { dropout = false, ownState = [], classes = ['left', 'middle', 'right'] }: RunCase,
): ProjectFacts {
  const isTraining = model.training;
  model.eval();
  const input = stripes(5, 4);
  const images = new DataLoader(input, { batchSize: 5 }).batches().next().value?.images as Tensor;
  const logits = model.forward(images).keep();
  model.train(isTraining);
  return {
    model,
    className: 'Small',
    loss: lossExpression(loss),
    ownState,
    saved: { name: 'small', classes },
    isRandom: dropout,
    parity: { inputs: [images], outputs: [logits], isOne: true },
  };
}

const modelScript = ({ norm = false, dropout = false }: RunCase, { fc1 }: Small): string =>
  MODEL.replace('NORM', norm ? 'nn.BatchNorm1d(16)' : 'nn.Identity()')
    .replace('DROPOUT', dropout ? 'nn.Dropout(0.2)' : 'nn.Identity()')
    .replace('FROZEN', fc1.weight.requiresGrad ? '' : '        self.fc1.requires_grad_(False)\n');

/** Writes a project into a folder. */
export function writeProject(folder: string, files: Ejected['files']): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
}
