// A run by hand that shows its progress on stdout: EPOCHS of 50 steps that take 10 ms each.
import { setTimeout } from 'node:timers/promises';
import { terminalProgress } from '@unfold/monitor';
import { endEpoch, endStep, epochReport, fakeRun } from '../runs/training-run.js';

const epochs = Number(process.argv[2]);
const progress = terminalProgress();
const run = fakeRun(epochs, 50);
await progress.onTrainBegin?.(run);
await progress.onEpochBegin?.(run);
while (run.epoch <= epochs) {
  for (let step = 0; step < run.stepsPerEpoch; step++) {
    await setTimeout(10);
    await endStep(progress, run, 2 / run.step);
  }
  await progress.onValidationBegin?.(run);
  const scores = { loss: 1 / run.epoch, accuracy: 1 - 0.5 / run.epoch };
  await endEpoch(progress, run, epochReport(run.epoch, scores, scores));
}
await progress.onTrainEnd?.(
  { finished: true, stopped: null, history: run.history, steps: run.step },
  run,
);
process.stdout.write('and then\n');
