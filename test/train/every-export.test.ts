import { ones, tensor, type Tensor } from '@unfold/core';
import { Flatten, Linear, Sequential } from '@unfold/nn';
import * as train from '@unfold/train';
import { describe } from 'vitest';
import { call, make, type Misuses, refuseInEveryExport, send } from '../support/misuse.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/* Every export of train, called as a plain JavaScript program may call it by mistake. */

const net = (): Sequential => new Sequential(new Flatten(), new Linear(36, CLASSES));
const loader = (): train.DataLoader => new train.DataLoader(stripes(8), { batchSize: 4 });
const sgd = (model = net()): train.SGD => new train.SGD(model.parameters(), { lr: 0.1 });
const columns = (): train.ArrayDataset =>
  train.Dataset.fromArrays({ inputs: [1, 2], targets: [3, 4] });
const samples = (): object => train.mapDataset(stripes(8), (sample) => sample);
const image = (): object => ({ data: new Float64Array(4), shape: [1, 2, 2] });

/** An augmentation or a layer that takes options only. */
const optionsOnly = (fn: Function, option: string): Misuses => ({
  withOptions: (options) => call(fn, options),
  option,
  wrong: {},
});

const optimizer = (Kind: Function): Misuses => ({
  withOptions: (options) => make(Kind, net().parameters(), options),
  option: 'weightDecay',
  wrong: {
    'new Kind(model)': () => make(Kind, net(), { lr: 0.1 }),
    'new Kind([])': () => make(Kind, [], { lr: 0.1 }),
    'new Kind([[1, 2]])': () => make(Kind, [[1, 2]], { lr: 0.1 }),
    'new Kind(tensors)': () => make(Kind, [ones([2])], { lr: 0.1 }),
    'new Kind(parameters, { lr: text })': () => make(Kind, net().parameters(), { lr: '0.1' }),
    'new Kind(parameters, { lr: BigInt })': () => make(Kind, net().parameters(), { lr: 1n }),
    'step(closure)': () => send(made(Kind), 'step', () => 1),
    'loadStateDict(null)': () => send(made(Kind), 'loadStateDict', null),
    'loadStateDict({})': () => send(made(Kind), 'loadStateDict', {}),
    'loadStateDict(optimizer)': () => send(made(Kind), 'loadStateDict', sgd()),
    'lr = text': () => Object.assign(made(Kind), { lr: '0.1' }),
    'lr of a group = NaN': () => Object.assign((made(Kind).groups[0] ?? {}) as object, { lr: NaN }),
    'an option of a group that there is none of': () =>
      Object.assign((made(Kind).groups[0] ?? {}) as object, { learning_rate: 1 }),
  },
});

const made = (Kind: Function): train.SGD =>
  make(Kind, net().parameters(), { lr: 0.1 }) as train.SGD;

const batchOf = (): unknown => [...loader().batches()][0];

/** A metric of an output and a batch. */
const ofOutput = (metric: Function): Misuses => ({
  wrong: {
    'metric()': () => call(metric),
    'metric(output)': () => call(metric, ones([2])),
    'metric(output, targets)': () => call(metric, ones([2]), ones([2])),
    'metric([1, 2], batch)': () => call(metric, [1, 2], batchOf()),
    'metric(output, batch) of other shapes': () => call(metric, ones([2]), batchOf()),
  },
});

/** A metric that takes no options and accumulates. */
const accumulating = (metric: () => train.AccumulatingMetric<train.AnyBatch>): Misuses => ({
  wrong: {
    'metric(output, batch)': () => call(metric, logits(), batchOf()),
    'metric({ classes: 2 })': () => call(metric, { classes: 2 }),
    'update()': () => send(metric().create(), 'update'),
    'update(output, targets)': () => send(metric().create(), 'update', ones([2]), ones([2])),
    'compute()': () => send(metric().create(), 'compute'),
    'loadStateDict(null)': () => send(metric().create(), 'loadStateDict', null),
    'loadStateDict({})': () => send(metric().create(), 'loadStateDict', {}),
  },
});

/** @param needed Options without which there is no such schedule. */
const schedule = (Kind: Function, option: string, needed: object): Misuses => ({
  withOptions: (options) => make(Kind, sgd(), options),
  option,
  wrong: {
    'new Kind(model)': () => make(Kind, net(), needed),
    'new Kind(options)': () => make(Kind, needed),
    'new Kind(0.1)': () => make(Kind, 0.1, needed),
    'step(metric)': () => send(make(Kind, sgd(), needed) as object, 'step', 0.5),
    'step(NaN)': () => send(make(Kind, sgd(), needed) as object, 'step', NaN),
    'loadStateDict(null)': () => send(make(Kind, sgd(), needed) as object, 'loadStateDict', null),
    'loadStateDict of another': () =>
      send(make(Kind, sgd(), needed) as object, 'loadStateDict', { scheduler: 'Other' }),
  },
});

const model = (Kind: Function): Misuses => ({
  wrong: {
    'new Model(5)': () => make(Kind, 5),
    'new Model({ classes: 5 })': () => make(Kind, { classes: 5 }),
  },
});

/** A model of so many classes. */
const vision = (Kind: Function): Misuses => ({
  withOptions: (options) => make(Kind, options),
  option: 'numClasses',
  wrong: {
    'new Model({ numClasses: 0 })': () => make(Kind, { numClasses: 0 }),
    "new Model({ numClasses: '10' })": () => make(Kind, { numClasses: '10' }),
  },
});

class OwnOptimizer extends train.Optimizer<{ lr: number }> {
  constructor(parameters: never, options: never) {
    super({ name: 'Own', defaults: {}, rules: { lr: RATE }, buffers: [] }, parameters, options);
  }

  protected override update(): void {}
}

const RATE = { expected: 'a number', accepts: (value: unknown) => typeof value === 'number' };

class OwnSchedule extends train.LRScheduler {
  constructor(given: never) {
    super('Own', given);
    this.begin();
  }

  protected override rate(lr: number): number {
    return lr;
  }
}

const classMade = (message: string): Misuses => ({
  // Errors take a message, as all errors do.
  wrong: message === '' ? {} : { [message]: () => undefined },
});

const fitWith = (options: object): unknown => {
  const learner = net();
  return call(train.fit, learner, {
    train: loader(),
    epochs: 1,
    optimizer: sgd(learner),
    ...options,
  });
};

const lambda = (factor: unknown): unknown => make(train.LambdaLR, sgd(), factor);
const sequential = (...given: readonly unknown[]): unknown =>
  make(train.SequentialLR, sgd(), ...given);
const logits = (): Tensor => ones([2, 3]);
const warm = (owner: train.SGD): train.StepLR => new train.StepLR(owner, { stepSize: 3 });

const rows: Readonly<Record<keyof typeof train, Misuses>> = {
  affine: {
    withOptions: (options) => call(train.affine, image(), options),
    option: 'angle',
    wrong: {
      'affine({ angle })': () => call(train.affine, { angle: 3 }),
      'affine(tensor)': () => call(train.affine, ones([1, 2, 2])),
      'affine(image, { angle: text })': () => call(train.affine, image(), { angle: '3' }),
    },
  },
  randomAffine: optionsOnly(train.randomAffine, 'degrees'),
  elastic: optionsOnly(train.elastic, 'alpha'),
  randomErasing: optionsOnly(train.randomErasing, 'value'),
  compose: {
    wrong: {
      'compose(a, b)': () => call(train.compose, train.elastic(), train.elastic()),
      'compose([elastic])': () => call(train.compose, [train.elastic]),
      'compose([{}])': () => call(train.compose, [{}]),
      'compose()': () => call(train.compose),
    },
  },
  Dataset: {
    withOptions: (options) => call(train.Dataset.fromArrays.bind(train.Dataset), options),
    option: 'classes',
    wrong: {
      'new Dataset(images, labels)': () => make(train.Dataset, new Uint8Array(4), [1]),
      'fromArrays({ images: tensor })': () =>
        call(train.Dataset.fromArrays, {
          images: ones([1, 1, 2, 2]),
          shape: [1, 2, 2],
          labels: [0],
        }),
      'fromArrays({ images: list })': () =>
        call(train.Dataset.fromArrays, { images: [1, 2], shape: [1, 1, 2], labels: [0] }),
      'fromArrays({ shape: number })': () =>
        call(train.Dataset.fromArrays, { images: new Uint8Array(4), shape: 4, labels: [0] }),
      'fromArrays({ labels: number })': () =>
        call(train.Dataset.fromArrays, { images: new Uint8Array(4), shape: [1, 2, 2], labels: 0 }),
      'fromArrays({ labels: texts })': () =>
        call(train.Dataset.fromArrays, {
          images: new Uint8Array(4),
          shape: [1, 2, 2],
          labels: ['0'],
        }),
      'fromArrays({ targets })': () => call(train.Dataset.fromArrays, { targets: [1] }),
      'fromArrays({ inputs: text })': () => call(train.Dataset.fromArrays, { inputs: '1' }),
      "slice('1')": () => send(stripes(8), 'slice', '1'),
      'subset(3)': () => send(stripes(8), 'subset', 3),
      "subset(['1'])": () => send(stripes(8), 'subset', ['1']),
      'image()': () => send(stripes(8), 'image'),
      'label(1n)': () => send(stripes(8), 'label', 1n),
      "get('0')": () => send(stripes(8), 'get', '0'),
      'map(3)': () => send(stripes(8), 'map', 3),
    },
  },
  ArrayDataset: {
    wrong: {
      'new ArrayDataset({ inputs })': () => make(train.ArrayDataset, { inputs: [1] }, 1, null),
      "slice('1')": () => send(columns(), 'slice', '1'),
      'subset(3)': () => send(columns(), 'subset', 3),
      'get()': () => send(columns(), 'get'),
      'map()': () => send(columns(), 'map'),
      'map({ inputs })': () => send(columns(), 'map', { inputs: [1] }),
    },
  },
  SampleDataset: {
    wrong: {
      'new SampleDataset([1, 2])': () => make(train.SampleDataset, [1, 2]),
      'new SampleDataset(dataset, list)': () => make(train.SampleDataset, stripes(8), [1]),
      "slice('1')": () => send(samples(), 'slice', '1'),
      'subset(3)': () => send(samples(), 'subset', 3),
      'get(8)': () => send(samples(), 'get', 8),
      'map()': () => send(samples(), 'map'),
    },
  },
  mapDataset: {
    wrong: {
      'mapDataset(fn, dataset)': () => call(train.mapDataset, () => 1, stripes(8)),
      'mapDataset(dataset)': () => call(train.mapDataset, stripes(8)),
      'mapDataset([1, 2], fn)': () => call(train.mapDataset, [1, 2], () => 1),
      'mapDataset({ get }, fn)': () => call(train.mapDataset, { get: () => 1 }, () => 1),
      'mapDataset(empty, fn)': () => call(train.mapDataset, { length: 0, get: () => 1 }, () => 1),
    },
  },
  padSequence: {
    withOptions: (options) => call(train.padSequence, [new Float32Array(2)], options),
    option: 'paddingValue',
    wrong: {
      'padSequence(row, row)': () =>
        call(train.padSequence, new Float32Array(2), new Float32Array(3)),
      'padSequence([])': () => call(train.padSequence, []),
      'padSequence([[1, 2], [3]])': () => call(train.padSequence, [[1, 2], [3]]),
      'padSequence([scalar])': () => call(train.padSequence, [ones([])]),
      "padSequence(rows, { paddingValue: '0' })": () =>
        call(train.padSequence, [new Float32Array(2)], { paddingValue: '0' }),
      'padSequence(rows, 0)': () => call(train.padSequence, [new Float32Array(2)], 0),
    },
  },
  DataLoader: {
    withOptions: (options) => make(train.DataLoader, stripes(8), options),
    option: 'batchSize',
    wrong: {
      'new DataLoader(tensor)': () => make(train.DataLoader, ones([2, 2])),
      'new DataLoader({ batchSize })': () => make(train.DataLoader, { batchSize: 4 }),
      "new DataLoader(d, { batchSize: '4' })": () =>
        make(train.DataLoader, stripes(8), { batchSize: '4' }),
      'new DataLoader(d, { shuffle: 1 })': () => make(train.DataLoader, stripes(8), { shuffle: 1 }),
      'new DataLoader(d, { generator: 7 })': () =>
        make(train.DataLoader, stripes(8), { generator: 7 }),
      "new DataLoader(d, { seed: '7' })": () => make(train.DataLoader, stripes(8), { seed: '7' }),
      'new DataLoader(d, { augment: elastic })': () =>
        make(train.DataLoader, stripes(8), { augment: train.elastic }),
      'new DataLoader(d, { normalization: 0.5 })': () =>
        make(train.DataLoader, stripes(8), { normalization: 0.5 }),
      'new DataLoader(d, { normalization: null })': () =>
        make(train.DataLoader, stripes(8), { normalization: [0.1, 0.3] }),
      'new DataLoader(d, { transform: 3 })': () =>
        make(train.DataLoader, stripes(8), { transform: 3 }),
      'new DataLoader(d, { collate: 3 })': () => make(train.DataLoader, stripes(8), { collate: 3 }),
      'new DataLoader(columns, { augment })': () =>
        make(train.DataLoader, columns(), { augment: train.elastic() }),
      "from('1')": () => send(loader(), 'from', '1'),
    },
  },
  mnist: {
    withOptions: (options) => call(train.mnist, options),
    option: 'cacheDir',
    wrong: {
      'mnist({ dataDir: 3 })': () => call(train.mnist, { dataDir: 3 }),
      "mnist({ mirrors: 'https://…' })": () => call(train.mnist, { mirrors: 'https://a/' }),
      "mnist({ timeoutMs: '5' })": () => call(train.mnist, { timeoutMs: '5' }),
      "mnist({ allowDownload: 'no' })": () => call(train.mnist, { allowDownload: 'no' }),
    },
  },
  normalizationOf: {
    wrong: {
      'normalizationOf(loader)': () => call(train.normalizationOf, loader()),
      'normalizationOf(array)': () => call(train.normalizationOf, new Uint8Array(4)),
    },
  },
  randomSplit: {
    withOptions: (options) => call(train.randomSplit, stripes(8), [0.5, 0.5], options),
    option: 'seed',
    wrong: {
      'randomSplit(array, …)': () => call(train.randomSplit, [1, 2], [0.5, 0.5]),
      'randomSplit(d, 0.8)': () => call(train.randomSplit, stripes(8), 0.8),
      "randomSplit(d, ['4', '4'])": () => call(train.randomSplit, stripes(8), ['4', '4']),
    },
  },
  evaluate: {
    withOptions: (options) => call(train.evaluate, net(), loader(), options),
    option: 'mistakes',
    wrong: {
      'evaluate(model)': () => call(train.evaluate, net()),
      'evaluate(loader, model)': () => call(train.evaluate, loader(), net()),
      'evaluate(model, dataset)': () => call(train.evaluate, net(), stripes(8)),
      'evaluate(model, images)': () => call(train.evaluate, net(), ones([2, 1, 6, 6])),
      'evaluate(model, [images])': () => call(train.evaluate, net(), [ones([2, 1, 6, 6])]),
      'evaluate(Model, loader)': () => call(train.evaluate, train.LeNet, loader()),
      "evaluate(…, { mistakes: '3' })": () =>
        call(train.evaluate, net(), loader(), { mistakes: '3' }),
      'evaluate(…, { signal: controller })': () =>
        call(train.evaluate, net(), loader(), { signal: new AbortController() }),
    },
  },
  CheckpointFile: {
    withOptions: (options) => make(train.CheckpointFile, 'run.safetensors', options),
    option: 'everySeconds',
    wrong: {
      'new CheckpointFile()': () => make(train.CheckpointFile),
      'new CheckpointFile(model)': () => make(train.CheckpointFile, net()),
      "new CheckpointFile(f, { everySeconds: '60' })": () =>
        make(train.CheckpointFile, 'run.safetensors', { everySeconds: '60' }),
      'new CheckpointFile(f, { metadata: { epochs: 3 } })': () =>
        make(train.CheckpointFile, 'run.safetensors', { metadata: { epochs: 3 } }),
    },
  },
  loadRun: {
    withOptions: (options) => call(train.loadRun, 'run.safetensors', options),
    option: 'limits',
    wrong: {
      'loadRun()': () => call(train.loadRun),
      'loadRun(model)': () => call(train.loadRun, net()),
    },
  },
  loadTrainedModel: {
    withOptions: (options) => call(train.loadTrainedModel, 'model.safetensors', options),
    option: 'limits',
    wrong: {
      'loadTrainedModel()': () => call(train.loadTrainedModel),
      'loadTrainedModel(model, file)': () => call(train.loadTrainedModel, net(), 'a.safetensors'),
    },
  },
  saveModel: {
    withOptions: (options) => call(train.saveModel, net(), 'model.safetensors', options),
    option: 'normalization',
    wrong: {
      'saveModel(model)': () => call(train.saveModel, net()),
      'saveModel(file, model)': () => call(train.saveModel, 'model.safetensors', net()),
      'saveModel(model.stateDict(), file)': () =>
        call(train.saveModel, net().stateDict(), 'model.safetensors'),
      "saveModel(model, 'model')": () => call(train.saveModel, net(), 'model'),
      "saveModel(model, 'model.pt')": () => call(train.saveModel, net(), 'model.pt'),
    },
  },
  encodeModel: {
    withOptions: (options) => call(train.encodeModel, net(), options),
    option: 'classes',
    wrong: {
      'encodeModel()': () => call(train.encodeModel),
      'encodeModel(state)': () => call(train.encodeModel, net().stateDict()),
      'encodeModel(model, { classes: 3 })': () => call(train.encodeModel, net(), { classes: 3 }),
      'encodeModel(model, { classes: [] })': () => call(train.encodeModel, net(), { classes: [] }),
      'encodeModel(model, { normalization: 0.5 })': () =>
        call(train.encodeModel, net(), { normalization: 0.5 }),
      'encodeModel(model, { normalization: {} })': () =>
        call(train.encodeModel, net(), { normalization: {} }),
      'encodeModel(model, { metadata: { epochs: 3 } })': () =>
        call(train.encodeModel, net(), { metadata: { epochs: 3 } }),
    },
  },
  loadModel: {
    withOptions: (options) => call(train.loadModel, net(), 'model.safetensors', options),
    option: 'limits',
    wrong: {
      'loadModel(file)': () => call(train.loadModel, 'model.safetensors'),
      'loadModel(file, model)': () => call(train.loadModel, 'model.safetensors', net()),
      'loadModel(Model, file)': () => call(train.loadModel, train.LeNet, 'model.safetensors'),
      "loadModel(model, 'model.npz')": () => call(train.loadModel, net(), 'model.npz'),
    },
  },
  decodeModel: {
    withOptions: (options) => call(train.decodeModel, net(), train.encodeModel(net()), options),
    option: 'limits',
    wrong: {
      'decodeModel(bytes)': () => call(train.decodeModel, train.encodeModel(net())),
      'decodeModel(model, text)': () => call(train.decodeModel, net(), 'model.safetensors'),
      'decodeModel(model, buffer)': () =>
        call(train.decodeModel, net(), train.encodeModel(net()).buffer),
    },
  },
  EarlyStopping: {
    withOptions: (options) => make(train.EarlyStopping, options),
    option: 'patience',
    wrong: {
      'new EarlyStopping({ monitor: accuracy })': () =>
        make(train.EarlyStopping, { monitor: train.accuracy }),
      "new EarlyStopping({ patience: '3' })": () => make(train.EarlyStopping, { patience: '3' }),
      "new EarlyStopping({ mode: 'auto' })": () => make(train.EarlyStopping, { mode: 'auto' }),
      'loadStateDict(null)': () => send(new train.EarlyStopping(), 'loadStateDict', null),
    },
  },
  fit: {
    withOptions: (options) => call(train.fit, net(), options),
    option: 'epochs',
    wrong: {
      'fit(options)': () => call(train.fit, { train: loader(), epochs: 1, optimizer: sgd() }),
      'fit(model, loader, options)': () => call(train.fit, net(), loader(), { epochs: 1 }),
      'without epochs': () => fitWith({ epochs: undefined }),
      'train: dataset': () => fitWith({ train: stripes(8) }),
      'train: array of tensors': () =>
        fitWith({ train: [...loader().batches()].map((b) => b.images) }),
      'train: a function of nothing': () => fitWith({ train: () => 3 }),
      'train: half a state': () => fitWith({ train: { stateDict() {}, *[Symbol.iterator]() {} } }),
      'validation: dataset': () => fitWith({ validation: stripes(8) }),
      'train: columns': () => fitWith({ train: columns() }),
      "epochs: '3'": () => fitWith({ epochs: '3' }),
      'epochs: 3n': () => fitWith({ epochs: 3n }),
      'optimizer: parameters': () => fitWith({ optimizer: [...net().parameters()] }),
      'optimizer: the model': () => fitWith({ optimizer: net() }),
      'optimizer: over another model': () => fitWith({ optimizer: sgd() }),
      "optimizer: 'sgd'": () => fitWith({ optimizer: 'sgd' }),
      'scheduler: schedule': () => fitWith({ scheduler: warm(sgd()) }),
      'scheduler: { batch: schedule }': () => fitWith({ scheduler: { batch: warm(sgd()) } }),
      "loss: 'crossEntropy'": () => fitWith({ loss: 'crossEntropy' }),
      'a loss that is a number': () => fitWith({ loss: () => 1 }),
      'a loss that is async': () => fitWith({ loss: async () => ones([]) }),
      'a loss of a list': () => fitWith({ loss: () => [1] }),
      'metrics: list': () => fitWith({ metrics: [train.accuracy] }),
      'metrics: function': () => fitWith({ metrics: train.accuracy }),
      'a metric that is a tensor': () => fitWith({ metrics: { size: () => tensor([1]) } }),
      'a metric that is async': () => fitWith({ metrics: { size: async () => 1 } }),
      "metrics: { size: 'x' }": () => fitWith({ metrics: { size: 'x' } }),
      'ema: 0.99': () => fitWith({ ema: 0.99 }),
      "clipGradNorm: '1'": () => fitWith({ clipGradNorm: '1' }),
      'gradNorm: 1': () => fitWith({ gradNorm: 1 }),
      'accumulate: 0': () => fitWith({ accumulate: 0 }),
      'callbacks: callback': () => fitWith({ callbacks: new train.EarlyStopping() }),
      'callbacks: [function]': () => fitWith({ callbacks: [() => 1] }),
      'callbacks: [EarlyStopping]': () => fitWith({ callbacks: [train.EarlyStopping] }),
      'callbacks: [[callback]]': () => fitWith({ callbacks: [[new train.EarlyStopping()]] }),
      'callbacks: [promise]': () => fitWith({ callbacks: [Promise.resolve({})] }),
      'callbacks: [{ onEpochEnds }]': () => fitWith({ callbacks: [{ onEpochEnds() {} }] }),
      'callbacks: [{ onepochend }]': () => fitWith({ callbacks: [{ onepochend() {} }] }),
      'callbacks: [{ on_epoch_end }]': () => fitWith({ callbacks: [{ on_epoch_end() {} }] }),
      'callbacks: [{ epochEnd }]': () => fitWith({ callbacks: [{ epochEnd() {} }] }),
      'callbacks: [{ onEpochEnd: 3 }]': () => fitWith({ callbacks: [{ onEpochEnd: 3 }] }),
      'callbacks: [{ state_dict }]': () =>
        fitWith({ callbacks: [{ onEpochEnd() {}, state_dict() {} }] }),
      'signal: controller': () => fitWith({ signal: new AbortController() }),
      'resume: file': () => fitWith({ resume: 'run.safetensors' }),
      'resume: {}': () => fitWith({ resume: {} }),
    },
  },
  accuracy: {
    wrong: {
      'accuracy()': () => call(train.accuracy),
      'accuracy(logits)': () => call(train.accuracy, logits()),
      'accuracy(logits, labels)': () => call(train.accuracy, logits(), tensor([0, 1])),
      'accuracy([1, 2], batch)': () => call(train.accuracy, [1, 2], [...loader().batches()][0]),
    },
  },
  topK: {
    wrong: {
      'topK()': () => call(train.topK),
      'topK(logits, batch)': () => call(train.topK, logits(), batchOf()),
      "topK('5')": () => call(train.topK, '5'),
      'topK({ k: 5 })': () => call(train.topK, { k: 5 }),
    },
  },
  meanAbsoluteError: ofOutput(train.meanAbsoluteError),
  meanSquaredError: ofOutput(train.meanSquaredError),
  metricOf: {
    wrong: {
      'metricOf(accuracy)': () => call(train.metricOf, train.accuracy),
      'metricOf({}, pick)': () => call(train.metricOf, {}, () => batchOf()),
      'a pick of nothing': () =>
        call(call(train.metricOf, train.accuracy, () => 3) as () => number, logits(), batchOf()),
    },
  },
  f1: {
    withOptions: (options) => call(train.f1, options),
    option: 'average',
    wrong: {
      'f1(logits, batch)': () => call(train.f1, logits(), batchOf()),
      "f1({ average: 'mean' })": () => call(train.f1, { average: 'mean' }),
      'f1({ labels: 1 })': () => call(train.f1, { labels: 1 }),
      'update()': () => send(train.f1().create(), 'update'),
      'update(logits, labels)': () => send(train.f1().create(), 'update', logits(), tensor([0, 1])),
    },
  },
  auc: accumulating(train.auc),
  rSquared: accumulating(train.rSquared),
  Cnn: model(train.Cnn),
  CnnBN: model(train.CnnBN),
  LeNet: model(train.LeNet),
  LeNetBN: model(train.LeNetBN),
  WideCnnBN: model(train.WideCnnBN),
  ResNet18: vision(train.ResNet18),
  MobileNetV2: {
    ...vision(train.MobileNetV2),
    wrong: {
      'new MobileNetV2({ widthMult: 0 })': () => make(train.MobileNetV2, { widthMult: 0 }),
      'new MobileNetV2({ dropout: 20 })': () => make(train.MobileNetV2, { dropout: 20 }),
    },
  },
  MODELS: {
    wrong: Object.fromEntries(
      Object.entries(train.MODELS).map(([name, build]) => [
        `MODELS.${name}(5)`,
        () => call(build, 5),
      ]),
    ),
  },
  NonFiniteLossError: classMade(''),
  NonFiniteGradientError: classMade(''),
  SGD: optimizer(train.SGD),
  Adam: optimizer(train.Adam),
  AdamW: optimizer(train.AdamW),
  Adagrad: optimizer(train.Adagrad),
  RMSprop: optimizer(train.RMSprop),
  Optimizer: {
    withOptions: (options) => make(OwnOptimizer, net().parameters(), options),
    option: 'lr',
    wrong: { 'new Own(model)': () => make(OwnOptimizer, net(), { lr: 1 }) },
  },
  ParameterState: {
    wrong: {
      "buffer('a') of no parameter": () =>
        send(make(train.ParameterState, [1, 2]) as object, 'buffer', 'a'),
    },
  },
  clipGradNorm: {
    withOptions: (options) => call(train.clipGradNorm, net().parameters(), 1, options),
    option: 'normType',
    wrong: {
      'clipGradNorm(model, 1)': () => call(train.clipGradNorm, net(), 1),
      'clipGradNorm(parameters)': () => call(train.clipGradNorm, net().parameters()),
      "clipGradNorm(parameters, '1')": () => call(train.clipGradNorm, net().parameters(), '1'),
      'clipGradNorm(parameters, { maxNorm })': () =>
        call(train.clipGradNorm, net().parameters(), { maxNorm: 1 }),
      'clipGradNorm([1, 2], 1)': () => call(train.clipGradNorm, [1, 2], 1),
    },
  },
  clipGradValue: {
    wrong: {
      'clipGradValue(model, 1)': () => call(train.clipGradValue, net(), 1),
      'clipGradValue(parameters)': () => call(train.clipGradValue, net().parameters()),
      'clipGradValue(0.5, parameters)': () => call(train.clipGradValue, 0.5, net().parameters()),
    },
  },
  EMA: {
    withOptions: (options) => make(train.EMA, net(), options),
    option: 'decay',
    wrong: {
      'new EMA()': () => make(train.EMA),
      'new EMA(0.99)': () => make(train.EMA, 0.99),
      'new EMA(optimizer)': () => make(train.EMA, sgd()),
      'new EMA(model.parameters())': () => make(train.EMA, net().parameters()),
      'update(model)': () => send(new train.EMA(net()), 'update', net()),
      'loadStateDict(null)': () => send(new train.EMA(net()), 'loadStateDict', null),
      'loadStateDict(model.stateDict())': () =>
        send(new train.EMA(net()), 'loadStateDict', net().stateDict()),
    },
  },
  linearDecay: {
    wrong: {
      'linearDecay()': () => call(train.linearDecay),
      'linearDecay({ steps })': () => call(train.linearDecay, { steps: 10 }),
      "linearDecay('1', 10)": () => call(train.linearDecay, '1', 10),
    },
  },
  StepLR: schedule(train.StepLR, 'stepSize', { stepSize: 3 }),
  MultiStepLR: schedule(train.MultiStepLR, 'milestones', { milestones: [3] }),
  ExponentialLR: schedule(train.ExponentialLR, 'gamma', { gamma: 0.9 }),
  LinearLR: schedule(train.LinearLR, 'startFactor', { totalIters: 3 }),
  CosineAnnealingLR: schedule(train.CosineAnnealingLR, 'etaMin', { tMax: 3 }),
  CosineAnnealingWarmRestarts: schedule(train.CosineAnnealingWarmRestarts, 'etaMin', { t0: 3 }),
  OneCycleLR: schedule(train.OneCycleLR, 'totalSteps', {
    maxLr: 1,
    totalSteps: 9,
    cycleMomentum: false,
  }),
  ReduceLROnPlateau: {
    withOptions: (options) => make(train.ReduceLROnPlateau, sgd(), options),
    option: 'patience',
    wrong: {
      'new ReduceLROnPlateau(model)': () => make(train.ReduceLROnPlateau, net()),
      'step()': () => send(new train.ReduceLROnPlateau(sgd()), 'step'),
      "step('0.5')": () => send(new train.ReduceLROnPlateau(sgd()), 'step', '0.5'),
      'step(loss)': () => send(new train.ReduceLROnPlateau(sgd()), 'step', ones([])),
      'loadStateDict(null)': () => send(new train.ReduceLROnPlateau(sgd()), 'loadStateDict', null),
    },
  },
  LRScheduler: {
    wrong: {
      'new Own(model)': () => make(OwnSchedule, net()),
      'step(epoch)': () => send(make(OwnSchedule, sgd()) as object, 'step', 3),
    },
  },
  LambdaLR: {
    wrong: {
      'new LambdaLR(optimizer)': () => lambda(undefined),
      'new LambdaLR(optimizer, 0.9)': () => lambda(0.9),
      'new LambdaLR(optimizer, { lrLambda })': () => lambda({ lrLambda: () => 1 }),
      'a factor that is a text': () => lambda(() => '1'),
      'a factor that is a tensor': () => lambda(() => ones([])),
      'new LambdaLR(factor)': () => make(train.LambdaLR, () => 1),
    },
  },
  SequentialLR: {
    withOptions: (options) => {
      const owner = sgd();
      return make(train.SequentialLR, owner, [warm(owner)], options);
    },
    option: 'milestones',
    wrong: {
      'new SequentialLR(optimizer, schedule)': () => sequential(warm(sgd()), { milestones: [] }),
      'new SequentialLR(optimizer, [sgd])': () => sequential([sgd()], { milestones: [] }),
      'new SequentialLR(optimizer, [undefined])': () => sequential([undefined], { milestones: [] }),
      'schedules of another optimizer': () => sequential([warm(sgd())], { milestones: [] }),
      'new SequentialLR([schedule])': () => make(train.SequentialLR, [warm(sgd())]),
    },
  },
  classify: {
    wrong: {
      'classify(model, pictures)': () => call(train.classify, net(), [new Uint8Array(784)]),
      'classify({ model }, pictures)': () =>
        call(train.classify, { model: net() }, [new Float32Array(784)]),
      'classify(trained, picture)': () =>
        call(train.classify, { model: net() }, new Uint8Array(784)),
      'classify({ model: Model }, …)': () =>
        call(train.classify, { model: train.LeNet }, [new Uint8Array(784)]),
      'classify()': () => call(train.classify),
    },
  },
  predict: {
    withOptions: (options) => call(train.predict, net(), ones([2, 36]), options),
    option: 'batchSize',
    wrong: {
      'predict()': () => call(train.predict),
      'predict(model)': () => call(train.predict, net()),
      'predict(inputs, model)': () => call(train.predict, ones([2, 36]), net()),
      'predict(model, 5)': () => call(train.predict, net(), 5),
      "predict(model, 'file')": () => call(train.predict, net(), 'file'),
      'predict(model, dataset)': () => call(train.predict, net(), stripes(8)),
      'predict(model, numbers)': () => call(train.predict, net(), [[1, 2]]),
      'predict(model, typed array)': () => call(train.predict, net(), new Float32Array(36)),
      'predict(model, batch)': () => call(train.predict, net(), batchOf()),
      'predict(model, [])': () => call(train.predict, net(), []),
      'predict(model, {})': () => call(train.predict, net(), {}),
      'predict(model, inputs, { batchSize: 0 })': () =>
        call(train.predict, net(), ones([2, 36]), { batchSize: 0 }),
      'predict(model, loader, { batchSize })': () =>
        call(train.predict, net(), loader(), { batchSize: 8 }),
      'predict(model, inputs, { signal: controller })': () =>
        call(train.predict, net(), ones([2, 36]), { signal: new AbortController() }),
    },
  },
  digitFromImage: {
    wrong: {
      'digitFromImage()': () => call(train.digitFromImage),
      "digitFromImage('digit.png')": () => call(train.digitFromImage, 'digit.png'),
      'digitFromImage(bytes)': () => call(train.digitFromImage, new Uint8Array(784)),
      'digitFromImage(tensor)': () => call(train.digitFromImage, ones([28, 28])),
    },
  },
};

describe('every export of train refuses what it does not understand', () => {
  refuseInEveryExport(train, rows);
});
