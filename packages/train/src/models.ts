import { relu, reshape, type Tensor } from '@unfold/core';
import { Conv2d, Linear, maxPool2d, Module, type Layer } from '@unfold/nn';

/** A small convolutional network for 28×28 digits, after LeNet-5: 5,994 parameters. */
export class LeNet extends Module {
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
export class Cnn extends Module {
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

/** What makes each model that the commands know, by the name that files of its weights carry. */
export const MODELS = {
  lenet: () => new LeNet(),
  cnn: () => new Cnn(),
} as const satisfies Readonly<Record<string, () => Layer>>;

/** The name of a model in `MODELS`. */
export type ModelName = keyof typeof MODELS;

/** Whether a model of this name is in `MODELS`. */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(MODELS, name);
}
