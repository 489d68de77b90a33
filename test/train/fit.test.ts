import { createHash } from 'node:crypto';
import {
  ConfigError,
  configureEngine,
  findLeaks,
  heapStats,
  manualSeed,
  relu,
  tensor,
  UnfoldError,
  type HeapStats,
  type Tensor,
} from '@unfold/core';
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type Layer,
} from '@unfold/nn';
import {
  accuracy,
  AdamW,
  type BatchLoader,
  type Callback,
  DataLoader,
  Dataset,
  EarlyStopping,
  EMA,
  type EpochReport,
  evaluate,
  fit,
  type FitOptions,
  type FitResult,
  LambdaLR,
  LeNet,
  NonFiniteLossError,
  SGD,
  type StepReport,
} from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import { tfjsDataLoader } from '@unfold/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { patternDigits } from '../support/runs/cli.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';
import { failure } from '../support/failure.js';
import { collectGarbage } from '../support/garbage.js';

/** Images `[1, 1, 2]` as given, of class 0. */
function points(...values: number[]): Dataset {
  return Dataset.fromArrays({
    images: Float32Array.from(values),
    shape: [1, 1, 2],
    labels: new Int32Array(values.length / 2),
  });
}

function smallNet(): Sequential {
  return new Sequential(
    new Conv2d(1, 4, 3),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(16, CLASSES),
  );
}

type Run = FitResult<'accuracy'> & { readonly model: Layer };
/** What a test changes; its callback's methods stand beside the options of `fit`. */
type Changes = Partial<FitOptions<'accuracy'>> &
  Callback<'accuracy'> & { readonly model?: Layer; readonly lr?: number };

/** Trains on stripes from a seed. */
async function run(seed: number, changes: Changes = {}): Promise<Run> {
  manualSeed(seed);
  const { model = smallNet(), lr = 0.1, onStepEnd, onEpochEnd, ...options } = changes;
  const callback: Callback<'accuracy'> = {
    ...(onStepEnd && { onStepEnd }),
    ...(onEpochEnd && { onEpochEnd }),
  };
  const result = await fit(model, {
    optimizer: new SGD(model.parameters(), { lr, momentum: 0.9 }),
    train: new DataLoader(stripes(50), { batchSize: 16, shuffle: true }),
    validation: new DataLoader(stripes(30, 2), { batchSize: 8 }),
    epochs: 2,
    metrics: { accuracy },
    callbacks: [callback],
    ...options,
  });
  return { ...result, model };
}

beforeEach(() => configureEngine({ kernels: 'wasm' }));
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(['wasm', 'reference'] as const)('training on %s kernels', (kernels) => {
  it('learns a small problem', async () => {
    await configureEngine({ kernels });
    const losses: number[] = [];
    const { history, finished, steps, model } = await run(1, {
      epochs: 15,
      onStepEnd: ({ loss }) => void losses.push(loss),
    });
    expect([finished, steps, history.length]).toEqual([true, 60, 15]);
    // Three classes that are guessed cost ln 3 = 1.1.
    expect(losses[0]).toBeGreaterThan(0.8);
    expect(history.at(-1)?.train.loss).toBeLessThan(0.05);
    expect(history.at(-1)?.train.accuracy).toBeGreaterThan(0.98);
    expect(history.at(-1)?.validation?.accuracy).toBe(1);
    // And on images that nobody has seen.
    const unseen = await evaluate(model, new DataLoader(stripes(100, 3)));
    expect(unseen.correct).toBe(100);
    expect(unseen.loss).toBeLessThan(0.1);
  });

  it('takes no views that others could hold, so that all memory is used again at once', async () => {
    await configureEngine({ kernels });
    const retire = vi.spyOn(Heap.prototype, 'retire');
    const model = new Sequential(
      new Conv2d(1, 4, 3),
      new BatchNorm2d(4),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Dropout(0.2),
      new LayerNorm(16),
      new Linear(16, CLASSES),
    );
    const parameters = model.parameters();
    await run(1, {
      model,
      optimizer: new AdamW(parameters, { lr: 0.01 }),
      ema: new EMA(model, { decay: 0.9 }),
      clipGradNorm: 1,
    });
    await evaluate(model, new DataLoader(stripes(30, 3), { batchSize: 8 }));
    model.dispose();
    expect(retire).not.toHaveBeenCalled();
  });

  it('gives the same weights from the same seed, others from another', async () => {
    await configureEngine({ kernels });
    const hash = async (seed: number): Promise<string> =>
      weightsSha256((await run(seed)).model.stateDict());
    const first = await hash(1);
    expect(await hash(2)).not.toBe(first);
    expect(await hash(1)).toBe(first);
  });
});

it('the first twenty losses on wasm and reference kernels are the same within 1e-4', async () => {
  const { images, labels } = patternDigits(160, 5);
  const digits = Dataset.fromArrays({ images, shape: [1, 28, 28], labels });
  const train = async (kernels: 'wasm' | 'reference'): Promise<number[]> => {
    await configureEngine({ kernels });
    manualSeed(3);
    const model = new LeNet();
    const losses: number[] = [];
    await fit(model, {
      optimizer: new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 }),
      train: new DataLoader(digits, { batchSize: 8, shuffle: true }),
      epochs: 1,
      callbacks: [{ onStepEnd: ({ loss }) => void losses.push(loss) }],
    });
    return losses;
  };
  const [wasm, reference] = [await train('wasm'), await train('reference')];
  expect(wasm.length).toBe(20);
  const differences = wasm.map((loss, i) => Math.abs(loss / Number(reference[i]) - 1));
  expect(Math.max(...differences)).toBeLessThan(1e-4);
  expect(wasm[19]).toBeLessThan(Number(wasm[0]));
});

describe('reports', () => {
  it('count steps, images and epochs, and mean losses by images', async () => {
    const steps: StepReport[] = [];
    const reports: EpochReport[] = [];
    manualSeed(1);
    const model = smallNet();
    const optimizer = new SGD(model.parameters(), { lr: 1 });
    const { history } = await run(1, {
      model,
      optimizer,
      scheduler: { step: new LambdaLR(optimizer, (step) => 0.1 / (step + 1)) },
      onStepEnd: (report) => void steps.push(report),
      onEpochEnd: (report) => void reports.push(report),
    });
    expect(
      steps.map(({ step, epoch, stepInEpoch, size }) => [step, epoch, stepInEpoch, size]),
    ).toEqual([
      [1, 1, 1, 16],
      [2, 1, 2, 16],
      [3, 1, 3, 16],
      [4, 1, 4, 2],
      [5, 2, 1, 16],
      [6, 2, 2, 16],
      [7, 2, 3, 16],
      [8, 2, 4, 2],
    ]);
    expect(steps.map(({ lr }) => lr)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => 0.1 / (i + 1)));
    expect(reports.map(({ lr }) => lr)).toEqual([0.1 / 4, 0.1 / 8]);
    expect(history).toEqual(reports);
    for (const [i, report] of reports.entries()) {
      const own = steps.filter(({ epoch }) => epoch === i + 1);
      expect(report.epoch).toBe(i + 1);
      expect(report.images).toBe(50);
      const mean = own.reduce((sum, { loss, size }) => sum + loss * size, 0) / 50;
      expect(report.train.loss).toBeCloseTo(mean, 12);
      const inSteps = own.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
      expect(report.seconds).toBeGreaterThanOrEqual(inSteps);
    }
    // The last report is of the model as it is now.
    const now = await evaluate(model, new DataLoader(stripes(30, 2), { batchSize: 8 }));
    expect(reports.at(-1)?.validation?.loss).toBeCloseTo(now.loss, 6);
    expect(reports.at(-1)?.validation?.accuracy).toBeCloseTo(now.accuracy, 12);
  });

  it('onEpochEnd is waited for before the next epoch begins', async () => {
    const events: string[] = [];
    await run(1, {
      onStepEnd: ({ step }) => void events.push(`step ${step}`),
      async onEpochEnd({ epoch }) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        events.push(`epoch ${epoch}`);
      },
    });
    expect(events.filter((_, i) => i > 2)).toEqual([
      'step 4',
      'epoch 1',
      'step 5',
      'step 6',
      'step 7',
      'step 8',
      'epoch 2',
    ]);
  });

  it('the model is in training mode during steps and evaluated in evaluation mode', async () => {
    const modes: boolean[] = [];
    class Watcher extends Module {
      forward(x: Tensor): Tensor {
        modes.push(this.training);
        return x;
      }
    }
    const model = new Sequential(new Flatten(), new Watcher(), new Linear(36, CLASSES));
    model.eval();
    // As a program, forward is not called for each batch.
    await run(1, { model, epochs: 1, compile: false });
    expect(modes).toEqual([true, true, true, true, false, false, false, false]);
    expect(model.training).toBe(true);
  });

  it.each([0, -1, 1.5, NaN])('epochs %d is an error', async (epochs) => {
    expect(await failure(() => run(1, { epochs }))).toEqual(
      new ConfigError(`fit: epochs must be an integer from 1, got ${epochs}`),
    );
  });
});

it('a callback with a state takes part in one run at a time', async () => {
  const watch = new EarlyStopping({ monitor: 'loss' });
  const refusals: unknown[] = [];
  const again: Callback = {
    async onValidationEnd() {
      refusals.push(await failure(() => run(1, { callbacks: [watch] })));
    },
  };
  await run(1, { epochs: 1, callbacks: [watch, again] });
  expect(refusals).toEqual([
    new ConfigError(
      'fit: callbacks: expected earlyStopping to take part in no other run, got one in a run that goes on; ' +
        'wait for its end, or give each run one of its own',
    ),
  ]);
  expect(watch.bestEpoch).toBe(1);
  await run(1, { callbacks: [watch] });
});

describe('an abort signal', () => {
  it('ends training after the step in hand', async () => {
    const controller = new AbortController();
    const hashes: string[] = [];
    manualSeed(1);
    const model = smallNet();
    const train = new DataLoader(stripes(50), { batchSize: 16, shuffle: true });
    const { finished, steps, history } = await run(1, {
      model,
      train,
      signal: controller.signal,
      onStepEnd({ step }) {
        hashes.push(weightsSha256(model.stateDict()));
        if (step === 6) controller.abort();
      },
    });
    expect({ finished, steps, epochs: history.length }).toEqual({
      finished: false,
      steps: 6,
      epochs: 1,
    });
    // The sixth step was done whole, and no other.
    expect(hashes.length).toBe(6);
    expect(weightsSha256(model.stateDict())).toBe(hashes[5]);
    expect(hashes[5]).not.toBe(hashes[4]);
    // The loader was left properly.
    let batches = 0;
    for await (const { size } of train) batches += size > 0 ? 1 : 0;
    expect(batches).toBe(4);
  });

  it('before the first step leaves the model as it is', async () => {
    manualSeed(1);
    const before = weightsSha256(smallNet().stateDict());
    const result = await run(1, { signal: AbortSignal.abort() });
    expect({ ...result, model: null }).toEqual({
      finished: false,
      stopped: null,
      steps: 0,
      history: [],
      model: null,
    });
    expect(weightsSha256(result.model.stateDict())).toBe(before);
  });

  it('during validation ends it; the epoch does not count', async () => {
    const controller = new AbortController();
    const inner = new DataLoader(stripes(30, 2), { batchSize: 8 });
    let given = 0;
    const validation: BatchLoader = {
      dataset: inner.dataset,
      length: inner.length,
      generator: inner.generator,
      from: (batch) => inner.from(batch),
      dispose: () => inner.dispose(),
      async *[Symbol.asyncIterator]() {
        for await (const batch of inner) {
          if (given++ === 1) controller.abort();
          yield batch;
        }
      },
    };
    const { finished, steps, history, model } = await run(1, {
      validation,
      signal: controller.signal,
    });
    expect({ finished, steps, history, given }).toEqual({
      finished: false,
      steps: 4,
      history: [],
      given: 2,
    });
    expect(model.training).toBe(true);
  });

  it.each([1, 2])('when epoch %d has ended leaves no more than what is to come', async (last) => {
    const controller = new AbortController();
    const { finished, steps, history } = await run(1, {
      signal: controller.signal,
      onEpochEnd({ epoch }) {
        if (epoch === last) controller.abort();
      },
    });
    expect({ finished, steps, epochs: history.length }).toEqual({
      finished: last === 2,
      steps: 4 * last,
      epochs: last,
    });
  });
});

describe('evaluate', () => {
  function zeroNet(): Sequential {
    const model = smallNet();
    for (const p of model.parameters()) p.update((data) => data.fill(0));
    return model;
  }

  it('means over all images, whatever the batches are', async () => {
    const data = stripes(50);
    const zeros = [...Array(50).keys()].filter((i) => data.label(i) === 0).length;
    for (const batchSize of [1, 7, 50, 64]) {
      const { loss, correct, total } = await evaluate(
        zeroNet(),
        new DataLoader(data, { batchSize }),
      );
      // All logits are 0: each class costs ln 3, and the first is taken.
      expect(loss).toBeCloseTo(Math.log(3), 6);
      expect({ correct, total }).toEqual({ correct: zeros, total: 50 });
    }
  });

  it.each([true, false])(
    'leaves every module in its mode, the model in training %s',
    async (mode) => {
      const inner = smallNet();
      const model = new Sequential(inner, new ReLU());
      model.train(mode);
      inner.train(!mode);
      await evaluate(model, new DataLoader(stripes(5)));
      const modes = [...inner.namedChildren()].map(([, child]) => child.training);
      expect([model.training, inner.training, ...modes]).toEqual([mode, ...Array(6).fill(!mode)]);
    },
  );

  it('leaves them so after an error, and rejects with the reason of an abort', async () => {
    const model = smallNet();
    const loader = new DataLoader(stripes(5));
    const reason = new Error('enough');
    expect(
      await failure(() => evaluate(model, loader, { signal: AbortSignal.abort(reason) })),
    ).toBe(reason);
    expect(model.training).toBe(true);
    expect((await evaluate(model, loader)).total).toBe(5);
  });
});

describe('a loss that stops being finite', () => {
  async function expectNonFinite(promise: Promise<unknown>, message: string): Promise<void> {
    const error = await failure(() => promise);
    expect(error).toBeInstanceOf(NonFiniteLossError);
    expect(error).toBeInstanceOf(UnfoldError);
    expect(String(error)).toBe(`NonFiniteLossError: ${message}`);
  }

  const MEND = '. A smaller learning rate usually helps';

  it('in a parameter: its name, the step and the epoch', async () => {
    const model = smallNet();
    let steps = 0;
    const training = run(1, {
      model,
      onStepEnd({ step }) {
        steps = step;
        if (step !== 5) return;
        const weight = model.stateDict().get('4.weight');
        weight?.update((data) => {
          data[7] = NaN;
        });
      },
    });
    await expectNonFinite(
      training,
      `step 6 (epoch 2): the loss is NaN; 4.weight holds values that are not finite${MEND}`,
    );
    expect(steps).toBe(5);
  });

  it('by a learning rate that is far too large', async () => {
    const error = await failure(() => run(1, { lr: 1e20 }));
    expect(String(error)).toMatch(
      /^NonFiniteLossError: step [2-4] \(epoch 1\): the loss is (NaN|Infinity); .* not finite\. A smaller/,
    );
  });

  it('in validation: after which step', async () => {
    const model = smallNet();
    const training = run(1, {
      model,
      onStepEnd({ step }) {
        const bias = model.stateDict().get('0.bias');
        if (step === 4) bias?.update((data) => data.fill(Infinity));
      },
    });
    await expectNonFinite(
      training,
      'validation after step 4 (epoch 1): the loss is NaN; 0.bias holds values that are not finite',
    );
    expect(model.training).toBe(true);
  });

  /** A model whose values are all finite, and grow beyond float32 in `inner.1`. */
  class Nested extends Module {
    readonly first = new Linear(2, 2);
    readonly inner = new Sequential(new ReLU(), new Linear(2, 2));
    readonly last = new Linear(2, 2);

    constructor() {
      super();
      for (const p of this.parameters()) p.update((data) => data.fill(1));
      this.stateDict()
        .get('inner.1.weight')
        ?.update((data) => data.fill(3e38));
    }

    forward(x: Tensor): Tensor {
      const flat = new Flatten().forward(x);
      return this.last.forward(relu(this.inner.forward(this.first.forward(flat))));
    }
  }

  const evaluateOn = (model: Layer, dataset: Dataset): Promise<unknown> =>
    evaluate(model, new DataLoader(dataset));

  it('in a layer: the first, by its path', async () => {
    const model = new Nested();
    await expectNonFinite(
      evaluateOn(model, points(1, 1)),
      'evaluate: the loss is NaN; layer inner.1 is the first whose output is not finite',
    );
    expect(model.training).toBe(true);
  });

  it('in the model itself', async () => {
    class Exploding extends Module {
      readonly linear = new Linear(2, 2);

      forward(x: Tensor): Tensor {
        const out = this.linear.forward(new Flatten().forward(x));
        out.update((data) => data.fill(Infinity));
        return out;
      }
    }
    await expectNonFinite(
      evaluateOn(new Exploding(), points(1, 1)),
      "evaluate: the loss is NaN; the model's output is not finite",
    );
  });

  it('in the loss alone', async () => {
    const linear = new Linear(2, 2);
    linear.loadStateDict({
      weight: tensor([
        [-3e38, 0],
        [3e38, 0],
      ]),
      bias: tensor([0, 0]),
    });
    await expectNonFinite(
      evaluateOn(new Sequential(new Flatten(), linear), points(1, 0)),
      'evaluate: the loss is Infinity; every layer gives finite values, but their loss ' +
        'is not finite',
    );
  });

  it('in the images', async () => {
    await expectNonFinite(
      evaluateOn(new Sequential(new Flatten(), new Linear(2, 2)), points(1, 1, NaN, 1)),
      'evaluate: the loss is NaN; the inputs hold values that are not finite',
    );
  });

  it('leaves every forward as it was, a module’s own one too', async () => {
    class OwnForward extends Module {
      readonly linear = new Linear(2, 2);
      readonly forward = (x: Tensor): Tensor => this.linear.forward(x);
    }
    const model = new Nested();
    const own = new OwnForward();
    const { forward } = own;
    await expectNonFinite(
      evaluateOn(new Sequential(model, own), points(1, 1)),
      'evaluate: the loss is NaN; layer 0.inner.1 is the first whose output is not finite',
    );
    for (const module of [model, model.first, model.inner, model.last, own.linear]) {
      expect(Object.hasOwn(module, 'forward')).toBe(false);
    }
    expect(Object.getOwnPropertyDescriptor(own, 'forward')).toEqual({
      value: forward,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  });

  it('also when a module takes several inputs or gives several outputs', async () => {
    class Pair extends Module {
      forward(x: Tensor, y: Tensor): [Tensor, Tensor] {
        return [y, x];
      }
    }
    class WithPair extends Module {
      readonly pair = new Pair();
      readonly nested = new Nested();

      forward(x: Tensor): Tensor {
        return this.nested.forward(this.pair.forward(x, x)[0]);
      }
    }
    await expectNonFinite(
      evaluateOn(new WithPair(), points(1, 1)),
      'evaluate: the loss is NaN; layer nested.inner.1 is the first whose output is not finite',
    );
  });

  it('leaves nothing on the heap', async () => {
    const model = new Nested();
    await failure(() => evaluate(model, new DataLoader(points(1, 1))));
    const left = await findLeaks(async () => {
      using loader = new DataLoader(points(1, 1));
      await failure(() => evaluate(model, loader));
    });
    expect(left).toEqual([]);
  });
});

it('memory is flat from the third epoch on, when all programs are there', async () => {
  const held: HeapStats[] = [];
  await collectGarbage();
  await run(1, {
    epochs: 6,
    onEpochEnd() {
      held.push(heapStats());
    },
  });
  expect(held.length).toBe(6);
  const [, , first, ...later] = held;
  if (!first) throw new Error('no epoch ended');
  for (const { usedBytes, peakBytes, liveTensors } of later) {
    expect(peakBytes).toBe(first.peakBytes);
    expect(usedBytes).toBe(first.usedBytes);
    expect(liveTensors).toBe(first.liveTensors);
  }
});

it('with the TensorFlow.js door no kernel of TensorFlow.js runs, and the weights are the same', async () => {
  // Its types need the browser's, so it is imported without them.
  const name: string = '@tensorflow/tfjs';
  const tf: {
    engine(): { runKernel(...given: unknown[]): unknown };
    scalar(x: number): { square(): unknown };
  } = await import(name);
  const runKernel = vi.spyOn(tf.engine(), 'runKernel');
  const own = await run(1);
  const door = await run(1, {
    train: await tfjsDataLoader(stripes(50), { batchSize: 16, shuffle: true }),
    validation: await tfjsDataLoader(stripes(30, 2), { batchSize: 8 }),
  });
  expect(door.steps).toBe(8);
  expect(runKernel).not.toHaveBeenCalled();
  expect(weightsSha256(door.model.stateDict())).toBe(weightsSha256(own.model.stateDict()));
  // The spy sees kernels: this one.
  tf.scalar(2).square();
  expect(runKernel).toHaveBeenCalled();
});

describe('weightsSha256', () => {
  it('is of the bytes of all tensors, in their order', () => {
    const [a, b] = [tensor([1, -2.5]), tensor(new Uint8Array([7, 8, 9]))];
    const hash = createHash('sha256')
      .update(new Uint8Array(Float32Array.of(1, -2.5).buffer))
      .update(Uint8Array.of(7, 8, 9))
      .digest('hex');
    expect(
      weightsSha256(
        new Map<string, Tensor>([
          ['a', a],
          ['b', b],
        ]),
      ),
    ).toBe(hash);
    expect(
      weightsSha256(
        new Map<string, Tensor>([
          ['b', b],
          ['a', a],
        ]),
      ),
    ).not.toBe(hash);
  });
});
