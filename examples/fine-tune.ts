/**
 * Fine-tuning: convolutions that learnt the digits 0 to 4 from many images serve to tell 5 to 9
 * apart, of which there are only ten images each. The convolutions are frozen, a new head is
 * trained. Beside it, the same network from scratch on the same fifty images.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/fine-tune.ts
 */
import { configureEngine, manualSeed } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@unfold/nn';
import { DataLoader, Dataset, evaluate, fit, LinearLR, mnist, SGD } from '@unfold/train';
import { weightsSha256 } from '@unfold/io';

function convolutions(): Sequential {
  const first = [new Conv2d(1, 8, 5), new ReLU(), new MaxPool2d(2)];
  const second = [new Conv2d(8, 16, 5), new ReLU(), new MaxPool2d(2)];
  return new Sequential(...first, ...second, new Flatten()); // 28×28 → 256 numbers
}

/** At most `ofEach` images of each of the five digits from `first` on, as classes 0 to 4. */
function fiveDigits(all: Dataset, first: number, ofEach: number): Dataset {
  const counts = [0, 0, 0, 0, 0];
  const rows = Array.from(all.labels.keys()).filter((row) => {
    const label = all.label(row) - first;
    const count = counts[label] ?? ofEach; // Of other digits there are enough.
    if (count < ofEach) counts[label] = count + 1;
    return count < ofEach;
  });
  const images = new Uint8Array(rows.length * all.pixels);
  rows.forEach((row, i) => {
    images.set(all.images.subarray(row * all.pixels, (row + 1) * all.pixels), i * all.pixels);
  });
  const labels = rows.map((row) => all.label(row) - first);
  return Dataset.fromArrays({ images, shape: all.shape, labels, classes: 5 });
}

/** Trains all of the model that isn't frozen. */
async function train(model: Sequential, on: Dataset, epochs: number): Promise<void> {
  // All parameters: momentum and weight decay must not move the frozen ones either.
  const optimizer = new SGD(model.parameters(), { lr: 0.02, momentum: 0.9, weightDecay: 1e-3 });
  const loader = new DataLoader(on, { batchSize: 10, shuffle: true });
  const totalIters = epochs * loader.length;
  const decay = new LinearLR(optimizer, { startFactor: 1, endFactor: 0, totalIters });
  await fit(model, { train: loader, epochs, optimizer, scheduler: { step: decay } });
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const digits = await mnist();
const features = convolutions();
await train(new Sequential(features, new Linear(256, 5)), fiveDigits(digits.train, 0, 1000), 3);

const small = fiveDigits(digits.train, 5, 10);
const test = new DataLoader(fiveDigits(digits.test, 5, Infinity), { batchSize: 250 });
const percent = async (model: Sequential): Promise<string> => {
  const { correct, total } = await evaluate(model, test);
  return `${((100 * correct) / total).toFixed(2)} %`;
};

const before = weightsSha256(features.stateDict());
const tuned = new Sequential(features.freeze(), new Linear(256, 5));
await train(tuned, small, 40);
const gradients = [...features.parameters()].filter(({ grad }) => grad !== null).length;
const same = weightsSha256(features.stateDict()) === before;

const scratch = new Sequential(convolutions(), new Linear(256, 5));
await train(scratch, small, 40);

console.log(
  `frozen convolutions: ${same ? 'the same bits as before' : 'CHANGED'}, ${gradients} gradients`,
);
console.log(`digits 5 to 9, ${small.length} images to learn from`);
console.log(`frozen convolutions and a new head: ${await percent(tuned)}`);
console.log(`the same network from scratch: ${await percent(scratch)}`);
