import {
  add,
  concat,
  ConfigError,
  elementsOf,
  generator,
  manualSeed,
  mean,
  mul,
  sub,
  sum,
  tensor,
  type Tensor,
} from '@unfold/core';
import { weightsSha256 } from '@unfold/io';
import {
  CrossEntropyLoss,
  Dropout,
  HuberLoss,
  Linear,
  Module,
  mseLoss,
  ReLU,
  Sequential,
} from '@unfold/nn';
import {
  accuracy,
  type AnyBatch,
  auc,
  type BatchOf,
  type BatchSource,
  type Callback,
  type EpochReport,
  evaluate,
  f1,
  fit,
  type FitOptions,
  type Model,
  type RunState,
  type SavePoint,
  SGD,
  type StatefulSource,
  type TrainingRun,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { copyOf, type Saved, stateOf } from '../support/runs/saved-runs.js';

type Rows = BatchOf<Tensor, Tensor>;
type RowOptions = FitOptions<never, Rows>;

/** An item that is there. */
function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

const SIZE = 8;

/** Batch b of points (x, y) with 2x - y + 1. */
function batchOf(b: number): Rows {
  const points = Array.from({ length: SIZE }, (_, i) => {
    const at = b * SIZE + i;
    return [(at % 7) / 7, (at % 5) / 5] as const;
  });
  return {
    inputs: tensor(points),
    targets: tensor(points.map(([x, y]) => [2 * x - y + 1])),
    size: SIZE,
  };
}

const rows = (batches = 6): Rows[] => Array.from({ length: batches }, (_, b) => batchOf(b));

/** Draws from its own stream when it is trained on. */
function net(): Sequential {
  manualSeed(4);
  return new Sequential(new Linear(2, 8), new ReLU(), new Dropout(0.1), new Linear(8, 1));
}

const squares = (output: Tensor, { targets }: Rows): Tensor => mseLoss(output, targets);

/** The weights after some epochs over a source. */
async function train(
  source: RowOptions['train'],
  options: Partial<RowOptions> = {},
  begin = (): void => {},
): Promise<{ readonly hash: string; readonly losses: readonly number[] }> {
  const model = net();
  begin();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const { history } = await fit<never, Rows>(model, {
    train: source,
    epochs: 3,
    optimizer,
    loss: squares,
    ...options,
  });
  return {
    hash: weightsSha256(model.stateDict()),
    losses: history.map(({ train: { loss } }) => loss),
  };
}

function* generated(): Generator<Rows> {
  for (const batch of rows()) yield batch;
}

async function* awaited(): AsyncGenerator<Rows> {
  for (const batch of rows()) yield await Promise.resolve(batch);
}

describe('a source of batches', () => {
  it('is anything that can be gone through, or a function that makes such', async () => {
    const expected = await train(rows());
    expect(at(expected.losses, 2)).toBeLessThan(at(expected.losses, 0) / 2);
    const sources: Record<string, BatchSource<Rows>> = {
      set: new Set(rows()),
      generator: generated,
      'async generator': awaited,
      'function of an array': () => rows(),
      iterable: { [Symbol.iterator]: () => generated() },
      'async iterable': { [Symbol.asyncIterator]: () => awaited() },
    };
    for (const [name, source] of Object.entries(sources)) {
      expect([name, await train(source)]).toEqual([name, expected]);
    }
  });

  it('as a function is asked for each epoch, by its number', async () => {
    const epochs: number[] = [];
    await train((epoch) => {
      epochs.push(epoch);
      return rows(1);
    });
    expect(epochs).toEqual([1, 2, 3]);
  });

  it('needs no size, and one that is said counts', async () => {
    const sizes: number[] = [];
    const sized = { onBatch: ({ size }: { size: number }) => void sizes.push(size) };
    const model = net();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const { history } = await fit(model, {
      train: [batchOf(0), batchOf(1)].map(({ inputs, targets }, b) => ({
        inputs,
        targets,
        ...(b === 1 ? { size: 3 } : {}),
      })),
      epochs: 1,
      optimizer,
      loss: (output, { targets }) => mseLoss(output, targets),
      callbacks: [sized],
    });
    expect(sizes).toEqual([SIZE, 3]);
    expect(at(history, 0).images).toBe(SIZE + 3);
  });

  it('tells its steps where it can, and else after an epoch', async () => {
    const seen = async (source: RowOptions['train']): Promise<unknown[]> => {
      const steps: unknown[] = [];
      const look = (run: TrainingRun): void => void steps.push(run.stepsPerEpoch, run.stepInEpoch);
      await train(source, {
        accumulate: 4,
        epochs: 2,
        callbacks: [{ onEpochBegin: look, onEpochEnd: (_, run) => look(run) }],
      });
      return steps;
    };
    expect(await seen(rows())).toEqual([2, 0, 2, 2, 2, 0, 2, 2]);
    expect(await seen(generated)).toEqual([null, 0, 2, 2, 2, 0, 2, 2]);
  });

  it('with an end that nobody knew of makes the same steps of several batches', async () => {
    const known = await train(rows(), { accumulate: 4 });
    const unknown = await train(generated, { accumulate: 4 });
    // The last step's gradients are weighed at its end, and so rounded otherwise.
    known.losses.forEach((loss, epoch) => expect(unknown.losses[epoch]).toBeCloseTo(loss, 6));
    const whole = await train(generated, { accumulate: 3 });
    expect(whole).toEqual(await train(rows(), { accumulate: 3 }));
  });

  it.each<[string, unknown, string]>([
    [
      'an iterator',
      generated(),
      'fit: train: expected batches for each epoch, got an iterator, such as a generator gives, which ' +
        'can be gone through once; pass a function that makes one: () => batches()',
    ],
    [
      'a function of no batches',
      () => 3,
      'fit: train: what the function gave: expected a loader, or another source of batches, got 3',
    ],
    ['no batch', () => [], 'fit: train: expected at least one batch, got none in epoch 1'],
    [
      'numbers',
      [1],
      'fit: train: expected batches { inputs, targets } of tensors, or lists and plain objects of ' +
        'tensors, or { images, labels } as a DataLoader over images gives them, got 1',
    ],
    [
      'rows',
      [{ inputs: [[1, 2]], targets: tensor([1]) }],
      'fit: train: expected batches { inputs, targets } of tensors, or lists and plain objects of ' +
        'tensors, or { images, labels } as a DataLoader over images gives them; got 1 for inputs[0][0]; tensor(data) makes a tensor',
    ],
    [
      'other names',
      [{ x: tensor([1]), y: tensor([1]) }],
      'fit: train: expected batches { inputs, targets } of tensors, or lists and plain objects of ' +
        'tensors, or { images, labels } as a DataLoader over images gives them, got { x: a float32 ' +
        'tensor [1], y: a float32 tensor [1] } without inputs',
    ],
    [
      'a typed array deep inside',
      [{ inputs: { a: tensor([1]), b: { c: new Float32Array(2) } } }],
      'fit: train: expected batches { inputs, targets } of tensors, or lists and plain objects of ' +
        'tensors, or { images, labels } as a DataLoader over images gives them; got a Float32Array for ' +
        'inputs.b.c; tensor(data) makes a tensor',
    ],
    [
      'a size of none',
      [{ inputs: tensor([[1, 2]]), targets: tensor([[1]]), size: 0 }],
      'fit: train: size: expected an integer from 1, got 0',
    ],
    [
      'a tensor without axes',
      [{ inputs: tensor(1) }],
      'fit: train: inputs: expected a tensor whose first axis goes over the examples, got float32 ' +
        'tensor []; give the batch a size',
    ],
  ])('of %s is refused', async (_, source, message) => {
    await expect(train(source as RowOptions['train'])).rejects.toThrow(new ConfigError(message));
  });
});

describe('a loss', () => {
  it('may be a module, of output and targets', async () => {
    const loss = new HuberLoss({ delta: 0.5 });
    const asFunction = await train(rows(), {
      loss: (output, { targets }) => loss.forward(output, targets),
    });
    expect(await train(rows(), { loss })).toEqual(asFunction);
  });

  it('is cross entropy by default, where the targets are classes', async () => {
    const batches = rows().map(({ inputs }) => ({
      inputs,
      targets: tensor(
        Array.from({ length: SIZE }, (_, i) => i % 2),
        [SIZE],
        { dtype: 'int32' },
      ),
    }));
    const run = async (loss?: CrossEntropyLoss): Promise<unknown> => {
      manualSeed(2);
      const model = new Linear(2, 2);
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      const given = { train: batches, validation: batches, epochs: 2, optimizer };
      const { history } = await fit(model, {
        ...given,
        metrics: { accuracy },
        ...(loss ? { loss } : {}),
      });
      return history.map((report) => ({ ...report, seconds: 0 }));
    };
    expect(await run()).toEqual(await run(new CrossEntropyLoss()));
    await expect(
      fit(net(), {
        train: rows(),
        epochs: 1,
        optimizer: new SGD(net().parameters(), { lr: 0.1 }),
      }),
    ).rejects.toThrow('got one that has none of its parameters');
    const model = net();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    await expect(fit(model, { train: rows(), epochs: 1, optimizer })).rejects.toThrow(
      new ConfigError(
        'fit: loss: expected one for this task, got none: the default, cross entropy, is for logits ' +
          '[B, classes] and integer targets [B], not for a float32 tensor [8,1] and a float32 tensor [8,1]; ' +
          "classes are integers by classes: n of Dataset.fromArrays, or cast(targets, 'int32'); numbers " +
          'need a loss such as new MSELoss()',
      ),
    );
  });
});

/** Two inputs by name, two outputs in a list. */
class Twins extends Module {
  readonly left = new Linear(2, 3);
  readonly right = new Linear(1, 3);

  forward({ point, height }: { point: Tensor; height: Tensor }): [Tensor, Tensor] {
    const left = this.left.forward(point);
    return [left, add(left, this.right.forward(height))];
  }
}

describe('several inputs and outputs', () => {
  const batches = rows().map(({ inputs, targets }) => ({
    inputs: { point: inputs, height: targets },
    targets: { one: targets },
  }));
  const twins = (): Twins => {
    manualSeed(8);
    return new Twins();
  };

  it('are those of the model, also as a program', async () => {
    const run = async (compile: boolean) => {
      const model = twins();
      const { history } = await fit(model, {
        train: batches,
        validation: batches,
        epochs: 20,
        optimizer: new SGD(model.parameters(), { lr: 0.05 }),
        compile,
        loss: ([left, both], { targets: { one } }) =>
          add(
            mseLoss(sum(left, 1, { keepdim: true }), one),
            mul(mseLoss(sum(both, 1, { keepdim: true }), one), 0.5),
          ),
        metrics: {
          distance: ([left, both]) => Math.abs(mean(sub(left, both)).item()),
        },
      });
      const untimed = history.map((report) => ({ ...report, seconds: 0 }));
      return { hash: weightsSha256(model.stateDict()), history: untimed };
    };
    const eager = await run(false);
    const { history } = eager;
    expect(at(history, 19).train.loss).toBeLessThan(at(history, 0).train.loss / 10);
    expect(await run(true)).toEqual(eager);
  });

  it('are one argument of forward', async () => {
    class Apart extends Twins {
      override forward(...given: never[]): [Tensor, Tensor];
      override forward(point: unknown, height: unknown): [Tensor, Tensor] {
        return super.forward({ point: point as Tensor, height: height as Tensor });
      }
    }
    const model = new Apart();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const options = {
      train: batches,
      epochs: 1,
      optimizer,
      loss: ([left]: [Tensor, Tensor]) => mean(left),
    };
    await expect(fit(model as unknown as Twins, options)).rejects.toThrow(
      new ConfigError(
        "fit: expected a model whose forward takes a batch's inputs as one argument, got one that " +
          'takes 2; write forward([a, b]) or forward({ a, b }), as the inputs are',
      ),
    );
  });

  it('with a part of a batch that differs is never learnt from stale', async () => {
    // A number beside the tensors is part of the batch too.
    const weighted = [1, 0.5, 2, 0].map((weight, b) => ({ ...batchOf(b), weight }));
    const run = async (compile: boolean): Promise<string> => {
      const model = net();
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      await fit(model, {
        train: weighted,
        epochs: 6,
        optimizer,
        compile,
        loss: (output, { targets, weight }) => mul(mseLoss(output, targets), weight),
      });
      return weightsSha256(model.stateDict());
    };
    expect(await run(true)).toBe(await run(false));
  });
});

describe('a run that goes on', () => {
  /** What a new process would begin with. */
  const forget = (): void => {
    manualSeed(999);
    generator('dropout').uniform();
    generator('shuffle').uniform();
  };

  /** Resumes from every point, and says at which the weights at the end differ. */
  async function others(make: () => RowOptions['train']): Promise<number[]> {
    const saved: Saved[] = [];
    const saver: Callback = { onSavePoint: (point) => void saved.push(copyOf(point.state())) };
    const { hash } = await train(make(), { callbacks: [saver] });
    const different: number[] = [];
    for (const [i, state] of saved.entries()) {
      const source = make();
      const resume: RunState = stateOf(state);
      const model = net();
      forget();
      await fit<never, Rows>(model, {
        train: source,
        epochs: 3,
        optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
        loss: squares,
        resume,
      });
      if (weightsSha256(model.stateDict()) !== hash) different.push(i);
    }
    expect(saved).toHaveLength(21);
    return different;
  }

  /** Batches in an order of its own, which it draws as it goes. */
  class Drawn implements StatefulSource<Rows> {
    #drawn = 0;
    #given = 0;

    async *[Symbol.asyncIterator](): AsyncIterator<Rows> {
      while (this.#given < 6) {
        this.#given++;
        yield await Promise.resolve(batchOf((this.#drawn++ * 5) % 11));
      }
      this.#given = 0;
    }

    stateDict() {
      return { drawn: this.#drawn, given: this.#given };
    }

    loadStateDict({ drawn, given }: Record<string, unknown>): void {
      if (typeof drawn !== 'number' || typeof given !== 'number') throw new Error('no state');
      this.#drawn = drawn;
      this.#given = given;
    }
  }

  /** Stops at every step, and says at which the weights of the run that goes on differ. */
  async function othersAfterSignal(make: () => RowOptions['train']): Promise<number[]> {
    const whole = await train(make());
    const different: number[] = [];
    for (let stop = 0; stop <= 18; stop++) {
      const controller = new AbortController();
      let saved: Saved | undefined;
      const stopper = {
        onTrainBegin: () => void (stop === 0 && controller.abort()),
        onStepEnd: ({ step }: { step: number }) => void (step === stop && controller.abort()),
        onSavePoint: (point: SavePoint) => {
          if (point.kind === 'stop') saved = copyOf(point.state());
        },
      };
      await train(make(), { callbacks: [stopper], signal: controller.signal });
      // The last step's signal comes too late.
      if (!saved) continue;
      const source = make();
      const resume = stateOf(saved);
      forget();
      const { hash } = await train(source, { resume }, forget);
      if (hash !== whole.hash) different.push(stop);
    }
    return different;
  }

  it.each<[string, () => RowOptions['train']]>([
    ['an array', () => rows()],
    ['a source that says where it stands', () => new Drawn()],
    ['a function that draws as it goes', () => drawing],
  ])('after a signal, from %s, is the same run', async (_, make) => {
    expect(await othersAfterSignal(make)).toEqual([]);
  });

  /** Draws each batch when it is asked for, from the stream that the model's dropout draws from too. */
  function* drawing(): Generator<Rows> {
    for (let i = 0; i < 6; i++) yield batchOf(generator('dropout').uint32() % 50);
  }

  it('from a function that draws as it goes is the same run', async () => {
    expect(await others(() => drawing)).toEqual([]);
  });

  it('after a step that the end of an epoch made whole is the same run', async () => {
    const points: string[] = [];
    const saver = { onSavePoint: ({ kind }: SavePoint) => void points.push(kind) };
    await train(new Drawn(), { accumulate: 4, epochs: 1, callbacks: [saver] });
    // The second step's end is the epoch's, where the source stands at the next one already.
    expect(points).toEqual(['step', 'epoch']);
  });

  it('from an array is the same run', async () => {
    expect(await others(() => rows())).toEqual([]);
  });

  it('from a source that says where it stands is the same run', async () => {
    expect(await others(() => new Drawn())).toEqual([]);
  });

  it('from a function that draws from the global streams is the same run', async () => {
    const shuffled = function* (): Generator<Rows> {
      for (const b of generator('shuffle').permutation(6)) yield batchOf(b);
    };
    expect(await others(() => shuffled)).toEqual([]);
  });

  it('is refused with another kind of source, and then nothing has changed', async () => {
    const saved: Saved[] = [];
    const saver: Callback = { onSavePoint: (point) => void saved.push(copyOf(point.state())) };
    await train(rows(), { epochs: 1, callbacks: [saver] });
    const state = at(saved, 0);
    const source = new Drawn();
    await expect(train(source, { resume: stateOf(state) })).rejects.toThrow(
      'the saved run had batches 6 in an epoch, this one has null',
    );
    const alike = Object.assign(new Drawn(), { length: 6 });
    await expect(train(alike, { resume: stateOf(state) })).rejects.toThrow(
      new ConfigError(
        'fit: resume: the saved run had a source of batches that did not say where it stood, this one ' +
          'does; resume with the same source',
      ),
    );
    expect(source.stateDict()).toEqual({ drawn: 0, given: 0 });
    const loader = Object.assign(rows(), {
      from: () => rows(),
      generator: generator('shuffle'),
      dataset: null,
    });
    await expect(
      train(loader as unknown as RowOptions['train'], { resume: stateOf(state) }),
    ).rejects.toThrow(
      'the saved run had another source for its batches, this one has a loader with a generator',
    );
  });
});

describe('a metric that gathers over an epoch', () => {
  const batches = rows().map(({ inputs }, b) => ({
    inputs,
    targets: tensor(
      Array.from({ length: SIZE }, (_, i) => (i + b) % 2),
      [SIZE],
      { dtype: 'int32' },
    ),
  }));
  const begin = () => {
    manualSeed(3);
    const model = new Linear(2, 2);
    const optimizer = new SGD(model.parameters(), { lr: 0.5 });
    const metrics = { accuracy, f1: f1(), auc: auc() };
    return { model, options: { train: batches, epochs: 2, optimizer, metrics } };
  };
  const untimed = (history: readonly EpochReport[]): unknown =>
    history.map((report) => ({ ...report, seconds: 0 }));

  it('is the figure of the whole epoch, in training, validation and evaluate', async () => {
    const { model, options } = begin();
    const { history } = await fit(model, { ...options, validation: batches });
    const { validation } = at(history, 1);
    const { metrics } = options;
    const loss = new CrossEntropyLoss();
    const again = await evaluate(model, batches, { loss, metrics });
    expect(validation).toEqual(again);
    // Without a loss there is none.
    const { loss: _, ...figures } = again;
    expect(await evaluate(model, batches, { metrics })).toEqual(figures);
    const inputs = concat(batches.map((batch) => batch.inputs));
    const targets = concat(batches.map((batch) => batch.targets));
    const whole = await evaluate(model, [{ inputs, targets }], { loss, metrics });
    expect(again).toEqual({ ...whole, loss: expect.closeTo(whole.loss, 6) as number });
    const { macro, classes } = await evaluate(model, batches);
    expect(whole.f1).toBeCloseTo(at(classes, 1).f1, 12);
    expect(whole.f1).not.toBeCloseTo(macro.f1, 3);
  });

  it('goes on in the middle of an epoch', async () => {
    const saved: Saved[] = [];
    const saver = { onSavePoint: (point: SavePoint) => void saved.push(copyOf(point.state())) };
    const { model, options } = begin();
    const whole = await fit(model, { ...options, callbacks: [saver] });
    for (const state of saved) {
      const again = begin();
      const resume = stateOf(state);
      const { history } = await fit(again.model, { ...again.options, resume });
      expect(untimed(history)).toEqual(untimed(whole.history));
    }
    const again = begin();
    const { f1: gone, ...metrics } = again.options.metrics;
    const resume = stateOf(at(saved, 2));
    expect(gone).toBeDefined();
    await expect(fit(again.model, { ...again.options, metrics, resume })).rejects.toThrow(
      'the saved run had metrics: loss, accuracy, f1, auc; this one has: loss, accuracy, auc; ',
    );
  });
});

describe('evaluate', () => {
  it('measures what fit measures in validation', async () => {
    const model = net();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const metrics = {
      error: (output: Tensor, { targets }: Rows) => Math.max(...elementsOf(sub(output, targets))),
    };
    const { history } = await fit(model, {
      train: rows(),
      validation: generated,
      epochs: 1,
      optimizer,
      loss: squares,
      metrics,
    });
    const scores = await evaluate(model, rows(), { loss: squares, metrics });
    expect(scores).toEqual(at(history, 0).validation);
    expect(Object.keys(scores)).toEqual(['loss', 'error']);
  });

  it('of classes takes inputs and targets', async () => {
    const model: Model = new Linear(2, 3);
    const targets = tensor([2, 0], [2], { dtype: 'uint8' });
    const inputs = tensor([
      [1, 2],
      [0, 1],
    ]);
    const { total, confusion } = await evaluate(model, [{ inputs, targets }]);
    expect([total, confusion.length]).toEqual([2, 3]);
    await expect(
      evaluate(model, [{ inputs, targets: tensor([2, 0]) }] as AnyBatch[] as never),
    ).rejects.toThrow(
      'evaluate: expected integer targets, the classes, got a float32 tensor [2]; give evaluate a loss, ' +
        'metrics or both for what is no classifier',
    );
    await expect(evaluate(model, rows(), { loss: squares, mistakes: 3 } as never)).rejects.toThrow(
      'evaluate: mistakes: expected no loss and no metrics beside it',
    );
  });
});
