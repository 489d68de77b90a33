/*
 * A run of `fit` that keeps a checkpoint and shows a bar on what says it is a terminal, for tests of how
 * signals end it: `held-program.ts FILE HOW`. In its second epoch it says `ready`, and waits for ever.
 * With `listen` the program hears one SIGINT itself.
 */
import { Flatten, Linear, Sequential } from '@unfold/nn';
import { CheckpointFile, DataLoader, fit, SGD, type StepReport } from '@unfold/train';
import { terminalProgress } from '@unfold/monitor';
import { CLASSES, stripes } from '../runs/stripes.js';

const [file = '', how = ''] = process.argv.slice(2);
const out = { isTTY: true, columns: 80, write: (text: string) => process.stdout.write(text) };
if (how === 'listen') process.once('SIGINT', () => process.stdout.write('\nheard\n'));
const model = new Sequential(new Flatten(), new Linear(36, CLASSES));

/** Waits for ever after the first step of an epoch. */
function waitIn(epoch: number): (report: StepReport) => Promise<void> | undefined {
  return (report) => {
    if (report.epoch !== epoch) return undefined;
    process.stdout.write('\nready\n');
    return new Promise(() => setInterval(() => {}, 1000));
  };
}

await fit(model, {
  train: new DataLoader(stripes(40), { batchSize: 8 }),
  epochs: 2,
  optimizer: new SGD(model.parameters(), { lr: 0.01 }),
  callbacks: [terminalProgress({ out }), new CheckpointFile(file), { onStepEnd: waitIn(2) }],
});
