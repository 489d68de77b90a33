import { ConfigError, Generator, heapStats, manualSeed, type Tensor } from '@unfold/core';
import {
  type Augmentation,
  compose,
  DataLoader,
  Dataset,
  elastic,
  type LoaderOptions,
  randomAffine,
  randomErasing,
} from '@unfold/train';
import { tfjsDataLoader } from '@unfold/tfjs';
import { describe, expect, it } from 'vitest';
import { moments } from '../support/runs/augment.js';

const SHAPE = [2, 5, 4] as const;
const PIXELS = 40;

const EVERYTHING = compose([
  randomAffine({ degrees: 20, translate: 0.2, scale: [0.8, 1.2], shear: 10 }),
  elastic({ alpha: 3, sigma: 2 }),
  randomErasing({ value: 'random' }),
]);

/** Images that all differ; label i is i. */
function images(count: number, type: 'bytes' | 'floats' = 'bytes'): Dataset {
  const data = Uint8Array.from({ length: count * PIXELS }, (_, i) => (i * 37 + 11) % 256);
  return Dataset.fromArrays({
    images: type === 'bytes' ? data : Float32Array.from(data, (byte) => byte / 7 - 3),
    shape: SHAPE,
    labels: Array.from({ length: count }, (_, i) => i),
  });
}

interface Labelled {
  readonly label: number;
  readonly bits: string;
}

interface Given {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** The images of a batch with their labels, in their order. */
function unpack({ images, labels }: Given): Labelled[] {
  const pixels = images.toTypedArray();
  return Array.from(labels.data, (label, i) => {
    const own = pixels.slice(i * PIXELS, (i + 1) * PIXELS);
    return { label, bits: Buffer.from(own.buffer).toString('hex') };
  });
}

const epoch = (batches: Iterable<Given>): Labelled[] => Array.from(batches, unpack).flat();

async function epochOf(batches: AsyncIterable<Given>): Promise<Labelled[]> {
  const all: Labelled[] = [];
  for await (const batch of batches) all.push(...unpack(batch));
  return all;
}

const byLabel = (all: readonly Labelled[]): Labelled[] =>
  [...all].sort((a, b) => a.label - b.label);

const OPTIONS = { shuffle: true, seed: 3, augment: EVERYTHING } as const;

describe('an image of an epoch', () => {
  it('is the same whatever the batch size, in any position', () => {
    const dataset = images(23);
    const [first, ...others] = [1, 4, 23, 100].map((batchSize) =>
      epoch(new DataLoader(dataset, { ...OPTIONS, batchSize })),
    );
    for (const other of others) expect(other).toEqual(first);
    expect(new Set(first?.map(({ bits }) => bits)).size).toBe(23);
  });

  it('is the same when an epoch is gone on with from a batch', async () => {
    const dataset = images(23);
    const loader = new DataLoader(dataset, { ...OPTIONS, batchSize: 4 });
    epoch(loader);
    const state = loader.generator.state();
    const whole = epoch(loader);
    const after = loader.generator.state();
    for (const batch of [0, 1, 3, 5, 6]) {
      const other = new DataLoader(dataset, { ...OPTIONS, seed: 99, batchSize: 4 });
      other.generator.setState(state);
      expect(epoch(other.from(batch))).toEqual(whole.slice(4 * batch));
      // And the epochs that follow are the same too.
      expect(other.generator.state()).toEqual(after);
      other.generator.setState(state);
      expect(await epochOf(other.from(batch))).toEqual(whole.slice(4 * batch));
    }
  });

  it('is the same when an epoch was left early before, and drawn again', () => {
    const loader = new DataLoader(images(23), { ...OPTIONS, batchSize: 4 });
    const state = loader.generator.state();
    const whole = epoch(loader);
    loader.generator.setState(state);
    for (const { size } of loader) if (size > 0) break;
    loader.generator.setState(state);
    expect(epoch(loader)).toEqual(whole);
  });

  it('follows from its index: shuffled or not, the same pictures in another order', () => {
    const dataset = images(23);
    const shuffled = epoch(new DataLoader(dataset, { ...OPTIONS, batchSize: 4 }));
    const plain = epoch(new DataLoader(dataset, { ...OPTIONS, shuffle: false, batchSize: 4 }));
    expect(plain.map(({ label }) => label)).toEqual([...Array(23).keys()]);
    expect(byLabel(shuffled)).toEqual(plain);
  });

  it('that is in a dataset twice is changed twice', () => {
    const twice = images(3).subset([1, 1]);
    const [first, second] = epoch(new DataLoader(twice, { ...OPTIONS, shuffle: false }));
    expect(first?.label).toBe(second?.label);
    expect(first?.bits).not.toBe(second?.bits);
  });

  it.each(['bytes', 'floats'] as const)(
    'comes through the TensorFlow.js door alike: %s',
    async (type) => {
      const dataset = images(23, type);
      const options: LoaderOptions = {
        ...OPTIONS,
        batchSize: 5,
        normalization: { mean: [0.3, 0.4], std: [0.2, 0.5] },
      };
      using own = new DataLoader(dataset, options);
      using door = await tfjsDataLoader(dataset, options);
      for (let e = 0; e < 2; e++) expect(await epochOf(door)).toEqual(epoch(own));
      const state = own.generator.state();
      const whole = epoch(own);
      door.generator.setState(state);
      expect(await epochOf(door.from(3))).toEqual(whole.slice(15));
    },
  );
});

describe('epochs', () => {
  it('differ, shuffled or not; a seed draws the same ones again', () => {
    for (const shuffle of [true, false]) {
      const make = (seed: number): DataLoader =>
        new DataLoader(images(8), { ...OPTIONS, shuffle, seed });
      const loader = make(3);
      const epochs = [0, 1, 2].map(() => byLabel(epoch(loader)));
      const same = make(3);
      expect([0, 1, 2].map(() => byLabel(epoch(same)))).toEqual(epochs);
      const all = [...epochs, byLabel(epoch(make(4)))].flat();
      expect(new Set(all.map(({ bits }) => bits)).size).toBe(32);
    }
  });

  it('come in the order that they have without augmentation', () => {
    const labels = (options: LoaderOptions): number[][] => {
      const loader = new DataLoader(images(23), { shuffle: true, seed: 3, ...options });
      return [0, 1, 2].map(() => epoch(loader).map(({ label }) => label));
    };
    expect(labels({ augment: EVERYTHING })).toEqual(labels({}));
  });

  it('without a seed follow from manualSeed', () => {
    const draw = (seed: number): Labelled[] => {
      manualSeed(seed);
      return epoch(new DataLoader(images(5), { augment: EVERYTHING }));
    };
    const first = draw(1);
    expect(draw(2)).not.toEqual(first);
    expect(draw(1)).toEqual(first);
  });
});

it('images that an augmentation leaves have the bits of those without one', () => {
  const nothing: Augmentation = { apply() {} };
  for (const type of ['bytes', 'floats'] as const) {
    for (const normalization of [undefined, { mean: [0.1307, 0.3], std: [0.3081, 0.07] }]) {
      const options = { batchSize: 4, ...(normalization && { normalization }) };
      const plain = epoch(new DataLoader(images(30, type), options));
      for (const augment of [
        nothing,
        randomAffine(),
        elastic({ alpha: 0 }),
        randomErasing({ p: 0 }),
      ]) {
        expect(epoch(new DataLoader(images(30, type), { ...options, augment }))).toEqual(plain);
      }
    }
  }
});

it('an augmentation is given the image on the scale before normalisation, and its own generator', () => {
  const seen: { shape: readonly number[]; data: Float64Array }[] = [];
  const draws: number[] = [];
  const augment: Augmentation = {
    apply({ data, shape }, random) {
      expect(random).toBeInstanceOf(Generator);
      seen.push({ shape, data: data.slice() });
      draws.push(random.uniform());
      data.fill(0.5);
    },
  };
  const dataset = images(400);
  const normalization = { mean: [0.25, 0.5], std: [0.5, 2] };
  const loader = new DataLoader(dataset, { batchSize: 400, augment, normalization });
  for (const { images: given } of loader) {
    expect([...given.data.subarray(0, PIXELS)]).toEqual([
      ...Array(20).fill(0.5),
      ...Array(20).fill(0),
    ]);
  }
  expect(seen[7]?.shape).toEqual(SHAPE);
  expect(seen[7]?.data).toEqual(
    Float64Array.from(dataset.images.subarray(7 * PIXELS, 8 * PIXELS), (byte) => byte / 255),
  );
  // The first numbers of neighbouring images are independent and uniform.
  const { mean, deviation } = moments(draws);
  expect(Math.abs(mean - 0.5)).toBeLessThan((4 * 0.29) / 20);
  expect(deviation).toBeCloseTo(Math.sqrt(1 / 12), 1);
  const products = draws.slice(1).map((draw, i) => (draw - 0.5) * ((draws[i] ?? 0) - 0.5) * 12);
  expect(Math.abs(moments(products).mean)).toBeLessThan(4 / 20);
});

it('dataset and memory are left as they are', () => {
  const dataset = images(20);
  const before = dataset.images.slice();
  using loader = new DataLoader(dataset, { ...OPTIONS, batchSize: 8 });
  epoch(loader);
  const { liveTensors, usedBytes } = heapStats();
  for (let e = 0; e < 5; e++) epoch(loader);
  expect(heapStats()).toMatchObject({ liveTensors, usedBytes });
  expect(dataset.images).toEqual(before);
});

describe('errors', () => {
  it('an augment that is none', () => {
    expect(() => new DataLoader(images(2), JSON.parse('{"augment": {"degrees": 5}}'))).toThrow(
      new ConfigError(
        'DataLoader: augment: expected an augmentation, such as randomAffine({ degrees: 10 }), got { degrees: 5 }',
      ),
    );
  });

  it.each([-1, 4, 1.5, NaN])('from(%d) of three batches', async (batch) => {
    const error = (name: string): ConfigError =>
      new ConfigError(`${name}: from: expected a batch from 0 to 3, got ${batch}`);
    expect(() => new DataLoader(images(3)).from(batch)).toThrow(error('DataLoader'));
    using door = await tfjsDataLoader(images(3));
    expect(() => door.from(batch)).toThrow(error('tfjsLoader'));
  });

  it('one that an augmentation throws ends the epoch, and the loader can be used again', () => {
    let calls = 0;
    const augment: Augmentation = {
      apply() {
        if (calls++ === 2) throw new ConfigError('enough');
      },
    };
    const loader = new DataLoader(images(4), { augment });
    expect(() => epoch(loader)).toThrow('enough');
    expect(epoch(loader)).toHaveLength(4);
  });
});
