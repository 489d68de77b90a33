import { setTimeout as sleep } from 'node:timers/promises';
import { type Augmentation, compose, DataLoader, Dataset, elastic } from '@unfold/train';

/*
 * A program that prefetches, in the way that its argument names, and leaves its loader as it is at the
 * end.
 */

const COUNT = 32;
const SIDE = 28;

/** What tells this thread's images from the worker's. */
const marking = (value: number): Augmentation => ({
  apply: ({ data }) => void data.fill(value),
  worker: {
    module: `data:text/javascript,export default () => ({ apply: ({ data }) => void data.fill(1) });`,
  },
});

const dataset = Dataset.fromArrays({
  images: new Uint8Array(COUNT * SIDE * SIDE),
  shape: [1, SIDE, SIDE],
  labels: new Int32Array(COUNT),
});
const augment = compose([elastic({ sigma: 20 }), marking(0)]);
const loader = new DataLoader(dataset, { batchSize: 4, prefetch: 3, augment });

/** The number of batches of an epoch that the worker made; it is left after some of its batches. */
async function epoch(batches = loader.length): Promise<number> {
  let made = 0;
  for await (const { images } of loader) {
    made += images.data[0] as number;
    if (--batches === 0) break;
  }
  return made;
}

while ((await epoch()) === 0) await sleep(5);
switch (process.argv[2]) {
  case 'whole':
    process.stdout.write((await epoch()) > 0 ? 'by the worker\n' : 'by itself\n');
    break;
  case 'left':
    await epoch(2);
    process.stdout.write('left\n');
    break;
}
