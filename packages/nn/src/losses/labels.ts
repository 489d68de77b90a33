import {
  ConfigError,
  DTypeError,
  elementsOf,
  formatShape,
  permute,
  reshape,
  ShapeError,
  type Tensor,
} from '@unfold/core';
import { sameShape, valueText } from '@unfold/core/internal';

/** `[N, C, d…]` as rows `[N·d…, C]`: what belongs together side by side. */
export function toRows(x: Tensor): Tensor {
  if (x.ndim === 2) return x;
  const axes = x.shape.map((_, axis) => axis);
  return reshape(permute(x, [0, ...axes.slice(2), 1]), [-1, x.shape[1]]);
}

/** Labels off the heap. */
export interface Labels {
  /** One for each row of scores; 0 where it is ignored. */
  readonly labels: Int32Array;
  /** 1 where a label counts, 0 where it is ignored; null if all count. */
  readonly kept: Uint8Array | null;
}

/**
 * Labels for `[N, C, d…]` as a flat copy off the heap.
 * @throws DTypeError unless they are int32 or uint8, ShapeError if their shape or a value is off,
 * ConfigError unless ignoreIndex is an integer.
 */
export function labelsOf(
  name: string,
  scores: Tensor,
  target: Tensor,
  ignoreIndex: number,
): Labels {
  if (!Number.isInteger(ignoreIndex)) {
    throw new ConfigError(`${name}: ignoreIndex must be an integer, got ${valueText(ignoreIndex)}`);
  }
  if (target.dtype !== 'int32' && target.dtype !== 'uint8') {
    throw new DTypeError(
      `${name}: expected integer labels (int32 or uint8), got ${target.describe()}; ` +
        `cast(labels, 'int32'), or give probabilities in the shape and dtype of the scores`,
    );
  }
  const [N, C, ...others] = scores.shape;
  if (!sameShape(target.shape, [N, ...others])) {
    throw new ShapeError(
      `${name}: scores ${formatShape(scores.shape)} expect labels ${formatShape([N, ...others])}, ` +
        `got ${formatShape(target.shape)}`,
    );
  }
  // A copy, which is int32 whatever the labels were.
  const labels = new Int32Array(elementsOf(target));
  let kept: Uint8Array | null = null;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    if (label === ignoreIndex) {
      kept ??= new Uint8Array(labels.length).fill(1);
      kept[row] = 0;
      labels[row] = 0;
    } else if (label < 0 || label >= C) {
      throw new ShapeError(
        `${name}: label ${label} at element ${row} is outside 0 … ${C - 1}, ` +
          `the classes of scores ${formatShape(scores.shape)}`,
      );
    }
  }
  return { labels, kept };
}

/**
 * The weights of classes, off the heap.
 * @throws ShapeError unless there is one for each class, DTypeError for another dtype than the
 * scores', ConfigError for one that is negative or not finite.
 */
export function classWeights(name: string, scores: Tensor, weight: Tensor): Float64Array {
  const C = scores.shape[1];
  if (weight.ndim !== 1 || weight.size !== C) {
    throw new ShapeError(
      `${name}: scores ${formatShape(scores.shape)} expect weight [${C}], got ` +
        formatShape(weight.shape),
    );
  }
  if (weight.dtype !== scores.dtype) {
    throw new DTypeError(
      `${name}: expected weight of the scores' dtype, got ${weight.dtype} and ${scores.dtype}; ` +
        `cast(weight, '${scores.dtype}') converts`,
    );
  }
  const weights = Float64Array.from(elementsOf(weight));
  const bad = weights.find((value) => !(value >= 0 && value < Infinity));
  if (bad !== undefined) {
    throw new ConfigError(`${name}: weights must be numbers of at least 0, got ${bad}`);
  }
  return weights;
}
