/**
 * Serving predictions: a small network is trained for a moment, compiled once, and then answers an
 * HTTP request for each picture, as a server does that has no batches to wait for. The same bits come
 * out of the model itself, more slowly.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/serve.ts
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  argmax,
  compile,
  configureEngine,
  manualSeed,
  Scope,
  tensor,
  type Tensor,
} from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { DataLoader, fit, LeNet, mnist, normalizationOf, SGD, type Dataset } from '@unfold/train';

const SIDE = 28;
const SERVED = 200;

enableNodeFlags();
await configureEngine({ threads: 1 }); // For one picture, a second thread has nothing to do.
manualSeed(1);
const { train, test } = await mnist();
const normalization = normalizationOf(train);
const [[mean = 0], [std = 1]] = [normalization.mean, normalization.std]; // Of the one channel.
const model = new LeNet();
const loader = new DataLoader(train.slice(0, 6400), {
  batchSize: 64,
  shuffle: true,
  normalization,
});
await fit(model, {
  train: loader,
  epochs: 1,
  optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
});
model.eval();

/** A picture as the network learnt them. */
function pictureOf({ images }: Dataset, index: number): Float32Array {
  const bytes = images.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
  return Float32Array.from(bytes, (byte) => (byte / 255 - mean) / std);
}

const predict = compile((x: Tensor) => argmax(model.forward(x), 1), { modules: [model] });

/** The digit in a picture. */
function digitIn(picture: Float32Array): number {
  using _scope = new Scope(); // Frees the tensors: a server runs for many pictures.
  return predict(tensor(picture, [1, 1, SIDE, SIDE])).item();
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (body.length !== SIDE * SIDE * 4) {
    response.writeHead(400).end(`expected ${SIDE * SIDE} floats`);
    return;
  }
  // A copy of its own, because Buffer's memory is shared and may begin at any byte.
  const picture = new Float32Array(new Uint8Array(body).buffer);
  response.end(String(digitIn(picture)));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

let correct = 0;
for (let i = 0; i < SERVED; i++) {
  const answer = await fetch(url, { method: 'POST', body: pictureOf(test, i) });
  if (Number(await answer.text()) === test.label(i)) correct++;
}
server.close();

/** The time of one picture, without HTTP. */
function timeOf(answer: (picture: Tensor) => Tensor): string {
  const picture = tensor(pictureOf(test, 0), [1, 1, SIDE, SIDE]);
  const times = Array.from({ length: 300 }, () => {
    using _scope = new Scope();
    const begin = performance.now();
    answer(picture).item();
    return performance.now() - begin;
  });
  return `${(1000 * (times.sort((a, b) => a - b)[150] ?? 0)).toFixed(0)} µs`;
}

console.log(`${correct} of ${SERVED} pictures are right`);
console.log(
  `one picture takes ${timeOf(predict)}, and ${timeOf((x) => argmax(model.forward(x), 1))} uncompiled`,
);
console.log(`it is ${predict.stats?.launches} launches: ${predict.stats?.joined.join(', ')}`);
