import { ConfigError, DTypeError, ones } from '@unfold/core';
import { crossEntropy, CrossEntropyLoss, Flatten, Linear, Sequential } from '@unfold/nn';
import * as train from '@unfold/train';
import {
  Adam,
  CheckpointFile,
  classify,
  clipGradNorm,
  DataLoader,
  Dataset,
  EarlyStopping,
  EMA,
  evaluate,
  fit,
  LambdaLR,
  linearDecay,
  mnist,
  randomAffine,
  randomSplit,
  SGD,
  StepLR,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import {
  call,
  make,
  refuseMisuses,
  send,
  strangeErrors,
  strangeRejections,
} from '../support/misuse.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/*
 * What a plain JavaScript program may call: no type checker has seen it. Nothing that it says is
 * passed over, and what is thrown names the right call.
 */

const net = (): Sequential => new Sequential(new Flatten(), new Linear(36, CLASSES));
const sgd = (model = net()): SGD => new SGD(model.parameters(), { lr: 0.1 });
/** An export by its name. */
const named = (name: keyof typeof train): Function => Reflect.get(train, name) as Function;
const loader = (): DataLoader => new DataLoader(stripes(8), { batchSize: 4 });

/** `fit` with one option changed. */
function fitWith(changed: object): Promise<unknown> {
  const model = net();
  const options = { train: loader(), epochs: 1, optimizer: sgd(model), ...changed };
  return call(fit, model, options) as Promise<unknown>;
}

describe('a call that is wrong is an error that names the right one', () => {
  refuseMisuses([
    [
      'new SGD(model)',
      () => make(SGD, net(), { lr: 0.1 }),
      DTypeError,
      'SGD: expected Parameters, got a Sequential; pass model.parameters()',
    ],
    [
      'new SGD(parameters) without options',
      () => make(SGD, net().parameters()),
      ConfigError,
      'SGD: expected options as an object, such as { lr: … }, got undefined; the options are lr, momentum, dampening, weightDecay, nesterov',
    ],
    [
      'new SGD(parameters, 0.1)',
      () => make(SGD, net().parameters(), 0.1),
      ConfigError,
      'SGD: expected options as an object, such as { lr: … }, got 0.1; the options are lr, momentum, dampening, weightDecay, nesterov',
    ],
    [
      "new SGD(parameters, { lr: '0.1' })",
      () => make(SGD, net().parameters(), { lr: '0.1' }),
      ConfigError,
      "SGD: lr must be a finite number of at least 0, got '0.1'",
    ],
    [
      'new Adam(parameters, { weight_decay })',
      () => make(Adam, net().parameters(), { weight_decay: 0.1 }),
      ConfigError,
      "Adam: unknown option 'weight_decay'; did you mean weightDecay? The options are lr, betas, eps, weightDecay, amsgrad",
    ],
    [
      'optimizer.loadStateDict(undefined)',
      () => send(sgd(), 'loadStateDict', undefined),
      ConfigError,
      'SGD.loadStateDict: expected an object, got undefined',
    ],
    [
      'new StepLR({ stepSize })',
      () => make(StepLR, { stepSize: 3 }),
      ConfigError,
      'StepLR: expected an optimiser, such as new SGD(model.parameters(), { lr }), got { stepSize: 3 }',
    ],
    [
      'new StepLR(optimizer, 30)',
      () => make(StepLR, sgd(), 30),
      ConfigError,
      'StepLR: expected options as an object, such as { stepSize: … }, got 30; the options are stepSize, gamma',
    ],
    [
      'new LambdaLR(optimizer, 0.9)',
      () => make(LambdaLR, sgd(), 0.9),
      ConfigError,
      'LambdaLR: expected a function, such as (step) => 0.9 ** step, got 0.9',
    ],
    [
      "linearDecay('1', 10)",
      () => call(linearDecay, '1', 10),
      ConfigError,
      "linearDecay: expected two numbers, got '1' and 10",
    ],
    [
      'new EMA(model, 0.99)',
      () => make(EMA, net(), 0.99),
      ConfigError,
      'EMA: expected options as an object, such as { decay: … }, got 0.99; the options are decay, useBuffers',
    ],
    [
      'new EMA(model.parameters())',
      () => make(EMA, [...net().parameters()].length),
      ConfigError,
      'EMA: expected a Module, got 2',
    ],
    [
      'clipGradNorm(model, 1)',
      () => call(clipGradNorm, net(), 1),
      DTypeError,
      'clipGradNorm: expected Parameters, got a Sequential; pass model.parameters()',
    ],
    [
      'new DataLoader(array)',
      () => make(DataLoader, [1, 2]),
      ConfigError,
      'DataLoader: expected a Dataset, or { length, get(index) }, got [1, 2]; make one with Dataset.fromArrays or mnist()',
    ],
    [
      'new DataLoader(dataset, 32)',
      () => make(DataLoader, stripes(8), 32),
      ConfigError,
      'DataLoader: expected options as an object, such as { batchSize: … }, got 32; the options are batchSize, shuffle, dropLast, normalization, augment, prefetch, generator, seed, transform, collate',
    ],
    [
      'new DataLoader(dataset, { batch_size })',
      () => make(DataLoader, stripes(8), { batch_size: 4 }),
      ConfigError,
      "DataLoader: unknown option 'batch_size'; did you mean batchSize? The options are batchSize, shuffle, dropLast, normalization, augment, prefetch, generator, seed, transform, collate",
    ],
    [
      "new DataLoader(dataset, { shuffle: 'false' })",
      () => make(DataLoader, stripes(8), { shuffle: 'false' }),
      ConfigError,
      "DataLoader: shuffle must be true or false, got 'false'",
    ],
    [
      'new Dataset(arrays)',
      () => make(Dataset, { images: new Uint8Array(4) }),
      ConfigError,
      'Dataset: expected arrays that were checked; Dataset.fromArrays({ images, shape, labels }) makes one',
    ],
    [
      'Dataset.fromArrays(images, labels)',
      () => call(Dataset.fromArrays.bind(Dataset), new Uint8Array(4), [1]),
      ConfigError,
      'Dataset.fromArrays: expected options as an object, such as { images: … }, got a Uint8Array; the options are images, shape, labels, classes',
    ],
    [
      'randomSplit(dataset, 0.8)',
      () => call(randomSplit, stripes(8), 0.8),
      ConfigError,
      'randomSplit: expected a list of lengths, such as [0.9, 0.1], got 0.8',
    ],
    [
      'randomAffine(10)',
      () => call(randomAffine, 10),
      ConfigError,
      'randomAffine: expected options as an object, such as { degrees: … }, got 10; the options are degrees, translate, scale, shear, fill',
    ],
    [
      'evaluate(model, dataset)',
      () => call(evaluate, net(), stripes(8)),
      ConfigError,
      'evaluate: expected a loader, or another source of batches, got a Dataset; new DataLoader(dataset, { batchSize }) makes one',
    ],
    [
      'evaluate(model, [x, y])',
      () => call(evaluate, net(), [ones([2, 36])]),
      ConfigError,
      'evaluate: expected batches { inputs, targets } of tensors, or lists and plain objects of tensors, or { images, labels } as a DataLoader over images gives them, got a float32 tensor [2,36]',
    ],
    [
      'evaluate(loader, model)',
      () => call(evaluate, loader(), net()),
      ConfigError,
      'evaluate: expected a model, a Module with forward, got a DataLoader',
    ],
    [
      'fit(model)',
      () => call(fit, net()),
      ConfigError,
      'fit: expected options as an object, such as { train: … }, got undefined; the options are train, validation, epochs, optimizer, scheduler, loss, metrics, ema, clipGradNorm, gradNorm, accumulate, compile, callbacks, signal, resume',
    ],
    [
      "fit: epochs: '3'",
      () => fitWith({ epochs: '3' }),
      ConfigError,
      "fit: epochs must be an integer from 1, got '3'",
    ],
    [
      'fit: validation: a Dataset',
      () => fitWith({ validation: stripes(8) }),
      ConfigError,
      'fit: validation: expected a loader, or another source of batches, got a Dataset; new DataLoader(dataset, { batchSize }) makes one',
    ],
    [
      'fit: an optimiser over another model',
      () => fitWith({ optimizer: sgd() }),
      ConfigError,
      'fit: optimizer: expected one over the model, got one that has none of its parameters; make it over model.parameters()',
    ],
    [
      'fit: a loss that returns a number',
      () => fitWith({ loss: () => 0.5 }),
      ConfigError,
      'fit: loss: expected a tensor of one element, got 0.5; without item(), which no gradient flows through',
    ],
    [
      'fit: a loss that returns a promise',
      () => fitWith({ loss: async () => ones([]) }),
      ConfigError,
      'fit: loss: expected a tensor of one element, got a Promise; a loss is not async',
    ],
    [
      'fit: a loss of output and targets',
      () => fitWith({ loss: crossEntropy }),
      ConfigError,
      'fit: loss: expected a function of output and batch, got crossEntropy, which takes output and targets; write (output, { targets }) => crossEntropy(output, targets)',
    ],
    [
      'fit: the class of a loss',
      () => fitWith({ loss: CrossEntropyLoss }),
      ConfigError,
      'fit: loss: expected a loss, got a class; write new CrossEntropyLoss()',
    ],
    [
      'fit: a loss that is a number',
      () => fitWith({ loss: 3 }),
      ConfigError,
      'fit: loss: expected a function of output and batch, or a loss module such as new MSELoss(), got 3',
    ],
    [
      'fit: a metric that returns a tensor',
      () => fitWith({ metrics: { size: () => ones([]) } }),
      ConfigError,
      'fit: metrics: size: expected a number for a batch, got a float32 tensor []; its item() is one',
    ],
    [
      'fit: a metric that returns a promise',
      () => fitWith({ metrics: { size: async () => 1 } }),
      ConfigError,
      'fit: metrics: size: expected a number for a batch, got a Promise; a metric is not async',
    ],
    [
      'fit: metrics in a list',
      () => fitWith({ metrics: [train.accuracy] }),
      ConfigError,
      'fit: metrics: expected functions, or metrics such as f1(), by name, as in { accuracy, f1: f1() }, got [the function accuracy]',
    ],
    [
      'fit: a misspelt callback',
      () => fitWith({ callbacks: [{ onEpochEnds() {} }] }),
      ConfigError,
      "fit: callbacks[0]: unknown option 'onEpochEnds'; did you mean onEpochEnd? The options are onTrainBegin, onEpochBegin, onBatch, onGradients, onStepEnd, onValidationBegin, onValidationEnd, onEpochEnd, onSavePoint, onTrainEnd, onError, stateDict, loadStateDict",
    ],
    [
      'fit: a callback that is a function',
      () => fitWith({ callbacks: [() => 1] }),
      ConfigError,
      'fit: callbacks[0]: expected an object with methods, such as { onEpochEnd(report) {} }, got a function',
    ],
    [
      'fit: ema: 0.99',
      () => fitWith({ ema: 0.99 }),
      ConfigError,
      'fit: ema must be an EMA, got 0.99',
    ],
    [
      'fit: signal: the controller',
      () => fitWith({ signal: new AbortController() }),
      ConfigError,
      'fit: signal: expected an AbortSignal, got an AbortController; pass controller.signal',
    ],
    [
      "new EarlyStopping({ monitor: 'acuracy' })",
      () => make(EarlyStopping, { monitor: 'acuracy' }),
      ConfigError,
      'EarlyStopping: mode: say whether acuracy is to fall or rise: min or max; or did you mean accuracy?',
    ],
    [
      'new EarlyStopping(3)',
      () => make(EarlyStopping, 3),
      ConfigError,
      'EarlyStopping: expected options as an object, such as { monitor: … }, got 3; the options are monitor, mode, patience, minDelta, restoreBestWeights',
    ],
    [
      'new CheckpointFile({ file })',
      () => make(CheckpointFile, { file: 'a' }),
      ConfigError,
      "CheckpointFile: expected the name of a file, got { file: 'a' }",
    ],
    [
      "mnist('data')",
      () => call(mnist, 'data'),
      ConfigError,
      "mnist: expected options as an object, such as { dataDir: … }, got 'data'; the options are dataDir, cacheDir, allowDownload, packageRoots, mirrors, timeoutMs",
    ],
    [
      'classify(model, pictures)',
      () => call(classify, net(), []),
      ConfigError,
      'classify: expected { model, normalization }, as loadTrainedModel gives it, got a Sequential',
    ],
  ]);
});

describe('whatever the arguments are, errors are ours', () => {
  const isClass = (value: unknown): boolean => /^class\b/.test(String(value));
  const all = Object.entries(train).filter(([, value]) => typeof value === 'function');
  // They are waited for; mnist may find the digits, or look for them.
  const asynchronous = [
    'fit',
    'evaluate',
    'loadRun',
    'loadTrainedModel',
    'predict',
    'saveModel',
    'loadModel',
  ];
  const functions = all.filter(
    ([name, value]) => !isClass(value) && ![...asynchronous, 'mnist'].includes(name),
  );
  // These are for subclasses, or for errors.
  const others = new Set(['Optimizer', 'ParameterState', 'LRScheduler']);
  const classes = all.filter(
    ([name, value]) => isClass(value) && !others.has(name) && !name.endsWith('Error'),
  );

  /** Classes of so many weights that one argument has to do. */
  const large = new Set(['ResNet18', 'MobileNetV2']);

  it.each(functions)('%s', { timeout: 60_000 }, (_name, fn) => {
    expect(strangeErrors((...args) => call(fn as Function, ...args), 3)).toEqual([]);
  });

  it.each(classes)('new %s', { timeout: 60_000 }, (name, kind) => {
    const count = large.has(name) ? 1 : 2;
    expect(strangeErrors((...args) => make(kind as Function, ...args), count)).toEqual([]);
  });

  it.each(['SGD', 'Adam', 'AdamW', 'Adagrad', 'RMSprop'] as const)(
    'new %s(parameters, …)',
    (name) => {
      const model = net();
      const run = (options: unknown): unknown => make(named(name), model.parameters(), options);
      expect(strangeErrors(run, 1)).toEqual([]);
      const optimizer = make(named(name), model.parameters(), { lr: 0.1 }) as SGD;
      expect(strangeErrors((state) => send(optimizer, 'loadStateDict', state), 1)).toEqual([]);
    },
  );

  it.each([
    'StepLR',
    'MultiStepLR',
    'ExponentialLR',
    'LambdaLR',
    'LinearLR',
    'CosineAnnealingLR',
    'CosineAnnealingWarmRestarts',
    'OneCycleLR',
    'SequentialLR',
    'ReduceLROnPlateau',
  ] as const)('new %s(optimizer, …)', (name) => {
    expect(strangeErrors((...args) => make(named(name), sgd(), ...args), 2)).toEqual([]);
  });

  it.each(asynchronous)('%s', { timeout: 60_000 }, async (name) => {
    const fn = named(name as keyof typeof train);
    expect(await strangeRejections((...args) => call(fn, ...args), 2)).toEqual([]);
  });

  it('evaluate and fit with a model', { timeout: 60_000 }, async () => {
    const model = net();
    expect(await strangeRejections((...args) => call(evaluate, model, ...args), 2)).toEqual([]);
    expect(
      await strangeRejections((options) => call(evaluate, model, loader(), options), 1),
    ).toEqual([]);
    for (const name of [
      'train',
      'validation',
      'epochs',
      'optimizer',
      'scheduler',
      'loss',
      'metrics',
      'ema',
      'clipGradNorm',
      'gradNorm',
      'accumulate',
      'callbacks',
      'signal',
      'resume',
    ]) {
      const run = (value: unknown): Promise<unknown> =>
        name === 'epochs' && value === 3 ? Promise.resolve() : fitWith({ [name]: value });
      expect([name, await strangeRejections(run, 1)]).toEqual([name, []]);
    }
  });

  it('the methods of a dataset, of a loader and of an average', () => {
    const dataset = stripes(8);
    for (const method of ['image', 'label', 'slice', 'subset', 'get', 'map']) {
      expect(strangeErrors((...args) => send(dataset, method, ...args), 2)).toEqual([]);
    }
    const columns = Dataset.fromArrays({ inputs: [1, 2], targets: [3, 4] });
    for (const method of ['slice', 'subset', 'get', 'map']) {
      expect(strangeErrors((...args) => send(columns, method, ...args), 2)).toEqual([]);
      const samples = columns.map((sample) => sample);
      expect(strangeErrors((...args) => send(samples, method, ...args), 2)).toEqual([]);
    }
    const fromArrays = Dataset.fromArrays.bind(Dataset);
    expect(
      strangeErrors((inputs, targets) => call(fromArrays, { inputs, targets, classes: 3 }), 2),
    ).toEqual([]);
    expect(
      strangeErrors((inputs, data) => call(fromArrays, { inputs: { inputs, data } }), 2),
    ).toEqual([]);
    expect(
      strangeErrors((data, shape) => call(fromArrays, { inputs: { data, shape } }), 2),
    ).toEqual([]);
    // What a sample holds, and what a transform and a collate give.
    expect(
      strangeErrors((...given) => {
        const dataset = { length: given.length, get: (i: number) => ({ inputs: given[i] }) };
        return [...(make(DataLoader, dataset, { batchSize: 2 }) as DataLoader)];
      }, 2),
    ).toEqual([]);
    for (const option of ['transform', 'collate']) {
      expect(
        strangeErrors((given) => {
          const options = { batchSize: 2, [option]: () => given };
          return [...(make(DataLoader, columns, options) as DataLoader)];
        }, 1),
      ).toEqual([]);
    }
    expect(strangeErrors((...args) => send(loader(), 'from', ...args), 1)).toEqual([]);
    const ema = new EMA(net());
    expect(strangeErrors((...args) => send(ema, 'loadStateDict', ...args), 1)).toEqual([]);
    const stopping = new EarlyStopping();
    expect(strangeErrors((...args) => send(stopping, 'loadStateDict', ...args), 1)).toEqual([]);
  });
});
