import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { argmax, manualSeed, tensor, zeros } from '@unfold/core';
import { exportOnnx } from '@unfold/onnx';
import { DataLoader, evaluate, fit, LeNet, mnist, SGD } from '@unfold/train';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from './chromium.js';

/*
 * A model that is trained here, exported, and run on a page by ONNX Runtime, which the benchmarks
 * install: it recognises the same digits.
 */

const SIDE = 28;
const SHOWN = 500;

const program = findChromium();

/** The folder of onnxruntime-web; null where it isn't installed. */
function runtime(): string | null {
  try {
    const bench = resolve(import.meta.dirname, '../../bench/package.json');
    return dirname(createRequire(bench).resolve('onnxruntime-web'));
  } catch {
    return null;
  }
}

const folder = runtime();

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Digits</title>
<p id="digits">…</p>
<script type="module">
  import * as ort from './ort.wasm.min.mjs';

  const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(await bytes('model.onnx'));
  const pixels = Float32Array.from(await bytes('images'), (byte) => byte / 255);
  const size = ${SIDE * SIDE};
  const images = new ort.Tensor('float32', pixels, [pixels.length / size, 1, ${SIDE}, ${SIDE}]);
  const { logits } = await session.run({ images });
  const digits = [];
  for (let i = 0; i < logits.dims[0]; i++) {
    const row = Array.from(logits.data.subarray(10 * i, 10 * i + 10));
    digits.push(row.indexOf(Math.max(...row)));
  }
  document.querySelector('#digits').textContent = digits.join('');
</script>`;

/** Digits, a network that learnt a few thousand of them, and what it says of others. */
async function learn(): Promise<{ bytes: Uint8Array; images: Uint8Array; digits: string }> {
  manualSeed(1);
  const { train, test } = await mnist();
  const model = new LeNet();
  await fit(model, {
    train: new DataLoader(train.slice(0, 6000), { batchSize: 50, shuffle: true }),
    epochs: 1,
    optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
  });
  const shown = test.slice(0, SHOWN);
  const { accuracy } = await evaluate(model, new DataLoader(shown, { batchSize: SHOWN }));
  expect(accuracy).toBeGreaterThan(0.9);
  const images = shown.images.slice(0, SHOWN * SIDE * SIDE) as Uint8Array;
  const x = tensor(
    Float32Array.from(images, (byte) => byte / 255),
    [SHOWN, 1, SIDE, SIDE],
  );
  const digits = Array.from(argmax(model.forward(x), 1).toTypedArray()).join('');
  const bytes = exportOnnx(model, zeros([1, 1, SIDE, SIDE]), {
    names: { inputs: ['images'], outputs: ['logits'] },
  });
  return { bytes, images, digits };
}

describe.runIf(program !== undefined && folder !== null)('a page', () => {
  let browser: Browser;
  let server: Server;

  beforeAll(async () => {
    browser = await chromium.launch({ ...(program && { executablePath: program }) });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  it('recognises the digits as they are recognised here', async () => {
    const { bytes, images, digits } = await learn();
    const own: Readonly<Record<string, Uint8Array | string>> = {
      '/': PAGE,
      '/model.onnx': bytes,
      '/images': images,
    };
    server = createServer((request, response) => {
      const name = request.url ?? '/';
      const type = TYPES[extname(name === '/' ? 'index.html' : name)] ?? 'application/octet-stream';
      response.setHeader('Content-Type', type);
      const body = own[name];
      if (body !== undefined) response.end(body);
      else {
        readFile(join(folder ?? '', basename(name))).then(
          (file) => response.end(file),
          () => response.writeHead(404).end(),
        );
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(
      "document.querySelector('#digits').textContent.length > 1",
      undefined,
      { timeout: 60_000 },
    );
    expect(await page.textContent('#digits')).toBe(digits);
    expect(errors).toEqual([]);
  });
});
