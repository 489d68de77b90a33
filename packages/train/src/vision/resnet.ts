import { add, relu, reshape, type OptionRules, type Tensor } from '@unfold/core';
import { checkOptions, positiveCount } from '@unfold/core/internal';
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  type Conv2d,
  Linear,
  maxPool2d,
  Module,
  Sequential,
} from '@unfold/nn';
import { convolution } from './convolution.js';

/** Two 3×3 convolutions around which the input goes straight on, of which a stride makes it smaller. */
class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  /** What gives the input the shape of the output, where that is another. */
  readonly downsample: Sequential | null;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    this.conv1 = convolution(inChannels, outChannels, 3, { stride });
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = convolution(outChannels, outChannels, 3);
    this.bn2 = new BatchNorm2d(outChannels);
    this.downsample =
      stride === 1 && inChannels === outChannels
        ? null
        : new Sequential(
            convolution(inChannels, outChannels, 1, { stride }),
            new BatchNorm2d(outChannels),
          );
  }

  forward(x: Tensor): Tensor {
    const h = relu(this.bn1.forward(this.conv1.forward(x)));
    const out = this.bn2.forward(this.conv2.forward(h));
    return relu(add(out, this.downsample ? this.downsample.forward(x) : x));
  }
}

/** Two blocks, of which the first may change the shape. */
function stage(inChannels: number, outChannels: number, stride: number): Sequential {
  return new Sequential(
    new BasicBlock(inChannels, outChannels, stride),
    new BasicBlock(outChannels, outChannels, 1),
  );
}

/** Options of `ResNet18`. */
export interface ResNet18Options {
  /** Default 1000, ImageNet's. */
  readonly numClasses?: number;
}

const OPTIONS: OptionRules<ResNet18Options> = { numClasses: positiveCount };

/**
 * The residual network of 18 layers (He et al., 2016), as `torchvision.models.resnet18`: the same names,
 * so that its weights load, and the same initial weights by rule; 11,689,512 parameters with 1000 classes.
 * It halves the size of an image five times.
 */
export class ResNet18 extends Module {
  readonly conv1 = convolution(3, 64, 7, { stride: 2 });
  readonly bn1 = new BatchNorm2d(64);
  readonly layer1 = stage(64, 64, 1);
  readonly layer2 = stage(64, 128, 2);
  readonly layer3 = stage(128, 256, 2);
  readonly layer4 = stage(256, 512, 2);
  readonly fc: Linear;

  /** @throws ConfigError for a bad option. */
  constructor(options: ResNet18Options = {}) {
    checkOptions('ResNet18', options, OPTIONS);
    super();
    this.fc = new Linear(512, options.numClasses ?? 1000);
  }

  /**
   * @param x Images `[N, 3, H, W]` of any size; 224×224 in torchvision.
   * @returns Logits `[N, numClasses]`.
   * @throws ShapeError for other shapes.
   */
  forward(x: Tensor): Tensor {
    const stem = relu(this.bn1.forward(this.conv1.forward(x)));
    let h = maxPool2d(stem, 3, { stride: 2, padding: 1 });
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) h = layer.forward(h);
    return this.fc.forward(reshape(adaptiveAvgPool2d(h, 1), [-1, 512]));
  }
}
