import type { Tensor } from '@unfold/core';
import { checkOptions, tracer } from '@unfold/core/internal';
import { requireOneFloat } from '../checks.js';
import type { ConvRoute } from './conv-route.js';
import { convTranspose2dFunction } from './products.js';
import { routeFor } from './route.js';
import {
  CONV_TRANSPOSE_OPTIONS,
  recentConvTranspose2dGeometry,
  type ConvTranspose2dOptions,
} from './transpose-geometry.js';

/*
 * As a map of images, a convolution is a matrix E, and its gradient by x is Eᵀ·dOut. The transposed
 * convolution is that Eᵀ. So forward here is the convolution's gradient by x, the gradient of that
 * is E, the convolution itself, and in the gradient by weight x and dOut have changed places.
 */
/** `convTranspose2d` by one of the convolution's routes, of operands whose dtype was checked. */
export function convTranspose2dBy(
  route: ConvRoute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvTranspose2dOptions,
  origin = 'convTranspose2d',
): Tensor {
  const bShape = bias?.shape ?? null;
  const geometry = recentConvTranspose2dGeometry(origin, x.shape, weight.shape, bShape, options);
  return convTranspose2dFunction(x, weight, bias, { geometry, route, origin });
}

/**
 * The transposed convolution, as `torch.nn.functional.conv_transpose2d`: the adjoint of `conv2d`
 * with the same weight and options, ⟨conv2d(y), x⟩ = ⟨y, convTranspose2d(x)⟩. Each pixel of x adds
 * its multiple of the kernel to the output, `stride` pixels from its neighbour's.
 * @param x `[N, C, H, W]`
 * @param weight `[C, OC/groups, KH, KW]`: input channels first
 * @param bias `[OC]`, or null for none
 * @returns `[N, OC, outH, outW]`, by the smallest size that a convolution with these options takes
 * to H and W: (H - 1)·stride - 2·padding + dilation·(KH - 1) + 1, and `outputPadding` more.
 * @throws ShapeError if the shapes don't fit each other, ConfigError for a bad option, DTypeError
 * if the dtypes differ or are integers.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  requireOneFloat('convTranspose2d', x, weight, bias);
  checkOptions('convTranspose2d', options, CONV_TRANSPOSE_OPTIONS);
  if (tracer) {
    const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
    const completed = { stride, padding, outputPadding, dilation, groups };
    const given = { x, weight, bias, options: completed };
    return tracer.operation('convTranspose2d', convTranspose2d, given);
  }
  return convTranspose2dBy(routeFor(x), x, weight, bias, options);
}
