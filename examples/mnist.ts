/**
 * Trains a small convolutional network on MNIST by hand: every step of the loop is in sight.
 * `npm run train:mnist` is the same with validation, checkpoints and options.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/mnist.ts
 */
import { argmax, configureEngine, manualSeed, Scope, Tape, type Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import {
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@unfold/nn';
import { DataLoader, mnist, normalizationOf, SGD } from '@unfold/train';

class Net extends Module {
  readonly features = new Sequential(
    new Conv2d(1, 8, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
  );
  readonly head = new Linear(8 * 12 * 12, 10);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.features.forward(x));
  }
}

const images = Number(process.argv[2] ?? 60_000);
enableNodeFlags(); // What Node keeps behind flags: faster vectors.
const engine = await configureEngine({}); // All cores.
manualSeed(1);
const { train, test } = await mnist();
const normalization = normalizationOf(train);
const part = train.slice(0, images);
const model = new Net();
const optimizer = new SGD(model.parameters(), { lr: 0.02, momentum: 0.9 });
console.log(`${engine.description}; ${model.parameterCount()} parameters`);

for await (const batch of new DataLoader(part, { batchSize: 64, shuffle: true, normalization })) {
  using tape = new Tape(); // Records every operation in this block, and owns what they allocate.
  const loss = crossEntropy(model.forward(batch.images), batch.labels);
  optimizer.zeroGrad();
  tape.backward(loss);
  optimizer.step();
} // Everything that the step made is freed here.

let correct = 0;
for (const batch of new DataLoader(test, { batchSize: 250, normalization })) {
  using _scope = new Scope(); // Frees without recording.
  const predictions = argmax(model.forward(batch.images), { axis: 1 }).data;
  batch.labels.data.forEach((label, i) => {
    if (predictions[i] === label) correct++;
  });
}
console.log(`test accuracy after one epoch: ${((100 * correct) / test.length).toFixed(2)} %`);
