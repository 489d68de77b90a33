import {
  add,
  compile,
  configureEngine,
  heapStats,
  manualSeed,
  mul,
  randn,
  relu,
  Scope,
  Tape,
  tensor,
  type Tensor,
} from '@unfold/core';
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  Dropout2d,
  Flatten,
  GELU,
  LayerNorm,
  LeakyReLU,
  Linear,
  MaxPool2d,
  Module,
  mseLoss,
  ReLU,
  Sequential,
  type Layer,
} from '@unfold/nn';
import {
  Adagrad,
  Adam,
  AdamW,
  clipGradNorm,
  clipGradValue,
  DataLoader,
  EMA,
  fit,
  LambdaLR,
  OneCycleLR,
  RMSprop,
  SGD,
  type FitOptions,
  type Optimizer,
} from '@unfold/train';
import { weightsSha256 } from '@unfold/io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/** x + f(x), where both have one shape. */
class Residual extends Module {
  readonly body: Layer;
  constructor(body: Layer) {
    super();
    this.body = body;
  }
  forward(x: Tensor): Tensor {
    return relu(add(x, this.body.forward(x)));
  }
}

/** Layers of every kind that behaves in its own way, with a branch; images `[N, 1, 6, 6]`. */
function everything(): Layer {
  manualSeed(3);
  return new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    new LeakyReLU(),
    new Residual(
      new Sequential(
        new Conv2d(8, 8, 3, { padding: 1, groups: 2 }),
        new BatchNorm2d(8, { momentum: null }),
      ),
    ),
    new Dropout2d(0.2),
    new MaxPool2d(2),
    new Conv2d(8, 6, 2),
    new ReLU(),
    new AvgPool2d(2),
    new Flatten(),
    new LayerNorm(6),
    new GELU(),
    new Dropout(0.3),
    new Linear(6, CLASSES),
  );
}

const OPTIMIZERS: Readonly<Record<string, (model: Layer) => Optimizer>> = {
  SGD: (model) => new SGD(model.parameters(), { lr: 0.1 }),
  'SGD with momentum': (model) =>
    new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
  Adam: (model) => new Adam(model.parameters(), { lr: 0.01, amsgrad: true }),
  AdamW: (model) => new AdamW(model.parameters(), { lr: 0.01 }),
  Adagrad: (model) => new Adagrad(model.parameters(), { lr: 0.05, lrDecay: 0.1 }),
  RMSprop: (model) =>
    new RMSprop(model.parameters(), { lr: 0.01, centered: true, momentum: 0.5, weightDecay: 1e-3 }),
};

function bitsOf(model: Layer): string {
  return weightsSha256(model.stateDict());
}

describe.each(Object.keys(OPTIMIZERS))('a whole step by %s as a program', (name) => {
  it.each([1, 2])('gives the same bits on %d thread(s)', async (threads) => {
    await configureEngine({ threads });
    const train = async (isCompiled: boolean): Promise<string> => {
      const model = everything();
      const make = OPTIMIZERS[name] as (model: Layer) => Optimizer;
      const optimizer = make(model);
      const ema = new EMA(model, { decay: 0.9 });
      let calls = 0;
      const step = (images: Tensor, labels: Tensor): Tensor => {
        calls++;
        optimizer.zeroGrad();
        const loss = Tape.run((tape) => {
          const value = crossEntropy(model.forward(images), labels, { labelSmoothing: 0.1 });
          tape.backward(value);
          return value;
        });
        clipGradNorm(model.parameters(), 0.5);
        clipGradValue(model.parameters(), 0.2);
        optimizer.step();
        ema.update();
        return loss;
      };
      const run = isCompiled ? compile(step, { modules: [model] }) : step;
      const losses: number[] = [];
      manualSeed(5);
      for (let i = 0; i < 12; i++) {
        using _scope = new Scope();
        optimizer.lr = 0.1 / (i + 1);
        const labels = Int32Array.from({ length: 10 }, (_, row) => (row + i) % CLASSES);
        losses.push(run(randn([10, 1, 6, 6]), tensor(labels)).item());
      }
      // The first calls make what outlives them: state, averages.
      if (isCompiled) expect(calls).toBeLessThan(5);
      ema.apply();
      return `${losses.join()} ${bitsOf(model)}`;
    };
    expect(await train(true)).toBe(await train(false));
    await configureEngine({ threads: 1 });
  });
});

/** Layers whose parameters and gradients are large enough for threads to share. */
function wide(): Layer {
  manualSeed(4);
  return new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(8, 8, 3, { padding: 1 }),
    new ReLU(),
    new Flatten(),
    new Linear(288, 150),
    new ReLU(),
    new Linear(150, 230),
    new ReLU(),
    new Linear(230, CLASSES),
  );
}

it.each(Object.keys(OPTIMIZERS).flatMap((name) => [1, 2].map((threads) => ({ name, threads }))))(
  'launches side by side in a step by $name give the same bits on $threads thread(s)',
  async ({ name, threads }) => {
    await configureEngine({ threads });
    const train = (isCompiled: boolean): string => {
      const model = wide();
      const optimizer = (OPTIMIZERS[name] as (model: Layer) => Optimizer)(model);
      const step = (images: Tensor, labels: Tensor): Tensor => {
        optimizer.zeroGrad();
        const loss = Tape.run((tape) => {
          const value = crossEntropy(model.forward(images), labels);
          tape.backward(value);
          return value;
        });
        optimizer.step();
        return loss;
      };
      const program = isCompiled ? compile(step, { modules: [model] }) : null;
      const run = program ?? step;
      const losses: number[] = [];
      manualSeed(6);
      for (let i = 0; i < 8; i++) {
        using _scope = new Scope();
        const labels = Int32Array.from({ length: 64 }, (_, row) => (row + i) % CLASSES);
        losses.push(run(randn([64, 1, 6, 6]), tensor(labels)).item());
      }
      if (program) {
        const joined = program.stats?.joined ?? [];
        expect(joined).toContain('matmul + add + relu');
        expect(joined).toContain('conv2d backward + relu backward | conv2d backward');
        const update = { SGD: 'sgdStep', Adam: 'adamStep' }[name.slice(0, 4).trim()];
        if (update) expect(joined).toContain(`${update} × 10`);
      }
      return `${losses.join()} ${bitsOf(model)}`;
    };
    expect(train(true)).toBe(train(false));
    await configureEngine({ threads: 1 });
  },
);

describe('fit', () => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  afterEach(() => warnings.mockClear());

  async function train(
    model: Layer,
    optimizer: Optimizer,
    options: Partial<FitOptions>,
  ): Promise<string> {
    manualSeed(11);
    using loader = new DataLoader(stripes(50), { batchSize: 20, shuffle: true });
    using validation = new DataLoader(stripes(30), { batchSize: 20 });
    const { history } = await fit(model, {
      train: loader,
      validation,
      epochs: 3,
      optimizer,
      ...options,
    });
    const losses = history.map(({ train, validation }) => [train.loss, validation?.loss]);
    return `${losses.join()} ${bitsOf(model)}`;
  }

  const CASES: Readonly<Record<string, (optimizer: Optimizer) => Partial<FitOptions>>> = {
    'as it is': () => ({}),
    'with clipping and a schedule': (optimizer) => ({
      clipGradNorm: 0.4,
      scheduler: { step: new LambdaLR(optimizer, (step) => 1 / (1 + step)) },
    }),
    'with a cycle of rates and momenta': (optimizer) => ({
      scheduler: {
        step: new OneCycleLR(optimizer, {
          maxLr: 0.1,
          totalSteps: 9,
          cycleMomentum:
            'momentum' in (optimizer.groups[0] ?? {}) || 'betas' in (optimizer.groups[0] ?? {}),
        }),
      },
    }),
    'with gradients of several batches': () => ({ accumulate: 2 }),
    'with a loss of its own': () => ({
      loss: (output, { labels }) => crossEntropy(output, labels, { labelSmoothing: 0.2 }),
    }),
  };
  for (const [about, options] of Object.entries(CASES)) {
    it.each(Object.keys(OPTIMIZERS))(
      `${about}, gives the bits of an eager run: %s`,
      async (name) => {
        const run = (isCompiled: boolean): Promise<string> => {
          const model = everything();
          const optimizer = (OPTIMIZERS[name] as (model: Layer) => Optimizer)(model);
          return train(model, optimizer, { ...options(optimizer), compile: isCompiled });
        };
        expect(await run(true)).toBe(await run(false));
        expect(warnings).not.toHaveBeenCalled();
      },
    );
  }

  it('with averaged weights, gives the bits of an eager run', async () => {
    const run = (isCompiled: boolean): Promise<string> => {
      const model = everything();
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      return train(model, optimizer, { ema: new EMA(model), compile: isCompiled });
    };
    expect(await run(true)).toBe(await run(false));
  });

  /** A model whose forward counts its calls. */
  class Counted extends Module {
    static calls = 0;
    readonly linear = new Linear(36, CLASSES);
    forward(x: Tensor): Tensor {
      Counted.calls++;
      return this.linear.forward(new Flatten().forward(x));
    }
  }

  it('calls the model for a few batches only', async () => {
    Counted.calls = 0;
    const model = new Counted();
    using loader = new DataLoader(stripes(200), { batchSize: 10 });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    await fit(model, { train: loader, epochs: 3, optimizer });
    // Twice to compare, and once at the beginning of each epoch.
    expect(Counted.calls).toBeLessThan(6);
  });

  it('goes on uncompiled, after one warning, where a model draws numbers by itself', async () => {
    class Noisy extends Module {
      static calls = 0;
      readonly linear = new Linear(36, CLASSES);
      forward(x: Tensor): Tensor {
        Noisy.calls++;
        const noise = tensor([1 + Math.random() / 100]);
        return this.linear.forward(new Flatten().forward(relu(add(x, noise))));
      }
    }
    const model = new Noisy();
    using loader = new DataLoader(stripes(100), { batchSize: 10 });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    await fit(model, { train: loader, epochs: 2, optimizer });
    expect(Noisy.calls).toBe(20);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]?.[0]).toMatch(/two calls for the same shapes/);
  });

  it('goes on uncompiled, after one warning, where a property changes from step to step', async () => {
    class Scheduled extends Module {
      factor = 1;
      readonly linear = new Linear(36, CLASSES);
      forward(x: Tensor): Tensor {
        return this.linear.forward(new Flatten().forward(relu(mul(x, this.factor))));
      }
    }
    const model = new Scheduled();
    const other = new Scheduled();
    other.loadStateDict(model.stateDict());
    for (const [net, isCompiled] of [
      [model, true],
      [other, false],
    ] as const) {
      using loader = new DataLoader(stripes(200), { batchSize: 10 });
      const optimizer = new SGD(net.parameters(), { lr: 0.1 });
      const callbacks = [{ onStepEnd: () => void (net.factor *= 0.9) }];
      await fit(net, { train: loader, epochs: 1, optimizer, callbacks, compile: isCompiled });
    }
    expect(bitsOf(model)).toBe(bitsOf(other));
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]?.[0]).toMatch(/is another in each call/);
  });

  it('notices a mode, a property, a layer and a weight that change', async () => {
    manualSeed(1);
    class Net extends Module {
      factor = 1;
      drop = new Dropout(0.5);
      linear = new Linear(4, 4, { bias: false });
      forward(x: Tensor): Tensor {
        return relu(add(this.linear.forward(this.drop.forward(x)), this.factor));
      }
    }
    const net = new Net().eval();
    const fast = compile(net);
    const x = randn([2, 4]);
    const check = (): void => {
      using _scope = new Scope();
      manualSeed(9);
      const eager = net.forward(x).toArray();
      manualSeed(9);
      expect(fast(x).toArray()).toEqual(eager);
    };
    check();
    check();
    net.factor = 2;
    check();
    net.train();
    check();
    net.eval();
    net.linear = new Linear(4, 4, { bias: false });
    check();
    net.linear.weight.update((data) => data.fill(0.5));
    check();
    net.linear.weight.data[0] = 3;
    check();
    check();
    const handle = net.linear.registerForwardHook((_module, _inputs, output) =>
      output instanceof Object ? relu(output as Tensor) : undefined,
    );
    check();
    handle.remove();
    check();
    await Promise.resolve();
  });

  it('refuses a schedule inside a step', () => {
    const model = new Sequential(new Linear(2, 2));
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const schedule = new LambdaLR(optimizer, (step) => 1 / (1 + step));
    const step = compile((x: Tensor) => {
      schedule.step();
      return model.forward(x);
    });
    using _scope = new Scope();
    expect(() => step(randn([1, 2]))).toThrow(/sets learning rates by a schedule/);
  });

  it('keeps memory flat', () => {
    const model = new Sequential(new Linear(4, 3), new ReLU(), new Linear(3, 2));
    const optimizer = new Adam(model.parameters());
    const [x, y] = [randn([5, 4]), randn([5, 2])];
    const step = compile(
      () => {
        optimizer.zeroGrad();
        using tape = new Tape();
        tape.backward(mseLoss(model.forward(x), y));
        optimizer.step();
      },
      { modules: [model] },
    );
    for (let i = 0; i < 5; i++) step();
    const { usedBytes, liveTensors } = heapStats();
    for (let i = 0; i < 2000; i++) step();
    expect(heapStats()).toMatchObject({ usedBytes, liveTensors });
  });
});
