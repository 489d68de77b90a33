/*
 * The Unfold half of test/fixtures/check_tensorboard.py. In the folder that it is given, it writes a run
 * of four epochs that dies in the third, and goes on from the end of the second; prints as JSON what is
 * to be read of it.
 */
import { manualSeed } from '@unfold/core';
import { LeNet } from '@unfold/train';
import { tensorBoard } from '@unfold/monitor';
import { lossAt, play, trainAt, validationAt } from './tensorboard-run.js';

const folder = String(process.argv[2]);
const STEPS = 50;
const EPOCHS = 4;
manualSeed(1);
const model = new LeNet();
const configuration = { model: 'lenet', lr: 0.1, file: 'a_b|*c*<d>.json', betas: [0.9, 0.999] };
const run = { model, epochs: EPOCHS, stepsPerEpoch: STEPS, gradNorm: true };
await play(tensorBoard(folder, { configuration }), { ...run, dies: 130 });
await play(tensorBoard(folder, { configuration }), { ...run, from: 100 });

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const bySteps = (value: (step: number) => number) =>
  upTo(EPOCHS * STEPS).map((step) => [step, Math.fround(value(step))]);
const byEpochs = (value: (epoch: number) => number) =>
  upTo(EPOCHS).map((epoch) => [epoch * STEPS, Math.fround(value(epoch))]);
const expected = {
  scalars: {
    train: {
      'step/loss': bySteps(lossAt),
      'step/lr': bySteps((step) => 0.1 / step),
      'step/gradNorm': bySteps((step) => step / 4),
      'epoch/loss': byEpochs((epoch) => trainAt(epoch).loss),
      'epoch/accuracy': byEpochs((epoch) => trainAt(epoch).accuracy),
    },
    validation: {
      'epoch/loss': byEpochs((epoch) => validationAt(epoch).loss),
      'epoch/accuracy': byEpochs((epoch) => validationAt(epoch).accuracy),
    },
  },
  weights: Object.fromEntries(
    Array.from(model.namedParameters(), ([name, { data }]) => [name, Array.from(data)]),
  ),
  steps: upTo(EPOCHS).map((epoch) => epoch * STEPS),
};
process.stdout.write(JSON.stringify(expected));
