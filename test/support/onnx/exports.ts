import { add, manualSeed, mean, randn, relu, reshape, Tensor, type Shape } from '@unfold/core';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  Flatten,
  GELU,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  Module,
  ReLU,
  RNN,
  Sequential,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '@unfold/nn';
import { exportOnnx, type Exportable } from '@unfold/onnx';
import { LeNet, WideCnnBN } from '@unfold/train';
import { OPERATIONS } from '../operation-calls.js';

/** A model's file, what it is run on, and what it has to give. */
export interface ExportCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

class Residual extends Module {
  readonly conv1 = new Conv2d(3, 6, 3, { padding: 'same', bias: false });
  readonly norm = new BatchNorm2d(6);
  readonly conv2 = new Conv2d(6, 6, 3, { padding: 1, groups: 2 });
  readonly head = new Linear(6, 4);

  forward(x: Tensor): { features: Tensor; logits: Tensor } {
    const h = relu(this.norm.forward(this.conv1.forward(x)));
    const features = relu(add(h, this.conv2.forward(h)));
    return { features, logits: this.head.forward(mean(features, [2, 3])) };
  }
}

const perceptron = (): Exportable =>
  new Sequential(
    new Flatten(),
    new Linear(30, 8),
    new LayerNorm(8),
    new GELU(),
    new Dropout(),
    new Linear(8, 3),
  );

const autoencoder = (): Exportable =>
  new Sequential(
    new Conv2d(2, 4, 3, { stride: 2, padding: 1 }),
    new ReLU(),
    new ConvTranspose2d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  );

/** Two inputs, one of them behind a shape that follows the batch. */
const pair = (a: Tensor, b: Tensor): Tensor => add(reshape(a, [a.shape[0] ?? 0, 6]), b);

/** Sequences `[N, L, C]`, both ways through each kind of layer. */
class Recurrent extends Module {
  readonly gru = new GRU(4, 3, { batchFirst: true, bidirectional: true });
  readonly lstm = new LSTM(6, 5, { batchFirst: true, bias: false });
  readonly rnn = new RNN(5, 2, { batchFirst: true, nonlinearity: 'relu' });

  forward(x: Tensor): { output: Tensor; h: Tensor; c: Tensor } {
    const [first] = this.gru.forward(x);
    const [second, [h, c]] = this.lstm.forward(first);
    return { output: this.rnn.forward(second)[0], h, c };
  }
}

const transformer = (): Exportable =>
  new TransformerEncoder(() => new TransformerEncoderLayer(6, 2, { batchFirst: true }), 2);

/** Whole models, with the shapes of an example of one and of a batch of three. */
const MODELS: Readonly<Record<string, readonly [() => Exportable, ...(readonly Shape[])]>> = {
  LeNet: [() => new LeNet(), [1, 28, 28]],
  WideCnnBN: [() => new WideCnnBN(), [1, 28, 28]],
  'a residual network': [() => new Residual(), [3, 7, 5]],
  'a perceptron': [perceptron, [5, 6]],
  'an autoencoder': [autoencoder, [2, 8, 6]],
  'two inputs': [() => pair, [2, 3], [6]],
  'recurrent layers': [() => new Recurrent(), [7, 4]],
  'a transformer': [transformer, [5, 6]],
};

/** What a model gives, as a list. */
function outputsOf(model: Exportable, inputs: readonly Tensor[]): Tensor[] {
  const run = (typeof model === 'function' ? model : model.forward.bind(model)) as (
    ...given: readonly Tensor[]
  ) => unknown;
  const result = run(...inputs);
  if (result instanceof Tensor) return [result];
  return Object.values(result as Record<string, Tensor>);
}

/** Models that were exported on one image, and are run on three. */
export function modelExports(opset = 17): ExportCase[] {
  return Object.entries(MODELS).map(([name, [make, ...shapes]]) => {
    manualSeed(2);
    const model = make();
    const example = shapes.map((shape) => randn([1, ...shape]));
    const bytes = exportOnnx(model, example, { opset });
    if (model instanceof Module) model.eval();
    const inputs = shapes.map((shape) => randn([3, ...shape]));
    return { name, bytes, inputs, outputs: outputsOf(model, inputs) };
  });
}

/** Calls that ONNX can't say, by operation and place in its list, and why. */
export const NOT_EXPORTED: Readonly<Record<string, string>> = {
  'dropout 0': 'it is random in training',
  'dropout2d 0': 'it is random in training',
  'batchNorm 1': 'it counts statistics in training',
  'crossEntropy 1': 'ONNX has no label smoothing',
  'avgPool2d 1': 'ONNX has no divisorOverride',
  'cosineEmbedding 0': 'it is not translated',
  'tripletMargin 0': 'it is not translated',
};

/** Calls that only later sets of operators can say, and from which on. */
const LATER: Readonly<Record<string, number>> = { 'fold 0': 18 };

/** Every operation by itself. */
export function operationExports(opset = 17): ExportCase[] {
  return Object.entries(OPERATIONS).flatMap(([op, calls]) =>
    calls.flatMap(({ inputs: makers, call }, i) => {
      const name = `${op} ${i}`;
      if (Object.hasOwn(NOT_EXPORTED, name) || (LATER[name] ?? 0) > opset) return [];
      manualSeed(1);
      const inputs = makers.map((make) => make());
      const bytes = exportOnnx(call, inputs, { batchAxis: null, opset });
      return [{ name, bytes, inputs, outputs: [call(...inputs)] }];
    }),
  );
}
