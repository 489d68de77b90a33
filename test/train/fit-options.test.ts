import { ConfigError, manualSeed, mul, slice, sub, sum, Tape, type Tensor } from '@unfold/core';
import { crossEntropy, Flatten, Linear, Module, mseLoss, Sequential } from '@unfold/nn';
import {
  accuracy,
  type Callback,
  clipGradNorm,
  DataLoader,
  EarlyStopping,
  EMA,
  evaluate,
  fit,
  type FitOptions,
  LambdaLR,
  type Metric,
  NonFiniteGradientError,
  ReduceLROnPlateau,
  SGD,
  StepLR,
  type StepReport,
} from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import { describe, expect, it } from 'vitest';
import { CLASSES, stripes } from '../support/runs/stripes.js';

function linearNet(seed = 1): Sequential {
  manualSeed(seed);
  return new Sequential(new Flatten(), new Linear(36, CLASSES));
}

const loader = (batchSize = 16): DataLoader => new DataLoader(stripes(50), { batchSize });
const validation = (): DataLoader => new DataLoader(stripes(30, 2), { batchSize: 8 });
const hashOf = (model: Module): string => weightsSha256(model.stateDict());

describe('fit is what a loop by hand is', () => {
  it('with clipped gradients, an average of the weights and a schedule', async () => {
    const model = linearNet();
    const optimizer = new SGD(model.parameters(), { lr: 0.5 });
    const ema = new EMA(model, { decay: 0.5 });
    const schedule = new StepLR(optimizer, { stepSize: 3, gamma: 0.5 });
    const norms: (number | null)[] = [];
    await fit(model, {
      train: loader(),
      epochs: 2,
      optimizer,
      scheduler: { step: schedule },
      ema,
      clipGradNorm: 0.3,
      callbacks: [{ onStepEnd: ({ gradNorm }) => void norms.push(gradNorm) }],
    });

    const own = linearNet();
    const ownOptimizer = new SGD(own.parameters(), { lr: 0.5 });
    const ownEma = new EMA(own, { decay: 0.5 });
    const ownSchedule = new StepLR(ownOptimizer, { stepSize: 3, gamma: 0.5 });
    const ownNorms: number[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      for (const { images, labels } of loader()) {
        using tape = new Tape();
        ownOptimizer.zeroGrad();
        tape.backward(crossEntropy(own.forward(images), labels));
        ownNorms.push(clipGradNorm(own.parameters(), 0.3));
        ownOptimizer.step();
        ownEma.update();
        ownSchedule.step();
      }
    }
    expect(norms).toEqual(ownNorms);
    expect(Math.max(...ownNorms)).toBeGreaterThan(0.3);
    // When it is over, the model holds the averages; its own weights can be had back.
    expect(ema.isApplied).toBe(true);
    ema.restore();
    expect(hashOf(model)).toBe(hashOf(own));
    ema.apply();
    ownEma.apply();
    expect(hashOf(model)).toBe(hashOf(own));
  });

  it('accumulates gradients over batches, the last step of an epoch over fewer', async () => {
    const model = linearNet();
    const reports: StepReport[] = [];
    await fit(model, {
      train: loader(10), // five batches: steps of two, two and one
      epochs: 2,
      optimizer: new SGD(model.parameters(), { lr: 0.5 }),
      accumulate: 2,
      callbacks: [{ onStepEnd: (report) => void reports.push(report) }],
    });
    const own = linearNet();
    const optimizer = new SGD(own.parameters(), { lr: 0.5 });
    const losses: number[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      let i = 0;
      for (const { images, labels } of loader(10)) {
        using tape = new Tape();
        const share = i === 4 ? 1 : 2;
        if (i % 2 === 0) optimizer.zeroGrad();
        const loss = crossEntropy(own.forward(images), labels);
        losses.push(loss.item());
        tape.backward(mul(loss, 1 / share));
        if (i % 2 === 1 || i === 4) optimizer.step();
        i++;
      }
    }
    expect(hashOf(model)).toBe(hashOf(own));
    expect(reports.map(({ step, stepInEpoch, size }) => [step, stepInEpoch, size])).toEqual([
      [1, 1, 20],
      [2, 2, 20],
      [3, 3, 10],
      [4, 1, 20],
      [5, 2, 20],
      [6, 3, 10],
    ]);
    expect(reports[0]?.loss).toBeCloseTo((Number(losses[0]) + Number(losses[1])) / 2, 12);
    expect(reports[2]?.loss).toBe(losses[4]);
  });

  it('takes another loss and other metrics, for training and validation', async () => {
    /** Learns to give back the image. */
    const model = new (class extends Module {
      readonly linear = new Linear(36, 36);
      forward(x: Tensor): Tensor {
        return this.linear.forward(new Flatten().forward(x));
      }
    })();
    const brightness: Metric = (output, { size }) => sum(output).item() / size;
    const { history } = await fit(model, {
      train: loader(),
      validation: validation(),
      epochs: 3,
      optimizer: new SGD(model.parameters(), { lr: 1 }),
      loss: (output, { images }) => mseLoss(output, new Flatten().forward(images)),
      metrics: { brightness },
    });
    const losses = history.map(({ validation: scores }) => scores?.loss ?? NaN);
    expect(losses[2]).toBeLessThan(Number(losses[0]));
    let [squares, total, count] = [0, 0, 0];
    for (const { images, size } of validation()) {
      const output = model.forward(images);
      const difference = sub(output, new Flatten().forward(images));
      squares += sum(mul(difference, difference)).item();
      total += sum(output).item();
      count += size;
    }
    expect(losses[2]).toBeCloseTo(squares / count / 36, 5);
    expect(history[2]?.validation?.brightness).toBeCloseTo(total / count, 4);
  });
});

describe('schedules', () => {
  it('by epoch step after it, on a plateau with the validation loss', async () => {
    const seen: number[] = [];
    class Spy extends ReduceLROnPlateau {
      override step(metric: number): void {
        seen.push(metric);
        super.step(metric);
      }
    }
    const model = linearNet();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    // No progress is enough, so that each epoch after the first halves the rate.
    const options = { patience: 0, threshold: 10, thresholdMode: 'abs', factor: 0.5 } as const;
    const { history } = await fit(model, {
      train: loader(),
      validation: validation(),
      epochs: 3,
      optimizer,
      scheduler: { epoch: new Spy(optimizer, options) },
    });
    expect(history.map(({ lr }) => lr)).toEqual([0.1, 0.1, 0.05]);
    expect(seen).toEqual(history.map(({ validation: scores }) => scores?.loss));

    seen.length = 0;
    const without = await fit(model, {
      train: loader(),
      epochs: 1,
      optimizer,
      scheduler: { epoch: new Spy(optimizer, options) },
    });
    expect(seen).toEqual([without.history[0]?.train.loss]);
    expect(without.history[0]?.validation).toBe(null);
  });

  it('by step and by epoch go together', async () => {
    const model = linearNet();
    const optimizer = new SGD(model.parameters(), { lr: 1 });
    const rates: number[] = [];
    await fit(model, {
      train: loader(32),
      epochs: 2,
      optimizer,
      scheduler: {
        step: new LambdaLR(optimizer, (step) => 1 / (1 + step)),
        epoch: new StepLR(optimizer, { stepSize: 1 }),
      },
      callbacks: [{ onStepEnd: ({ lr }) => void rates.push(lr) }],
    });
    // After two steps the rate is 1/3, and the epoch's schedule takes a tenth of it.
    expect(rates.map((rate) => Number(rate.toPrecision(6)))).toEqual([1, 0.5, 0.0333333, 0.25]);
  });
});

describe('an average of the weights', () => {
  it('is what is validated, and what the model holds at the end', async () => {
    const model = linearNet();
    const ema = new EMA(model, { decay: 0.9 });
    const { history } = await fit(model, {
      train: loader(),
      validation: validation(),
      epochs: 2,
      optimizer: new SGD(model.parameters(), { lr: 0.5 }),
      metrics: { accuracy },
      ema,
    });
    const averaged = await evaluate(model, validation());
    expect(history[1]?.validation?.loss).toBeCloseTo(averaged.loss, 6);
    ema.restore();
    const own = await evaluate(model, validation());
    expect(Math.abs(own.loss - averaged.loss)).toBeGreaterThan(1e-3);
  });
});

describe('EarlyStopping', () => {
  /** A run whose validation losses are given; what the model is worth in each epoch is in its bias. */
  async function watch(
    losses: readonly number[],
    early: EarlyStopping,
    more: Partial<FitOptions> = {},
  ): Promise<{ epochs: number; stopped: string | null; bias: number }> {
    const model = new Sequential(new Flatten(), new Linear(36, CLASSES));
    let epoch = 0;
    const { history, stopped } = await fit(model, {
      train: loader(50),
      validation: validation(),
      epochs: losses.length,
      optimizer: new SGD(model.parameters(), { lr: 0.01 }),
      callbacks: [
        {
          onValidationBegin() {
            model
              .stateDict()
              .get('1.bias')
              ?.update((data) => data.fill(++epoch));
          },
        },
        early,
      ],
      loss: (output, batch) =>
        model.training
          ? crossEntropy(output, batch.labels)
          : constant(output, losses[epoch - 1] ?? NaN),
      ...more,
    });
    const bias = model.stateDict().get('1.bias')?.data[0] ?? NaN;
    return { epochs: history.length, stopped, bias };
  }

  it('ends the run after so many epochs without progress, with the best weights', async () => {
    const early = new EarlyStopping({ patience: 1 });
    const { epochs, stopped, bias } = await watch([5, 3, 4, 3, 2, 1], early);
    expect(epochs).toBe(4);
    expect(stopped).toBe('no better validation loss than 3 of epoch 2 in 2 epochs');
    expect([early.best, early.bestEpoch, bias]).toEqual([3, 2, 2]);
  });

  it('progress is more than minDelta, and a run that ends by itself has the best weights too', async () => {
    const early = new EarlyStopping({ patience: 9, minDelta: 0.5 });
    const { epochs, stopped, bias } = await watch([5, 4.6, 4.25, 4.5], early);
    expect([epochs, stopped, early.bestEpoch, bias]).toEqual([4, null, 3, 3]);
  });

  it('leaves the last weights if it is told to', async () => {
    const early = new EarlyStopping({ restoreBestWeights: false });
    const { epochs, bias } = await watch([1, 2, 3], early);
    expect([epochs, bias]).toEqual([2, 2]);
  });

  it('watches what rises, too', async () => {
    const early = new EarlyStopping({ mode: 'max' });
    const { epochs } = await watch([1, 2, 2, 3], early);
    expect([epochs, early.best]).toEqual([3, 2]);
  });

  it('says what it lacks', async () => {
    await expect(watch([1, 1], new EarlyStopping({ monitor: 'f1', mode: 'max' }))).rejects.toThrow(
      new ConfigError('EarlyStopping: expected a metric f1, got loss'),
    );
    const model = linearNet();
    const blind = fit(model, {
      train: loader(),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      callbacks: [new EarlyStopping()],
    });
    await expect(blind).rejects.toThrow(
      new ConfigError('EarlyStopping: expected a run with validation, whose loss it could watch'),
    );
    expect(() => new EarlyStopping({ patience: -1 })).toThrow(ConfigError);
    expect(() => new EarlyStopping({ monitor: 'f1' })).toThrow(
      new ConfigError('EarlyStopping: mode: say whether f1 is to fall or rise: min or max'),
    );
  });

  it('looks for the highest accuracy by itself', async () => {
    const model = linearNet();
    const early = new EarlyStopping({ monitor: 'accuracy' });
    // Of the training batch, then of the four of validation, in each epoch.
    let calls = 0;
    const values = [0.5, 0.9, 0.7];
    const { stopped } = await fit(model, {
      train: loader(50),
      validation: validation(),
      epochs: 3,
      optimizer: new SGD(model.parameters(), { lr: 0.01 }),
      metrics: { accuracy: () => values[Math.floor(calls++ / 5)] ?? NaN },
      callbacks: [early],
    });
    expect([early.best, early.bestEpoch]).toEqual([expect.closeTo(0.9, 12), 2]);
    expect(stopped).toBe('no better validation accuracy than 0.9 of epoch 2 in 1 epoch');
  });

  it('forgets an earlier run, and keeps nothing when one fails or is stopped', async () => {
    const early = new EarlyStopping({ patience: 9 });
    await watch([1, 2], early);
    expect((await watch([5, 4], early)).bias).toBe(2);
    expect([early.best, early.bestEpoch]).toEqual([4, 2]);
    const boom: Callback = {
      onEpochEnd() {
        throw new Error('boom');
      },
    };
    await expect(
      watch([1, 2], early, {
        callbacks: [early, boom],
        loss: (output, { labels }) => crossEntropy(output, labels),
      }),
    ).rejects.toThrow('boom');
    expect(early.stateDict().tensors.size).toBe(0);
  });
});

/** The output's sum times 0, plus a number. */
function constant(output: Tensor, value: number): Tensor {
  return sub(mul(sum(output), 0), -value);
}

describe('callbacks', () => {
  const NAMES = [
    'onTrainBegin',
    'onEpochBegin',
    'onBatch',
    'onGradients',
    'onStepEnd',
    'onValidationBegin',
    'onValidationEnd',
    'onEpochEnd',
    'onSavePoint',
    'onTrainEnd',
    'onError',
  ] as const;

  /** Writes down every moment. */
  const recorder = (prefix: string, events: string[]): Callback =>
    Object.fromEntries(NAMES.map((name) => [name, () => void events.push(prefix + name.slice(2))]));

  it('are called at every moment of a run, in their order', async () => {
    const events: string[] = [];
    const model = linearNet();
    await fit(model, {
      train: loader(32),
      validation: validation(),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      callbacks: [recorder('1 ', events), recorder('2 ', events)],
    });
    const step = ['Batch', 'Gradients', 'StepEnd', 'SavePoint'];
    const validated = ['ValidationBegin', 'ValidationEnd', 'EpochEnd', 'SavePoint'];
    const moments = ['TrainBegin', 'EpochBegin', ...step, ...step, ...validated, 'TrainEnd'];
    expect(events).toEqual(moments.flatMap((name) => [`1 ${name}`, `2 ${name}`]));
  });

  it('see the run, may stop it, and hear of its error', async () => {
    const model = linearNet();
    const seen: unknown[] = [];
    const boom = new Error('boom');
    const result = await fit(model, {
      train: loader(32),
      epochs: 9,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      callbacks: [
        {
          onStepEnd(_, run) {
            seen.push([run.epoch, run.step, run.stepsPerEpoch, run.epochs, run.history.length]);
            if (run.step === 3) run.stop('enough');
          },
        },
      ],
    });
    expect(seen).toEqual([
      [1, 1, 2, 9, 0],
      [1, 2, 2, 9, 0],
      [2, 3, 2, 9, 1],
      [2, 4, 2, 9, 1],
    ]);
    expect([result.finished, result.stopped, result.steps]).toEqual([true, 'enough', 4]);

    const events: unknown[] = [];
    const failing = fit(model, {
      train: loader(32),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      callbacks: [
        { onError: (error, { step }) => void events.push([error, step]) },
        {
          onStepEnd() {
            throw boom;
          },
        },
      ],
    });
    await expect(failing).rejects.toBe(boom);
    expect(events).toEqual([[boom, 1]]);

    // One that fails in its turn neither hides the error nor keeps others from hearing of it.
    const bad: Callback = {
      onError() {
        throw new Error('worse');
      },
      onGradients: () => Promise.reject(boom),
    };
    const heard: Callback = { onError: (error) => void events.push(error) };
    const worse = fit(model, {
      train: loader(32),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      callbacks: [bad, heard],
    });
    await expect(worse).rejects.toBe(boom);
    expect(events.at(-1)).toBe(boom);
  });

  it('with a state need a name of their own', async () => {
    const model = linearNet();
    const options = {
      train: loader(),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
    };
    const stateDict = () => ({ tensors: new Map<string, Tensor>(), json: {} });
    await expect(fit(model, { ...options, callbacks: [{ stateDict }] })).rejects.toThrow(
      new ConfigError(
        'fit: callbacks: one with stateDict needs a name of its own, without dots, got none',
      ),
    );
    const twice = [new EarlyStopping(), new EarlyStopping()];
    await expect(fit(model, { ...options, callbacks: twice })).rejects.toThrow(
      new ConfigError(
        "fit: callbacks: one with stateDict needs a name of its own, without dots, got 'earlyStopping' twice",
      ),
    );
  });
});

describe('gradient norms', () => {
  it('are measured when asked for, and change nothing', async () => {
    const train = async (gradNorm: boolean) => {
      const model = linearNet();
      const norms: (number | null)[] = [];
      await fit(model, {
        train: loader(),
        epochs: 1,
        optimizer: new SGD(model.parameters(), { lr: 0.1 }),
        gradNorm,
        callbacks: [{ onStepEnd: (report) => void norms.push(report.gradNorm) }],
      });
      return { norms, hash: hashOf(model) };
    };
    const [measured, not] = [await train(true), await train(false)];
    expect(not.norms).toEqual([null, null, null, null]);
    expect(measured.hash).toBe(not.hash);
    const model = linearNet();
    for (const { images, labels } of loader(50)) {
      // The first batch of 16 alone, in this one.
      using tape = new Tape();
      const logits = slice(model.forward(images), [[0, 16]]);
      tape.backward(crossEntropy(logits, slice(labels, [[0, 16]])));
    }
    const squares = [...model.parameters()].flatMap(({ grad }) => [...(grad?.data ?? [])]);
    expect(measured.norms[0]).toBeCloseTo(Math.hypot(...squares), 6);
  });

  it.each([{ clipGradNorm: 1 }, { gradNorm: true }])(
    'not finite, with %o: an error',
    async (how) => {
      const model = linearNet();
      const run = fit(model, {
        train: loader(),
        epochs: 1,
        optimizer: new SGD(model.parameters(), { lr: 0.1 }),
        ...how,
        callbacks: [
          {
            onGradients() {
              const [weight] = model.parameters();
              weight?.grad?.update((data) => data.fill(Infinity));
            },
          },
        ],
      });
      await expect(run).rejects.toThrow(NonFiniteGradientError);
    },
  );
});

describe('options that are wrong', () => {
  it.each<[string, object, string]>([
    ['epochs', { epochs: 0 }, 'fit: epochs must be an integer from 1, got 0'],
    ['accumulate', { accumulate: 1.5 }, 'fit: accumulate must be an integer from 1, got 1.5'],
    [
      'clipGradNorm',
      { clipGradNorm: -1 },
      'fit: clipGradNorm must be a finite number of at least 0, got -1',
    ],
    [
      'a metric named loss',
      { metrics: { accuracy, loss: accuracy } },
      'fit: metrics: loss is there already; give the metric another name',
    ],
    [
      'a metric that is not finite',
      { metrics: { accuracy: () => NaN } },
      'fit: metrics: accuracy of a batch is not finite; give a finite number',
    ],
    [
      'a misspelt option',
      { vaildation: [] },
      "fit: unknown option 'vaildation'; did you mean validation? The options are train, validation, " +
        'epochs, optimizer, scheduler, loss, metrics, ema, clipGradNorm, gradNorm, accumulate, ' +
        'compile, callbacks, signal, resume',
    ],
    [
      'a schedule by itself',
      { scheduler: new LambdaLR(new SGD(linearNet().parameters(), { lr: 1 }), () => 1) },
      'fit: scheduler: got a schedule; write { step: schedule } or { epoch: schedule }, by when it steps',
    ],
  ])('%s', async (_, wrong, message) => {
    const model = linearNet();
    const run = fit(model, {
      train: loader(),
      epochs: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
      metrics: { accuracy },
      ...(wrong as Partial<FitOptions<'accuracy'>>),
    });
    await expect(run).rejects.toThrow(new ConfigError(message));
  });
});
