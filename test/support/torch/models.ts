import {
  add,
  concat,
  linspace,
  mean,
  mul,
  Parameter,
  relu,
  reshape,
  tensor,
  transpose,
  zeros,
  type DType,
  Tensor,
  type Shape,
} from '@unfold/core';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  dropout,
  Embedding,
  Flatten,
  GRU,
  linear,
  Linear,
  LSTM,
  Module,
  ModuleDict,
  PositionalEncoding,
  ReLU,
  RNN,
  Sequential,
  Sigmoid,
  TransformerEncoder,
  TransformerEncoderLayer,
  Unflatten,
} from '@unfold/nn';
import type { Ejectable } from '@unfold/torch';
import { Cnn, CnnBN, LeNet, LeNetBN, MobileNetV2, ResNet18, WideCnnBN } from '@unfold/train';

/** A model to eject, and the inputs of a batch. */
export interface ModelCase {
  readonly make: () => Ejectable;
  readonly inputs: readonly { readonly shape: Shape; readonly dtype?: DType }[];
}

const images = (...shape: number[]): ModelCase['inputs'] => [{ shape }];

/** Sequences, both ways through each kind of layer. */
class Recurrent extends Module {
  readonly gru = new GRU(4, 3, { batchFirst: true, bidirectional: true });
  readonly lstm = new LSTM(6, 5, { batchFirst: true, bias: false, numLayers: 2 });
  readonly rnn = new RNN(5, 2, { batchFirst: true, nonlinearity: 'relu' });

  forward(x: Tensor): { output: Tensor; h: Tensor; c: Tensor } {
    const [first] = this.gru.forward(x);
    const [second, [h, c]] = this.lstm.forward(first);
    return { output: this.rnn.forward(second)[0], h, c };
  }
}

/** Tokens through a transformer; what goes in and out has the same weight. */
class Tokens extends Module {
  readonly embedding = new Embedding(11, 6);
  readonly positions = new PositionalEncoding(6, { maxLen: 9 });
  readonly encoder = new TransformerEncoder(
    () => new TransformerEncoderLayer(6, 2, { dimFeedforward: 12, batchFirst: true }),
    2,
  );

  forward(tokens: Tensor): Tensor {
    const places = transpose(this.embedding.forward(tokens), 0, 1);
    const x = transpose(this.positions.forward(places), 0, 1);
    return linear(this.encoder.forward(x, { isCausal: true }), this.embedding.weight);
  }
}

/** A part that is there several times, in two sizes, and one of which is called twice. */
class Block extends Module {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.norm = new BatchNorm2d(channels);
  }

  forward(x: Tensor): Tensor {
    return relu(add(x, this.norm.forward(this.conv.forward(x))));
  }
}

/** All ways to hold modules, parameters, buffers and constants, several inputs and outputs. */
class Everything extends Module {
  readonly scale = new Parameter(zeros([4, 1, 1]));
  readonly factors = [new Parameter(zeros([4, 6, 6])), new Parameter(zeros([1]))] as const;
  readonly stem = new Conv2d(1, 4, 3);
  readonly blocks = [new Block(4), new Block(4)] as const;
  readonly wide = new Block(8);
  /** The same once more. */
  readonly again = this.wide;
  readonly offset = this.registerBuffer('offset', zeros([1])) as Tensor<'float32'>;
  readonly heads = new ModuleDict({ small: new Linear(4, 3), 'not a name': new Linear(4, 2) });
  readonly last = new Sequential({ norm: new BatchNorm1d(5), fc: new Linear(5, 7) });
  readonly #few = tensor([1, -2, 0.5, 3]);
  readonly #row = linspace(-1, 1, 6);

  constructor() {
    super();
    this.stem.freeze();
    this.heads.get('small').freeze();
  }

  forward([image, extra]: readonly [Tensor, Tensor], shift: Tensor) {
    let h = add(this.stem.forward(image), mul(this.scale, this.offset));
    for (const block of this.blocks) h = block.forward(h);
    h = this.blocks[0].forward(mul(h, this.factors[0]));
    h = this.again.forward(concat([h, add(h, this.#row)], 1));
    const pooled = dropout(mean(h, [2, 3]), { p: 0.4, training: this.training });
    const rows = mul(add(reshape(pooled, [image.shape[0] ?? 0, 2, 4]), this.#few), this.factors[1]);
    const small = this.heads.get('small').forward(mean(rows, 1));
    const other = this.heads.get('not a name').forward(add(mean(rows, 1), shift));
    return { logits: this.last.forward(concat([small, other], 1)), parts: [small, extra] };
  }
}

/** `Everything`, of three tensors. */
class Three extends Module {
  readonly inner = new Everything();

  forward(image: Tensor, extra: Tensor, shift: Tensor) {
    return this.inner.forward([image, extra], shift);
  }
}

/** Models that are ejected, run by PyTorch, and compared. */
export const MODELS: Readonly<Record<string, ModelCase>> = {
  lenet: { make: () => new LeNet(), inputs: images(3, 1, 28, 28) },
  cnn: { make: () => new Cnn(), inputs: images(3, 1, 28, 28) },
  lenet_bn: { make: () => new LeNetBN(), inputs: images(3, 1, 28, 28) },
  cnn_bn: { make: () => new CnnBN(), inputs: images(3, 1, 28, 28) },
  wide_cnn_bn: { make: () => new WideCnnBN(), inputs: images(3, 1, 28, 28) },
  resnet18: { make: () => new ResNet18({ numClasses: 10 }), inputs: images(2, 3, 32, 32) },
  mobilenet_v2: {
    make: () => new MobileNetV2({ numClasses: 10 }),
    inputs: images(2, 3, 32, 32),
  },
  perceptron: {
    make: () => new Sequential(new Flatten(), new Linear(30, 8), new ReLU(), new Linear(8, 4)),
    inputs: images(3, 5, 6),
  },
  autoencoder: {
    make: () =>
      new Sequential({
        down: new Conv2d(2, 4, 3, { stride: 2, padding: 1 }),
        flat: new Flatten(),
        code: new Linear(48, 6),
        back: new Linear(6, 48),
        image: new Unflatten(1, [4, 4, 3]),
        up: new ConvTranspose2d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
        pixels: new Sigmoid(),
      }),
    inputs: images(3, 2, 8, 6),
  },
  layer: { make: () => new Linear(4, 3), inputs: images(2, 4) },
  recurrent: { make: () => new Recurrent(), inputs: images(3, 7, 4) },
  tokens: { make: () => new Tokens(), inputs: [{ shape: [3, 6], dtype: 'int32' }] },
  everything: {
    make: () => new Three(),
    inputs: [{ shape: [3, 1, 8, 8] }, { shape: [3, 2] }, { shape: [3, 4] }],
  },
};

/** All tensors among what a model is called with, or what it gives, in order. */
export function tensorsOf(part: unknown): Tensor[] {
  if (part instanceof Tensor) return [part];
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap(tensorsOf) : [];
}
