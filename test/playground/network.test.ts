import { zeros } from '@unfold/core';
import { summary } from '@unfold/nn';
import { MODELS, type ModelName } from '@unfold/train';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsOf, kindOf, LAYER_KINDS, withValue } from '../../playground/src/spec/kinds.js';
import type { LayerSpec, NetworkSpec } from '../../playground/src/spec/layers.js';
import { inspectNetwork, LIMITS, namesOf } from '../../playground/src/spec/network.js';
import { PRESET_NAMES, PRESETS, presetNameOf } from '../../playground/src/spec/presets.js';
import { build } from './support/build.js';

const of = (kind: LayerSpec['kind'], values: Record<string, number | boolean> = {}): LayerSpec =>
  Object.entries(values).reduce(
    (layer, [name, value]) => withValue(layer, name, value),
    kindOf(kind).initial as LayerSpec,
  );
const conv = (values: Record<string, number | boolean>) => of('conv', values);

/** A layer of any kind, with fields that are small enough to fit now and then. */
const anyLayer = fc
  .constantFrom(...LAYER_KINDS)
  .chain((kind) =>
    fieldsOf(kindOf(kind).initial).reduce<fc.Arbitrary<LayerSpec>>(
      (layers, { name, field }) =>
        layers.chain((layer) =>
          field === 'flag'
            ? fc.boolean().map((value) => withValue(layer, name, value))
            : fc
                .integer({ min: Math.ceil(field.least / field.step), max: 6 })
                .map((steps) => withValue(layer, name, steps * field.step)),
        ),
      fc.constant(kindOf(kind).initial),
    ),
  );

describe('inspectNetwork', () => {
  it('says of every layer the shape, parameters and multiplications that nn says of its module', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyLayer, { minLength: 1, maxLength: 6 }), (layers) => {
        // What can be built of it: no layer behind one that can't be has an output.
        const { layers: all } = inspectNetwork(layers);
        const network = layers.filter((_, at) => all[at]?.output);
        const report = inspectNetwork(network);
        const model = build(network);
        const [, ...rows] = summary(model, [1, 1, 28, 28]).rows;
        expect(rows.length).toBe(network.length);
        for (const [at, row] of rows.entries()) {
          const layer = report.layers[at];
          seen.add(network[at]?.kind ?? '');
          expect(row).toMatchObject({
            path: layer?.name,
            outputs: [[1, ...(layer?.output ?? [])]],
            trainable: layer?.parameters,
            macs: layer?.macs,
          });
        }
        expect(report.parameters).toBe(model.parameterCount());
        model.dispose();
      }),
      { seed: 20, numRuns: 300 },
    );
    expect([...seen].sort()).toEqual([...LAYER_KINDS].sort());
  });

  it('takes for impossible what nn refuses, too', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(anyLayer, { minLength: 1, maxLength: 4 }), (layers) => {
        const at = inspectNetwork(layers).layers.findIndex(({ output }) => output === null);
        const layer = layers[at];
        // A linear layer would take the columns of an image for features, where there are as many.
        if (!layer || layer.kind === 'linear') return;
        refused++;
        expect(() => {
          build(layers.slice(0, at + 1)).forward(zeros([2, 1, 28, 28]));
        }).toThrow(/./u);
      }),
      { seed: 21, numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  it.each<[string, NetworkSpec, number | null, string]>([
    ['no layer', [], null, 'There is no layer yet: ten outputs are needed, one for each digit.'],
    [
      'a kernel that is too large',
      [conv({ kernel: 25 }), conv({ kernel: 5 })],
      1,
      'A 5×5 kernel doesn’t fit the 4×4 that comes in.',
    ],
    [
      'one that is too large with all its padding',
      [of('maxPool', { size: 14 }), conv({ kernel: 9, padding: 2 })],
      1,
      'A 9×9 kernel doesn’t fit the 2×2 (6×6 with its padding) that comes in.',
    ],
    [
      'one that its dilation makes too large',
      [conv({ kernel: 5, dilation: 7 })],
      0,
      'A 5×5 kernel spans 29×29 at a dilation of 7 and doesn’t fit the 28×28 that comes in.',
    ],
    [
      'groups that don’t divide what comes in',
      [conv({ channels: 8 }), conv({ channels: 9, groups: 3 })],
      1,
      'Groups: 3 don’t divide the 8 channels that come in.',
    ],
    [
      'groups that don’t divide what goes out',
      [conv({ channels: 9 }), conv({ channels: 8, groups: 3 })],
      1,
      'Groups: 3 don’t divide the 8 channels that go out.',
    ],
    [
      'a convolution of flat features',
      [of('flatten'), conv({})],
      1,
      'Convolution takes images, and flat features come in: move it before the flatten.',
    ],
    [
      'a window that is too large',
      [of('maxPool', { size: 20 }), of('avgPool')],
      1,
      'A 2×2 window doesn’t fit the 1×1 that comes in.',
    ],
    [
      'a linear layer of images',
      [of('linear')],
      0,
      'Linear takes flat features: put a flatten before it.',
    ],
    [
      'an image at the end',
      [conv({ channels: 6, kernel: 5 })],
      0,
      'Ten outputs are needed, one for each digit, and the last layer gives 6×24×24: end with a flatten and a linear layer of 10 features.',
    ],
    [
      'other than ten outputs',
      [of('flatten'), of('linear', { features: 84 })],
      1,
      'Ten outputs are needed, one for each digit, and the last layer gives 84: end with a linear layer of 10 features.',
    ],
    ['a half', [conv({ kernel: 2.5 })], 0, 'Kernel: expected a whole number from 1 to 28.'],
    ['no number', [conv({ channels: NaN })], 0, 'Channels: expected a whole number from 1 to 512.'],
    [
      'a probability of 1',
      [of('dropout', { p: 1 })],
      0,
      'Probability: expected a number from 0 to 0.9.',
    ],
    [
      'too many parameters',
      [of('flatten'), of('linear', { features: 4096 }), of('linear', { features: 1000 })],
      2,
      'With this layer the network has 7,312,360 parameters, and at most 4,000,000 fit the page.',
    ],
    [
      'too many outputs',
      [conv({ channels: 512 }), conv({ channels: 512, groups: 512 })],
      1,
      'Up to this layer an image becomes 641,024 numbers, and at most 500,000 fit the page: take fewer channels, or pool earlier.',
    ],
    [
      'too many multiplications',
      [conv({ channels: 128 }), conv({ channels: 256 })],
      1,
      'Up to this layer an image takes 170,648,064 multiplications, and at most 100,000,000 are quick enough for the page.',
    ],
    [
      'too many layers',
      [...Array.from({ length: LIMITS.layers }, () => of('flatten')), of('linear')],
      LIMITS.layers,
      'A network has at most 32 layers here.',
    ],
  ])('says where and why of %s', (_what, network, layer, reason) => {
    expect(inspectNetwork(network).fault).toEqual({ layer, reason });
  });

  it('names the first of several faults, and knows no shape behind it', () => {
    const report = inspectNetwork([conv({}), of('linear'), conv({ kernel: 99 })]);
    expect(report.fault?.layer).toBe(1);
    expect(report.layers.map(({ input, output }) => [input, output])).toEqual([
      [
        [1, 28, 28],
        [8, 26, 26],
      ],
      [[8, 26, 26], null],
      [null, null],
    ]);
  });
});

describe('namesOf', () => {
  it('counts each family, and leaves a lone linear layer, flatten and dropout without a number', () => {
    const kinds = [
      'conv',
      'relu',
      'maxPool',
      'conv',
      'gelu',
      'avgPool',
      'relu',
      'flatten',
      'dropout',
      'linear',
    ] as const;
    expect(namesOf(kinds.map((kind) => of(kind)))).toEqual([
      ...[
        'conv1',
        'relu1',
        'pool1',
        'conv2',
        'gelu1',
        'pool2',
        'relu2',
        'flatten',
        'dropout',
        'fc',
      ],
    ]);
    expect(namesOf([of('linear'), of('dropout'), of('linear'), of('dropout')])).toEqual([
      ...['fc1', 'dropout1', 'fc2', 'dropout2'],
    ]);
  });
});

describe('PRESETS', () => {
  it.each(PRESET_NAMES)('%s can be trained', (name) => {
    expect(inspectNetwork(PRESETS[name]).fault).toBe(null);
    expect(presetNameOf(PRESETS[name])).toBe(name);
  });

  it.each(Object.keys(MODELS) as ModelName[])(
    '%s computes what the model of @unfold/train does, with its parameters under their names',
    (name) => {
      const model = MODELS[name]();
      const own = build(PRESETS[name]);
      const shapes = (of: typeof model) =>
        [...of.stateDict()].map(([key, tensor]) => [key, tensor.shape]);
      expect(shapes(own)).toEqual(shapes(model));
      own.loadStateDict(model.stateDict());
      own.eval();
      model.eval();
      const x = zeros([2, 1, 28, 28]);
      x.data.forEach((_, i) => {
        x.data[i] = Math.sin(i);
      });
      expect(own.forward(x).data).toEqual(model.forward(x).data);
    },
  );

  it('a network that differs in one field is none of them', () => {
    const [first, ...others] = PRESETS.lenet;
    if (!first) throw new Error('it has layers');
    expect(presetNameOf([withValue(first, 'bias', false), ...others])).toBe(null);
    expect(presetNameOf(PRESETS.lenet.slice(0, -1))).toBe(null);
  });
});
