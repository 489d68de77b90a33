import { ConfigError, elementsOf, ShapeError, type Tensor } from '@unfold/core';
import { requireFloat, requireNoArguments, sameShape } from '@unfold/core/internal';
import { asNumber, asNumbers, asObject, type JsonObject } from '../optim/state.js';
import {
  type AccumulatingMetric,
  type Compared,
  type MetricState,
  requireTargets,
} from './metric.js';

/** The numbers of an output and of what it is compared with, in one order. */
interface Numbers {
  readonly outputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** Numbers of each example. */
  readonly columns: number;
}

/** @throws ShapeError unless both have one shape: broadcasting here is nearly always a mistake. */
function compared(metric: string, output: Tensor, batch: Compared): Numbers {
  const targets = requireTargets(metric, output, batch);
  requireFloat(metric, output);
  if (!sameShape(output.shape, targets.shape) || output.size === 0) {
    throw new ShapeError(
      `${metric}: expected output and targets [B, …] of one shape, got ${output.describe()} and ` +
        targets.describe(),
    );
  }
  const columns = output.ndim === 0 ? 1 : output.size / output.shape[0];
  return { outputs: elementsOf(output), targets: elementsOf(targets), columns };
}

function meanOf({ outputs, targets }: Numbers, distance: (difference: number) => number): number {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += distance(outputs[i] - targets[i]);
  return sum / outputs.length;
}

/**
 * The mean of |output - target|, as scikit-learn's `mean_absolute_error`.
 * @param output `[B]` or `[B, …]`.
 * @param batch Its targets have that shape.
 * @throws ShapeError or DTypeError for other tensors.
 */
export function meanAbsoluteError(output: Tensor, batch: Compared): number {
  return meanOf(compared('meanAbsoluteError', output, batch), Math.abs);
}

/**
 * The mean of (output - target)², as scikit-learn's `mean_squared_error`.
 * @param output `[B]` or `[B, …]`.
 * @param batch Its targets have that shape.
 * @throws ShapeError or DTypeError for other tensors.
 */
export function meanSquaredError(output: Tensor, batch: Compared): number {
  return meanOf(compared('meanSquaredError', output, batch), (difference) => difference ** 2);
}

/**
 * A metric: R², the coefficient of determination, over a whole epoch: 1 less the sum of squared errors
 * divided by that of the targets' distances from their mean; 1 is best, 0 is what their mean reaches. As
 * scikit-learn's `r2_score` with its defaults: of several numbers for each example the mean of their R²;
 * where all targets are equal, 1 if every output is right and else 0. Outputs and targets as for
 * `meanSquaredError`. Its `compute` throws a ConfigError for fewer than two examples, where scikit-learn
 * has NaN. Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html
 */
export function rSquared(...none: readonly never[]): AccumulatingMetric<Compared> {
  requireNoArguments('rSquared', none, 'write metrics: { rSquared: rSquared() }');
  return { create: () => new RSquaredState() };
}

/** Sums for each column, in float64; those of squares around the mean are Welford's, so nothing cancels. */
class RSquaredState implements MetricState<Compared> {
  #examples = 0;
  #means: number[] = [];
  #squares: number[] = [];
  #errors: number[] = [];

  update(output: Tensor, batch: Compared): void {
    const { outputs, targets, columns } = compared('rSquared', output, batch);
    if (this.#examples === 0) {
      this.#means = new Array<number>(columns).fill(0);
      this.#squares = new Array<number>(columns).fill(0);
      this.#errors = new Array<number>(columns).fill(0);
    } else if (columns !== this.#means.length) {
      throw new ShapeError(
        `rSquared: expected ${this.#means.length} numbers for each example, as in the batches before, ` +
          `got ${columns} in ${output.describe()}`,
      );
    }
    for (let i = 0; i < outputs.length; i++) {
      if (Number.isFinite(outputs[i]) && Number.isFinite(targets[i])) continue;
      throw new ConfigError(
        `rSquared: expected finite numbers, got the output ${outputs[i]} and the target ${targets[i]}`,
      );
    }
    for (let i = 0; i < outputs.length; i++) {
      const column = i % columns;
      if (column === 0) this.#examples++;
      const before = targets[i] - this.#means[column];
      this.#means[column] += before / this.#examples;
      this.#squares[column] += before * (targets[i] - this.#means[column]);
      this.#errors[column] += (outputs[i] - targets[i]) ** 2;
    }
  }

  compute(): number {
    if (this.#examples < 2) {
      throw new ConfigError(
        `rSquared: expected at least two examples before compute(), got ${this.#examples}`,
      );
    }
    const scores = this.#squares.map((squares, column) => {
      const errors = this.#errors[column];
      if (squares !== 0) return 1 - errors / squares;
      return errors === 0 ? 1 : 0;
    });
    return scores.reduce((sum, score) => sum + score, 0) / scores.length;
  }

  stateDict(): JsonObject {
    return {
      examples: this.#examples,
      means: [...this.#means],
      squares: [...this.#squares],
      errors: [...this.#errors],
    };
  }

  loadStateDict(state: JsonObject): void {
    const where = 'rSquared.loadStateDict';
    const { examples, means, squares, errors } = asObject(where, state);
    const columns = Array.isArray(means) ? means.length : 0;
    const read = {
      examples: asNumber(`${where}: examples`, examples, { integer: true }),
      means: asNumbers(`${where}: means`, means, columns),
      squares: asNumbers(`${where}: squares`, squares, columns),
      errors: asNumbers(`${where}: errors`, errors, columns),
    };
    if ((columns === 0) !== (read.examples === 0)) {
      throw new ConfigError(`${where}: ${read.examples} examples don't go with ${columns} columns`);
    }
    this.#examples = read.examples;
    this.#means = read.means;
    this.#squares = read.squares;
    this.#errors = read.errors;
  }
}
