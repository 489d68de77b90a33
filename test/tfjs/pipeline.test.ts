import { createRequire } from 'node:module';
import {
  type Batch,
  DataLoader,
  Dataset,
  evaluate,
  fit,
  type RunState,
  type SavePoint,
  SGD,
} from '@unfold/train';
import {
  clone,
  ConfigError,
  DisposedError,
  DTypeError,
  findLeaks,
  Generator,
  manualSeed,
  Scope,
  ShapeError,
  type Tensor,
} from '@unfold/core';
import { Flatten, Linear, Sequential } from '@unfold/nn';
import { weightsSha256 } from '@unfold/io';
import { type TfDataPipeline, tfjsLoader, type TfjsLoaderOptions } from '@unfold/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { failureKind } from '../support/failure.js';

/** A tensor of TensorFlow.js, as the tests make them. */
interface TfTensor {
  readonly isDisposed: boolean;
  dispose(): void;
}

/** A pipeline of TensorFlow.js, as the tests write them. */
interface Pipeline extends TfDataPipeline {
  batch(size: number, smallLastBatch?: boolean): Pipeline;
  map(change: (element: Element) => unknown): Pipeline;
  repeat(count?: number): Pipeline;
  take(count: number): Pipeline;
  prefetch(count: number): Pipeline;
  filter(keep: () => boolean): Pipeline;
}

interface Element {
  readonly xs: TfTensor;
  readonly ys: TfTensor;
}

/** What the tests ask of TensorFlow.js. Its types need the browser's, so it is taken without them. */
const tf: {
  readonly data: {
    array(items: readonly unknown[]): Pipeline;
    generator(make: () => Iterator<unknown>): Pipeline;
  };
  memory(): { numTensors: number };
  tensor(values: ArrayLike<number>, shape: readonly number[], dtype?: string): TfTensor;
  tensor1d(values: ArrayLike<number>, dtype?: string): TfTensor;
  ready(): Promise<void>;
  setBackend(name: string): Promise<boolean>;
} = createRequire(import.meta.url)('@tensorflow/tfjs');

beforeAll(async () => {
  await tf.setBackend('cpu');
  await tf.ready();
});

const NHWC = { layout: 'NHWC' } as const;
const [H, W, C] = [2, 3, 2];

/** Pixel of image `i`, row `y`, column `x`, channel `c`. */
const pixel = (i: number, y: number, x: number, c: number): number =>
  Math.fround(i + y / 10 + x / 100 + c / 1000);

/** Nested arrays, as users give them to `tf.data.array`: `[H, W, C]`. */
function picture(i: number): number[][][] {
  return Array.from({ length: H }, (_, y) =>
    Array.from({ length: W }, (_, x) => Array.from({ length: C }, (_, c) => pixel(i, y, x, c))),
  );
}

/** What image `i` should become: `[C, H, W]`, flat. */
function planes(i: number): number[] {
  return [0, 1].flatMap((c) => [0, 1].flatMap((y) => [0, 1, 2].map((x) => pixel(i, y, x, c))));
}

function pictures(count: number): Pipeline {
  return tf.data.array(Array.from({ length: count }, (_, i) => ({ xs: picture(i), ys: i })));
}

/** Elements that are given as they stand, in each pass anew. */
function given(make: () => readonly unknown[]): Pipeline {
  return tf.data.generator(() => make()[Symbol.iterator]());
}

/** A batch of two images whose labels are as given. */
function withLabels(labels: TfTensor): { images: TfTensor; labels: TfTensor } {
  return { images: images([2, 2, 2, 1]), labels };
}

function images(shape: readonly number[], dtype = 'float32'): TfTensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => i % 2),
    shape,
    dtype,
  );
}

async function labelsIn(batches: AsyncIterable<Batch>): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const { labels } of batches) seen.push([...labels.toTypedArray()]);
  return seen;
}

describe("a user's pipeline", () => {
  test('of pictures with channels last comes as [B, C, H, W], with int32 labels; the last batch is smaller', async () => {
    using loader = tfjsLoader(pictures(5).batch(2), NHWC);
    expect(loader.length).toBe(3);
    const seen: unknown[] = [];
    for await (const { images, labels, size } of loader) {
      seen.push({
        shape: images.shape,
        dtypes: [images.dtype, labels.dtype],
        pixels: [...images.toTypedArray()],
        labels: [...labels.toTypedArray()],
        size,
      });
    }
    const expected = (...of: number[]) => ({
      shape: [of.length, C, H, W],
      dtypes: ['float32', 'int32'],
      pixels: of.flatMap(planes),
      labels: of,
      size: of.length,
    });
    expect(seen).toEqual([expected(0, 1), expected(2, 3), expected(4)]);
  });

  test('of pictures with channels first comes as it is', async () => {
    const pipeline = given(() => [
      { images: tf.tensor(planes(7), [1, C, H, W]), labels: tf.tensor1d([3]) },
    ]);
    using loader = tfjsLoader(pipeline, { layout: 'NCHW', length: 1 });
    for await (const { images, labels } of loader) {
      expect(images.shape).toEqual([1, C, H, W]);
      expect([...images.toTypedArray()]).toEqual(planes(7));
      expect(labels.toArray()).toEqual([3]);
    }
  });

  test.each<[string, () => TfTensor]>([
    ['float32 [B]', () => tf.tensor1d([1, 0])],
    ['int32 [B]', () => tf.tensor1d([1, 0], 'int32')],
    ['bool [B]', () => tf.tensor1d([1, 0], 'bool')],
    ['[B, 1]', () => tf.tensor([1, 0], [2, 1])],
    ['one-hot [B, classes]', () => tf.tensor([0, 1, 0, 1, 0, 0], [2, 3], 'int32')],
  ])('labels may be %s', async (_, labels) => {
    using loader = tfjsLoader(
      given(() => [withLabels(labels())]),
      NHWC,
    );
    expect(await labelsIn(loader)).toEqual([[1, 0]]);
  });

  test('whose size nobody knows validates without, and trains with a length', async () => {
    using loader = tfjsLoader(
      pictures(5)
        .filter(() => true)
        .batch(2),
      NHWC,
    );
    expect(await labelsIn(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(() => loader.length).toThrow(
      new ConfigError(
        'tfjsLoader: length: the pipeline does not tell its size; give the batches of an epoch, such ' +
          'as { length: 100 }',
      ),
    );
  });

  test('that never ends: each epoch goes on where the last one ended', async () => {
    using loader = tfjsLoader(pictures(5).batch(2).repeat(), { ...NHWC, length: 2 });
    const epochs = [];
    for (let e = 0; e < 3; e++) epochs.push(await labelsIn(loader));
    expect(epochs).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [[4], [0, 1]],
      [[2, 3], [4]],
    ]);
  });

  test('that is just as long as the epoch begins anew; a loop left early is not gone on with', async () => {
    using loader = tfjsLoader(
      given(() => [0, 1].map((i) => withLabels(tf.tensor1d([i, i])))),
      { ...NHWC, length: 2 },
    );
    for (let e = 0; e < 2; e++)
      expect(await labelsIn(loader)).toEqual([
        [0, 0],
        [1, 1],
      ]);
    for await (const { size } of loader) if (size === 2) break;
    expect(await labelsIn(loader)).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  test('from(batch) gives the rest of a pass, and frees what it skips', async () => {
    const before = tf.memory().numTensors;
    using loader = tfjsLoader(pictures(7).batch(2), NHWC);
    expect(await labelsIn(loader.from(2))).toEqual([[4, 5], [6]]);
    expect(await labelsIn(loader.from(4))).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => loader.from(5)).toThrow(
      new ConfigError('tfjsLoader: from: expected a batch from 0 to 4, got 5'),
    );
  });

  test('is asked by its own from, where it has one', async () => {
    const asked: number[] = [];
    const from = (batch: number): TfDataPipeline => {
      asked.push(batch);
      return given(() => [withLabels(tf.tensor1d([batch, batch]))]);
    };
    using loader = tfjsLoader(pictures(4).batch(1), { ...NHWC, from });
    expect(await labelsIn(loader.from(3))).toEqual([[3, 3]]);
    expect(asked).toEqual([3]);
  });
});

describe('memory', () => {
  test("TensorFlow.js's tensors are freed, also what nobody asked for, when a loop is left, and after an error", async () => {
    const before = tf.memory().numTensors;
    const make = (labels: number[]) => ({
      ...withLabels(tf.tensor1d(labels)),
      extra: { weights: [tf.tensor1d([1])] },
    });
    const pipeline = given(() => [make([0, 1]), make([0, 0.5]), make([1, 1])]);
    using loader = tfjsLoader(pipeline, { ...NHWC, length: 3 });
    for await (const { size } of loader) if (size === 2) break;
    // The passes that were left keep what they had made before anybody asked for it.
    const left = tf.memory().numTensors - before;
    expect(left).toBe(2 * 3);
    expect((await failureKind(() => labelsIn(loader))).message).toBe(
      'tfjsLoader: batch 1: labels: expected integers, got 0.5 at 1',
    );
    expect(tf.memory().numTensors - before - left).toBe(3);
  });

  test('a batch is lent: it throws when it is read after the next was asked for, and is freed by dispose', async () => {
    const left = await findLeaks(async () => {
      const loader = tfjsLoader(pictures(4).batch(2), NHWC);
      const seen: Tensor[] = [];
      for await (const { images, labels } of loader) Scope.run(() => seen.push(images, labels));
      expect(seen.map(({ isDisposed }) => isDisposed)).toEqual([true, true, false, false]);
      expect(await failureKind(async () => seen[1]?.toArray())).toEqual({
        kind: DisposedError,
        message:
          'int32 tensor [2] made by tfjsLoader was read after tfjsLoader took it back: a batch is ' +
          'lent until the next is asked for; clone(x) what must last longer',
      });
      loader.dispose();
      expect(seen.every(({ isDisposed }) => isDisposed)).toBe(true);
      expect((await failureKind(() => labelsIn(loader))).kind).toBe(DisposedError);
    });
    expect(left).toEqual([]);
  });
});

describe('training', () => {
  async function run(
    loader: Parameters<typeof fit>[1]['train'],
    {
      epochs = 3,
      resume,
      stopAt,
      savedAt = 'stop',
    }: { epochs?: number; resume?: RunState; stopAt?: number; savedAt?: SavePoint['kind'] } = {},
  ): Promise<{ hash: string; saved: RunState | undefined }> {
    manualSeed(4);
    const model = new Sequential(new Flatten(), new Linear(C * H * W, 7));
    const controller = new AbortController();
    let saved: RunState | undefined;
    await fit(model, {
      train: loader,
      epochs,
      optimizer: new SGD(model.parameters(), { lr: 0.01 }),
      signal: controller.signal,
      resume,
      callbacks: [
        {
          onStepEnd: ({ step }) => {
            if (step === stopAt) controller.abort();
          },
          onSavePoint: ({ kind, state }, { step }) => {
            if (step !== stopAt || kind !== savedAt) return;
            const { tensors, json } = state();
            saved = {
              tensors: new Map([...tensors].map(([name, tensor]) => [name, clone(tensor)])),
              json: JSON.parse(JSON.stringify(json)) as RunState['json'],
            };
          },
        },
      ],
    });
    return { hash: weightsSha256(model.stateDict()), saved };
  }

  test("on a user's pipeline gives the weights that the same batches give by DataLoader", async () => {
    const dataset = Dataset.fromArrays({
      images: Float32Array.from(Array.from({ length: 7 }, (_, i) => planes(i)).flat()),
      shape: [C, H, W],
      labels: Array.from({ length: 7 }, (_, i) => i),
    });
    const door = () => tfjsLoader(pictures(7).batch(3).prefetch(2), NHWC);
    const own = () => new DataLoader(dataset, { batchSize: 3 });
    const { hash } = await run(own());
    expect((await run(door())).hash).toBe(hash);
    const model = new Sequential(new Flatten(), new Linear(C * H * W, 7));
    expect(await evaluate(model, door())).toEqual(await evaluate(model, own()));
    // Half by one, half by the other: what the door doesn't know is not compared.
    const { saved } = await run(door(), { stopAt: 4 });
    expect(saved?.json['epoch']).toMatchObject({ images: null, batches: 3 });
    expect((await run(own(), saved ? { resume: saved } : {})).hash).toBe(hash);
  });

  const element = (i: number) => ({
    images: tf.tensor(planes(i), [1, C, H, W]),
    labels: tf.tensor1d([i]),
  });

  test('goes on with the same bits where passes draw from the generator', async () => {
    const make = () => {
      const generator = new Generator(9, 'shuffle');
      const pipeline = tf.data.generator(() => {
        const elements = Array.from(generator.permutation(7), element);
        return elements[Symbol.iterator]();
      });
      return tfjsLoader(pipeline, { layout: 'NCHW', length: 7, generator });
    };
    const { hash } = await run(make());
    const { saved } = await run(make(), { stopAt: 10 });
    if (!saved) throw new Error('nothing was saved');
    expect((await run(make(), { resume: saved })).hash).toBe(hash);
  });

  test.each([7, 5])(
    'goes on with the same bits where a pass draws at its first element; %d of 7 in an epoch',
    async (length) => {
      const make = () => {
        const generator = new Generator(9, 'shuffle');
        const from = (batch: number) =>
          tf.data.generator(function* () {
            for (const i of generator.permutation(7).subarray(batch)) yield element(i);
          });
        return tfjsLoader(from(0), { layout: 'NCHW', length, generator, from });
      };
      const before = tf.memory().numTensors;
      const { hash } = await run(make(), { epochs: 2 });
      // Within the first epoch; and behind its last batch, as where its validation is interrupted.
      for (const stopAt of [3, length]) {
        const { saved } = await run(make(), { epochs: 2, stopAt, savedAt: 'step' });
        if (!saved) throw new Error('nothing was saved');
        expect((await run(make(), { epochs: 2, resume: saved })).hash).toBe(hash);
        const loader = make();
        // A pass that was begun, and that nobody goes on with.
        for await (const batch of loader.from(length)) void batch;
        loader.dispose();
      }
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});

describe('errors', () => {
  test('inside the pipeline are thrown as they are, and the loader can be used again', async () => {
    let isBroken = true;
    const mistake = new RangeError('no such file');
    const pipeline = tf.data.generator(function* () {
      yield withLabels(tf.tensor1d([0, 1]));
      if (isBroken) throw mistake;
    });
    using loader = tfjsLoader(pipeline, NHWC);
    await expect(labelsIn(loader)).rejects.toBe(mistake);
    isBroken = false;
    expect(await labelsIn(loader)).toEqual([[0, 1]]);
  });

  test.each<[string, () => unknown, { kind: unknown; message: string }]>([
    [
      'other fields',
      () => ({ input: images([1, 2, 2, 1]), target: tf.tensor1d([0]) }),
      {
        kind: ConfigError,
        message:
          'expected { images, labels } or { xs, ys }, got { input, target }; add ' +
          'map(({ a, b }) => ({ images: a, labels: b })) to the pipeline',
      },
    ],
    [
      'a tensor alone',
      () => images([1, 2, 2, 1]),
      {
        kind: ConfigError,
        message:
          'expected { images, labels } or { xs, ys }, got a tensor; add ' +
          'map(({ a, b }) => ({ images: a, labels: b })) to the pipeline',
      },
    ],
    [
      'single examples',
      () => ({ xs: picture(0), ys: 3 }),
      {
        kind: ConfigError,
        message: 'xs: expected a tensor over a batch, got an array; add batch(n) to the pipeline',
      },
    ],
    [
      'an image without batch',
      () => ({ images: images([2, 2, 1]), labels: tf.tensor1d([0]) }),
      {
        kind: ShapeError,
        message: 'images: expected [B, H, W, C], got [2, 2, 1]; batch(n) adds B, expandDims C',
      },
    ],
    [
      'bytes, whose scale nobody said',
      () => ({ images: images([1, 2, 2, 1], 'int32'), labels: tf.tensor1d([0]) }),
      {
        kind: DTypeError,
        message:
          'images: expected float32, got int32; say in the pipeline what its numbers mean, for pixels ' +
          'map(({ images, labels }) => ({ images: images.toFloat().div(255), labels }))',
      },
    ],
    [
      'fewer labels than images',
      () => withLabels(tf.tensor1d([1])),
      { kind: ShapeError, message: 'expected a label for each image, got 1 for 2' },
    ],
    [
      'shares instead of one-hot rows',
      () => withLabels(tf.tensor([1, 0, 0.5, 0.5], [2, 2])),
      {
        kind: ConfigError,
        message:
          'labels: expected one-hot rows, a single 1 and zeros, which row 1 is not; give the classes ' +
          'themselves, [B]',
      },
    ],
    [
      'a scalar label',
      () => ({ images: images([1, 2, 2, 1]), labels: tf.tensor([3], []) }),
      {
        kind: ShapeError,
        message: 'labels: expected [B], or one-hot [B, classes], got []; batch(n) adds B',
      },
    ],
    [
      'a label that is not a number',
      () => withLabels(tf.tensor1d([0, NaN])),
      { kind: ConfigError, message: 'labels: expected integers, got NaN at 1' },
    ],
  ])('%s', async (_, element, { kind, message }) => {
    const before = tf.memory().numTensors;
    using loader = tfjsLoader(
      given(() => [element()]),
      NHWC,
    );
    const error = await failureKind(() => labelsIn(loader));
    expect(error.message.replace(/^tfjsLoader: batch 0: /, '')).toBe(message);
    expect(error.kind).toBe(kind);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a pipeline that ends before the epoch does', async () => {
    using loader = tfjsLoader(pictures(6).batch(2), { ...NHWC, length: 5 });
    expect(await failureKind(() => labelsIn(loader))).toEqual({
      kind: ConfigError,
      message:
        'tfjsLoader: expected 5 batches, the pipeline ended after 3; give its own length, or repeat() it',
    });
    using none = tfjsLoader(
      given(() => []),
      NHWC,
    );
    expect((await failureKind(() => labelsIn(none))).message).toBe(
      'tfjsLoader: expected some batches, the pipeline ended after 0; give its own length, or repeat() it',
    );
  });

  test.each<[string, Partial<TfjsLoaderOptions> | Record<string, unknown>, string]>([
    [
      'no layout',
      {},
      "layout must be 'NHWC' (TensorFlow's own, channels last) or 'NCHW', as the pipeline's images lie, got undefined",
    ],
    [
      'an unknown option',
      { ...NHWC, batchSize: 4 },
      "unknown option 'batchSize'; the options are layout, length, generator, from",
    ],
    ['a length of 0', { ...NHWC, length: 0 }, 'length must be an integer from 1, got 0'],
    [
      'from as a number',
      { ...NHWC, from: 3 },
      'from must be a function of the batch to begin at, got 3',
    ],
  ])('%s', (_, options, message) => {
    const make = (): unknown => Reflect.apply(tfjsLoader, null, [pictures(2).batch(1), options]);
    expect(make).toThrow(new ConfigError(`tfjsLoader: ${message}`));
  });

  test('no pipeline', () => {
    const make = (): unknown => Reflect.apply(tfjsLoader, null, [[1, 2], NHWC]);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/^tfjsLoader: expected a tf\.data pipeline, got .*tfjsDataLoader$/);
  });

  test('one without end and without length', () => {
    expect(() => tfjsLoader(pictures(3).batch(1).repeat(), NHWC)).toThrow(
      new ConfigError(
        'tfjsLoader: the pipeline never ends; give the batches of an epoch, { length: 100 }, or end ' +
          'it with take(n)',
      ),
    );
  });
});
