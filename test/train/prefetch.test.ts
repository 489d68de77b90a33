import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { configureEngine, ConfigError, DisposedError, manualSeed, type Tensor } from '@unfold/core';
import { Flatten, Linear, ReLU, Sequential } from '@unfold/nn';
import {
  type Augmentation,
  type Batch,
  compose,
  DataLoader,
  Dataset,
  elastic,
  fit,
  type LoaderOptions,
  randomAffine,
  randomErasing,
  SGD,
} from '@unfold/train';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Order } from '../../packages/train/src/data/prefetch/messages.js';
import { threadOf } from '../../packages/train/src/data/prefetch/thread.node.js';
import type {
  Listener,
  PrefetchThread,
  StartThread,
} from '../../packages/train/src/data/prefetch/thread.js';
import { failureKind, thrownBy } from '../support/failure.js';
import { collect } from '../support/garbage.js';
import { bundled } from '../support/runs/bundled.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/** A worker that a test watches. */
class Watched {
  readonly listener: Listener;
  readonly thread: PrefetchThread;
  readonly orders: Order[] = [];
  isReady = false;
  answers = 0;
  isTerminated = false;

  constructor(start: StartThread, listener: Listener) {
    this.listener = listener;
    this.thread = start({ ...listener, onAnswer: (answer) => this.#hear(answer) });
  }

  #hear(answer: Answer): void {
    if (answer.kind === 'ready') this.isReady = true;
    if (answer.kind === 'images') this.answers++;
    this.listener.onAnswer(answer);
  }

  get underway(): number {
    return this.orders.length - this.answers;
  }
}

const watched: Watched[] = [];
/** Replaces the workers' start. */
let refuse: string | undefined;

/** The worker's script, bundled: tests start many, and loading the sources takes each a second. */
const script = pathToFileURL(
  await bundled('packages/train/src/data/prefetch/prefetch-worker.node.ts'),
);

vi.mock('../../packages/train/src/data/prefetch/thread.source.js', () => {
  const startThread: StartThread = (listener) => {
    if (refuse !== undefined) throw new Error(refuse);
    const one = new Watched((spied) => threadOf(script, [], spied), listener);
    watched.push(one);
    return {
      send(message, transfer) {
        if ('id' in message) one.orders.push(message);
        one.thread.send(message, transfer);
      },
      terminate() {
        one.isTerminated = true;
        one.thread.terminate();
      },
    };
  };
  return { startThread };
});

const loaders: DataLoader[] = [];
let warnings: string[] = [];

beforeEach(() => {
  refuse = undefined;
  watched.length = 0;
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const loader of loaders.splice(0)) loader.dispose();
});

const SHAPE = [2, 5, 4] as const;
const PIXELS = 40;

const EVERYTHING = compose([
  randomAffine({ degrees: 20, translate: 0.2, scale: [0.8, 1.2], shear: [-10, 5] }),
  compose([elastic({ alpha: 3, sigma: 2, fill: [0.25, 0.5] })]),
  randomErasing({ p: 0.7, ratio: [0.5, 2], value: 'random' }),
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

function made(dataset: Dataset, options: LoaderOptions): DataLoader {
  const loader = new DataLoader(dataset, options);
  loaders.push(loader);
  return loader;
}

/** A loader whose worker is ready, as if its first epoch had not been drawn. */
async function ready(dataset: Dataset, options: LoaderOptions): Promise<[DataLoader, Watched]> {
  const loader = made(dataset, options);
  const state = loader.generator.state();
  for await (const { size } of loader) if (size > 0) break;
  loader.generator.setState(state);
  const worker = watched.at(-1);
  if (!worker) throw new Error('no worker was started');
  while (!worker.isReady) await sleep(5);
  return [loader, worker];
}

interface Copied {
  readonly labels: readonly number[];
  readonly bits: string;
}

function copy({ images, labels }: { images: Tensor; labels: Tensor }): Copied {
  const pixels = images.toTypedArray();
  return {
    labels: [...labels.data],
    bits: Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength).toString('hex'),
  };
}

/** All batches, of a loop that trains in the meantime. */
async function epochOf(batches: AsyncIterable<Batch>, milliseconds = 0): Promise<Copied[]> {
  const all: Copied[] = [];
  for await (const batch of batches) {
    all.push(copy(batch));
    if (milliseconds > 0) await sleep(milliseconds);
  }
  return all;
}

/** An augmentation that fills images in this thread with 0.25 and in the worker with 0.75. */
const MARKING: Augmentation = {
  apply: ({ data }) => void data.fill(0.25),
  worker: {
    module: moduleOf('({ value }) => ({ apply: ({ data }) => void data.fill(value) })'),
    options: { value: 0.75 },
  },
};

function moduleOf(make: string): string {
  return `data:text/javascript,${encodeURIComponent(`export default ${make};`)}`;
}

/** Which thread made each batch. */
async function makers(batches: AsyncIterable<Batch>): Promise<string> {
  let all = '';
  for await (const { images } of batches) all += images.data[0] === 0.75 ? 'w' : 'm';
  return all;
}

const OPTIONS = { batchSize: 4, shuffle: true, seed: 3, augment: EVERYTHING } as const;

/** Options beside `OPTIONS`; null leaves the augmentation out. */
type Changes = Omit<LoaderOptions, 'augment'> & { readonly augment?: Augmentation | null };

describe('a loader with prefetch gives the bits of one without', () => {
  const bytes = images(23);
  const cases: readonly [string, Dataset, Changes][] = [
    ['augmented', bytes, {}],
    ['one batch ahead', bytes, { prefetch: 1 }],
    ['more ahead than there are', bytes, { prefetch: 50 }],
    [
      'floats, normalised',
      images(23, 'floats'),
      { normalization: { mean: [0.3, 0.4], std: [0.2, 0.5] } },
    ],
    ['in the order of the dataset', bytes, { shuffle: false }],
    ['of single images', bytes, { batchSize: 1 }],
    ['of a whole dataset', bytes, { batchSize: 100 }],
    ['without the last', bytes, { dropLast: true }],
    ['of a part of a dataset', bytes.slice(3, 17), {}],
    ['of chosen images, one of them twice', bytes.subset([5, 22, 5, 0, 7, 9, 13, 1, 2]), {}],
    ['of one augmentation', bytes, { augment: randomErasing({ p: 1 }) }],
    [
      'not augmented',
      images(23),
      { augment: null, normalization: { mean: [0.1, 0.2], std: [2, 3] } },
    ],
  ];

  it.each(cases)('%s', async (_, dataset, changes) => {
    const { augment, ...rest } = { ...OPTIONS, ...changes };
    const options = augment ? { ...rest, augment } : rest;
    const plain = made(dataset, { ...options, prefetch: 0 });
    const [loader, worker] = await ready(dataset, { prefetch: 2, ...options });
    for (let e = 0; e < 3; e++) {
      expect(await epochOf(loader)).toEqual(await epochOf(plain));
      expect(loader.generator.state()).toEqual(plain.generator.state());
    }
    expect(worker.answers > 0).toBe(loader.length > 1);
    expect(warnings).toEqual([]);
  });

  it('from any batch on', async () => {
    const plain = made(images(23), OPTIONS);
    const state = plain.generator.state();
    const whole = await epochOf(plain);
    const [loader] = await ready(images(23), { ...OPTIONS, prefetch: 2 });
    for (const batch of [0, 1, 3, 5, 6]) {
      loader.generator.setState(state);
      expect(await epochOf(loader.from(batch))).toEqual(whole.slice(batch));
      expect(loader.generator.state()).toEqual(plain.generator.state());
    }
  });

  it('while the worker still starts', async () => {
    const plain = made(images(60), OPTIONS);
    const loader = made(images(60), { ...OPTIONS, prefetch: 2 });
    expect(await epochOf(loader)).toEqual(await epochOf(plain));
    // Ready in the middle of an epoch.
    const expected: Copied[] = [];
    const given: Copied[] = [];
    while (watched[0]?.answers === 0) {
      given.push(...(await epochOf(loader, 5)));
      expected.push(...(await epochOf(plain)));
    }
    expect(given).toEqual(expected);
  });

  it('after loops that were left while the worker was making batches', async () => {
    const plain = made(images(60), OPTIONS);
    const [loader, worker] = await ready(images(60), { ...OPTIONS, prefetch: 3 });
    for (let round = 0; round < 20; round++) {
      const left = round % 5;
      const seen: Copied[] = [];
      for await (const batch of loader) {
        seen.push(copy(batch));
        if (seen.length > left) break;
      }
      const whole = await epochOf(plain);
      expect(seen).toEqual(whole.slice(0, left + 1));
    }
    expect(await epochOf(loader)).toEqual(await epochOf(plain));
    while (worker.underway > 0) await sleep(1);
    expect(await epochOf(loader)).toEqual(await epochOf(plain));
  });

  it('in a loop without await, which needs no worker', () => {
    const plain = made(images(23), OPTIONS);
    const loader = made(images(23), { ...OPTIONS, prefetch: 2 });
    expect(Array.from(loader, copy)).toEqual(Array.from(plain, copy));
    expect(Array.from(loader.from(2), copy)).toEqual(Array.from(plain.from(2), copy));
    expect(Array.from(loader.batches(), copy)).toEqual(Array.from(plain.batches(), copy));
    expect(watched).toEqual([]);
  });

  it.each([1, 2])(
    'so that fit makes the same weights, on %i threads of the engine',
    async (threads) => {
      await configureEngine({ threads });
      const train = async (prefetch: number): Promise<unknown> => {
        manualSeed(1);
        const model = new Sequential(
          new Flatten(),
          new Linear(36, 8),
          new ReLU(),
          new Linear(8, CLASSES),
        );
        const data = stripes(60);
        const augment = randomAffine({ degrees: 20, translate: 0.2 });
        const options = { batchSize: 8, shuffle: true, augment, prefetch };
        const loader = prefetch > 0 ? (await ready(data, options))[0] : made(data, options);
        const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
        const { history } = await fit(model, { train: loader, optimizer, epochs: 3 });
        const weights = [...model.parameters()].map((parameter) => [...parameter.toTypedArray()]);
        return { weights, losses: history.map(({ train }) => train.loss) };
      };
      try {
        expect(await train(2)).toEqual(await train(0));
        expect(watched[0]?.answers).toBeGreaterThan(0);
      } finally {
        await configureEngine({ threads: 1 });
      }
    },
  );
});

describe('the worker', () => {
  it('makes all batches but the first of an epoch, in the memory of so many as are asked for', async () => {
    const [loader, worker] = await ready(images(60), { ...OPTIONS, augment: MARKING, prefetch: 2 });
    let most = 0;
    let all = '';
    for await (const { images } of loader) {
      all += images.data[0] === 0.75 ? 'w' : 'm';
      most = Math.max(most, worker.underway);
      while (worker.underway > 0) await sleep(1);
    }
    expect(all).toBe('mwwwwwwwwwwwwww');
    expect(most).toBe(2);
  });

  it('is waited for once, and then both make batches, where it is slower', async () => {
    const slow =
      '() => ({ apply({ data }) { data.fill(0.75); for (let i = 0; i < 4e6; i++) data[0] = 0.75; } })';
    const augment = { apply: MARKING.apply, worker: { module: moduleOf(slow) } };
    const [loader] = await ready(images(60), { ...OPTIONS, augment, prefetch: 2 });
    const all = await makers(loader);
    expect(all).toMatch(/^mw+m/);
    expect(all.slice(4)).toContain('w');
  });

  it('is asked for no more while what a loop left is not there', async () => {
    const [loader, worker] = await ready(images(60), { ...OPTIONS, prefetch: 3 });
    for (let round = 0; round < 30; round++) {
      for await (const { size } of loader) {
        expect(worker.underway).toBeLessThanOrEqual(3);
        if (size > 0) break;
      }
    }
  });

  it('sees images in shared memory where they are, and copies of others', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8 * PIXELS)).fill(51);
    const own = new Uint8Array(8 * PIXELS).fill(51);
    for (const pixels of [shared, own]) {
      const labels = new Int32Array(8);
      const dataset = Dataset.fromArrays({ images: pixels, shape: SHAPE, labels });
      const [loader] = await ready(dataset, { prefetch: 1 });
      pixels.fill(102);
      const seen = new Set<number>();
      // Some batches are made by this thread; on a busy machine, most of them.
      for (let epoch = 0; epoch < (pixels === shared ? 3 : 300) && !seen.has(51); epoch++) {
        for await (const { images } of loader) {
          seen.add(Math.round((images.data[0] as number) * 255));
          await sleep(1);
        }
      }
      expect(seen.has(51)).toBe(pixels === own);
    }
  });

  it('ends with the loader, in the middle of an epoch too', async () => {
    const [loader, worker] = await ready(images(60), { ...OPTIONS, prefetch: 2 });
    const batches = loader[Symbol.asyncIterator]();
    await batches.next();
    const next = batches.next();
    loader.dispose();
    expect((await failureKind(() => next)).kind).toBe(DisposedError);
    expect(worker.isTerminated).toBe(true);
    expect((await failureKind(() => epochOf(loader))).kind).toBe(DisposedError);
    expect(warnings).toEqual([]);
  });

  it('ends when its loader is forgotten', async () => {
    await (async () => {
      const [loader] = await ready(images(23), { ...OPTIONS, prefetch: 2 });
      await epochOf(loader);
      loaders.length = 0;
    })();
    const hasEnded = (): boolean => watched.some(({ isTerminated }) => isTerminated);
    for (let i = 0; i < 100 && !hasEnded(); i++) {
      collect();
      await sleep(1);
    }
    expect(hasEnded()).toBe(true);
  });

  it('gives no reason for a second iteration at a time', async () => {
    const [loader] = await ready(images(60), { ...OPTIONS, prefetch: 2 });
    const batches = loader[Symbol.asyncIterator]();
    await batches.next();
    expect((await failureKind(() => epochOf(loader))).message).toMatch('one iteration at a time');
    expect(thrownBy(() => loader[Symbol.iterator]().next()).kind).toBe(ConfigError);
    await batches.return?.();
    expect(await epochOf(loader)).toHaveLength(15);
  });
});

describe('a worker that does not work is told of once, and the bits are the same', () => {
  const told = (reason: string): string =>
    `Unfold: DataLoader: the worker for prefetch does not work (${reason}); the batches are made ` +
    'without it, the same ones, later';

  it('where there is none', async () => {
    refuse = 'no workers here';
    for (let round = 0; round < 2; round++) {
      const plain = made(images(23), OPTIONS);
      const loader = made(images(23), { ...OPTIONS, prefetch: 2 });
      for (let e = 0; e < 2; e++) expect(await epochOf(loader)).toEqual(await epochOf(plain));
    }
    expect(warnings).toEqual([told('Error: no workers here')]);
  });

  it('where it ends in the middle', async () => {
    const plain = made(images(60), OPTIONS);
    const [loader, worker] = await ready(images(60), { ...OPTIONS, prefetch: 2 });
    const given: Copied[] = [];
    for await (const batch of loader) {
      given.push(copy(batch));
      if (given.length === 5) worker.thread.terminate();
    }
    given.push(...(await epochOf(loader)));
    expect(given).toEqual([...(await epochOf(plain)), ...(await epochOf(plain))]);
    expect(warnings).toEqual([told('exit code 1')]);
  });

  it('where it says nothing', async () => {
    const plain = made(images(23), OPTIONS);
    const [loader, worker] = await ready(images(23), { ...OPTIONS, prefetch: 2 });
    const batches = loader[Symbol.asyncIterator]();
    const given: Copied[] = [];
    const take = async (): Promise<void> => {
      const { value } = await batches.next();
      given.push(copy(value));
    };
    await take();
    worker.listener.onAnswer = () => {};
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const second = take();
      await vi.advanceTimersByTimeAsync(60_000);
      await second;
    } finally {
      vi.useRealTimers();
    }
    for (let b = 2; b < 6; b++) await take();
    expect(given).toEqual(await epochOf(plain));
    expect(warnings).toEqual([told('no answer in 60 s')]);
  });

  const failing = (make: string): LoaderOptions => {
    const step = { apply: MARKING.apply, worker: { module: moduleOf(make) } };
    return { ...OPTIONS, augment: compose([randomAffine(), step]), prefetch: 2 };
  };

  it('where a module is not to be found, or makes no augmentation', async () => {
    for (const [make, reason] of [
      ['nowhere', 'ReferenceError: nowhere is not defined'],
      ['5', 'got 5'],
      ['() => 5', 'expected an augmentation'],
    ] as const) {
      const loader = made(images(23), failing(make));
      while (warnings.length === 0) {
        await sleep(5);
        expect(await makers(loader)).toBe('mmmmmm');
      }
      expect(warnings.splice(0)).toEqual([expect.stringContaining(reason)]);
    }
  });

  it('where an augmentation fails there alone', async () => {
    const [loader] = await ready(
      images(23),
      failing('() => ({ apply() { throw new Error("only here") } })'),
    );
    expect(await makers(loader)).toBe('mmmmmm');
    expect(warnings).toEqual([told('Error: only here')]);
  });

  it('where it fails here as well, with the error of here', async () => {
    const augment = randomErasing({ p: 1, value: [1, 2, 3] });
    const loader = made(images(23), { ...OPTIONS, augment, prefetch: 2 });
    expect((await failureKind(() => epochOf(loader))).message).toMatch(
      'one for each of 2 channels',
    );
  });
});

describe('an augmentation of one’s own', () => {
  const own: Augmentation = { apply() {} };
  const error = (augment: unknown): string =>
    thrownBy(() => new DataLoader(images(3), { augment: augment as Augmentation, prefetch: 1 }))
      .message;

  it('is made by its module in the worker, alone and in a chain', async () => {
    for (const augment of [MARKING, compose([randomAffine(), MARKING])]) {
      const [loader] = await ready(images(23), { ...OPTIONS, augment, prefetch: 2 });
      expect(await makers(loader)).toMatch(/^mw/);
    }
  });

  it('is refused without a module', () => {
    expect(error(own)).toBe(
      'DataLoader: augment: expected an augmentation that a worker can make, too, got one of your own, ' +
        'whose functions cannot be sent there; give it worker: { module: import.meta.url, options }, ' +
        'with the default export of that module making it, or leave prefetch out',
    );
    expect(error(compose([randomAffine(), own]))).toMatch('DataLoader: augment: step 1: expected');
  });

  it('is refused with a module that nobody can find, or options that nobody can send', () => {
    expect(error({ ...own, worker: 'here.js' })).toBe(
      "DataLoader: augment: worker: expected { module, options }, got 'here.js'",
    );
    expect(error({ ...own, worker: { module: './here.js' } })).toBe(
      "DataLoader: augment: worker: module: expected a whole address, such as import.meta.url, got './here.js'",
    );
    const module = import.meta.url;
    expect(error({ ...own, worker: { module, options: { make: () => 1 } } })).toMatch(
      'DataLoader: augment: worker: options: expected values that can be sent to a worker, got',
    );
  });
});

describe('what a worker cannot make is refused', () => {
  it('a transform, or a collate', () => {
    const options = (more: object): LoaderOptions => ({ prefetch: 2, ...more });
    const make = (more: object) => () => new DataLoader(images(3), options(more));
    expect(thrownBy(make({ transform: (sample: unknown) => sample }))).toEqual({
      kind: ConfigError,
      message:
        'DataLoader: prefetch: expected no transform, a function that cannot be sent to a worker; ' +
        'augment can do the same to images, or leave prefetch out',
    });
    expect(thrownBy(make({ collate: () => ({}) })).message).toMatch('expected no collate');
  });

  it('batches of other datasets', () => {
    const inputs = { data: new Float32Array(6), shape: [2] };
    const message =
      'DataLoader: prefetch: expected a dataset of images, Dataset.fromArrays({ images, shape, labels }), or ' +
      'one whose get fetches its samples: rows of arrays are copied in no time; leave prefetch out';
    const dataset = Dataset.fromArrays({ inputs });
    const failed = thrownBy(() => new DataLoader(dataset, { prefetch: 2 }));
    expect(failed).toEqual({ kind: ConfigError, message });
    expect(new DataLoader(dataset, { prefetch: 0 }).length).toBeGreaterThan(1);
  });
});

it.each([-1, 1.5, '2', true])('prefetch %j is refused', (prefetch) => {
  expect(
    thrownBy(() => new DataLoader(images(3), { prefetch: prefetch as number })).message,
  ).toMatch('DataLoader: prefetch must be an integer from 0');
});
