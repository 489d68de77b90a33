import { ConfigError, Generator, randn, ShapeError, type Tensor } from '@unfold/core';
import { conv2d, maxPool2d, type Conv2dOptions } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { Recent } from '../../packages/nn/src/recent.js';

const random = (...shape: number[]): Tensor =>
  randn(shape, { generator: new Generator(shape.length) });

/** As plain JavaScript may pass it. */
const THREE: [number, number] = JSON.parse('[1, 1, 1]');

describe('what is kept of recent calls', () => {
  it('is found by equal numbers, and never by NaN', () => {
    const recent = new Recent<string>();
    recent.keep([1, 2], 'a');
    recent.keep([1, NaN], 'b');
    expect(recent.find([1, 2])).toBe('a');
    expect(recent.find([1, 3])).toBeUndefined();
    expect(recent.find([1])).toBeUndefined();
    expect(recent.find([1, NaN])).toBeUndefined();
  });

  it('is bounded: the oldest goes', () => {
    const recent = new Recent<number>();
    for (let i = 0; i < 1000; i++) recent.keep([i], i);
    const found = Array.from({ length: 1000 }, (_, i) => recent.find([i]) !== undefined);
    expect(found.filter(Boolean).length).toBeLessThanOrEqual(32);
    expect(found.at(-1)).toBe(true);
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

  it('does not see past options that were changed: maxPool2d', () => {
    const x = random(2, 3, 8, 8);
    const size: [number, number] = [2, 2];
    expect(maxPool2d(x, size).shape).toEqual([2, 3, 4, 4]);
    size[1] = 4;
    expect(maxPool2d(x, size).shape).toEqual([2, 3, 4, 2]);
    expect(maxPool2d(x, size, { stride: 1 }).shape).toEqual([2, 3, 7, 5]);
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
