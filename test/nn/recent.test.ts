import { ConfigError, Generator, randn, ShapeError, type Tensor } from '@unfold/core';
import {
  avgPool2d,
  conv2d,
  convTranspose2d,
  maxPool2d,
  type Conv2dOptions,
  type ConvTranspose2dOptions,
} from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { recentConv2dGeometry } from '../../packages/nn/src/conv2d/geometry.js';
import { recentConvTranspose2dGeometry } from '../../packages/nn/src/conv2d/transpose-geometry.js';
import { recentPoolWindow } from '../../packages/nn/src/pooling.js';
import { Recent } from '../../packages/nn/src/recent.js';

const random = (...shape: number[]): Tensor =>
  randn(shape, { generator: new Generator(shape.length) });

/** As plain JavaScript may pass it. */
const THREE: [number, number] = JSON.parse('[1, 1, 1]');

type Padding = NonNullable<Conv2dOptions['padding']>;

describe('what is kept of recent calls', () => {
  it('is found by equal numbers', () => {
    const recent = new Recent<string[]>();
    const first = recent.get([1, 2], () => ['a']);
    expect(recent.get([1, 2], () => ['b'])).toBe(first);
    expect(recent.get([1, 3], () => ['c'])).toEqual(['c']);
    expect(recent.get([1], () => ['d'])).toEqual(['d']);
  });

  it('is bounded: the oldest goes', () => {
    const recent = new Recent<number[]>();
    for (let i = 0; i < 1000; i++) recent.get([i], () => [i]);
    expect(recent.get([999], () => [-1])).toEqual([999]);
    expect(recent.get([968], () => [-1])).toEqual([968]);
    expect(recent.get([967], () => [-1])).toEqual([-1]);
  });

  it('holds no key with NaN, which would be found by nobody and push out another', () => {
    const recent = new Recent<number[]>();
    recent.get([1], () => [1]);
    for (let i = 0; i < 1000; i++) expect(recent.get([i, NaN], () => [i])).toEqual([i]);
    expect(recent.get([1], () => [-1])).toEqual([1]);
  });

  it('holds nothing of a call that was wrong', () => {
    const recent = new Recent<number[]>();
    const fail = (): number[] => {
      throw new ConfigError('wrong');
    };
    recent.get([1], () => [1]);
    for (let i = 0; i < 1000; i++) expect(() => recent.get([-i], fail)).toThrow(ConfigError);
    expect(recent.get([1], () => [-1])).toEqual([1]);
  });

  it.each<Conv2dOptions>([
    {},
    { padding: 'same' },
    { padding: 'valid' },
    { padding: [1, 0], stride: 2 },
    { dilation: [1, 2], padding: 'same' },
  ])('is the same geometry again: conv2d %j', (options) => {
    const geometry = (): object =>
      recentConv2dGeometry('conv2d', [2, 3, 9, 8], [4, 3, 3, 2], [4], options);
    expect(geometry()).toBe(geometry());
  });

  it('is the same geometry again: a transposed convolution, poolings', () => {
    const transposed = (): object =>
      recentConvTranspose2dGeometry('convTranspose2d', [2, 4, 9, 8], [4, 3, 3, 2], [3], {
        stride: [2, 3],
        outputPadding: 1,
      });
    expect(transposed()).toBe(transposed());
    const x = random(2, 3, 9, 8);
    const pooled = (operation: string): object =>
      recentPoolWindow(operation, x, [3, 2], { padding: 1 });
    expect(pooled('maxPool2d')).toBe(pooled('maxPool2d'));
    expect(pooled('avgPool2d')).toBe(pooled('maxPool2d'));
  });

  it("tells padding 'same' from numbers, also from those that are refused", () => {
    const [x, weight] = [random(2, 3, 9, 8), random(4, 3, 3, 2)];
    const shape = (padding: Padding): readonly number[] =>
      conv2d(x, weight, null, { padding }).shape;
    for (let i = 0; i < 2; i++) {
      expect(shape('same')).toEqual([2, 4, 9, 8]);
      expect(shape('valid')).toEqual([2, 4, 7, 7]);
      expect(shape(0)).toEqual([2, 4, 7, 7]);
      expect(shape(1)).toEqual([2, 4, 9, 9]);
      for (const padding of [-1, -2, NaN, [0, -1], [1, NaN]] satisfies Padding[]) {
        expect(() => shape(padding)).toThrow(ConfigError);
      }
    }
  });

  it('does not see past options that were changed: conv2d', () => {
    const [x, weight] = [random(2, 3, 9, 8), random(4, 3, 3, 2)];
    const stride: [number, number] = [1, 1];
    const options = { stride, padding: 0 };
    expect(conv2d(x, weight, null, options).shape).toEqual([2, 4, 7, 7]);
    expect(conv2d(x, weight, null, options).shape).toEqual([2, 4, 7, 7]);
    stride[0] = 2;
    expect(conv2d(x, weight, null, options).shape).toEqual([2, 4, 4, 7]);
    options.padding = 1;
    expect(conv2d(x, weight, null, options).shape).toEqual([2, 4, 5, 9]);
    expect(conv2d(random(1, 3, 9, 8), weight, null, options).shape).toEqual([1, 4, 5, 9]);
    const padding: Conv2dOptions['padding'] = 'same';
    expect(conv2d(x, weight, null, { padding }).shape).toEqual([2, 4, 9, 8]);
  });

  it('does not see past options that were changed: convTranspose2d', () => {
    const [x, weight] = [random(2, 4, 5, 4), random(4, 3, 3, 2)];
    const stride: [number, number] = [2, 3];
    const shape = (options: ConvTranspose2dOptions): readonly number[] =>
      convTranspose2d(x, weight, null, { stride, ...options }).shape;
    expect(shape({})).toEqual([2, 3, 11, 11]);
    expect(shape({ outputPadding: 1 })).toEqual([2, 3, 12, 12]);
    expect(shape({ padding: 1 })).toEqual([2, 3, 9, 9]);
    stride[0] = 1;
    expect(shape({})).toEqual([2, 3, 7, 11]);
    expect(() => convTranspose2d(random(2, 4, 5, 4, 1), weight, null, { stride })).toThrow(
      ShapeError,
    );
  });

  it('does not see past options that were changed: maxPool2d', () => {
    const x = random(2, 3, 8, 8);
    const size: [number, number] = [2, 2];
    expect(maxPool2d(x, size).shape).toEqual([2, 3, 4, 4]);
    size[1] = 4;
    expect(maxPool2d(x, size).shape).toEqual([2, 3, 4, 2]);
    expect(maxPool2d(x, size, { stride: 1 }).shape).toEqual([2, 3, 7, 5]);
    expect(avgPool2d(x, size, { stride: 1 }).shape).toEqual([2, 3, 7, 5]);
    size[0] = 3;
    expect(avgPool2d(x, size, { stride: 1 }).shape).toEqual([2, 3, 6, 5]);
  });

  it('refuses what is wrong after a call that was right', () => {
    const [x, weight, bias] = [random(2, 3, 9, 8), random(4, 3, 3, 2), random(4)];
    for (let i = 0; i < 2; i++) {
      conv2d(x, weight, bias, { stride: [1, 1] });
      expect(() => conv2d(x, weight, random(5), { stride: [1, 1] })).toThrow(ShapeError);
      expect(() => conv2d(x, weight, random(4, 1), { stride: [1, 1] })).toThrow(ShapeError);
      expect(() => conv2d(x, weight, bias, { stride: THREE })).toThrow(ConfigError);
      expect(() => conv2d(x, weight, bias, { stride: [1, 1], groups: 2 })).toThrow(ShapeError);
      maxPool2d(x, 2);
      expect(() => maxPool2d(x, THREE)).toThrow(ConfigError);
      expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow(ConfigError);
    }
  });
});
