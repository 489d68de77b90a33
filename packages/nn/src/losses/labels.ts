import {
  ConfigError,
  DTypeError,
  empty,
  formatShape,
  permute,
  reshape,
  ShapeError,
  type Tensor,
} from '@unfold/core';
import { fills, hostCall, hostDecision, reads, sameShape, valueText } from '@unfold/core/internal';

/** `[N, C, d…]` as rows `[N·d…, C]`: what belongs together side by side. */
export function toRows(x: Tensor): Tensor {
  if (x.ndim === 2) return x;
  const axes = x.shape.map((_, axis) => axis);
  return reshape(permute(x, [0, ...axes.slice(2), 1]), [-1, x.shape[1]]);
}

/** The labels of a loss, and how they count. */
export interface Labels {
  /** What was given: one label for each row of scores, or what is ignored. */
  readonly target: Tensor;
  readonly ignoreIndex: number;
  /** Whether some label is ignored. */
  readonly hasIgnored: boolean;
}

/**
 * Looks at labels for `[N, C, d…]`.
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
  const { shape } = scores;
  const [N, C, ...others] = shape;
  if (!sameShape(target.shape, [N, ...others])) {
    throw new ShapeError(
      `${name}: scores ${formatShape(shape)} expect labels ${formatShape([N, ...others])}, ` +
        `got ${formatShape(target.shape)}`,
    );
  }
  const hasIgnored = hostDecision(name, [target], (given) => {
    let found = false;
    for (let row = 0; row < given.length; row++) {
      const label = given[row];
      if (label === ignoreIndex) found = true;
      else if (label < 0 || label >= C) {
        throw new ShapeError(
          `${name}: label ${label} at element ${row} is outside 0 … ${C - 1}, ` +
            `the classes of scores ${formatShape(shape)}`,
        );
      }
    }
    return found;
  });
  return { target, ignoreIndex, hasIgnored };
}

/** Labels as a kernel takes them, int32, one for each row: what was given, or 0 where it is ignored. */
export function kernelLabels(name: string, { target, ignoreIndex, hasIgnored }: Labels): Tensor {
  if (target.dtype === 'int32' && !hasIgnored) return target;
  const labels = empty([target.size], 'int32', name);
  hostCall(name, [fills(labels), reads(target)], (copy, given) => {
    for (let row = 0; row < copy.length; row++) {
      copy[row] = given[row] === ignoreIndex ? 0 : given[row];
    }
  });
  return labels;
}

/**
 * Checks the weights of classes.
 * @throws ShapeError unless there is one for each class, DTypeError for another dtype than the
 * scores', ConfigError for one that is negative or not finite.
 */
export function checkClassWeights(name: string, scores: Tensor, weight: Tensor): void {
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
  hostCall(name, [reads(weight)], (weights) => {
    const bad = weights.find((value) => !(value >= 0 && value < Infinity));
    if (bad !== undefined) {
      throw new ConfigError(`${name}: weights must be numbers of at least 0, got ${bad}`);
    }
  });
}
