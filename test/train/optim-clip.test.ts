import { ConfigError, Parameter, tensor, zeros } from '@unfold/core';
import { clipGradNorm, clipGradValue, NonFiniteGradientError } from '@unfold/train';
import { describe, expect, it } from 'vitest';

function withGrad(...values: number[]): Parameter {
  const parameter = new Parameter(zeros([values.length]));
  parameter.grad = tensor(values);
  return parameter;
}

describe('clipGradNorm', () => {
  it('takes all gradients as one vector, and each parameter once', () => {
    const [a, b, none] = [withGrad(3, 0, 0, 0, 0), withGrad(4), new Parameter(zeros([2]))];
    expect(clipGradNorm([a, b, a, none], 2.5)).toBe(5);
    expect(a.grad?.data[0]).toBeCloseTo(1.5, 6);
    expect(b.grad?.item()).toBeCloseTo(2, 6);
    expect(none.grad).toBeNull();
  });

  it('leaves what is small enough as it is, to the bit', () => {
    const p = withGrad(0.1, 0.2);
    const before = p.grad?.toTypedArray();
    expect(clipGradNorm([p], 1)).toBeLessThan(1);
    expect(p.grad?.toTypedArray()).toEqual(before);
  });

  it('divides by 1e-6 more than the norm, as PyTorch', () => {
    const p = withGrad(3e-6, 4e-6);
    clipGradNorm([p], 1e-6);
    expect((p.grad?.data[0] ?? NaN) * 1e6).toBeCloseTo(0.5, 6);
  });

  it('squares do not overflow', () => {
    expect(clipGradNorm([withGrad(3e30, 4e30)], 1)).toBeCloseTo(5e30, -25);
  });

  it.each([1e200, 1e300, 1e-200])('squares of doubles neither overflow nor vanish, %s', (size) => {
    const p = new Parameter(zeros([3], { dtype: 'float64' }));
    p.grad = tensor([3 * size, 0, 4 * size], [3], { dtype: 'float64' });
    expect(clipGradNorm([p], 1) / size).toBeCloseTo(5, 12);
    const { data } = p.grad;
    expect(Math.min(1, 5 * size) / Math.hypot(...data)).toBeCloseTo(1, 12);
  });

  it('no gradients have the norm 0', () => {
    expect(clipGradNorm([], 1)).toBe(0);
    expect(clipGradNorm([new Parameter(zeros([1]))], 1, { normType: Infinity })).toBe(0);
  });

  it.each([NaN, Infinity])('a gradient of %s is an error that names it', (value) => {
    for (const normType of [2, Infinity]) {
      const [a, b] = [withGrad(1), withGrad(1, 2, value)];
      expect(() => clipGradNorm([a, b], 1, { normType })).toThrow(
        new NonFiniteGradientError(
          `clipGradNorm: the norm of the gradients is ${value}; the first to blame is that of ` +
            'parameter 1, float32 tensor [3]. A smaller learning rate usually helps',
        ),
      );
      expect(a.grad?.item()).toBe(1);
    }
  });

  it('without errorIfNonfinite the gradients become 0 and NaN, as in PyTorch', () => {
    const [a, b] = [withGrad(1), withGrad(Infinity)];
    expect(clipGradNorm([a, b], 1, { errorIfNonfinite: false })).toBe(Infinity);
    expect([a.grad?.item(), b.grad?.item()]).toEqual([0, NaN]);
    const c = withGrad(1, NaN);
    expect(clipGradNorm([c], 1, { errorIfNonfinite: false })).toBeNaN();
    expect(c.grad?.toArray()).toEqual([NaN, NaN]);
  });

  it.each<[() => unknown, string]>([
    [
      () => clipGradNorm([], -1),
      'clipGradNorm: maxNorm must be a finite number of at least 0, got -1',
    ],
    [
      () => clipGradNorm([], 1, { normType: 1 }),
      'clipGradNorm: normType must be 2 or Infinity, got 1',
    ],
    [
      () => {
        clipGradValue([], NaN);
      },
      'clipGradValue: clipValue must be a finite number of at least 0, got NaN',
    ],
  ])('refuses wrong options: %s', (call, message) => {
    expect(call).toThrow(new ConfigError(message));
  });
});

it('clipGradValue cuts to both sides and keeps NaN', () => {
  const p = withGrad(-2, -0.5, 0.5, 2, NaN, Infinity);
  clipGradValue([p], 0.5);
  expect(p.grad?.toArray()).toEqual([-0.5, -0.5, 0.5, 0.5, NaN, 0.5]);
});
