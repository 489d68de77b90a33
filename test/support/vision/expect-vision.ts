import { Scope, Tape, tensor, type Tensor } from '@unfold/core';
import { crossEntropy, type Layer } from '@unfold/nn';
import { MobileNetV2, ResNet18, SGD } from '@unfold/train';
import { expect } from 'vitest';
import { loadFixture, type VisionCase } from '../fixtures/fixtures.js';
import { fillByFormula, noise } from '../fixtures/formula.js';

export const VISION = loadFixture('vision');
const { settings } = VISION;

/** The model of a case, with its weights. */
function modelOf({ name, options, state }: VisionCase): Layer {
  const { classes: numClasses } = settings;
  const model =
    name === 'ResNet18'
      ? new ResNet18({ numClasses })
      : new MobileNetV2({ ...options, numClasses });
  expect([...model.stateDict()].map(([key, { shape }]) => [key, shape])).toEqual(
    Object.entries(state),
  );
  fillByFormula(model);
  return model;
}

/** The formula `squares` of make_vision.py. */
function squares(): Tensor {
  const { images, square } = settings;
  const [N, C, H, W] = images;
  const [rows, columns] = [H / square, W / square];
  const colours = noise(2 ** 31, N * C * rows * columns);
  const pixels = Float32Array.from({ length: N * C * H * W }, (_, i) => {
    const row = Math.floor(i / W / square);
    return colours[row * columns + Math.floor((i % W) / square)] ?? NaN;
  });
  return tensor(pixels, images);
}

const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));

/** How far numbers are from the expected ones, as a part of the largest of these. */
function difference(actual: Iterable<number>, expected: readonly number[]): number {
  const data = [...actual];
  expect(data).toHaveLength(expected.length);
  return largest(data.map((value, i) => value - (expected[i] ?? NaN))) / largest(expected);
}

/**
 * Compares with torchvision the outputs in evaluation, within 1e-5 of the largest; the loss with the
 * batch's statistics, within 1e-5; those of the steps, within 1e-4; and the outputs after them, within 1e-3
 * of the largest.
 */
export function expectTorchvision(given: VisionCase): void {
  using _scope = new Scope();
  const model = modelOf(given);
  const images = squares();
  const labels = tensor(
    Int32Array.from({ length: settings.images[0] }, (_, i) => (i * 7) % settings.classes),
  );
  const evaluate = (): ArrayLike<number> & Iterable<number> =>
    model.eval().forward(images).toTypedArray();
  expect(difference(evaluate(), given.outputs)).toBeLessThan(1e-5);

  const batchLoss = crossEntropy(model.train().forward(images), labels).item();
  expect(Math.abs(batchLoss / given.batchLoss - 1)).toBeLessThan(1e-5);

  model.train(given.batchStatistics);
  const { momentum } = settings;
  const optimizer = new SGD(model.parameters(), { lr: given.lr, momentum });
  const losses = given.losses.map(() => {
    using tape = new Tape();
    const loss = crossEntropy(model.forward(images), labels);
    optimizer.zeroGrad();
    tape.backward(loss);
    optimizer.step();
    return loss.item();
  });
  for (const [i, loss] of losses.entries()) {
    expect(Math.abs(loss / (given.losses[i] ?? NaN) - 1)).toBeLessThan(1e-4);
  }
  expect(difference(evaluate(), given.outputsAfterwards)).toBeLessThan(1e-3);
  optimizer.dispose();
  model.dispose();
}
