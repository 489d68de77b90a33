import { ShapeError, type Tensor } from '@unfold/core';
import { Module } from '@unfold/nn';
import type { BuiltModel } from './build.js';
import type { Flow, Step } from './flow.js';

/** A shape with the batch axis in front; null where any size will do. */
export type OpenShape = readonly (number | null)[];

/**
 * A model that TensorFlow.js saved. Images go in, and come out, as NCHW; every other tensor is
 * ordered as in TensorFlow.js. Parameters are named after the layers, `conv2d_Conv2D1.weight`, with
 * Unfold's layouts; those of layers that were frozen need no gradient. In training, too, dropout
 * does nothing.
 */
export class TfjsLayersModel extends Module {
  /** The shape that `forward` takes: `[null, C, H, W]` for images. */
  readonly inputShape: OpenShape;
  /** The shape that `forward` gives. */
  readonly outputShape: OpenShape;
  /** The order of images in TensorFlow.js: `channelsLast` is NHWC, `channelsFirst` NCHW. */
  readonly dataFormat: 'channelsLast' | 'channelsFirst';
  readonly #steps: readonly Step[];

  /** @internal */
  constructor({ steps, input, output, dataFormat }: BuiltModel) {
    super();
    const withBatch = ({ shape }: Flow): OpenShape => [null, ...shape];
    this.inputShape = withBatch(input);
    this.outputShape = withBatch(output);
    this.dataFormat = dataFormat === 'channels_last' ? 'channelsLast' : 'channelsFirst';
    this.#steps = steps;
  }

  override *namedChildren(): Iterable<[string, Module]> {
    for (const { name, weights } of this.#steps) {
      if (weights) yield [name, weights];
    }
  }

  /**
   * The model's predictions.
   * @param x `inputShape`, NCHW for images; `permute(x, [0, 3, 1, 2])` makes it from NHWC
   * @returns `outputShape`
   * @throws ShapeError if x has another shape.
   */
  forward(x: Tensor): Tensor {
    if (!fits(x.shape, this.inputShape)) {
      const expected = this.inputShape.map((size, axis) => size ?? (axis === 0 ? 'N' : 'any'));
      const [N = 0, H = 0, W = 0, C = 0] = x.shape;
      const looksLikeNHWC = x.ndim === 4 && fits([N, C, H, W], this.inputShape);
      throw new ShapeError(
        `TfjsLayersModel: expected x [${expected.join(',')}], got ${x.describe()}` +
          (looksLikeNHWC
            ? '; x looks like NHWC, Unfold is NCHW: permute(x, [0, 3, 1, 2])'
            : '; give it the size that the model was saved with'),
      );
    }
    return this.#steps.reduce((out, step) => step.apply(out), x);
  }
}

function fits(shape: readonly number[], open: OpenShape): boolean {
  return (
    shape.length === open.length &&
    open.every((size, axis) => size === null || size === shape[axis])
  );
}
