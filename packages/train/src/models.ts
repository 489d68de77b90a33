import { relu, reshape, type Tensor } from '@unfold/core';
import { requireNoArguments } from '@unfold/core/internal';
import { BatchNorm2d, Conv2d, Dropout, Linear, maxPool2d, Module, type Layer } from '@unfold/nn';

/** The models of this file are what they are: a number of classes would say nothing to them. */
abstract class DigitModel extends Module {
  constructor(...given: readonly never[]) {
    requireNoArguments(new.target.name, given, 'it takes 28×28 digits and has 10 classes');
    super();
  }
}

/** A small convolutional network for 28×28 digits, after LeNet-5: 5,994 parameters. */
export class LeNet extends DigitModel {
  readonly conv1 = new Conv2d(1, 8, 5);
  readonly conv2 = new Conv2d(8, 16, 5);
  readonly fc = new Linear(256, 10);

  /** @param x `[N, 1, 28, 28]`. @returns Logits `[N, 10]`. */
  forward(x: Tensor): Tensor {
    const h1 = maxPool2d(relu(this.conv1.forward(x)), 2);
    const h2 = maxPool2d(relu(this.conv2.forward(h1)), 2);
    return this.fc.forward(reshape(h2, [-1, 256]));
  }
}

/** The network of PyTorch's MNIST example, without its dropout: 1,199,882 parameters. */
export class Cnn extends DigitModel {
  readonly conv1 = new Conv2d(1, 32, 3);
  readonly conv2 = new Conv2d(32, 64, 3);
  readonly fc1 = new Linear(9216, 128);
  readonly fc2 = new Linear(128, 10);

  /** @param x `[N, 1, 28, 28]`. @returns Logits `[N, 10]`. */
  forward(x: Tensor): Tensor {
    const h1 = relu(this.conv1.forward(x));
    const h2 = maxPool2d(relu(this.conv2.forward(h1)), 2);
    return this.fc2.forward(relu(this.fc1.forward(reshape(h2, [-1, 9216]))));
  }
}

/**
 * `LeNet` with twice its channels and batch normalisation: 18,426 parameters. It normalises behind the
 * pooling, where there is a quarter to normalise.
 */
export class LeNetBN extends DigitModel {
  readonly conv1 = new Conv2d(1, 16, 5, { bias: false });
  readonly norm1 = new BatchNorm2d(16);
  readonly conv2 = new Conv2d(16, 32, 5, { bias: false });
  readonly norm2 = new BatchNorm2d(32);
  readonly fc = new Linear(512, 10);

  /** @param x `[N, 1, 28, 28]`. @returns Logits `[N, 10]`. */
  forward(x: Tensor): Tensor {
    const h1 = relu(this.norm1.forward(maxPool2d(this.conv1.forward(x), 2)));
    const h2 = relu(this.norm2.forward(maxPool2d(this.conv2.forward(h1), 2)));
    return this.fc.forward(reshape(h2, [-1, 512]));
  }
}

/** Four 3×3 convolutions with batch normalisation, the first pooled at once: 135,018 parameters. */
export class CnnBN extends DigitModel {
  readonly conv1 = new Conv2d(1, 32, 3, { bias: false });
  readonly norm1 = new BatchNorm2d(32);
  readonly conv2 = new Conv2d(32, 64, 3, { bias: false });
  readonly norm2 = new BatchNorm2d(64);
  readonly conv3 = new Conv2d(64, 64, 3, { bias: false });
  readonly norm3 = new BatchNorm2d(64);
  readonly conv4 = new Conv2d(64, 128, 3, { bias: false });
  readonly norm4 = new BatchNorm2d(128);
  readonly dropout = new Dropout(0.2);
  readonly fc = new Linear(512, 10);

  /** @param x `[N, 1, 28, 28]`. @returns Logits `[N, 10]`. */
  forward(x: Tensor): Tensor {
    const h1 = relu(this.norm1.forward(maxPool2d(this.conv1.forward(x), 2))); // 13×13
    const h2 = relu(this.norm2.forward(this.conv2.forward(h1))); // 11×11
    const h3 = relu(this.norm3.forward(maxPool2d(this.conv3.forward(h2), 2))); // 4×4
    const h4 = relu(this.norm4.forward(this.conv4.forward(h3))); // 2×2
    return this.fc.forward(this.dropout.forward(reshape(h4, [-1, 512])));
  }
}

/** `CnnBN`, wider, with a 5×5 convolution in front: 383,066 parameters. */
export class WideCnnBN extends DigitModel {
  readonly conv1 = new Conv2d(1, 48, 5, { bias: false });
  readonly norm1 = new BatchNorm2d(48);
  readonly conv2 = new Conv2d(48, 96, 3, { bias: false });
  readonly norm2 = new BatchNorm2d(96);
  readonly conv3 = new Conv2d(96, 128, 3, { bias: false });
  readonly norm3 = new BatchNorm2d(128);
  readonly conv4 = new Conv2d(128, 192, 3, { bias: false });
  readonly norm4 = new BatchNorm2d(192);
  readonly dropout = new Dropout(0.3);
  readonly fc = new Linear(768, 10);

  /** @param x `[N, 1, 28, 28]`. @returns Logits `[N, 10]`. */
  forward(x: Tensor): Tensor {
    const h1 = relu(this.norm1.forward(maxPool2d(this.conv1.forward(x), 2))); // 12×12
    const h2 = relu(this.norm2.forward(this.conv2.forward(h1))); // 10×10
    const h3 = relu(this.norm3.forward(maxPool2d(this.conv3.forward(h2), 2))); // 4×4
    const h4 = relu(this.norm4.forward(this.conv4.forward(h3))); // 2×2
    return this.fc.forward(this.dropout.forward(reshape(h4, [-1, 768])));
  }
}

/** The name of a model in `MODELS`. */
export type ModelName = 'lenet' | 'cnn' | 'lenet-bn' | 'cnn-bn' | 'wide-cnn-bn';

/** The maker of each model that the commands know, by the name that files of its weights carry. */
export const MODELS: Readonly<Record<ModelName, () => Layer>> = {
  lenet: (...given: readonly never[]) => new LeNet(...given),
  cnn: (...given: readonly never[]) => new Cnn(...given),
  'lenet-bn': (...given: readonly never[]) => new LeNetBN(...given),
  'cnn-bn': (...given: readonly never[]) => new CnnBN(...given),
  'wide-cnn-bn': (...given: readonly never[]) => new WideCnnBN(...given),
};

/** Whether a model of this name is in `MODELS`. */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(MODELS, name);
}
