import {
  add,
  ConfigError,
  DisposedError,
  Generator,
  heapStats,
  manualSeed,
  type NumericArray,
  Scope,
  ShapeError,
  Tape,
  type Tensor,
} from '@unfold/core';
import { type Batch, DataLoader, Dataset, type LoaderOptions } from '@unfold/train';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../support/failure.js';

const SHAPE = [2, 3, 2] as const;
const PIXELS = 12;

/** Images of bytes that all differ, as far as bytes can; label i is i. */
function bytesDataset(count: number): Dataset {
  return Dataset.fromArrays({
    images: Uint8Array.from({ length: count * PIXELS }, (_, i) => (i * 37 + 11) % 256),
    shape: SHAPE,
    labels: Array.from({ length: count }, (_, i) => i),
  });
}

interface Copied {
  readonly images: readonly number[];
  readonly labels: readonly number[];
}

function copy(tensors: { images: Tensor; labels: Tensor }): Copied {
  return {
    images: Array.from(tensors.images.toTypedArray()),
    labels: Array.from(tensors.labels.toTypedArray()),
  };
}

/** Every batch of one epoch, copied. */
function epoch(loader: DataLoader): Copied[] {
  return Array.from(loader, copy);
}

const labelsOf = (batches: readonly Copied[]): number[] => batches.flatMap(({ labels }) => labels);

describe('batches', () => {
  test('shapes, dtypes and sizes; the last one is smaller', () => {
    const loader = new DataLoader(bytesDataset(10), { batchSize: 4 });
    const seen = Array.from(loader, ({ images, labels, size }) => ({
      shapes: [images.shape, labels.shape],
      dtypes: [images.dtype, labels.dtype],
      size,
    }));
    const expected = (size: number) => ({
      shapes: [[size, ...SHAPE], [size]],
      dtypes: ['float32', 'int32'],
      size,
    });
    expect(seen).toEqual([expected(4), expected(4), expected(2)]);
    expect(loader.length).toBe(3);
  });

  test('dropLast leaves the smaller one out', () => {
    const loader = new DataLoader(bytesDataset(10), { batchSize: 4, dropLast: true });
    expect(labelsOf(epoch(loader))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(loader.length).toBe(2);
    expect(new DataLoader(bytesDataset(8), { batchSize: 4, dropLast: true }).length).toBe(2);
  });

  test('a batchSize above the dataset gives one batch of all', () => {
    const loader = new DataLoader(bytesDataset(3), { batchSize: 100 });
    expect(epoch(loader).map(({ labels }) => labels)).toEqual([[0, 1, 2]]);
  });

  test('the default is one image at a time, in order', () => {
    expect(epoch(new DataLoader(bytesDataset(3))).map(({ labels }) => labels)).toEqual([
      [0],
      [1],
      [2],
    ]);
  });

  test('every image comes once, in any setting, with its own pixels and label', () => {
    const settings = fc.record({
      count: fc.integer({ min: 1, max: 30 }),
      batchSize: fc.integer({ min: 1, max: 12 }),
      shuffle: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(settings, ({ count, ...options }) => {
        const dataset = bytesDataset(count);
        using loader = new DataLoader(dataset, options);
        const batches = epoch(loader);
        const labels = labelsOf(batches);
        expect([...labels].sort((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, i) => i),
        );
        const pixels = batches.flatMap(({ images }) => images);
        labels.forEach((label, position) => {
          const stored = dataset.images.subarray(label * PIXELS, (label + 1) * PIXELS);
          expect(pixels.slice(position * PIXELS, (position + 1) * PIXELS)).toEqual(
            Array.from(stored, (byte) => Math.fround(byte / 255)),
          );
        });
      }),
      { numRuns: 50 },
    );
  });

  test('bytes are scaled to 0…1 and normalised, in float64 rounded once', () => {
    const normalization = { mean: [0.1307, 0.5], std: [0.3081, 0.25] };
    const dataset = bytesDataset(5);
    const [batch] = epoch(new DataLoader(dataset, { batchSize: 5, normalization }));
    const expected = Array.from(dataset.images, (byte, i) => {
      const c = Math.floor(i / 6) % 2;
      return Math.fround((byte / 255 - (normalization.mean[c] ?? 0)) / (normalization.std[c] ?? 0));
    });
    expect(batch?.images).toEqual(expected);
  });

  test('numbers are taken as given, and normalised', () => {
    const images = Float32Array.from({ length: 2 * PIXELS }, (_, i) => i * 1.5 - 7);
    const dataset = Dataset.fromArrays({ images, shape: SHAPE, labels: [0, 1] });
    const [plain] = epoch(new DataLoader(dataset, { batchSize: 2 }));
    expect(plain?.images).toEqual(Array.from(images));
    const normalization = { mean: [1, -3], std: [2, 0.5] };
    const [normalised] = epoch(new DataLoader(dataset, { batchSize: 2, normalization }));
    expect(normalised?.images).toEqual(
      Array.from(images, (x, i) => (Math.floor(i / 6) % 2 === 0 ? (x - 1) / 2 : (x + 3) / 0.5)),
    );
  });

  test('a view gives its own images', () => {
    const view = bytesDataset(20).slice(5, 15).subset([9, 0, 4]);
    expect(labelsOf(epoch(new DataLoader(view, { batchSize: 2 })))).toEqual([14, 5, 9]);
  });
});

describe('order', () => {
  const options: LoaderOptions = { batchSize: 8, shuffle: true };

  test('a seed gives the same epochs; the epochs differ; another seed gives others', () => {
    const dataset = bytesDataset(40);
    const epochs = (seed: number): number[][] => {
      const loader = new DataLoader(dataset, { ...options, seed });
      return [labelsOf(epoch(loader)), labelsOf(epoch(loader))];
    };
    const [first, second] = epochs(7);
    expect(epochs(7)).toEqual([first, second]);
    expect(first).not.toEqual(second);
    expect(epochs(8)).not.toEqual([first, second]);
  });

  test('a saved generator state draws the same epoch again, in another loader too', () => {
    const dataset = bytesDataset(40);
    const loader = new DataLoader(dataset, { ...options, seed: 1 });
    epoch(loader);
    const state = loader.generator.state();
    const next = labelsOf(epoch(loader));
    const other = new DataLoader(dataset, { ...options, seed: 2 });
    other.generator.setState(state);
    expect(labelsOf(epoch(other))).toEqual(next);
  });

  test('without seed the global stream draws, also when it is seeded after the loader was made', () => {
    const loader = new DataLoader(bytesDataset(40), options);
    manualSeed(5);
    const drawn = labelsOf(epoch(loader));
    expect(drawn).toEqual([...new Generator(5, 'shuffle').permutation(40)]);
  });

  test('without shuffle nothing is drawn', () => {
    const generator = new Generator(1);
    const before = generator.state();
    epoch(new DataLoader(bytesDataset(10), { generator }));
    expect(generator.state()).toEqual(before);
  });
});

describe('for await', () => {
  test('gives the same batches', async () => {
    const dataset = bytesDataset(21);
    const options = { batchSize: 4, shuffle: true, seed: 3 };
    const seen: Copied[] = [];
    for await (const batch of new DataLoader(dataset, options)) seen.push(copy(batch));
    expect(seen).toEqual(epoch(new DataLoader(dataset, options)));
  });

  test('lets timers fire during an epoch whose body never waits', async () => {
    let fired = 0;
    const timer = setInterval(() => fired++, 5);
    let batches = 0;
    for await (const { labels } of new DataLoader(bytesDataset(30))) {
      expect(labels.item()).toBe(batches++);
      const end = performance.now() + 10;
      while (performance.now() < end) continue;
    }
    clearInterval(timer);
    expect(fired).toBeGreaterThanOrEqual(3);
  });
});

describe('memory', () => {
  test('a batch outlives the scopes of its step, and one at a time is there', () => {
    using loader = new DataLoader(bytesDataset(10), { batchSize: 4, shuffle: true });
    const before = heapStats().liveTensors;
    const made: Tensor[] = [];
    let last: Batch | undefined;
    for (let e = 0; e < 3; e++) {
      for (const batch of loader) {
        {
          using tape = new Tape();
          made.push(add(batch.images, 1));
          expect([tape, null]).toContain(made.at(-1)?.owner);
        }
        expect(batch.images.isDisposed).toBe(false);
        expect(heapStats().liveTensors - before).toBe(2);
        last = batch;
      }
    }
    expect(last?.images.isDisposed).toBe(false);
    for (const tensor of made) expect(tensor.isDisposed).toBe(true);
  });

  test('a scope that is open when the loader first runs does not own its batches', () => {
    using loader = new DataLoader(bytesDataset(4), { batchSize: 2 });
    let last: Tensor | undefined;
    Scope.run(() => {
      for (const { images } of loader) last = images;
    });
    expect(last?.isDisposed).toBe(false);
  });

  test('a batch that was taken back throws, and its views read as NaN and -1', () => {
    using loader = new DataLoader(bytesDataset(6), { batchSize: 2 });
    const views: { readonly images: NumericArray; readonly labels: NumericArray }[] = [];
    const batches: Batch[] = [];
    for (const batch of loader) {
      batches.push(batch);
      views.push({ images: batch.images.data, labels: batch.labels.data });
    }
    expect(batches.map(({ labels }) => labels.isDisposed)).toEqual([true, true, false]);
    const reason =
      'was read after DataLoader took it back: a batch is lent until the next is asked for; ' +
      'clone(x) what must last longer, or take batches that are yours from batches()';
    expect(thrownBy(() => batches[0]?.labels.toArray())).toEqual({
      kind: DisposedError,
      message: `int32 tensor [2] made by DataLoader ${reason}`,
    });
    expect(thrownBy(() => add(batches[1]?.images ?? 0, 1)).message).toContain(reason);
    expect(batches[2]?.labels.toArray()).toEqual([4, 5]);
    for (const { images, labels } of views.slice(0, 2)) {
      expect(images.every(Number.isNaN)).toBe(true);
      expect([...labels]).toEqual([-1, -1]);
    }
    expect([...(views[2]?.labels ?? [])]).toEqual([4, 5]);
  });

  test("batches() gives batches that are the caller's", () => {
    const dataset = bytesDataset(10);
    const options = { batchSize: 4, shuffle: true, seed: 2 };
    using loader = new DataLoader(dataset, options);
    using other = new DataLoader(dataset, options);
    const expected = epoch(other);
    const before = heapStats().liveTensors;
    using scope = new Scope();
    const batches = [...loader.batches()];
    expect(batches.map(copy)).toEqual(expected);
    const owners = batches.flatMap(({ images, labels }) => [images.owner, labels.owner]);
    expect(new Set(owners)).toEqual(new Set([scope]));
    loader.dispose();
    expect(batches[0]?.images.isDisposed).toBe(false);
    scope.close();
    expect(heapStats().liveTensors).toBe(before);
  });

  test('dispose frees them; a loader is not used after it', () => {
    const before = heapStats().liveTensors;
    const loader = new DataLoader(bytesDataset(5), { batchSize: 2 });
    const iterator = loader[Symbol.iterator]();
    iterator.next();
    loader.dispose();
    expect(heapStats().liveTensors).toBe(before);
    const expected = {
      kind: DisposedError,
      message: 'DataLoader: expected a loader in use, got one after dispose()',
    };
    expect(thrownBy(() => iterator.next())).toEqual(expected);
    expect(thrownBy(() => epoch(loader))).toEqual(expected);
  });
});

describe('one iteration at a time', () => {
  const busy = {
    kind: ConfigError,
    message:
      'DataLoader: expected one iteration at a time, got a second while the first is open; ' +
      'leave the first loop, call its return(), or make a second loader over the same dataset',
  };

  test('a loop inside the loop is an error', () => {
    const loader = new DataLoader(bytesDataset(4));
    const nested = (): void => {
      for (const outer of loader) for (const inner of loader) copy(inner.size > 0 ? inner : outer);
    };
    expect(thrownBy(nested)).toEqual(busy);
    // The error left both loops.
    expect(labelsOf(epoch(loader))).toEqual([0, 1, 2, 3]);
  });

  test('a loop that was left, by break or by an error, frees the loader', async () => {
    const loader = new DataLoader(bytesDataset(4));
    for (const { size } of loader) if (size === 1) break;
    for await (const { size } of loader) if (size === 1) break;
    expect(() => {
      for (const { size } of loader) throw new ShapeError(`size ${size}`);
    }).toThrow('size 1');
    expect(labelsOf(epoch(loader))).toEqual([0, 1, 2, 3]);
  });
});

describe('bad options', () => {
  const normalization = { mean: [0], std: [1] };
  test.each<[string, object, string]>([
    ['batchSize 0', { batchSize: 0 }, 'batchSize must be an integer from 1, got 0'],
    ['batchSize 1.5', { batchSize: 1.5 }, 'batchSize must be an integer from 1, got 1.5'],
    ['batchSize "8"', { batchSize: '8' }, "batchSize must be an integer from 1, got '8'"],
    ['seed -1', { seed: -1 }, ''],
    [
      'seed and generator',
      { seed: 1, generator: new Generator(1) },
      'expected a generator or a seed, got both; leave one of them out',
    ],
    [
      'an unknown one',
      { batch_size: 8 },
      "unknown option 'batch_size'; did you mean batchSize? The options are batchSize, shuffle, dropLast, normalization, augment, prefetch, generator, seed, transform, collate",
    ],
    [
      'dropLast that leaves nothing',
      { batchSize: 8, dropLast: true },
      'dropLast with batchSize 8 leaves no batch of a dataset of 5 images; expected a batchSize of at most 5',
    ],
    [
      'a normalisation for other channels',
      { normalization },
      'normalization: expected a mean and a std for each of 2 channels, got 1 and 1',
    ],
    [
      'a deviation of 0',
      { normalization: { mean: [0, 0], std: [1, 0] } },
      'normalization of channel 1: expected a finite mean and a finite std above 0, got mean 0, std 0; are all pixels equal, or some not finite?',
    ],
  ])('%s', (_, options, message) => {
    const expected = message
      ? `DataLoader: ${message}`
      : 'seed: expected an integer from 0 to 2^53 - 1, got -1';
    expect(thrownBy(() => new DataLoader(bytesDataset(5), options))).toEqual({
      kind: ConfigError,
      message: expected,
    });
  });

  test('no dataset', () => {
    const make = (): unknown => Reflect.construct(DataLoader, [[1, 2, 3]]);
    expect(thrownBy(make)).toEqual({
      kind: ConfigError,
      message:
        'DataLoader: expected a Dataset, or { length, get(index) }, got [1, 2, 3]; make one with Dataset.fromArrays or mnist()',
    });
  });
});
