import { add, reshape, type OptionRules, type Tensor } from '@unfold/core';
import { checkOptions, positive, positiveCount, share } from '@unfold/core/internal';
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  Dropout,
  init,
  type Layer,
  Linear,
  Module,
  ReLU6,
  Sequential,
} from '@unfold/nn';
import { convolution } from './convolution.js';

/** A convolution, normalised and bent. */
function unit(...given: Parameters<typeof convolution>): Sequential {
  return new Sequential(convolution(...given), new BatchNorm2d(given[1]), new ReLU6());
}

/**
 * Widens the channels, looks around in each of them by itself, and narrows them again without a bend;
 * where the shape stays, the input goes straight on beside it.
 */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly #isResidual: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super();
    const hidden = inChannels * expansion;
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [unit(inChannels, hidden, 1)]),
      unit(hidden, hidden, 3, { stride, groups: hidden }),
      convolution(hidden, outChannels, 1),
      new BatchNorm2d(outChannels),
    );
    this.#isResidual = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const out = this.conv.forward(x);
    return this.#isResidual ? add(x, out) : out;
  }
}

/** For each stage: the expansion, the channels, the blocks, and the stride of the first (the paper's table 2). */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The multiple of 8 that is nearest, not less than 8 nor below by more than a tenth. */
function divisible(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

/** Options of `MobileNetV2`. */
export interface MobileNetV2Options {
  /** Default 1000, ImageNet's. */
  readonly numClasses?: number;
  /** The factor of all channels, which are rounded to multiples of 8. Default 1. */
  readonly widthMult?: number;
  /** The share of the last features that training leaves out. Default 0.2. */
  readonly dropout?: number;
}

const OPTIONS: OptionRules<MobileNetV2Options> = {
  numClasses: positiveCount,
  widthMult: positive,
  dropout: share,
};

/**
 * MobileNetV2 (Sandler et al., 2018), as `torchvision.models.mobilenet_v2`: the same names, so that its
 * weights load, and the same initial weights by rule; 3,504,872 parameters with 1000 classes. It halves the
 * size of an image five times.
 */
export class MobileNetV2 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  /** @throws ConfigError for a bad option. */
  constructor(options: MobileNetV2Options = {}) {
    super();
    checkOptions('MobileNetV2', options, OPTIONS);
    const { numClasses = 1000, widthMult = 1, dropout = 0.2 } = options;
    let channels = divisible(32 * widthMult);
    const features: Layer[] = [unit(3, channels, 3, { stride: 2 })];
    for (const [expansion, width, blocks, firstStride] of STAGES) {
      const outChannels = divisible(width * widthMult);
      for (let block = 0; block < blocks; block++) {
        const stride = block === 0 ? firstStride : 1;
        features.push(new InvertedResidual(channels, outChannels, stride, expansion));
        channels = outChannels;
      }
    }
    const last = divisible(1280 * Math.max(1, widthMult));
    this.features = new Sequential(...features, unit(channels, last, 1));
    const head = new Linear(last, numClasses);
    init.normal(head.weight, { std: 0.01 });
    head.bias?.update((data) => data.fill(0));
    this.classifier = new Sequential(new Dropout(dropout), head);
  }

  /**
   * @param x Images `[N, 3, H, W]` of any size; 224×224 in torchvision.
   * @returns Logits `[N, numClasses]`.
   * @throws ShapeError for other shapes.
   */
  forward(x: Tensor): Tensor {
    const features = adaptiveAvgPool2d(this.features.forward(x), 1);
    return this.classifier.forward(reshape(features, features.shape.slice(0, 2)));
  }
}
