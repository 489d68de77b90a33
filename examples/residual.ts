/**
 * A tiny residual network with grouped and dilated convolutions. A block adds what it computed to
 * what it was given, so it gives as many channels and pixels as it got: padding 'same'. Groups make
 * a layer cheaper; dilation lets it look farther at the same price.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/residual.ts
 */
import { add, configureEngine, manualSeed, rand, relu, slice, sum, Tape } from '@unfold/core';
import type { Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { Conv2d, Flatten, Linear, MaxPool2d, Module, Sequential } from '@unfold/nn';
import { DataLoader, evaluate, fit, LinearLR, mnist, normalizationOf, SGD } from '@unfold/train';

const CHANNELS = 16;

/** x + what two convolutions make of it: one looks around in four groups, one mixes channels. */
class Block extends Module {
  readonly look: Conv2d;
  readonly mix = new Conv2d(CHANNELS, CHANNELS, 1);

  constructor(dilation: number) {
    super();
    this.look = new Conv2d(CHANNELS, CHANNELS, 3, { groups: 4, dilation, padding: 'same' });
  }

  forward(x: Tensor): Tensor {
    return add(x, this.mix.forward(relu(this.look.forward(relu(x)))));
  }
}

class ResidualNet extends Module {
  readonly stem = new Conv2d(1, CHANNELS, 3, { stride: 2, padding: 1 }); // 28×28 → 14×14
  readonly blocks: Sequential;
  readonly head = new Sequential(new MaxPool2d(7), new Flatten(), new Linear(CHANNELS * 4, 10));

  constructor(dilations: readonly number[]) {
    super();
    this.blocks = new Sequential(...dilations.map((dilation) => new Block(dilation)));
  }

  features(x: Tensor): Tensor {
    return this.blocks.forward(this.stem.forward(x));
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(relu(this.features(x)));
  }
}

/** How many columns of an image one feature depends on: those in which it has a gradient. */
function columnsSeen(model: ResidualNet): number {
  using tape = new Tape();
  const image = rand([1, 1, 81, 81], { requiresGrad: true });
  const middle = [20, 21] as const;
  tape.backward(sum(slice(model.features(image), [null, null, middle, middle])));
  const seen = sum(image.grad ?? image, { axis: [0, 1, 2] }).data;
  model.zeroGrad();
  return seen.filter((gradient) => gradient !== 0).length;
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const model = new ResidualNet([1, 2, 4]);
console.log(
  `a feature sees ${columnsSeen(model)} columns of the image; ` +
    `without dilation ${columnsSeen(new ResidualNet([1, 1, 1]))}`,
);
const { train, test } = await mnist();
const normalization = normalizationOf(train);
const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const batches = { batchSize: 32, shuffle: true, normalization };
const loader = new DataLoader(train.slice(0, 10_000), batches);
const epochs = 4;
const totalIters = epochs * loader.length;
await fit(model, {
  train: loader,
  epochs,
  optimizer,
  scheduler: { step: new LinearLR(optimizer, { startFactor: 1, endFactor: 0, totalIters }) },
  callbacks: [
    { onEpochEnd: (of) => console.log(`epoch ${of.epoch}: loss ${of.train.loss.toFixed(3)}`) },
  ],
});
const { correct } = await evaluate(model, new DataLoader(test, { batchSize: 250, normalization }));
console.log(
  `${model.parameterCount()} parameters, ` +
    `test accuracy ${((100 * correct) / test.length).toFixed(2)} %`,
);
