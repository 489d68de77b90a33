import * as core from '@unfold/core';
import { add, manualSeed, type JsonData, type Tensor, tensor, trace, zeros } from '@unfold/core';
import * as nn from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import {
  image,
  labels,
  OPERATIONS,
  random,
  sequence,
  type Make,
} from '../support/operation-calls.js';

/** Functions that are no operations on tensors, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  clip: 'is clamp by another name',
  var: 'is variance by another name',
  arange: 'makes a constant',
  full: 'makes a constant',
  ones: 'makes a constant',
  tensor: 'makes a constant',
  zeros: 'makes a constant',
  empty: 'makes a constant',
  eye: 'makes a constant',
  linspace: 'makes a constant',
  zerosLike: 'makes a constant',
  onesLike: 'makes a constant',
  fullLike: 'makes a constant',
  rand: 'is random: refused',
  randn: 'is random: refused',
  randLike: 'is random: refused',
  randnLike: 'is random: refused',
  randint: 'is random: refused',
  randperm: 'is random: refused',
  bernoulli: 'is random: refused',
  multinomial: 'is random: refused',
  nonzero: 'has a shape that follows from numbers: refused',
  unique: 'has a shape that follows from numbers: refused',
  generator: 'names a stream, whose draws are refused',
  manualSeed: 'is about randomness: refused',
  rngState: 'reads where the streams stand',
  setRngState: 'sets streams by manualSeed: refused',
  bufferOf: 'reads numbers: refused',
  elementsOf: 'reads numbers: refused',
  defineFunction: 'makes operations',
  trace: 'makes graphs; refused inside itself',
  grad: 'walks back over a tape',
  gradcheck: 'tests an operation',
  gradgradcheck: 'tests an operation',
  profile: 'measures',
  unscoped: 'decides who owns memory',
  findLeaks: 'measures memory',
  heapStats: 'measures memory',
  compile: 'makes programs',
  configureEngine: 'chooses the engine',
  engine: 'tells of the engine',
  kernelsFor: 'gives kernels, whose operands are refused',
  moreKernelsFor: 'gives kernels, whose operands are refused',
  formatShape: 'makes text',
  sizeOf: 'counts',
  outputSize: 'counts',
  evaluationMode: 'sets modes',
  watchForward: 'looks on',
  summary: 'looks on',
};

/** A layer of each kind, on an input. */
const LAYERS: Readonly<Record<string, readonly [layer: () => nn.Layer, input: Make]>> = {
  AdaptiveAvgPool1d: [() => new nn.AdaptiveAvgPool1d(3), sequence],
  AdaptiveAvgPool2d: [() => new nn.AdaptiveAvgPool2d(3), image],
  AdaptiveMaxPool2d: [() => new nn.AdaptiveMaxPool2d(3), image],
  AvgPool1d: [() => new nn.AvgPool1d(2), sequence],
  AvgPool2d: [() => new nn.AvgPool2d(2), image],
  BatchNorm1d: [() => new nn.BatchNorm1d(3), random(5, 3)],
  BatchNorm2d: [() => new nn.BatchNorm2d(4, { momentum: null }), image],
  CircularPad2d: [() => new nn.CircularPad2d(2), image],
  Conv1d: [() => new nn.Conv1d(4, 5, 3, { padding: 'same' }), sequence],
  Conv2d: [() => new nn.Conv2d(4, 5, 3, { padding: 'same' }), image],
  ConvTranspose1d: [() => new nn.ConvTranspose1d(4, 5, 3), sequence],
  ConvTranspose2d: [() => new nn.ConvTranspose2d(4, 5, 3), image],
  Dropout: [() => new nn.Dropout(0.3), image],
  Dropout2d: [() => new nn.Dropout2d(0.3), image],
  Embedding: [() => new nn.Embedding(7, 3, { paddingIdx: 0 }), labels(7, 4, 2)],
  Flatten: [() => new nn.Flatten(), image],
  ELU: [() => new nn.ELU(), image],
  GELU: [() => new nn.GELU(), image],
  GroupNorm: [() => new nn.GroupNorm(2, 4), image],
  Hardsigmoid: [() => new nn.Hardsigmoid(), image],
  Hardswish: [() => new nn.Hardswish(), image],
  InstanceNorm1d: [
    () => new nn.InstanceNorm1d(4, { affine: true, trackRunningStats: true }),
    random(2, 4, 5),
  ],
  InstanceNorm2d: [() => new nn.InstanceNorm2d(4, { trackRunningStats: true }), image],
  LayerNorm: [() => new nn.LayerNorm([7, 9]), image],
  LeakyReLU: [() => new nn.LeakyReLU(), image],
  Linear: [() => new nn.Linear(3, 4), random(5, 3)],
  LogSoftmax: [() => new nn.LogSoftmax(1), image],
  MaxPool1d: [() => new nn.MaxPool1d(2), sequence],
  MaxPool2d: [() => new nn.MaxPool2d(2), image],
  Mish: [() => new nn.Mish(), image],
  PReLU: [() => new nn.PReLU({ numParameters: 4 }), image],
  RMSNorm: [() => new nn.RMSNorm(9), image],
  PixelShuffle: [() => new nn.PixelShuffle(2), image],
  PixelUnshuffle: [() => new nn.PixelUnshuffle(3), random(2, 3, 6, 9)],
  ReLU: [() => new nn.ReLU(), image],
  ReLU6: [() => new nn.ReLU6(), image],
  ReflectionPad2d: [() => new nn.ReflectionPad2d(2), image],
  ReplicationPad2d: [() => new nn.ReplicationPad2d(2), image],
  Sequential: [() => new nn.Sequential(new nn.ReLU()), image],
  SELU: [() => new nn.SELU(), image],
  Softplus: [() => new nn.Softplus({ beta: 2 }), image],
  SiLU: [() => new nn.SiLU(), image],
  Sigmoid: [() => new nn.Sigmoid(), image],
  Softmax: [() => new nn.Softmax(1), image],
  Tanh: [() => new nn.Tanh(), image],
  Unflatten: [() => new nn.Unflatten(-1, [3, 3]), image],
  Upsample: [() => new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }), image],
  ZeroPad2d: [() => new nn.ZeroPad2d([1, 0, 2, 0]), image],
};

/** Classes whose forward isn't of one tensor, or that run nothing of their own. */
const OTHER_MODULES: Readonly<Record<string, string>> = {
  Module: 'the base class',
  BatchNorm: 'the base class of two',
  ModuleDict: 'holds modules, and runs nothing',
  ModuleList: 'holds modules, and runs nothing',
  Identity: 'gives its input, without an operation',
  BCELoss: 'a loss',
  BCEWithLogitsLoss: 'a loss',
  CosineEmbeddingLoss: 'a loss',
  CrossEntropyLoss: 'a loss',
  HingeEmbeddingLoss: 'a loss',
  HuberLoss: 'a loss',
  KLDivLoss: 'a loss',
  L1Loss: 'a loss',
  MarginRankingLoss: 'a loss',
  MSELoss: 'a loss',
  NLLLoss: 'a loss',
  SmoothL1Loss: 'a loss',
  MultiheadAttention: 'is of several operations; attention.test.ts',
  PositionalEncoding: 'is of several operations',
  TransformerEncoder: 'is of several operations',
  TransformerEncoderLayer: 'is of several operations; attention.test.ts',
  TripletMarginLoss: 'a loss',
  GRU: 'a node for each direction of each layer: recurrent.test.ts',
  LSTM: 'as GRU',
  RNN: 'as GRU',
  GRUCell: 'as GRU, of a sequence that is made for it',
  LSTMCell: 'as GRUCell',
  RNNCell: 'as GRUCell',
};

/** The bytes of what a function gives, with the random streams as they are after `manualSeed(7)`. */
function bytesOf(compute: () => Tensor): {
  dtype: string;
  shape: readonly number[];
  bytes: Buffer;
} {
  manualSeed(7);
  const x = compute();
  return { dtype: x.dtype, shape: x.shape, bytes: Buffer.from(x.toTypedArray().buffer) };
}

const exported = (module: object, isWanted: (value: object) => boolean): string[] =>
  Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'function' && isWanted(value as object) ? [name] : [],
  );

const isClass = (value: object): boolean =>
  /^class\b/.test(Function.prototype.toString.call(value));

/** Words of JSON for numbers that it lacks. */
const numbersAgain = (data: JsonData): JsonData => {
  if (typeof data === 'string' && ['-Infinity', 'Infinity', 'NaN', '-0'].includes(data)) {
    return Number(data);
  }
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return (data as JsonData[]).map(numbersAgain);
  return Object.fromEntries(Object.entries(data).map(([name, part]) => [name, numbersAgain(part)]));
};

describe('every operation of core and nn', () => {
  it('has a row, or a reason', () => {
    const functions = [core, nn].flatMap((module) => exported(module, (value) => !isClass(value)));
    expect([...Object.keys(OPERATIONS), ...Object.keys(OTHERS)].sort()).toEqual(functions.sort());
  });

  for (const [op, cases] of Object.entries(OPERATIONS)) {
    it.each(cases.map((one, i) => [i, one] as const))(
      `${op} is one node that does the same, case %i`,
      (_, { inputs, call, operands, attributes }) => {
        manualSeed(1);
        const graph = trace(call, ...inputs.map((make) => make()));
        expect(graph.nodes).toHaveLength(1);
        const [node] = graph.nodes;
        expect(node).toMatchObject({ op, operands, attributes, module: null });
        expect(Object.keys(node?.attributes ?? {}).sort()).toEqual(Object.keys(attributes).sort());
        const { nodes } = JSON.parse(JSON.stringify(graph)) as {
          nodes: { attributes: JsonData }[];
        };
        expect(numbersAgain(nodes[0]?.attributes ?? null)).toEqual(attributes);

        const others = inputs.map((make) => make());
        const eager = bytesOf(() => call(...others));
        expect(graph.outputs.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual([
          { dtype: eager.dtype, shape: eager.shape },
        ]);
        expect(bytesOf(() => graph.run(...others))).toEqual(eager);
      },
    );
  }
});

describe('every layer', () => {
  it('has a row, or a reason', () => {
    const classes = exported(nn, isClass);
    expect([...Object.keys(LAYERS), ...Object.keys(OTHER_MODULES)].sort()).toEqual(classes.sort());
  });

  it.each(Object.entries(LAYERS))('%s is one node in both modes', (_, [make, input]) => {
    const layer = make();
    for (const mode of [true, false]) {
      layer.train(mode);
      const before = [...layer.stateDict().values()].map((state) => state.toArray());
      const graph = trace(layer, input());
      expect([...layer.stateDict().values()].map((state) => state.toArray())).toEqual(before);
      expect(graph.nodes).toHaveLength(1);
      for (const value of [...graph.parameters, ...graph.buffers]) {
        expect(layer.stateDict().get(value.name)).toBe(value.tensor);
      }
      const x = input();
      const eager = bytesOf(() => layer.forward(x));
      const after = [...layer.stateDict().values()].map((state) => state.toArray());
      restore(layer, before);
      expect(bytesOf(() => graph.run(x))).toEqual(eager);
      expect([...layer.stateDict().values()].map((state) => state.toArray())).toEqual(after);
    }
  });
});

/** Gives the state its numbers back. */
function restore(layer: nn.Module, numbers: readonly core.NestedArray[]): void {
  [...layer.stateDict().values()].forEach((state, i) => {
    const back = tensor(numbers[i] ?? 0, undefined, { dtype: state.dtype });
    state.update((data) => data.set(back.toTypedArray()));
  });
}

describe('what is no operation', () => {
  it('makes constants of numbers', () => {
    const graph = trace((x) => add(add(x, zeros([2])), tensor([1, 2])), zeros([2]));
    expect(graph.nodes.map(({ op }) => op)).toEqual(['add', 'add']);
    expect(graph.constants.map((value) => value.tensor?.toArray())).toEqual([
      [0, 0],
      [1, 2],
    ]);
  });
});
