import {
  gelu,
  leakyRelu,
  logSoftmax,
  sigmoid,
  silu,
  softmax,
  tanh,
  type GeluOptions,
  type OptionRules,
  type Tensor,
} from '@unfold/core';
import { checkOptions, finite, oneOf, requireTensor } from '@unfold/core/internal';
import { ownOptions, requireInteger } from './checks.js';
import { Module } from './module.js';

/** Options of `LeakyReLU`. */
export interface LeakyReLUOptions {
  /** The factor below 0. Default 0.01. */
  readonly negativeSlope?: number;
}

const LEAKY_RELU_OPTIONS: OptionRules<LeakyReLUOptions> = { negativeSlope: finite };

/** x where x > 0, else negativeSlope·x. */
export class LeakyReLU extends Module {
  readonly #slope: number;

  /** @throws ConfigError unless the slope is a finite number. */
  constructor(options: LeakyReLUOptions = {}) {
    super();
    checkOptions('LeakyReLU', options, LEAKY_RELU_OPTIONS);
    this.#slope = options.negativeSlope ?? 0.01;
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return leakyRelu(x, { slope: this.#slope });
  }

  /** @hidden */
  override constructedWith(): object {
    return { negativeSlope: this.#slope };
  }
}

const GELU_OPTIONS: OptionRules<GeluOptions> = { approximate: oneOf('none', 'tanh') };

/** x·Φ(x), see `gelu`. */
export class GELU extends Module {
  readonly #options: GeluOptions;

  /** @throws ConfigError for an unknown approximation. */
  constructor(options: GeluOptions = {}) {
    super();
    // Here already, as in training it would be late.
    checkOptions('GELU', options, GELU_OPTIONS);
    this.#options = ownOptions(options);
  }

  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return gelu(x, this.#options);
  }

  /** @hidden */
  override constructedWith(): object {
    return { approximate: this.#options.approximate };
  }
}

/** x·sigmoid(x), see `silu`. */
export class SiLU extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** For x of any shape. */
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** A function along an axis, such as that of `Softmax`. */
abstract class AlongAxis extends Module {
  /** Negative ones count from the back. */
  protected readonly axis: number;

  /**
   * @param axis What sums to 1; default the last. Negative ones count from the back.
   * @throws ConfigError unless it is an integer.
   */
  constructor(axis = -1) {
    super();
    requireInteger(new.target.name, 'axis', axis);
    this.axis = axis;
  }

  /** @hidden */
  override constructedWith(): object {
    return { axis: this.axis };
  }
}

/** exp(x) / Σ exp(x) along an axis. A loss on logits, such as `crossEntropy`, wants none before it. */
export class Softmax extends AlongAxis {
  /** @throws ShapeError if x has no such axis. */
  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}

/** x - log Σ exp(x) along an axis: logarithms of `Softmax`, as `nllLoss` takes them. */
export class LogSoftmax extends AlongAxis {
  /** @throws ShapeError if x has no such axis. */
  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
}

/** x itself: a place in a `Sequential` that does nothing. */
export class Identity extends Module {
  /** For x of any shape and dtype. */
  forward(x: Tensor): Tensor {
    requireTensor('Identity', 'x', x);
    return x;
  }
}
