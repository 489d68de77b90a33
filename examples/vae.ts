/**
 * A variational autoencoder (Kingma and Welling 2014): its encoder gives each digit of MNIST a mean and
 * a deviation for eight numbers, its decoder draws from numbers drawn by those. So it can draw digits
 * that nobody wrote. The target of a batch is its input: its batches have no targets.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/vae.ts
 */
import {
  add,
  configureEngine,
  exp,
  manualSeed,
  mean,
  mul,
  randn,
  reshape,
  sigmoid,
  slice,
  sub,
  sum,
  type Tensor,
} from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { terminalProgress } from '@unfold/monitor';
import { bceWithLogits, Linear, Module, ReLU, Sequential } from '@unfold/nn';
import { Adam, DataLoader, type Dataset, evaluate, fit, mnist, predict } from '@unfold/train';

const CODE = 8;

/** Images `[B, 1, 28, 28]`, and the chance `[B, CODE]` that the code is drawn by. */
interface Inputs {
  readonly images: Tensor;
  readonly noise: Tensor;
}

class Vae extends Module {
  readonly encoder = new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 2 * CODE));
  readonly decoder = new Sequential(new Linear(CODE, 256), new ReLU(), new Linear(256, 784));

  forward({ images, noise }: Inputs) {
    const found = this.encoder.forward(reshape(images, [-1, 784]));
    const mu = slice(found, [null, [0, CODE]]);
    const logVariance = slice(found, [null, [CODE, 2 * CODE]]);
    // Gradients flow to mean and deviation past the chance: the reparameterisation trick.
    const code = add(mu, mul(exp(mul(logVariance, 0.5)), noise));
    return { logits: this.decoder.forward(code), mu, logVariance };
  }
}
type Drawn = ReturnType<Vae['forward']>;

/** Bits of a picture that the drawing gets wrong, and how far its code is from pure chance: in nats. */
const drawing = ({ logits }: Drawn, { inputs: { images } }: { inputs: Inputs }): Tensor =>
  mul(mean(bceWithLogits(logits, reshape(images, [-1, 784]))), 784);
const divergence = ({ mu, logVariance }: Drawn): Tensor => {
  const each = sub(add(mul(mu, mu), exp(logVariance)), add(logVariance, 1));
  return mul(mean(sum(each, { axis: 1 })), 0.5);
};

/** Batches of a loader, each with its chance. */
function withNoise(dataset: Dataset) {
  const loader = new DataLoader(dataset, { batchSize: 64, shuffle: true });
  return async function* () {
    for await (const { images, size } of loader) {
      yield { inputs: { images, noise: randn([size, CODE]) }, size };
    }
  };
}

/** Pictures `[N, 784]` of brightness 0 … 1 side by side as text, two rows of pixels in a line. */
function show(pictures: Tensor): string {
  const { data, shape } = pictures;
  const line = (row: number): string =>
    Array.from({ length: 28 * (shape[0] ?? 0) }, (_, column) => {
      const at = Math.floor(column / 28) * 784 + 2 * row * 28 + (column % 28);
      return ' .:-=+*#%@'[Math.round(4.5 * ((data[at] ?? 0) + (data[at + 28] ?? 0)))];
    }).join('');
  return Array.from({ length: 14 }, (_, row) => line(row)).join('\n');
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const { train, test } = await mnist();
const model = new Vae();
const loss = (drawn: Drawn, batch: { inputs: Inputs }): Tensor =>
  add(drawing(drawn, batch), divergence(drawn));
const metrics = { divergence: (drawn: Drawn) => divergence(drawn).item() };
await fit(model, {
  train: withNoise(train.slice(0, 20_000)),
  epochs: 8,
  optimizer: new Adam(model.parameters(), { lr: 1e-3 }),
  loss,
  callbacks: [terminalProgress()],
});
const bound = await evaluate(model, withNoise(test)(), { loss, metrics });
const inCode = bound.divergence.toFixed(1);
console.log(`of test digits: ${bound.loss.toFixed(1)} nats, ${inCode} of them in the code`);
console.log('digits that nobody wrote:');
console.log(show(sigmoid(await predict(model.decoder, randn([3, CODE])))));
