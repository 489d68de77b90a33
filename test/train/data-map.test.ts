import {
  ConfigError,
  DTypeError,
  type Generator,
  heapStats,
  mul,
  rand,
  Scope,
  ShapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  type Batch,
  type BatchOf,
  DataLoader,
  Dataset,
  type LoaderOptions,
  type MapDataset,
  mapDataset,
  padSequence,
  randomAffine,
  randomSplit,
  type SampleDataset,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { thrownBy } from '../support/failure.js';
import { collectGarbage } from '../support/garbage.js';

/** Samples i: a typed array, a tensor, a number and a boolean. */
function mixed(count: number) {
  return {
    length: count,
    get: (i: number) => ({
      inputs: { row: Int32Array.of(i, -i), picture: tensor([[i], [i + 0.5]]) },
      targets: [i / 2, i % 2 === 0] as const,
    }),
  };
}

type Pair = { readonly inputs: Tensor; readonly targets: number };

/** Samples whose inputs are tensors of their own, and whose targets are their indices. */
const own = (count: number): MapDataset<Pair> & { get(i: number): Pair } => ({
  length: count,
  get: (i) => ({ inputs: tensor([i, 10 * i]), targets: i }),
});

/** The targets of batches. */
const targetsOf = (batches: Iterable<{ readonly targets: Tensor }>): number[][] =>
  Array.from(batches, ({ targets }) => [...targets.toTypedArray()]);

async function rejection(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function collect<T, R>(source: AsyncIterable<T>, show: (item: T) => R): Promise<R[]> {
  const seen: R[] = [];
  for await (const item of source) seen.push(show(item));
  return seen;
}

describe("a dataset of one's own", () => {
  it('has its leaves stacked, each with its dtype, under the same names', () => {
    const { liveTensors } = heapStats();
    using loader = new DataLoader(mixed(3), { batchSize: 2 });
    loader satisfies DataLoader<
      BatchOf<{ row: Tensor; picture: Tensor }, readonly [Tensor, Tensor]>,
      MapDataset
    >;
    const seen = Array.from(loader, ({ inputs: { row, picture }, targets: [half, even], size }) => {
      expect(heapStats().liveTensors).toBe(liveTensors + 4);
      return [row, picture, half, even].map((x) => [x.dtype, x.shape[0] === size, x.toArray()]);
    });
    expect(seen).toEqual([
      [
        [
          'int32',
          true,
          [
            [0, 0],
            [1, -1],
          ],
        ],
        [
          'float32',
          true,
          [
            [[0], [0.5]],
            [[1], [1.5]],
          ],
        ],
        ['float32', true, [0, 0.5]],
        ['bool', true, [true, false]],
      ],
      [
        ['int32', true, [[2, -2]]],
        ['float32', true, [[[2], [2.5]]]],
        ['float32', true, [1]],
        ['bool', true, [true]],
      ],
    ]);
  });

  it('may have no targets, and more than inputs and targets', () => {
    const loader = new DataLoader(
      { length: 2, get: (i) => ({ inputs: i, targets: undefined, weight: 2 * i }) },
      { batchSize: 2 },
    );
    for (const { inputs, targets, weight } of loader) {
      expect(targets satisfies undefined).toBeUndefined();
      expect([inputs.toArray(), weight.toArray()]).toEqual([
        [0, 1],
        [0, 2],
      ]);
    }
  });

  it('may give images and labels', () => {
    const dataset = {
      length: 2,
      get: (i: number) => ({
        images: tensor([[[i]]]),
        labels: tensor(i, [], { dtype: 'int32' }),
      }),
    };
    new DataLoader(dataset) satisfies DataLoader<Batch, MapDataset>;
    const [batch] = new DataLoader(dataset, { batchSize: 2 }).batches();
    expect([batch?.images.shape, batch?.labels.dtype]).toEqual([[2, 1, 1, 1], 'int32']);
  });

  it('keeps its own tensors, and what a sample made is freed', () => {
    using scope = new Scope();
    const rows = [0, 1, 2, 3].map((i) => tensor([i, i]));
    const dataset = {
      length: 4,
      get: (i: number) => ({ inputs: mul(rows[i] as Tensor, 2), targets: rows[i] as Tensor }),
    };
    const { liveTensors } = heapStats();
    const loader = new DataLoader(dataset, { batchSize: 3 });
    for (const { targets } of loader) {
      expect(heapStats().liveTensors).toBe(liveTensors + 2);
      expect(rows).not.toContain(targets);
    }
    loader.dispose();
    expect(heapStats().liveTensors).toBe(liveTensors);
    expect(rows.map((row) => row.toArray())).toEqual([0, 1, 2, 3].map((i) => [i, i]));
    scope.close();
  });

  it('is shuffled, and resumed, as any other', () => {
    const options = { batchSize: 3, shuffle: true, seed: 4 };
    const columns = Dataset.fromArrays({
      inputs: Array(10).fill(0),
      targets: Array.from({ length: 10 }, (_, i) => i),
    });
    const loader = new DataLoader(own(10), options);
    const state = loader.generator.state();
    const whole = targetsOf(loader);
    expect(whole).toEqual(targetsOf(new DataLoader(columns, options)));
    loader.generator.setState(state);
    expect(targetsOf(loader.from(2))).toEqual(whole.slice(2));
  });

  it('is split at random into parts that do not overlap', () => {
    const parts = randomSplit(own(10), [7, 3], { seed: 1 });
    parts satisfies SampleDataset<Pair>[];
    const members = parts.map((part) => targetsOf(new DataLoader(part, { batchSize: 10 })).flat());
    expect(members.map(({ length }) => length)).toEqual([7, 3]);
    expect(members.flat().sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
    const columns = Dataset.fromArrays({
      inputs: [...Array(10).keys()],
      targets: Array(10).fill(0),
    });
    const same = randomSplit(columns, [7, 3], { seed: 1 }).map(({ length, ...part }) => [
      length,
      ...Object.keys(part),
    ]);
    expect(same.map(([length]) => length)).toEqual([7, 3]);
  });
});

describe('samples that are promised', () => {
  const slow = (count: number): MapDataset<Pair> & { get(i: number): Promise<Pair> } => ({
    length: count,
    async get(i) {
      const inputs = tensor([i, 10 * i]);
      await new Promise((resolve) => setTimeout(resolve, (i * 7) % 3));
      return { inputs, targets: i };
    },
  });

  it('are waited for, those of a batch together, and give the same batches', async () => {
    const options = { batchSize: 4, shuffle: true, seed: 2 };
    const show = ({ inputs, targets }: BatchOf<Tensor, Tensor>) => [
      inputs.toArray(),
      targets.toArray(),
    ];
    let open = 0;
    let most = 0;
    const counted = mapDataset(
      {
        length: 10,
        async get(i: number) {
          most = Math.max(most, ++open);
          await Promise.resolve();
          open--;
          return i;
        },
      },
      (i) => slow(10).get(i),
    );
    const expected = Array.from(new DataLoader(own(10), options), show);
    expect(await collect(new DataLoader(counted, options), show)).toEqual(expected);
    expect(most).toBe(4);
    const loader = new DataLoader(slow(10), options);
    const state = loader.generator.state();
    expect(await collect(loader, show)).toEqual(expected);
    loader.generator.setState(state);
    expect(await collect(loader.from(1), show)).toEqual(expected.slice(1));
  });

  it('leave nothing behind: what was made before the first await is freed with the batch', async () => {
    await collectGarbage();
    const { liveTensors } = heapStats();
    const loader = new DataLoader(slow(6), { batchSize: 2 });
    for await (const { size } of loader) expect(heapStats().liveTensors).toBe(liveTensors + size);
    loader.dispose();
    expect(heapStats().liveTensors).toBe(liveTensors);
  });

  it('are refused in a loop that does not wait, and the loader can be used again', async () => {
    await collectGarbage();
    const { liveTensors } = heapStats();
    const loader = new DataLoader(slow(3));
    const error = {
      kind: ConfigError,
      message:
        'DataLoader: expected samples at once in a loop with for … of, got a Promise from get; for await … of waits for them, and so does fit',
    };
    expect(thrownBy(() => [...loader])).toEqual(error);
    expect(thrownBy(() => [...loader.batches()])).toEqual(error);
    expect(heapStats().liveTensors).toBe(liveTensors);
    expect(await collect(loader, ({ targets }) => targets.item())).toEqual([0, 1, 2]);
  });

  it('one that fails ends the epoch with its error, whatever becomes of the others', async () => {
    let shouldFail = true;
    const loader = new DataLoader(
      {
        length: 4,
        async get(i: number) {
          const inputs = tensor([i]);
          if (shouldFail && i > 1) throw new RangeError(`no sample ${i}`);
          await Promise.resolve();
          return { inputs };
        },
      },
      { batchSize: 4 },
    );
    await collectGarbage();
    const { liveTensors } = heapStats();
    expect(await rejection(() => collect(loader, ({ size }) => size))).toEqual(
      new RangeError('no sample 2'),
    );
    expect(heapStats().liveTensors).toBe(liveTensors);
    shouldFail = false;
    expect(await collect(loader, ({ size }) => size)).toEqual([4]);
  });

  it('a loader that is disposed of meanwhile lends nothing', async () => {
    await collectGarbage();
    const { liveTensors } = heapStats();
    const loader = new DataLoader(slow(4), { batchSize: 4 });
    const next = loader[Symbol.asyncIterator]().next();
    loader.dispose();
    expect(String(await rejection(() => next))).toContain('got one after dispose()');
    expect(heapStats().liveTensors).toBe(liveTensors);
  });
});

describe('map', () => {
  it('changes samples when they are asked for, one at a time, in views too', () => {
    const asked: number[] = [];
    const dataset = mapDataset(own(6), ({ inputs, targets }, index) => {
      asked.push(index);
      return { inputs: mul(inputs, 2), targets: targets + 100 };
    });
    dataset satisfies SampleDataset<Pair>;
    expect([dataset.length, asked]).toEqual([6, []]);
    const view = dataset
      .slice(1, 5)
      .subset([3, 0])
      .map(({ targets }) => ({ inputs: -targets }));
    const loader = new DataLoader(view, { batchSize: 2 });
    expect(Array.from(loader, ({ inputs }) => inputs.toArray())).toEqual([[-104, -101]]);
    expect(asked).toEqual([4, 1]);
    // @ts-expect-error the samples of the view have no targets
    expect(thrownBy(() => Array.from(loader, ({ targets }) => targets.size)).kind).toBe(TypeError);
  });

  it('of columns and of images is given their tensors', async () => {
    const columns = Dataset.fromArrays({
      inputs: { data: Uint8Array.of(1, 2, 3, 4), shape: [2] },
      targets: [5, 6],
    });
    const sums = columns.map(async ({ inputs, targets }) => ({
      inputs: [...inputs.toTypedArray()].reduce((a, b) => a + b, 0),
      targets,
    }));
    expect(
      await collect(new DataLoader(sums), ({ inputs, targets }) => [inputs.item(), targets.item()]),
    ).toEqual([
      [3, 5],
      [7, 6],
    ]);
    const images = Dataset.fromArrays({
      images: Uint8Array.of(0, 51, 255, 102),
      shape: [1, 1, 2],
      labels: [7, 8],
      classes: 9,
    });
    const pixels = images.map(({ images: x, labels }) => [
      x.dtype,
      x.shape,
      labels.dtype,
      x.toArray(),
    ]);
    const fifth = Math.fround(51 / 255);
    expect(pixels.get(0)).toEqual(['float32', [1, 1, 2], 'int32', [[[0, fifth]]]]);
    expect(images.subset([1]).get(0).labels.item()).toBe(8);
  });

  it('what it throws comes through as it is, with nothing left', () => {
    const { liveTensors } = heapStats();
    const dataset = mapDataset(own(4), ({ inputs, targets }) => {
      if (targets === 3) throw new RangeError(`no ${inputs.shape[0]}`);
      return { inputs, targets };
    });
    using loader = new DataLoader(dataset, { batchSize: 4 });
    expect(() => [...loader]).toThrow(new RangeError('no 2'));
    expect(heapStats().liveTensors).toBe(liveTensors);
  });
});

describe('transform', () => {
  const images = Dataset.fromArrays({
    images: Uint8Array.from({ length: 23 * 20 }, (_, i) => (i * 37) % 256),
    shape: [1, 4, 5],
    labels: Array.from({ length: 23 }, (_, i) => i),
  });
  const columns = Dataset.fromArrays({
    inputs: { data: Float32Array.from({ length: 46 }, (_, i) => i), shape: [2] },
    targets: Array.from({ length: 23 }, (_, i) => i),
  });
  const jitter = <S extends { readonly inputs: Tensor; readonly targets: Tensor | number }>(
    { inputs, targets }: S,
    random: Generator,
  ) => ({
    inputs: tensor(Float32Array.from(inputs.toTypedArray(), (x) => x + random.normal())),
    targets,
  });

  /** Each sample's bits by its target. */
  const samplesOf = (batches: Iterable<BatchOf<Tensor, Tensor>>): (readonly [number, string])[] =>
    Array.from(batches, ({ inputs, targets, size }) =>
      Array.from({ length: size }, (_, b) => {
        const row = inputs.toTypedArray().subarray(2 * b, 2 * b + 2);
        return [targets.toTypedArray()[b] as number, row.join()] as const;
      }),
    ).flat();

  it('follows from the seed, the epoch and the index, whatever the batch', () => {
    for (const shuffle of [true, false]) {
      const make = (batchSize: number) =>
        new DataLoader(columns, { batchSize, shuffle, seed: 5, transform: jitter });
      const first = make(1);
      const epochs = [samplesOf(first), samplesOf(first)];
      expect(new Set(epochs.flat().map(([, bits]) => bits)).size).toBe(46);
      const other = make(4);
      const state = other.generator.state();
      expect([samplesOf(other), samplesOf(other)]).toEqual(epochs);
      other.generator.setState(state);
      expect(samplesOf(other.from(3))).toEqual(epochs[0]?.slice(12));
    }
  });

  it("gives the same of one's own samples and of columns, at once or promised", async () => {
    const options = { batchSize: 4, shuffle: true, seed: 5 };
    const expected = samplesOf(new DataLoader(columns, { ...options, transform: jitter }));
    const samples = {
      length: 23,
      get: (i: number) => ({ inputs: tensor([2 * i, 2 * i + 1]), targets: i }),
    };
    expect(samplesOf(new DataLoader(samples, { ...options, transform: jitter }))).toEqual(expected);
    const promised = { length: 23, get: async (i: number) => samples.get(i) };
    const loader = new DataLoader(promised, { ...options, transform: jitter });
    const batches = await collect(loader, (batch) => samplesOf([batch]));
    expect(batches.flat()).toEqual(expected);
  });

  it('of images comes after augmentation and normalisation, and leaves the order', () => {
    const options: LoaderOptions = {
      batchSize: 5,
      shuffle: true,
      seed: 1,
      normalization: { mean: [0.3], std: [0.2] },
      augment: randomAffine({ degrees: 20 }),
    };
    const plain = Array.from(new DataLoader(images, options), ({ images: x, labels }) => [
      x.toArray(),
      labels.toArray(),
    ]);
    const draws: number[] = [];
    const loader = new DataLoader(images, {
      ...options,
      transform: ({ images: x, labels }, random) => {
        draws.push(random.uniform());
        return { images: x, labels };
      },
    });
    expect(Array.from(loader, ({ images: x, labels }) => [x.toArray(), labels.toArray()])).toEqual(
      plain,
    );
    expect(new Set(draws).size).toBe(23);
  });

  it('may change what a sample is made of', () => {
    const loader = new DataLoader(images, {
      batchSize: 23,
      transform: ({ images: x }) => ({ inputs: { x }, targets: x }),
    });
    for (const { inputs, targets } of loader) {
      expect(inputs.x.shape).toEqual([23, 1, 4, 5]);
      expect(targets.toArray()).toEqual(inputs.x.toArray());
    }
  });

  it('leaves no tensor behind, also when it throws', () => {
    const { liveTensors } = heapStats();
    let calls = 0;
    using loader = new DataLoader(columns, {
      batchSize: 4,
      transform: ({ inputs, targets }) => {
        if (++calls === 7) throw new RangeError('enough');
        return { inputs: mul(mul(inputs, 2), 3), targets };
      },
    });
    expect(() => {
      for (const { size } of loader) expect(heapStats().liveTensors - liveTensors).toBe(size / 2);
    }).toThrow(new RangeError('enough'));
    expect(heapStats().liveTensors).toBe(liveTensors);
    expect(Array.from(loader, ({ size }) => size)).toHaveLength(6);
  });
});

describe('collate', () => {
  const words = [[3, 1], [4, 1, 5, 9], [2], [6, 5, 3]];
  const sentences = {
    length: 4,
    get: (i: number) => ({ words: Int32Array.from(words[i] ?? []), isLong: i % 2 === 1 }),
  };

  it('makes a batch of samples that differ, of its own type', () => {
    using loader = new DataLoader(sentences, {
      batchSize: 3,
      collate: (samples) => ({
        inputs: {
          words: padSequence(
            samples.map((sample) => sample.words),
            { paddingValue: -1 },
          ),
          lengths: tensor(samples.map((sample) => sample.words.length)),
        },
        targets: tensor(samples.map(({ isLong }) => Number(isLong))),
        names: samples.map(({ isLong }) => (isLong ? 'long' : 'short')),
      }),
    });
    const seen = Array.from(loader, ({ inputs, targets, names, size }) => [
      inputs.words.toArray(),
      inputs.lengths.toArray(),
      targets.toArray(),
      names satisfies string[],
      size satisfies number,
    ]);
    expect(seen).toEqual([
      [
        [
          [3, 1, -1, -1],
          [4, 1, 5, 9],
          [2, -1, -1, -1],
        ],
        [2, 4, 1],
        [0, 1, 0],
        ['short', 'long', 'short'],
        3,
      ],
      [[[6, 5, 3]], [3], [1], ['long'], 1],
    ]);
    // @ts-expect-error its batches have no images
    loader satisfies DataLoader;
  });

  it('is given what the transform made', () => {
    const loader = new DataLoader(own(3), {
      batchSize: 3,
      transform: ({ targets }, random) => ({ twice: 2 * targets, random }),
      collate: (samples) => ({ inputs: tensor(samples.map(({ twice }) => twice)) }),
    });
    for (const { inputs } of loader) expect(inputs.toArray()).toEqual([0, 2, 4]);
  });

  it('says the size, or it is the number of samples', () => {
    const sizes = (size?: number): number[] => {
      const collate = (samples: readonly Pair[]) => ({
        inputs: tensor(samples.flatMap(({ inputs }) => [...inputs.toTypedArray()])),
        ...(size === undefined ? {} : { size }),
      });
      return Array.from(new DataLoader(own(5), { batchSize: 2, collate }), (batch) => batch.size);
    };
    expect(sizes()).toEqual([2, 2, 1]);
    expect(sizes(4)).toEqual([4, 4, 4]);
  });

  it("never hands on a sample's own tensor, whose owner keeps it", () => {
    using scope = new Scope();
    const stored = tensor([1, 2]);
    const dataset = { length: 2, get: () => ({ inputs: stored }) };
    const { liveTensors } = heapStats();
    const loader = new DataLoader(dataset, { collate: ([sample]) => sample ?? { inputs: stored } });
    const seen = Array.from(loader, ({ inputs }) => inputs);
    expect(seen.map(({ isDisposed }) => isDisposed)).toEqual([true, false]);
    expect(stored.toArray()).toEqual([1, 2]);
    const made = new DataLoader(own(2), { collate: ([sample]) => ({ inputs: sample?.inputs }) });
    expect(Array.from(made, ({ inputs }) => inputs?.toArray())).toEqual([
      [0, 0],
      [1, 10],
    ]);
    loader.dispose();
    made.dispose();
    expect(heapStats().liveTensors).toBe(liveTensors);
    scope.close();
  });

  it('leaves no tensor behind when it throws', () => {
    const { liveTensors } = heapStats();
    using loader = new DataLoader(own(4), {
      batchSize: 2,
      collate: (samples): { inputs: Tensor } => {
        const inputs = rand([2]);
        if (samples[0]?.targets === 2) throw new RangeError(`no ${inputs.size}`);
        return { inputs };
      },
    });
    expect(() => [...loader]).toThrow(new RangeError('no 2'));
    expect(heapStats().liveTensors).toBe(liveTensors);
  });
});

describe('samples and batches that are wrong', () => {
  const load = (samples: readonly unknown[], options: object = {}): unknown => {
    const dataset = { length: samples.length, get: (i: number) => samples[i] };
    return Array.from(
      Reflect.construct(DataLoader, [dataset, { batchSize: 4, ...options }]) as DataLoader,
    );
  };
  const x = (...shape: number[]): Tensor => rand(shape);

  it.each<[string, () => unknown, unknown, string]>([
    [
      'shapes that differ',
      () => load([{ inputs: x(3) }, { inputs: x(3) }, { inputs: x(5) }]),
      ShapeError,
      'inputs: expected samples of one shape, got [3] for sample 0 and [5] for sample 2; give the loader { collate }, which may pad them with padSequence',
    ],
    [
      'dtypes that differ, inside',
      () => load([{ inputs: { a: [1, true] } }, { inputs: { a: [1, 0] } }]),
      DTypeError,
      'inputs.a[1]: expected samples of one dtype, got bool for sample 0 and float32 for sample 1',
    ],
    [
      'keys that differ',
      () => load([{ inputs: 1 }, { inputs: 1, targets: 2 }]),
      ConfigError,
      'expected samples that are alike, got { inputs } for sample 0 and { inputs, targets } for sample 1; collate makes a batch of samples that differ',
    ],
    [
      'lists that differ',
      () => load([{ inputs: [1, 2] }, { inputs: { a: 1 } }]),
      ConfigError,
      'inputs: expected samples that are alike, got a list of 2 for sample 0 and { a } for sample 1; collate makes a batch of samples that differ',
    ],
    [
      'a leaf that is none',
      () => load([{ inputs: 'word' }]),
      DTypeError,
      "inputs of sample 0: expected a tensor, a typed array, a number or a boolean, got 'word'",
    ],
    [
      'a leaf that is missing',
      () => load([{ inputs: 1 }, { inputs: undefined }]),
      DTypeError,
      'inputs of sample 1: expected a tensor, a typed array, a number or a boolean, got undefined',
    ],
    [
      'a promise inside',
      () => load([{ inputs: Promise.resolve(1) }]),
      DTypeError,
      'inputs of sample 0: expected a tensor, a typed array, a number or a boolean, got a Promise; await it in get, which may be async',
    ],
    [
      'a pair in a list',
      () => load([[1, 2]]),
      ConfigError,
      'sample 0: expected { inputs, targets } or { images, labels }, got [1, 2]; collate makes a batch of other samples',
    ],
    [
      'nothing',
      () => load([{ inputs: 1 }, undefined]),
      ConfigError,
      'sample 1: expected { inputs, targets } or { images, labels }, got undefined; collate makes a batch of other samples',
    ],
    [
      'other keys',
      () => load([{ xs: 1, ys: 2 }]),
      ConfigError,
      'sample 0: expected { inputs, targets } or { images, labels }, got { xs: 1, ys: 2 }; collate makes a batch of other samples',
    ],
    [
      'a size of its own',
      () => load([{ inputs: 1, size: 2 }]),
      ConfigError,
      'sample 0: expected samples without size, which is the number of samples in the batch',
    ],
    [
      'a transform that is async',
      () => load([{ inputs: 1 }], { transform: async () => ({ inputs: 1 }) }),
      ConfigError,
      "transform of sample 0: expected a result at once, got a Promise; await in the dataset's get or map",
    ],
    [
      'a collate that is async',
      () => load([{ inputs: 1 }], { collate: async () => Promise.reject(new RangeError('no')) }),
      ConfigError,
      "collate: expected a result at once, got a Promise; await in the dataset's get or map",
    ],
    [
      'a collate that gives a tensor',
      () => load([{ inputs: 1 }], { collate: () => x(2) }),
      ConfigError,
      'collate: expected batches { inputs, targets } of tensors, or lists and plain objects of tensors, or { images, labels } as a DataLoader over images gives them, got a float32 tensor [2]',
    ],
    [
      'a collate that gives numbers',
      () => load([{ inputs: 1 }], { collate: () => ({ inputs: [1, 2] }) }),
      ConfigError,
      'collate: expected batches { inputs, targets } of tensors, or lists and plain objects of tensors, or { images, labels } as a DataLoader over images gives them; got 1 for inputs[0]; tensor(data) makes a tensor',
    ],
    [
      'a length that is none',
      () => make({ length: 1.5, get: () => 1 }),
      ConfigError,
      'expected a Dataset whose length is an integer from 1, got 1.5 for its length',
    ],
    [
      'no samples',
      () => make({ length: 0, get: () => 1 }),
      ConfigError,
      'expected at least one sample, got an empty dataset; nothing can be trained or measured on it',
    ],
    [
      'augment',
      () => make({ length: 1, get: () => 1 }, { augment: randomAffine() }),
      ConfigError,
      'augment: expected a dataset of images, Dataset.fromArrays({ images, shape, labels }); transform changes samples of any kind',
    ],
    [
      'normalization',
      () => make({ length: 1, get: () => 1 }, { normalization: { mean: [0], std: [1] } }),
      ConfigError,
      'normalization: expected a dataset of arrays, Dataset.fromArrays({ inputs, targets }); transform changes samples of any kind',
    ],
    [
      'dropLast',
      () => make({ length: 3, get: () => 1 }, { batchSize: 4, dropLast: true }),
      ConfigError,
      'dropLast with batchSize 4 leaves no batch of a dataset of 3 samples; expected a batchSize of at most 3',
    ],
  ])('%s', (_, run, kind, message) => {
    using _scope = new Scope();
    expect(thrownBy(run)).toEqual({ kind, message: `DataLoader: ${message}` });
  });

  const make = (...given: readonly unknown[]): unknown => Reflect.construct(DataLoader, given);
});

describe('padSequence', () => {
  it('pads tensors of more axes, and keeps the dtype', () => {
    const rows = [
      tensor([[1, 2]], undefined, { dtype: 'float64' }),
      tensor(Float64Array.of(), [0, 2]),
    ];
    expect(padSequence(rows, { paddingValue: NaN }).toArray()).toEqual([[[1, 2]], [[NaN, NaN]]]);
    expect(padSequence(rows).dtype).toBe('float64');
    expect(padSequence([Uint8Array.of(1), Uint8Array.of(2, 3)]).toArray()).toEqual([
      [1, 0],
      [2, 3],
    ]);
  });

  it.each<[string, () => unknown, unknown, string]>([
    [
      'dtypes that differ',
      () => padSequence([Int32Array.of(1), Float32Array.of(1)]),
      DTypeError,
      'row 1: expected int32 as row 0, got float32',
    ],
    [
      'axes that differ',
      () => padSequence([rand([2, 3]), rand([2, 4])]),
      ShapeError,
      "row 1: expected a shape that differs from row 0's in the first axis only, [2, 3], got [2, 4]",
    ],
    [
      'a value that integers cannot hold',
      () => padSequence([Uint8Array.of(1)], { paddingValue: -1 }),
      ConfigError,
      'paddingValue: expected one that uint8 can hold, as the rows are, got -1',
    ],
    [
      'a value that booleans cannot hold',
      () => padSequence([tensor([true])], { paddingValue: 2 }),
      ConfigError,
      'paddingValue: expected one that bool can hold, as the rows are, got 2',
    ],
    [
      'rows with a gradient',
      () => padSequence([tensor([1], undefined, { requiresGrad: true })]),
      ConfigError,
      'row 0: expected data, got a float32 tensor [1] whose gradient would be lost; detach() it',
    ],
  ])('%s', (_, run, kind, message) => {
    using _scope = new Scope();
    expect(thrownBy(run)).toEqual({ kind, message: `padSequence: ${message}` });
  });
});
