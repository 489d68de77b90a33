import {
  add,
  formatShape,
  generator,
  matmul,
  relu,
  reshape,
  ShapeError,
  type DType,
  type OptionRules,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import { checkOptions, flag, requireTensor, tracer } from '@unfold/core/internal';
import {
  floatDType,
  ownCopy,
  ownOptions,
  requireInteger,
  requireOneFloat,
  requireSizes,
} from './checks.js';
import type { Size2d } from './conv2d/geometry.js';
import { kaimingUniform, uniform } from './init.js';
import { Module } from './module.js';
import { emptyParameter } from './parameter.js';
import {
  checkPool,
  MAX_POOL_OPTIONS,
  maxPool2d,
  poolOptions,
  type MaxPool2dOptions,
} from './pooling.js';

/**
 * x·weightᵀ + bias, over the last axis.
 * @param x `[…, in]`
 * @param weight `[out, in]`
 * @param bias `[out]`, or null for none
 * @returns `[…, out]`
 * @throws ShapeError if the shapes don't fit each other.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireOneFloat('linear', x, weight, bias);
  if (weight.ndim !== 2 || x.ndim < 1 || x.shape.at(-1) !== weight.shape[1]) {
    throw new ShapeError(
      `linear: weight ${formatShape(weight.shape)} expects x […,${weight.shape[1] ?? '?'}], got ` +
        `${formatShape(x.shape)}${x.ndim > 2 ? '; flatten it first, perhaps' : ''}`,
    );
  }
  if (bias && (bias.ndim !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError(
      `linear: expected bias [${weight.shape[0]}], got ${formatShape(bias.shape)}`,
    );
  }
  if (tracer) return tracer.operation('linear', linear, { x, weight, bias });
  const rows = x.ndim === 1 ? reshape(x, [1, -1]) : x;
  const product = matmul(rows, weight, { transposeB: true });
  const out = bias ? add(product, bias) : product;
  return x.ndim === 1 ? reshape(out, [-1]) : out;
}

/** Options of `Linear`. */
export interface LinearOptions {
  /** Whether a bias is learnt. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

const LINEAR_OPTIONS: OptionRules<LinearOptions> = { bias: flag, dtype: floatDType };

/**
 * A fully connected layer, as `torch.nn.Linear`: `[…, inFeatures]` → `[…, outFeatures]`. Weight and
 * bias start uniform in ±1/√inFeatures, from the stream `'init'`.
 */
export class Linear extends Module {
  /** `[outFeatures, inFeatures]` */
  readonly weight: Parameter;
  /** `[outFeatures]` */
  readonly bias: Parameter | null;

  /** @throws ConfigError unless both sizes are positive integers. */
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    requireSizes('Linear', 'positive integers', inFeatures, outFeatures);
    checkOptions('Linear', options, LINEAR_OPTIONS);
    const { bias = true, dtype = 'float32' } = options;
    const source = generator('init');
    this.weight = emptyParameter([outFeatures, inFeatures], dtype);
    kaimingUniform(this.weight, { a: Math.sqrt(5), generator: source });
    this.bias = bias ? emptyParameter([outFeatures], dtype) : null;
    if (this.bias) uniform(this.bias, { bound: 1 / Math.sqrt(inFeatures), generator: source });
  }

  /** `[…, inFeatures]` → `[…, outFeatures]`. */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  /** @hidden */
  override constructedWith(): object {
    const [outFeatures, inFeatures] = this.weight.shape;
    return { inFeatures, outFeatures, bias: this.bias !== null };
  }
}

/** max(x, 0). */
export class ReLU extends Module {
  /** max(x, 0), for x of any shape. */
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** The largest value of each window: `[N, C, H, W]` → `[N, C, OH, OW]`. */
export class MaxPool2d extends Module {
  readonly #kernelSize: Size2d;
  readonly #options: MaxPool2dOptions;

  /**
   * The stride is the kernel's size by default, the padding 0.
   * @throws ConfigError for a bad size.
   */
  constructor(kernelSize: Size2d, options: MaxPool2dOptions = {}) {
    super();
    checkOptions('MaxPool2d', options, MAX_POOL_OPTIONS);
    checkPool('MaxPool2d', kernelSize, options);
    this.#kernelSize = ownCopy(kernelSize);
    this.#options = ownOptions(options);
  }

  /** `[N, C, H, W]` → `[N, C, OH, OW]`. */
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.#kernelSize, this.#options);
  }

  /** @hidden */
  override constructedWith(): object {
    return poolOptions(this.#kernelSize, this.#options);
  }
}

/** Joins the axes from `startDim` (default 1) to `endDim` (default the last) to one. */
export class Flatten extends Module {
  readonly #startDim: number;
  readonly #endDim: number;

  /** @throws ConfigError unless both are integers. */
  constructor(startDim = 1, endDim = -1) {
    super();
    requireInteger('Flatten', 'startDim', startDim);
    requireInteger('Flatten', 'endDim', endDim);
    this.#startDim = startDim;
    this.#endDim = endDim;
  }

  /** @throws ShapeError if x has no such axes. */
  forward(x: Tensor): Tensor {
    requireTensor('Flatten', 'x', x);
    const end = this.#endDim < 0 ? this.#endDim + x.ndim : this.#endDim;
    const start = this.#startDim < 0 ? this.#startDim + x.ndim : this.#startDim;
    if (start < 0 || end >= x.ndim || start > end) {
      throw new ShapeError(
        `Flatten: axes ${this.#startDim} to ${this.#endDim} do not exist in ${x.describe()}`,
      );
    }
    const joined = x.shape.slice(start, end + 1).reduce((size, dim) => size * dim, 1);
    return reshape(x, [...x.shape.slice(0, start), joined, ...x.shape.slice(end + 1)]);
  }

  /** @hidden */
  override constructedWith(): object {
    return { startDim: this.#startDim, endDim: this.#endDim };
  }
}
