import { compile, randn, Scope, trace, type Tensor } from '@unfold/core';
import { BatchNorm2d, Conv2d, type Layer, Linear } from '@unfold/nn';
import { decodeModel, encodeModel, MobileNetV2, ResNet18 } from '@unfold/train';
import { afterAll, describe, expect, it } from 'vitest';
import { expectTorchvision, VISION } from '../support/vision/expect-vision.js';

/* All of them in the slow suite. */
const small = VISION.cases.filter(({ options }) => options.widthMult !== undefined);

it.each(small)('$name, $options, gives and learns what that of torchvision does', (given) => {
  expectTorchvision(given);
});

/** The root of the mean square. */
function deviation(weights: Tensor): number {
  const data = [...weights.toTypedArray()];
  return Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
}

/* The bound of a uniform distribution is √3 deviations. */
const BY_LINEAR = 1 / Math.sqrt(3 * 512);

describe.each([
  ['ResNet18', (): Layer => new ResNet18(), 11_689_512, [BY_LINEAR, BY_LINEAR]],
  ['MobileNetV2', (): Layer => new MobileNetV2(), 3_504_872, [0.01, 0]],
] as const)('%s', (name, make, parameters, [weight, bias]) => {
  const model = make();
  afterAll(() => model.dispose());
  const bits = (out: Tensor): number[] => [...out.toTypedArray()];

  it('has the parameters of 1000 classes, and initial weights by rule', () => {
    expect(model.parameterCount()).toBe(parameters);
    for (const [, layer] of model.namedModules()) {
      if (layer instanceof Conv2d) {
        const [out = 0, , KH = 0, KW = 0] = layer.weight.shape;
        const ratio = deviation(layer.weight) / Math.sqrt(2 / (out * KH * KW));
        // 288 weights at least: their deviation is itself off by 4 % then.
        expect(Math.abs(ratio - 1)).toBeLessThan(0.2);
        expect(layer.bias).toBeNull();
      } else if (layer instanceof BatchNorm2d) {
        expect(new Set([...(layer.weight?.data ?? []), ...(layer.bias?.data ?? [])])).toEqual(
          new Set([1, 0]),
        );
      } else if (layer instanceof Linear) {
        expect(Math.abs(deviation(layer.weight) / weight - 1)).toBeLessThan(0.02);
        expect(Math.abs(deviation(layer.bias ?? layer.weight) - bias)).toBeLessThan(0.002);
      }
    }
  });

  it('traces, compiles and is saved with the same bits', async () => {
    using _scope = new Scope();
    const images = randn([2, 3, 40, 33]);
    const before = bits(model.eval().forward(images));
    const graph = trace(model, images);
    expect(graph.nodes.filter(({ op }) => op === 'conv2d').length).toBe(
      name === 'ResNet18' ? 20 : 52,
    );
    expect(bits(graph.run(images))).toEqual(before);
    const program = compile((x: Tensor) => model.forward(x), { modules: [model] });
    for (let i = 0; i < 2; i++) expect(bits(program(images))).toEqual(before);
    program.dispose();

    const other = make();
    await decodeModel(other, encodeModel(model));
    expect(bits(other.eval().forward(images))).toEqual(before);
    other.dispose();
  });
});
