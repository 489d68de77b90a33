/**
 * Two inputs, two outputs, two losses: a network sees two digits of MNIST and says what they sum to, and
 * how likely the left one is the greater. Nobody tells it which digits they are.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/two-inputs.ts
 */
import { add, concat, configureEngine, generator, manualSeed, sigmoid } from '@unfold/core';
import type { Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { terminalProgress } from '@unfold/monitor';
import { bceWithLogits, Conv2d, Flatten, huber, Linear, MaxPool2d } from '@unfold/nn';
import { Module, ReLU, Sequential } from '@unfold/nn';
import {
  accuracy,
  Adam,
  DataLoader,
  type Dataset,
  evaluate,
  fit,
  meanAbsoluteError,
  mnist,
  predict,
} from '@unfold/train';

class Comparison extends Module {
  readonly see = new Sequential(
    new Conv2d(1, 8, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(8, 16, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(256, 32),
    new ReLU(),
  );
  readonly sum = new Linear(64, 1);
  readonly greater = new Sequential(new Linear(64, 32), new ReLU(), new Linear(32, 1));

  /** Of pictures `[B, 1, 28, 28]`. */
  forward({ left, right }: { left: Tensor; right: Tensor }) {
    const both = concat([this.see.forward(left), this.see.forward(right)], 1);
    return { sum: this.sum.forward(both), greater: this.greater.forward(both) };
  }
}

/** Picture i beside one that was drawn for it, and what is true of the two. */
function pairs(digits: Dataset) {
  const partner = generator('pairs').permutation(digits.length);
  return {
    length: digits.length,
    get(i: number) {
      const j = partner[i] ?? 0;
      const [a, b] = [digits.label(i), digits.label(j)];
      return {
        inputs: { left: digits.get(i).images, right: digits.get(j).images },
        targets: { sum: Float32Array.of(a + b), greater: Float32Array.of(a > b ? 1 : 0) },
      };
    },
  };
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const { train, test } = await mnist();
const model = new Comparison();
await fit(model, {
  train: new DataLoader(pairs(train.slice(0, 30_000)), { batchSize: 32, shuffle: true }),
  epochs: 8,
  optimizer: new Adam(model.parameters(), { lr: 1e-3 }),
  loss: ({ sum, greater }, { targets }) =>
    add(huber(sum, targets.sum), bceWithLogits(greater, targets.greater)),
  callbacks: [terminalProgress()],
});

const scores = await evaluate(model, new DataLoader(pairs(test), { batchSize: 250 }), {
  loss: ({ sum }, { targets }) => huber(sum, targets.sum),
  metrics: {
    error: ({ sum }, { targets }) => meanAbsoluteError(sum, { targets: targets.sum }),
    right: ({ greater }, { targets }) => accuracy(greater, { targets: targets.greater }),
  },
});
const percent = (100 * scores.right).toFixed(2);
console.log(`sums are off by ${scores.error.toFixed(2)}, ${percent} % of comparisons are right`);
// Three pairs of them, in words.
const some = pairs(test.slice(0, 3));
const found = await predict(model, new DataLoader(some, { batchSize: 3 }));
const chances = sigmoid(found.greater).toTypedArray();
for (const [i, sum] of found.sum.toTypedArray().entries()) {
  const { targets } = some.get(i);
  const chance = (100 * (chances[i] ?? NaN)).toFixed(1);
  console.log(
    `${targets.sum} is taken for ${sum.toFixed(1)}; left > right: ${chance} %, ${targets.greater}`,
  );
}
