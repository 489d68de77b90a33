import type { Tensor } from '@unfold/core';
import { checkOptions, tracer } from '@unfold/core/internal';
import { requireOneFloat } from '../checks.js';
import { CONV_OPTIONS, recentConv2dGeometry, type Conv2dOptions } from './geometry.js';
import type { ConvRoute } from './conv-route.js';
import { conv2dFunction } from './products.js';
import { routeFor } from './route.js';

/** `conv2d` by one of its routes, of operands whose dtype was checked. */
export function conv2dBy(
  route: ConvRoute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions,
  origin = 'conv2d',
): Tensor {
  const bShape = bias?.shape ?? null;
  const geometry = recentConv2dGeometry(origin, x.shape, weight.shape, bShape, options);
  return conv2dFunction(x, weight, bias, { geometry, route, origin });
}

/**
 * The two-dimensional convolution (cross-correlation) of x with weight, as `torch.conv2d`:
 * out[n, o, i, j] = bias[o] + Σ weight[o, c, m, q] · x[n, c, i·stride + m·dilation - padding, …].
 * @param x `[N, C, H, W]`
 * @param weight `[OC, C/groups, KH, KW]`
 * @param bias `[OC]`, or null for none
 * @returns `[N, OC, OH, OW]`; `outputSize` says how OH and OW follow.
 * @throws ShapeError if the shapes don't fit each other, ConfigError for a bad option, DTypeError
 * if the dtypes differ or are integers.
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv2dOptions = {},
): Tensor {
  requireOneFloat('conv2d', x, weight, bias);
  checkOptions('conv2d', options, CONV_OPTIONS);
  if (tracer) {
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
    const completed = { stride, padding, dilation, groups };
    return tracer.operation('conv2d', conv2d, { x, weight, bias, options: completed });
  }
  return conv2dBy(routeFor(x), x, weight, bias, options);
}
