/**
 * A convolutional autoencoder: squeezes each digit of MNIST into 24 numbers and draws it again from
 * them. The decoder is the encoder's mirror image: a ConvTranspose2d takes back what a Conv2d of the
 * same kernel, stride and padding did to the size.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/autoencoder.ts
 */
import { configureEngine, manualSeed, mean, pow, Scope, sigmoid, sub, Tape } from '@unfold/core';
import type { Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { Conv2d, ConvTranspose2d, Module, mseLoss, ReLU, Sequential } from '@unfold/nn';
import { DataLoader, type Dataset, mnist, SGD } from '@unfold/train';

const half = { stride: 2, padding: 1 } as const;
const twice = { ...half, outputPadding: 1 } as const;

class Autoencoder extends Module {
  readonly encoder = new Sequential(
    new Conv2d(1, 12, 3, half), // 28×28 → 14×14
    new ReLU(),
    new Conv2d(12, 24, 3, half), // → 7×7
    new ReLU(),
    new Conv2d(24, 24, 7), // → 24 numbers
  );
  readonly decoder = new Sequential(
    new ConvTranspose2d(24, 24, 7), // → 7×7
    new ReLU(),
    new ConvTranspose2d(24, 12, 3, twice), // → 14×14
    new ReLU(),
    new ConvTranspose2d(12, 1, 3, twice), // → 28×28
  );

  forward(images: Tensor): Tensor {
    return sigmoid(this.decoder.forward(this.encoder.forward(images)));
  }
}

/** The mean squared error of a pixel in 0 … 1, of what `draw` makes of the images. */
function errorOn(dataset: Dataset, draw: (images: Tensor) => Tensor): number {
  let total = 0;
  for (const { images, size } of new DataLoader(dataset, { batchSize: 250 })) {
    total += size * Scope.run(() => mean(pow(sub(draw(images), images), 2)).item());
  }
  return total / dataset.length;
}

/** Images `[N, 1, 28, 28]` side by side as text, two rows of pixels in a line. */
function show({ data, shape: [count = 0] }: Tensor): string {
  const line = (row: number): string =>
    Array.from({ length: 28 * count }, (_, column) => {
      const at = Math.floor(column / 28) * 784 + 2 * row * 28 + (column % 28);
      const ink = ((data[at] ?? 0) + (data[at + 28] ?? 0)) / 2;
      return ' .:-=+*#%@'[Math.round(9 * ink)];
    }).join('');
  return Array.from({ length: 14 }, (_, row) => line(row)).join('\n');
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const { train, test } = await mnist();
const model = new Autoencoder();
const redraw = (images: Tensor): Tensor => model.forward(images);
const before = errorOn(test, redraw);

const optimizer = new SGD(model.parameters(), { lr: 1, momentum: 0.9 });
const loader = new DataLoader(train.slice(0, 12_000), { batchSize: 32, shuffle: true });
for (let epoch = 1; epoch <= 4; epoch++) {
  for await (const { images } of loader) {
    using tape = new Tape();
    optimizer.zeroGrad();
    tape.backward(mseLoss(model.forward(images), images));
    optimizer.step();
  }
}

const [some] = new DataLoader(train, { batchSize: 1000 });
const [shown] = new DataLoader(test.subset([1, 2, 18]), { batchSize: 3 });
if (!some || !shown) throw new Error('both have images');
const average = mean(some.images, { axis: 0 }); // What a model could draw that saw no digit.
console.log(`test digits, and what was drawn from 24 numbers each:\n${show(shown.images)}`);
console.log(show(redraw(shown.images)));
const error = errorOn(test, redraw);
console.log(
  `mean squared error: ${error.toFixed(4)}; before training ${before.toFixed(4)}, ` +
    `of the average digit ${errorOn(test, () => average).toFixed(4)}`,
);
