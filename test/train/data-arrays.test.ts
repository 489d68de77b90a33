import {
  ConfigError,
  DTypeError,
  heapStats,
  type NumericArray,
  Scope,
  ShapeError,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  type ArrayDataset,
  type BatchOf,
  type ColumnsData,
  DataLoader,
  Dataset,
  normalizationOf,
  randomSplit,
} from '@unfold/train';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { thrownBy } from '../support/failure.js';

/** Dtype, shape and numbers. */
function shown(x: Tensor): readonly [string, readonly number[], readonly number[]] {
  return [x.dtype, x.shape, [...x.toTypedArray()]];
}

/** N rows [2, 3] of floats with two targets each: row i begins with i. */
function numbered(count: number): ArrayDataset {
  return Dataset.fromArrays({
    inputs: {
      data: Float32Array.from({ length: count * 6 }, (_, i) => Math.floor(i / 6) + (i % 6) / 8),
      shape: [2, 3],
    },
    targets: Array.from({ length: count }, (_, i) => [i, -i]),
  });
}

/** Which rows of `numbered` batches hold; their targets must agree. */
function members(batches: Iterable<BatchOf<Tensor, Tensor>>): number[][] {
  return Array.from(batches, ({ inputs, targets, size }) => {
    expect([inputs.dtype, targets.dtype]).toEqual(['float32', 'float32']);
    expect([inputs.shape, targets.shape]).toEqual([
      [size, 2, 3],
      [size, 2],
    ]);
    const found = Array.from({ length: size }, (_, b) => targets.data[2 * b] as number);
    const expected = found.flatMap((i) => Array.from({ length: 6 }, (_, j) => i + j / 8));
    expect([...inputs.toTypedArray()]).toEqual(expected);
    return found;
  });
}

describe('a column', () => {
  const rows: readonly [string, () => ColumnsData, string, readonly number[], readonly number[]][] =
    [
      ['a typed array', () => Float64Array.of(1, 2, 3), 'float64', [], [1, 2, 3]],
      ['bytes, which are not scaled', () => Uint8Array.of(1, 255), 'uint8', [], [1, 255]],
      [
        'a typed array with a shape',
        () => ({ data: Int32Array.of(1, 2, 3, 4), shape: [2] }),
        'int32',
        [2],
        [1, 2, 3, 4],
      ],
      [
        'a typed array of numbers with a shape',
        () => ({ data: Uint8Array.of(1, 2), shape: [] }),
        'uint8',
        [],
        [1, 2],
      ],
      ['numbers', () => [1, 2.5], 'float32', [], [1, 2.5]],
      [
        'numbers in lists',
        () => [
          [[1], [2]],
          [[3], [4]],
        ],
        'float32',
        [2, 1],
        [1, 2, 3, 4],
      ],
      [
        'a list of typed arrays',
        () => [Int32Array.of(1, 2), Int32Array.of(3, 4)],
        'int32',
        [2],
        [1, 2, 3, 4],
      ],
      [
        'lists of typed arrays',
        () => [[Float64Array.of(0.1, 2)], [Float64Array.of(3, 4)]],
        'float64',
        [1, 2],
        [0.1, 2, 3, 4],
      ],
      [
        'a tensor',
        () =>
          tensor([
            [true, false],
            [true, true],
          ]),
        'bool',
        [2],
        [1, 0, 1, 1],
      ],
    ];

  it.each(rows)('%s', (_, data, dtype, shape, values) => {
    using _scope = new Scope();
    const count = values.length / shape.reduce((a, b) => a * b, 1);
    for (const given of [
      Dataset.fromArrays({ inputs: data() }),
      Dataset.fromArrays({ inputs: Array(count).fill(0), targets: data() }),
    ]) {
      expect(given.length).toBe(count);
      using loader = new DataLoader(given, { batchSize: count });
      for (const { inputs, targets } of loader.batches()) {
        expect(shown((targets ?? inputs) as Tensor)).toEqual([dtype, [count, ...shape], values]);
      }
      const size = values.length / count;
      const { inputs, targets } = given.get(1);
      expect(shown((targets ?? inputs) as Tensor)).toEqual([
        dtype,
        shape,
        values.slice(size, 2 * size),
      ]);
    }
  });

  it('of a tensor is a copy, and of a typed array is not', () => {
    using scope = new Scope();
    const x = tensor([1, 2]);
    const array = Float32Array.of(3, 4);
    const dataset = Dataset.fromArrays({ inputs: x, targets: array });
    scope.close();
    array[1] = 5;
    expect(shown(dataset.get(1).inputs)).toEqual(['float32', [], [2]]);
    expect(shown(dataset.get(1).targets)).toEqual(['float32', [], [5]]);
  });

  it('of classes is int32, whatever they were given as', () => {
    for (const targets of [[2, 0, 1], Uint8Array.of(2, 0, 1), Float64Array.of(2, 0, 1)]) {
      const dataset = Dataset.fromArrays({ inputs: [1, 2, 3], targets, classes: 3 });
      expect(dataset.classes).toBe(3);
      const [batch] = new DataLoader(dataset, { batchSize: 3 }).batches();
      expect(shown(batch?.targets as Tensor)).toEqual(['int32', [3], [2, 0, 1]]);
    }
  });
});

it('several inputs and targets come by their names, typed', () => {
  const dataset = Dataset.fromArrays({
    inputs: { words: { data: Int32Array.of(1, 2, 3, 4), shape: [2] }, age: [30, 40] },
    targets: { next: Uint8Array.of(7, 8), box: { corner: [[0], [1]] } },
  });
  dataset satisfies ArrayDataset<
    { words: Tensor; age: Tensor },
    { next: Tensor; box: { corner: Tensor } }
  >;
  const loader = new DataLoader(dataset, { batchSize: 2 });
  for (const { inputs, targets, size } of loader.batches()) {
    expect(size).toBe(2);
    expect(shown(inputs.words)).toEqual(['int32', [2, 2], [1, 2, 3, 4]]);
    expect(shown(inputs.age)).toEqual(['float32', [2], [30, 40]]);
    expect(shown(targets.next)).toEqual(['uint8', [2], [7, 8]]);
    expect(shown(targets.box.corner)).toEqual(['float32', [2, 1], [0, 1]]);
    // @ts-expect-error there is no such input
    expect(inputs.height).toBeUndefined();
  }
});

it('the type of a loader follows from the dataset', () => {
  const images = Dataset.fromArrays({ images: new Uint8Array(4), shape: [1, 2, 2], labels: [0] });
  images satisfies Dataset;
  new DataLoader(images) satisfies DataLoader;
  const rows = Dataset.fromArrays({ inputs: [[1, 2]], targets: [1] });
  new DataLoader(rows) satisfies DataLoader<BatchOf<Tensor, Tensor>, ArrayDataset>;
  // @ts-expect-error its batches have no images
  new DataLoader(rows) satisfies DataLoader;
  const alone = new DataLoader(Dataset.fromArrays({ inputs: [1] }));
  alone satisfies DataLoader<BatchOf<Tensor, undefined>, ArrayDataset<Tensor, undefined>>;
  for (const batch of alone) expect(batch.targets).toBeUndefined();
});

describe('views', () => {
  it('slice, subset and randomSplit, one of another', () => {
    const loaded = (dataset: ArrayDataset): number[] =>
      members(new DataLoader(dataset, { batchSize: 100 })).flat();
    const dataset = numbered(20);
    expect(loaded(dataset.slice(5, 8))).toEqual([5, 6, 7]);
    expect(loaded(dataset.slice(5).subset([9, 0, 0]))).toEqual([14, 5, 5]);
    expect(loaded(dataset.subset([9, 3, 4, 1]).slice(1, 3))).toEqual([3, 4]);
    const parts = randomSplit(dataset, [0.75, 0.25], { seed: 1 }).map(loaded);
    expect(parts.map(({ length }) => length)).toEqual([15, 5]);
    expect(parts.flat().sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(dataset.subset([4, 2]).get(1).targets.toArray()).toEqual([2, -2]);
  });

  it.each<[string, () => unknown, string]>([
    [
      'a slice of nothing',
      () => numbered(3).slice(1, 1),
      'ArrayDataset.slice: expected at least one sample, got an empty dataset (1 to 1); nothing can be trained or measured on it',
    ],
    [
      'a slice beyond the end',
      () => numbered(3).slice(1, 4),
      'ArrayDataset.slice: expected a range within 0 to 3, got 1 to 4',
    ],
    [
      'an index beyond the end',
      () => numbered(3).subset([0, 3]),
      'ArrayDataset.subset: indices[1]: expected an integer from 0 to 2, got 3',
    ],
    [
      'no such sample',
      () => numbered(3).get(-1),
      'ArrayDataset.get: expected an index from 0 to 2, got -1',
    ],
    [
      'parts that do not sum',
      () => randomSplit(numbered(3), [1, 1]),
      "randomSplit: expected counts that sum to the dataset's 3 samples, or fractions that sum to 1, got [1, 1], which sum to 2",
    ],
  ])('%s', (_, run, message) => {
    expect(thrownBy(run)).toEqual({ kind: ConfigError, message });
  });
});

describe('a loader over columns', () => {
  it('gives every sample once, in any setting, each with its own targets', () => {
    const settings = fc.record({
      count: fc.integer({ min: 1, max: 30 }),
      batchSize: fc.integer({ min: 1, max: 12 }),
      shuffle: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(settings, ({ count, ...options }) => {
        using loader = new DataLoader(numbered(count), options);
        const all = members(loader).flat();
        expect([...all].sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
      }),
      { numRuns: 40 },
    );
  });

  it('draws the order that a loader over images draws, and resumes within it', async () => {
    const options = { batchSize: 4, shuffle: true, seed: 3 };
    const images = Dataset.fromArrays({
      images: new Uint8Array(23),
      shape: [1, 1, 1],
      labels: Array.from({ length: 23 }, (_, i) => i),
    });
    const order = Array.from(new DataLoader(images, options), ({ labels }) => [
      ...labels.toTypedArray(),
    ]);
    const loader = new DataLoader(numbered(23), options);
    const state = loader.generator.state();
    expect(members(loader)).toEqual(order);
    loader.generator.setState(state);
    expect(members(loader.from(4))).toEqual(order.slice(4));
    loader.generator.setState(state);
    const seen: number[][] = [];
    for await (const batch of loader.from(2)) seen.push(...members([batch]));
    expect(seen).toEqual(order.slice(2));
  });

  it('lends its batches: all tensors are taken back, and one batch at a time is there', () => {
    const dataset = Dataset.fromArrays({
      inputs: { a: [1, 2, 3], b: [4, 5, 6] },
      targets: [7, 8, 9],
    });
    const { liveTensors, usedBytes } = heapStats();
    const loader = new DataLoader(dataset);
    const seen: Tensor[] = [];
    for (const { inputs, targets } of loader) {
      seen.push(inputs.a, inputs.b, targets);
      expect(heapStats().liveTensors).toBe(liveTensors + 3);
    }
    expect(seen.map(({ isDisposed }) => isDisposed)).toEqual([
      ...Array(6).fill(true),
      ...Array(3).fill(false),
    ]);
    loader.dispose();
    expect(heapStats()).toMatchObject({ liveTensors, usedBytes });
  });

  it("batches() gives batches that are the caller's", () => {
    const { liveTensors } = heapStats();
    const kept = Scope.run(() => {
      const batches = [...new DataLoader(numbered(4), { batchSize: 2 }).batches()];
      expect(members(batches)).toEqual([
        [0, 1],
        [2, 3],
      ]);
      return batches.map(({ inputs }) => inputs);
    });
    expect(kept.map(({ isDisposed }) => isDisposed)).toEqual([false, false]);
    for (const x of kept) x.dispose();
    expect(heapStats().liveTensors).toBe(liveTensors);
  });
});

describe('normalisation', () => {
  const values = Float64Array.from({ length: 5 * 12 }, (_, i) => ((i * 37) % 41) - 7.25);
  const inputs = (shape: readonly number[], data: NumericArray = values): ArrayDataset =>
    Dataset.fromArrays({ inputs: { data, shape }, targets: data.slice(0, data.length / 12) });

  it.each([
    ['features', [12], 1],
    ['channels', [3, 2, 2], 4],
  ])('of %s', (_, shape, plane) => {
    const dataset = inputs(shape).subset([4, 0, 3]);
    const channels = 12 / plane;
    const rows = [4, 0, 3].map((row) => [...values.subarray(row * 12, (row + 1) * 12)]);
    const normalization = normalizationOf(dataset);
    expect([normalization.mean.length, normalization.std.length]).toEqual([channels, channels]);
    for (const [c, mean] of normalization.mean.entries()) {
      const own = rows.flatMap((row) => row.slice(c * plane, (c + 1) * plane));
      const expected = own.reduce((sum, x) => sum + x, 0) / own.length;
      const variance = own.reduce((sum, x) => sum + (x - expected) ** 2, 0) / own.length;
      expect(mean).toBeCloseTo(expected, 12);
      expect(normalization.std[c]).toBeCloseTo(Math.sqrt(variance), 12);
    }
    const [batch] = new DataLoader(dataset, { batchSize: 3, normalization }).batches();
    expect([...(batch?.inputs.toTypedArray() ?? [])]).toEqual(
      rows.flatMap((row) =>
        row.map((x, i) => {
          const c = Math.floor(i / plane);
          return (x - (normalization.mean[c] ?? 0)) / (normalization.std[c] ?? 0);
        }),
      ),
    );
    // Targets stay as they are, also where they are the inputs' array.
    expect([...(batch?.targets.toTypedArray() ?? [])]).toEqual([4, 0, 3].map((i) => values[i]));
    // A transform is given what the batch would hold.
    const same = new DataLoader(dataset, { batchSize: 3, normalization, transform: (x) => x });
    for (const { inputs: given } of same) expect(given.toArray()).toEqual(batch?.inputs.toArray());
  });

  it('float32 is rounded once', () => {
    const data = Float32Array.of(0.1, 0.7);
    const dataset = Dataset.fromArrays({ inputs: { data, shape: [1] } });
    const normalization = { mean: [0.3], std: [0.7] };
    const [batch] = new DataLoader(dataset, { batchSize: 2, normalization }).batches();
    expect([...(batch?.inputs.toTypedArray() ?? [])]).toEqual(
      Array.from(data, (x) => Math.fround((x - 0.3) / 0.7)),
    );
  });

  const mend = "; map(fn), or a loader's transform, changes samples of any kind";
  it.each<[string, () => unknown, string]>([
    ['bytes', () => inputs([12], new Uint8Array(60)), `uint8 [12]${mend}`],
    ['integers', () => inputs([3, 2, 2], new Int32Array(60)), `int32 [3, 2, 2]${mend}`],
    ['sequences', () => inputs([3, 4]), `float64 [3, 4]${mend}`],
    ['several', () => Dataset.fromArrays({ inputs: { a: [1], b: [2] } }), `several by name${mend}`],
  ])('%s', (_, make, got) => {
    const dataset = make() as ArrayDataset;
    const text = 'normalization: expected inputs of floats, in rows [F] or [C, H, W], got';
    const normalization = { mean: [0], std: [1] };
    expect(thrownBy(() => new DataLoader(dataset, { normalization }))).toEqual({
      kind: ConfigError,
      message: `DataLoader: ${text} ${got}`,
    });
    expect(thrownBy(() => normalizationOf(dataset)).message).toBe(
      `normalizationOf: ${text} ${got}`,
    );
  });

  it('a feature of equal values, and another number of features', () => {
    const constant = Float32Array.from({ length: 60 }, (_, i) => (i % 12 === 3 ? i : 0.1));
    const { mean, std } = normalizationOf(inputs([12], constant));
    expect([mean[0], std[0]]).toEqual([Math.fround(0.1), 1]);
    expect(std[3]).toBeGreaterThan(1);
    expect(
      thrownBy(() => normalizationOf(inputs([12], new Float32Array(60).fill(NaN)))).message,
    ).toBe(
      'normalizationOf: normalization of feature 0: expected a finite mean and a finite std above 0, got mean NaN, std NaN; are all values equal, or some not finite?',
    );
    const normalization = { mean: [0], std: [1] };
    expect(thrownBy(() => new DataLoader(inputs([12]), { normalization })).message).toBe(
      'DataLoader: normalization: expected a mean and a std for each of 12 features, got 1 and 1',
    );
  });
});

describe('columns that are wrong', () => {
  const make = (arrays: unknown): unknown => Reflect.apply(Dataset.fromArrays, Dataset, [arrays]);

  it.each<[string, unknown, unknown, string]>([
    [
      'counts that differ',
      { inputs: { a: [1, 2], b: [[1], [2]] }, targets: [1, 2, 3] },
      ShapeError,
      'expected as many rows in every column, got 2 of inputs.a and 3 of targets; do they come from the same part of the data?',
    ],
    [
      'no rows',
      { inputs: [], targets: [] },
      ConfigError,
      'expected at least one sample, got an empty dataset; nothing can be trained or measured on it',
    ],
    [
      'no columns',
      { inputs: {}, targets: [1] },
      ConfigError,
      'inputs: expected columns by name, got {}',
    ],
    [
      'no inputs',
      { targets: [1] },
      DTypeError,
      'inputs: expected a typed array, { data, shape } with the shape of one row, nested lists of numbers, a tensor [N, …], or an object of such by name, got undefined',
    ],
    [
      'a name instead of data',
      { inputs: { a: [1], b: 'x' } },
      DTypeError,
      "inputs.b: expected a typed array, { data, shape } with the shape of one row, nested lists of numbers, a tensor [N, …], or an object of such by name, got 'x'",
    ],
    [
      'ragged rows',
      { inputs: [[1, 2], [3, 4], [5]] },
      ShapeError,
      'inputs: expected rows of one shape, got [2] for row 0 and [1] for row 2',
    ],
    [
      'a ragged row',
      { inputs: [[[1, 2], [3]]] },
      ShapeError,
      'inputs[0]: expected parts that are alike, got float32 [2] and float32 [1] at 1',
    ],
    [
      'typed arrays of two kinds',
      { inputs: [new Float32Array(2), new Int32Array(2)] },
      DTypeError,
      'inputs: expected rows of one type, got float32 for row 0 and int32 for row 1',
    ],
    [
      'rows of nothing',
      { inputs: [[], []] },
      ShapeError,
      'inputs: expected rows that hold numbers, got shape [0]',
    ],
    [
      'a text among numbers',
      {
        inputs: [
          [1, 2],
          [3, '4'],
        ],
      },
      DTypeError,
      "inputs[1][1]: expected a number, or a list of some, got '4'",
    ],
    [
      'a tensor among rows',
      { inputs: [tensor([1])] },
      DTypeError,
      'inputs[0]: expected a number, or a list of some, got a float32 tensor [1]',
    ],
    [
      'a scalar',
      { inputs: tensor(1) },
      ShapeError,
      'inputs: expected a tensor [N, …], got a float32 tensor []',
    ],
    [
      'half a row',
      { inputs: { data: new Float32Array(5), shape: [2, 1] } },
      ShapeError,
      'inputs: expected a multiple of 2 numbers for rows of shape [2, 1], got 5',
    ],
    [
      'a shape that is none',
      { inputs: { data: new Float32Array(4), shape: 2 } },
      ShapeError,
      'inputs: shape: expected a shape, a list of dimensions, got 2; write [2]',
    ],
    [
      'data that is no typed array',
      { inputs: { data: [1, 2], shape: [2] } },
      DTypeError,
      'inputs: data: expected a typed array, got [1, 2]',
    ],
    [
      'a typed array of another kind',
      { inputs: [1, 2], targets: new BigInt64Array(2) },
      DTypeError,
      'targets: expected a Float32Array, Float64Array, Int32Array or Uint8Array, got a BigInt64Array; convert it',
    ],
    [
      'a class that there is not',
      {
        inputs: [1, 2],
        targets: [
          [0, 1],
          [1, 2],
        ],
        classes: 2,
      },
      ConfigError,
      'targets[1]: expected a class from 0 to 1, got 2',
    ],
    [
      'a class that is no number',
      { inputs: [1, 2], targets: [0, NaN], classes: 2 },
      DTypeError,
      'targets[1]: expected an integer, got NaN',
    ],
    [
      'classes of several targets',
      { inputs: [1], targets: { a: [0] }, classes: 2 },
      ConfigError,
      'targets: expected one column where classes is given, got { a: [0] }',
    ],
    [
      'classes of nothing',
      { inputs: [1], classes: 2 },
      ConfigError,
      'classes: expected targets beside it, got none',
    ],
  ])('%s', (_, arrays, kind, message) => {
    expect(thrownBy(() => make(arrays))).toEqual({
      kind,
      message: `Dataset.fromArrays: ${message}`,
    });
  });

  it('an option of the other form', () => {
    expect(thrownBy(() => make({ inputs: [1], labels: [1] })).message).toBe(
      "Dataset.fromArrays: unknown option 'labels'; the options are inputs, targets, classes",
    );
  });
});
