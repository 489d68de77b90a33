/*
 * What a document can't show: the files that are there when its program begins, and what only pages
 * have. Node imports this before a program of a document, in an empty folder, with the program's name
 * in UNFOLD_PROGRAM. A program that isn't named here gets nothing.
 */
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** A page's `fetch`, of a server that has the folder. */
function fetchFromFolder(): void {
  globalThis.fetch = async (url) =>
    new Response(new Uint8Array(await readFile(basename(String(url)))));
}

/** The one element that the pages write into, and a worker that never answers. */
function standInForPage(): void {
  Object.assign(globalThis, {
    document: { title: '', querySelector: () => ({ textContent: '' }) },
    Worker: EventTarget,
  });
}

const SURROUNDINGS: Readonly<Record<string, () => void | Promise<void>>> = {
  /** The page is opened by test/browser/browser.slow.test.ts. */
  'docs/browser.md: main.ts': standInForPage,
  'docs/browser.md': async () => {
    const [{ LeNet }, { saveWeights }] = await Promise.all([
      import('@unfold/train'),
      import('@unfold/io'),
    ]);
    await saveWeights(new LeNet(), 'model.safetensors');
    fetchFromFolder();
    standInForPage();
  },
  /** The page is opened by test/browser/bundlers.slow.test.ts. */
  'docs/bundlers.md: plain.js': standInForPage,
  /** What `train:mnist --weights lenet.safetensors` writes, and a picture of a one. */
  'docs/predicting.md': async () => {
    const [{ LeNet }, { saveWeights }, { darkOnLight, draw }] = await Promise.all([
      import('@unfold/train'),
      import('@unfold/io'),
      import('./files/pictures.js'),
    ]);
    const normalization = JSON.stringify({ mean: [0.13], std: [0.31] });
    await saveWeights(new LeNet(), 'lenet.safetensors', {
      metadata: { model: 'lenet', normalization },
    });
    const one = draw(40, 60, (x, y) => (Math.abs(x - 20) < 3 && y > 10 && y < 50 ? 1 : 0));
    await writeFile('seven.png', darkOnLight(one));
  },
  /** A clone of this repository, as the page says. */
  'docs/tfjs-models.md': () => symlink(join(ROOT, 'test'), 'test'),
  /** Weights of a PyTorch program that had wrapped its model, a large archive, and a server. */
  'docs/weights.md': async () => {
    const [{ LeNet }, { encodeSafetensors, saveWeights }] = await Promise.all([
      import('@unfold/train'),
      import('@unfold/io'),
    ]);
    const state = new LeNet().stateDict();
    const wrapped = new Map([...state].map(([name, tensor]) => [`module.${name}`, tensor]));
    await writeFile('wrapped.safetensors', encodeSafetensors(wrapped));
    await saveWeights(new LeNet(), 'huge.npz');
    fetchFromFolder();
  },
};

await SURROUNDINGS[process.env['UNFOLD_PROGRAM'] ?? '']?.();
