import { findLeaks, tensor, type Tensor } from '@unfold/core';
import { Conv2d, Dropout, Flatten, Linear, Module, Sequential } from '@unfold/nn';
import { Dataset, LeNet } from '@unfold/train';
import { featureMaps, firstLayerFilters, type Planes } from '@unfold/monitor';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { image, pictureOf, planeImages } from '../../packages/monitor/src/report/pictures.js';
import { smallModel } from '../support/runs/training-records.js';

const PIXELS = Float32Array.from({ length: 20 }, (_, i) => ((i * i) % 23) - 7);
const x = (): Tensor => tensor(PIXELS, [1, 1, 4, 5]);
const at = (row: number, column: number): number => PIXELS[5 * row + column] as number;

/** Of the first filter of `smallModel`, 3×3. */
const FIRST_MAP = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => at(i, j) - at(i + 1, j + 2)));
/** Of the second, whose bias is -10. */
const SECOND_MAP = [0, 1, 2].flatMap((i) =>
  [0, 1, 2].map((j) => (at(i, j) + at(i, j + 1)) / 2 - 10),
);

describe('the filters of the first layer', () => {
  it('are its weights', () => {
    expect(firstLayerFilters(smallModel(), x())).toEqual({
      path: '0',
      layer: 'Conv2d',
      total: 2,
      shape: [2, 1, 2, 3],
      values: Float32Array.of(1, 0, 0, 0, 0, -1, 0.5, 0.5, 0, 0, 0, 0),
    });
  });

  it('are of the convolution that is called first, not of the one that stands first', () => {
    class Swapped extends Module {
      readonly later = new Conv2d(3, 2, 1);
      readonly first = new Conv2d(1, 3, 2);
      forward(input: Tensor): Tensor {
        return this.later.forward(this.first.forward(input));
      }
    }
    expect(firstLayerFilters(new Swapped(), x())).toMatchObject({
      path: 'first',
      shape: [3, 1, 2, 2],
    });
  });

  it('are no more than 64, and none without a convolution', () => {
    const conv = new Conv2d(1, 70, 2);
    const { total, shape, values } = firstLayerFilters(new Sequential(conv), x()) as Planes;
    expect({ total, shape }).toEqual({ total: 70, shape: [64, 1, 2, 2] });
    expect(values).toEqual(conv.weight.toTypedArray().slice(0, 256));
    expect(firstLayerFilters(new Sequential(new Flatten(), new Linear(20, 2)), x())).toBeNull();
  });
});

describe('feature maps', () => {
  it('are what the layers give, in the order of the calls', () => {
    const relu = (values: readonly number[]): number[] => values.map((v) => Math.max(v, 0));
    const maps = [...FIRST_MAP, ...SECOND_MAP];
    // Something below zero and something above it, or ReLU proves nothing.
    expect(new Set(FIRST_MAP.map(Math.sign))).toEqual(new Set([-1, 1]));
    expect(featureMaps(smallModel(), x())).toEqual([
      {
        path: '0',
        layer: 'Conv2d',
        total: 2,
        shape: [2, 1, 3, 3],
        values: Float32Array.from(maps),
      },
      {
        path: '1',
        layer: 'ReLU',
        total: 2,
        shape: [2, 1, 3, 3],
        values: Float32Array.from(relu(maps)),
      },
    ]);
  });

  it('of LeNet are those of its convolutions', () => {
    const shapes = featureMaps(new LeNet(), tensor(new Float32Array(784), [1, 1, 28, 28])).map(
      ({ path, shape }) => [path, shape],
    );
    expect(shapes).toEqual([
      ['conv1', [8, 1, 24, 24]],
      ['conv2', [16, 1, 8, 8]],
    ]);
  });

  it('are no more than 32 of a layer, and of no more than four layers', () => {
    const deep = new Sequential(
      new Conv2d(1, 40, 1),
      ...[40, 2, 2, 2].map((c) => new Conv2d(c, 2, 1)),
    );
    const layers = featureMaps(deep, x());
    expect(layers.map(({ path, total, shape: [count] }) => [path, total, count])).toEqual([
      ['0', 40, 32],
      ['1', 2, 2],
      ['2', 2, 2],
      ['3', 2, 2],
    ]);
    expect(layers[0]?.values).toHaveLength(32 * 20);
  });

  it('leave out what gives on what it was given, single pixels and rows of numbers', () => {
    const model = new Sequential(
      new Dropout(0.5),
      new Conv2d(1, 2, 2),
      new Dropout(0.5),
      new Conv2d(2, 2, [3, 4]),
      new Flatten(),
    );
    expect(featureMaps(model, x()).map(({ path }) => path)).toEqual(['1']);
    expect(featureMaps(new Sequential(new Flatten()), x())).toEqual([]);
  });
});

it.each([firstLayerFilters, featureMaps])(
  '%o leaves no tensor and no mode behind',
  async (look) => {
    const model = smallModel();
    const input = x();
    const [, relu] = model.namedChildren();
    relu?.[1].eval();
    const leaks = await findLeaks(() => void look(model, input));
    expect(leaks).toEqual([]);
    expect([model.training, relu?.[1].training]).toEqual([true, false]);
    expect(() => look(model, tensor([1]))).toThrow();
    expect(model.training).toBe(true);
  },
);

/** The picture in an `<img>`. */
function decoded({ text }: { readonly text: string }) {
  const [, base64 = ''] = /src="data:image\/png;base64,([^"]+)"/.exec(text) ?? [];
  return decode(Buffer.from(base64, 'base64'));
}

describe('pictures', () => {
  it('hold the bytes of an image, and show them in a whole multiple', () => {
    const pixels = Uint8Array.of(0, 50, 100, 150, 200, 255);
    const shown = image({ width: 3, height: 2, channels: 1, pixels }, { alt: 'a "4"', about: 9 });
    expect(decoded(shown)).toMatchObject({ width: 3, height: 2, channels: 1, depth: 8 });
    expect([...decoded(shown).data]).toEqual([...pixels]);
    expect(shown.text.replaceAll(/\s+/g, ' ')).toMatch(
      / width="15" height="10" alt="a &#34;4&#34;" \/>/,
    );
  });

  it('of a dataset are the bytes of an image, by pixel where there are colours', () => {
    const images = Uint8Array.from({ length: 36 }, (_, i) => i);
    const colour = Dataset.fromArrays({ images, shape: [3, 2, 3], labels: [0, 0] });
    expect(pictureOf(colour, 1)).toEqual({
      width: 3,
      height: 2,
      channels: 3,
      pixels: Uint8Array.from([
        18, 24, 30, 19, 25, 31, 20, 26, 32, 21, 27, 33, 22, 28, 34, 23, 29, 35,
      ]),
    });
    const two = Dataset.fromArrays({ images, shape: [2, 2, 3], labels: [0, 0, 0] });
    expect(pictureOf(two, 1)).toMatchObject({ channels: 1 });
    expect([...pictureOf(two, 1).pixels]).toEqual([12, 13, 14, 15, 16, 17]);
  });

  it('of numbers go from the smallest to the largest', () => {
    const of = (...values: number[]) =>
      pictureOf(
        Dataset.fromArrays({
          images: Float32Array.from(values),
          shape: [1, 1, values.length],
          labels: [0],
        }),
        0,
      ).pixels;
    expect([...of(-1, 0, 1, 3)]).toEqual([0, 64, 128, 255]);
    expect([...of(2, 2)]).toEqual([0, 0]);
  });

  it('of planes are blue above zero and orange below, clear at zero', () => {
    const planes: Planes = {
      path: '',
      layer: 'Conv2d',
      total: 2,
      shape: [2, 2, 1, 2],
      values: Float32Array.of(0, 2, -1, -2, 1, 0, 0, 0),
    };
    const [first, second, ...others] = planeImages(planes, 1).map(decoded);
    expect(others).toEqual([]);
    const coloursOf = ({ data, palette = [] }: ReturnType<typeof decode>) =>
      Array.from(data, (i) => palette[i]);
    const blue = [47, 129, 247];
    const orange = [224, 123, 26];
    if (!first || !second) throw new Error('two pictures');
    // Both channels side by side.
    expect(first).toMatchObject({ width: 4, height: 1 });
    expect(coloursOf(first)).toEqual([
      [...blue, 0],
      [...blue, 254],
      [...orange, 126],
      [...orange, 254],
    ]);
    expect(coloursOf(second)[0]).toEqual([...blue, 128]);
  });

  it('of nothing but zeros are clear', () => {
    const planes: Planes = {
      path: '',
      layer: '',
      total: 1,
      shape: [1, 1, 1, 2],
      values: new Float32Array(2),
    };
    const [only] = planeImages(planes, 1).map(decoded);
    expect([...(only?.data ?? [])]).toEqual([127, 127]);
  });
});
