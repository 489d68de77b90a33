import {
  clamp,
  defineFunction,
  formatShape,
  gt,
  mul,
  reshape,
  ShapeError,
  where,
  type Context,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import { checkOptions, finite, positiveCount, tracer } from '@unfold/core/internal';
import { floatDType, requireOneFloat } from './checks.js';
import { Module } from './module.js';
import { filledParameter } from './parameter.js';

/** The factors broadcast to x. */
const preluFunction = defineFunction('prelu', {
  forward(ctx: Context<{ x: Tensor; weight: Tensor }>, x: Tensor, weight: Tensor) {
    ctx.save({ x, weight });
    return where(gt(x, 0), x, mul(x, weight));
  },
  backward(ctx, dOut) {
    const { x, weight } = ctx.saved;
    const [needsX, needsWeight] = ctx.needsInputGrad;
    return [
      needsX ? where(gt(x, 0), dOut, mul(dOut, weight)) : null,
      needsWeight ? mul(dOut, clamp(x, { max: 0 })) : null,
    ];
  },
});

/**
 * x where x > 0, else weight·x, as `torch.nn.functional.prelu`; the derivative by x at 0, and at NaN, is the
 * weight.
 * @param x `[N, C, …]`, or with one factor any shape.
 * @param weight `[C]`, a factor for each channel, or `[1]`, one for all.
 * @returns The shape of x.
 * @throws ShapeError for shapes that don't fit, DTypeError unless both are floats of one dtype.
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  requireOneFloat('prelu', x, weight, null);
  if (tracer) return tracer.operation('prelu', prelu, { x, weight });
  if (weight.ndim !== 1 || (weight.size !== 1 && weight.size !== x.shape[1])) {
    throw new ShapeError(
      `prelu: x ${formatShape(x.shape)} expects weight [1]` +
        `${x.ndim > 1 ? ` or [${x.shape[1]}]` : ''}, got ${formatShape(weight.shape)}`,
    );
  }
  // A factor for all has no axis, so that x without axes stays without.
  const shape = weight.size === 1 ? [] : [weight.size, ...x.shape.slice(2).map(() => 1)];
  return preluFunction(x, reshape(weight, shape));
}

/** Options of `PReLU`. */
export interface PReLUOptions {
  /** C, for a factor of each channel; 1, for one of all. Default 1. */
  readonly numParameters?: number;
  /** What the factors start from. Default 0.25. */
  readonly init?: number;
  /** Default float32. */
  readonly dtype?: DType;
}

const PRELU_OPTIONS: OptionRules<PReLUOptions> = {
  numParameters: positiveCount,
  init: finite,
  dtype: floatDType,
};

/** ReLU with a learnt slope below 0, as `torch.nn.PReLU`; see `prelu`. */
export class PReLU extends Module {
  /** `[numParameters]` */
  readonly weight: Parameter;

  /** @throws ConfigError for an option out of range. */
  constructor(options: PReLUOptions = {}) {
    super();
    checkOptions('PReLU', options, PRELU_OPTIONS);
    const { numParameters = 1, init = 0.25, dtype = 'float32' } = options;
    this.weight = filledParameter([numParameters], dtype, init);
  }

  /** `[N, C, …]`, to the same shape. */
  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }

  /** @hidden */
  override constructedWith(): object {
    return { numParameters: this.weight.size };
  }
}
