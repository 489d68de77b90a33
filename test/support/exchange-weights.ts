/*
 * The Unfold half of test/fixtures/check_weights.py. In the folder that it is given, it loads the
 * weights that PyTorch saved, saves weights of its own, and writes the logits of both.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manualSeed, type Tensor } from '@unfold/core';
import { decodeNpz, encodeNpz, loadWeights, saveWeights } from '@unfold/io';
import { LeNet } from '@unfold/train';

const folder = String(process.argv[2]);
const x = decodeNpz(await readFile(join(folder, 'x.npz'))).get('x');
if (!x) throw new Error('x.npz holds no x');

const logits = new Map<string, Tensor>();
for (const file of ['torch.safetensors', 'torch.npz']) {
  const model = new LeNet();
  await loadWeights(model, join(folder, file));
  logits.set(file, model.forward(x));
}
manualSeed(3);
const own = new LeNet();
for (const file of ['unfold.safetensors', 'unfold.npz']) await saveWeights(own, join(folder, file));
logits.set('unfold', own.forward(x));
await writeFile(join(folder, 'logits.npz'), encodeNpz(logits));
