import {
  bufferOf,
  ConfigError,
  defineFunction,
  empty,
  formatShape,
  generator,
  kernelsFor,
  moreKernelsFor,
  mul,
  ShapeError,
  zeros,
  type Context,
  type OptionRules,
  type Shape,
  type Tensor,
  type WhereGeometry,
} from '@unfold/core';
import {
  checkedInUse,
  bytesOf,
  checkOptions,
  defineGradient,
  flag,
  requireFloat,
  requireTensor,
  share,
  stateOf,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { Module } from './module.js';

/** Options of `dropout` and `dropout2d`, named and defaulted as PyTorch's. */
export interface DropoutOptions {
  /** The probability that a value, or a channel, becomes 0. Default 0.5. */
  readonly p?: number;
  /** Whether anything is dropped at all. Default true. */
  readonly training?: boolean;
}

const DROPOUT_OPTIONS: OptionRules<DropoutOptions> = { p: checkedInUse, training: flag };

interface Saved {
  /** Where a value is kept. */
  readonly mask: Tensor;
  readonly p: number;
}

const dropFunction = defineFunction('dropout', {
  forward(ctx: Context<Saved>, x: Tensor, { p, maskShape }: { p: number; maskShape: Shape }) {
    const mask = empty(maskShape, 'bool', 'dropout');
    // One stream in row-major order, so that a seed drops the same values on any number of threads.
    const state = stateOf(generator('dropout'));
    moreKernelsFor(x.dtype).drawMask(bytesOf('dropout', bufferOf(mask)), state, { p });
    ctx.save({ mask, p });
    return keep(x, ctx.saved);
  },
  backward: (ctx, dOut) => keepFunction(dOut, ctx.saved),
});

/** The same without a draw: the gradient, whose own gradient is again the same. */
const keepFunction = defineGradient('dropoutBackward', {
  forward(ctx: Context<Saved>, x: Tensor, saved: Saved) {
    ctx.save(saved);
    return keep(x, saved);
  },
  backward: (ctx, dOut): Tensor => keepFunction(dOut, ctx.saved),
});

/**
 * The values of x that the mask keeps, times 1/(1-p), and else 0: chosen rather than multiplied by
 * 0, so that what is dropped is gone also where it is infinite or NaN.
 */
function keep(x: Tensor, { mask, p }: Saved): Tensor {
  const out = mul(x, 1 / (1 - p));
  const zero = zeros([], { dtype: x.dtype });
  const to = bufferOf(out);
  const kept = bytesOf('dropout', bufferOf(mask));
  kernelsFor(x.dtype).where(to, kept, to, bufferOf(zero), perChannel(mask.size, x.size));
  return out;
}

/** How `where` walks values of which as many neighbours share a place of the mask. */
function perChannel(places: number, size: number): WhereGeometry {
  if (places === size) {
    return { shape: [size], conditionStrides: [1], aStrides: [1], bStrides: [0] };
  }
  const n = places === 0 ? 0 : size / places;
  return { shape: [places, n], conditionStrides: [1, 0], aStrides: [n, 1], bStrides: [0, 0] };
}

/** @throws ConfigError unless p is in 0 … 1. */
function checkProbability(operation: string, p: number): void {
  if (!share.accepts(p)) {
    throw new ConfigError(`${operation}: p must be a probability in 0 … 1, got ${valueText(p)}`);
  }
}

/** @throws ConfigError for a bad option. */
function completeDropout(operation: string, options: DropoutOptions): Required<DropoutOptions> {
  checkOptions(operation, options, DROPOUT_OPTIONS);
  const { p = 0.5, training = true } = options;
  return { p, training };
}

function drop(
  operation: string,
  x: Tensor,
  { p, training }: Required<DropoutOptions>,
  maskShape: Shape,
): Tensor {
  requireFloat(operation, x);
  checkProbability(operation, p);
  return training && p > 0 ? dropFunction(x, { p, maskShape }) : x;
}

/**
 * Sets each value to 0 with probability p and multiplies the others by 1/(1-p), as
 * `torch.nn.functional.dropout`: what is expected of a value stays. A dropped value is 0, and so is
 * its gradient, also where they are infinite or NaN; PyTorch, which multiplies, has NaN there. Draws
 * from the global stream `'dropout'`, which `manualSeed` seeds.
 * @param x Of any shape.
 * @returns The shape of x; x itself outside of training, or if p is 0.
 * @throws ConfigError unless p is in 0 … 1, DTypeError for integers.
 */
export function dropout(x: Tensor, options: DropoutOptions = {}): Tensor {
  requireTensor('dropout', 'x', x);
  const completed = completeDropout('dropout', options);
  if (tracer) return tracer.operation('dropout', dropout, { x, options: completed });
  return drop('dropout', x, completed, x.shape);
}

/**
 * As `dropout`, but whole channels become 0: neighbouring pixels say much the same, so dropping
 * single ones hides little. As `torch.nn.functional.dropout2d`.
 * @param x `[N, C, H, W]`
 * @returns The shape of x; x itself outside of training, or if p is 0.
 * @throws ShapeError unless x has four axes, ConfigError unless p is in 0 … 1, DTypeError for
 * integers.
 */
export function dropout2d(x: Tensor, options: DropoutOptions = {}): Tensor {
  requireTensor('dropout2d', 'x', x);
  const completed = completeDropout('dropout2d', options);
  if (tracer) return tracer.operation('dropout2d', dropout2d, { x, options: completed });
  if (x.ndim !== 4) {
    throw new ShapeError(`dropout2d: expected x [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  return drop('dropout2d', x, completed, [...x.shape.slice(0, 2), 1, 1]);
}

/** Drops single values in training, as `torch.nn.Dropout`; in evaluation x stays as it is. */
export class Dropout extends Module {
  readonly #p: number;

  /**
   * @param p The probability that a value becomes 0.
   * @throws ConfigError unless p is in 0 … 1.
   */
  constructor(p = 0.5) {
    super();
    checkProbability('Dropout', p);
    this.#p = p;
  }

  /** x of any shape, as `dropout`. */
  forward(x: Tensor): Tensor {
    return dropout(x, { p: this.#p, training: this.training });
  }

  /** @hidden */
  override constructedWith(): object {
    return { p: this.#p };
  }
}

/** Drops whole channels in training, as `torch.nn.Dropout2d`; in evaluation x stays as it is. */
export class Dropout2d extends Module {
  readonly #p: number;

  /**
   * @param p The probability that a channel becomes 0.
   * @throws ConfigError unless p is in 0 … 1.
   */
  constructor(p = 0.5) {
    super();
    checkProbability('Dropout2d', p);
    this.#p = p;
  }

  /** `[N, C, H, W]`, as `dropout2d`. */
  forward(x: Tensor): Tensor {
    return dropout2d(x, { p: this.#p, training: this.training });
  }

  /** @hidden */
  override constructedWith(): object {
    return { p: this.#p };
  }
}
