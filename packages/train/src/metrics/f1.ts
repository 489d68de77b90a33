import { ConfigError, type OptionRule, type OptionRules, ShapeError, Tensor } from '@unfold/core';
import { checkOptions, count, oneOf } from '@unfold/core/internal';
import { asList, asNumber, asObject, type JsonObject } from '../optim/state.js';
import { classified, predictionsOf } from './classes.js';
import type { AccumulatingMetric, Compared, MetricState } from './metric.js';

/** How the F1 of classes become one figure; the names are scikit-learn's. */
export type F1Average = 'binary' | 'macro' | 'micro' | 'weighted';

/** Options of `f1`. */
export interface F1Options {
  /**
   * `'binary'`: the F1 of class 1 of two. `'macro'`: the mean over the classes, each counting alike.
   * `'weighted'`: that mean, each class counting as often as it occurs. `'micro'`: of all classes' hits and
   * misses together, which is the accuracy if these are all classes. Default: `'binary'` of two classes,
   * `'macro'` of more.
   */
  readonly average?: F1Average;
  /** The classes that count; `[2]` gives the F1 of class 2 alone. Not with `'binary'`. Default: all. */
  readonly labels?: readonly number[];
}

const labelList: OptionRule = {
  expected: 'a list of classes, each once, such as [0, 2]',
  accepts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => count.accepts(item)) &&
    new Set(value).size === value.length,
};

const OPTIONS: OptionRules<F1Options> = {
  average: oneOf('binary', 'macro', 'micro', 'weighted'),
  labels: labelList,
};

/**
 * A metric: the F1 over a whole epoch, the harmonic mean of precision and recall, as scikit-learn's
 * `f1_score` with all classes for `labels` and `zero_division=0`: a class that neither occurs nor is
 * predicted counts with 0, as in `evaluate`. It takes logits and labels as `accuracy` does, and throws as
 * it does. Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html
 *
 * ```ts
 * await fit(model, { …, metrics: { accuracy, f1: f1(), catF1: f1({ labels: [3] }) } });
 * ```
 *
 * @throws ConfigError for a bad option.
 */
export function f1(options: F1Options = {}): AccumulatingMetric<Compared> {
  if ((options as unknown) instanceof Tensor) {
    throw new ConfigError(
      'f1: expected options, got a tensor; call it to get a metric: { f1: f1() }',
    );
  }
  checkOptions('f1', options, OPTIONS);
  const { average } = options;
  const labels = options.labels && [...options.labels];
  if (labels && average === 'binary') {
    throw new ConfigError(
      "f1: labels: with average 'binary' class 1 is the one that counts; leave out the average",
    );
  }
  return { create: () => new F1State(average ?? (labels && 'macro'), labels) };
}

/** Counts by class. */
interface Counts {
  /** Examples of the class that were taken for it. */
  readonly hits: readonly number[];
  /** Examples that were taken for the class. */
  readonly predicted: readonly number[];
  /** Examples of the class. */
  readonly actual: readonly number[];
}

class F1State implements MetricState<Compared> {
  readonly #average: F1Average | undefined;
  readonly #labels: readonly number[] | undefined;
  #hits: number[] = [];
  #predicted: number[] = [];
  #actual: number[] = [];

  constructor(average: F1Average | undefined, labels: readonly number[] | undefined) {
    this.#average = average;
    this.#labels = labels;
  }

  update(output: Tensor, batch: Compared): void {
    const found = classified('f1', output, batch);
    const { classes, labels } = found;
    this.#begin(classes);
    const predictions = predictionsOf(found);
    for (let i = 0; i < labels.length; i++) {
      const [label, prediction] = [labels[i], predictions[i]];
      this.#actual[label]++;
      this.#predicted[prediction]++;
      if (label === prediction) this.#hits[label]++;
    }
  }

  /** @throws ShapeError for other classes than before. */
  #begin(classes: number): void {
    const before = this.#hits.length;
    if (before === classes) return;
    if (before > 0) {
      throw new ShapeError(
        `f1: expected logits of ${before} classes, as in the batches before, got ${classes}`,
      );
    }
    this.#checkClasses(classes);
    this.#hits = new Array<number>(classes).fill(0);
    this.#predicted = new Array<number>(classes).fill(0);
    this.#actual = new Array<number>(classes).fill(0);
  }

  /** @throws ConfigError for 'binary' of more than two classes, ShapeError for fewer than `labels` names. */
  #checkClasses(classes: number): void {
    if (this.#average === 'binary' && classes !== 2) {
      throw new ConfigError(
        `f1: average: 'binary' is for two classes, got logits of ${classes}; 'macro' is their mean, and ` +
          'labels: [1] the F1 of class 1',
      );
    }
    const beyond = this.#labels?.find((label) => label >= classes);
    if (beyond !== undefined) {
      throw new ShapeError(
        `f1: labels: class ${beyond} is outside 0 … ${classes - 1}, the classes of the logits`,
      );
    }
  }

  compute(): number {
    const classes = this.#hits.length;
    if (classes === 0) throw new ConfigError('f1: expected a batch before compute(), got none');
    const average = this.#average ?? (classes === 2 ? 'binary' : 'macro');
    const all = Array.from({ length: classes }, (_, label) => label);
    const labels = average === 'binary' ? [1] : (this.#labels ?? all);
    const sum = (value: (label: number) => number): number =>
      labels.reduce((total, label) => total + value(label), 0);
    const support = (label: number): number => this.#actual[label];
    const single = (label: number): number =>
      f1Of(this.#hits[label], this.#predicted[label], this.#actual[label]);
    switch (average) {
      case 'micro':
        return f1Of(
          sum((label) => this.#hits[label]),
          sum((label) => this.#predicted[label]),
          sum(support),
        );
      case 'weighted': {
        const total = sum(support);
        return total === 0 ? 0 : sum((label) => single(label) * support(label)) / total;
      }
      case 'binary':
      case 'macro':
        return sum(single) / labels.length;
    }
  }

  stateDict(): JsonObject {
    const counts: Counts = { hits: this.#hits, predicted: this.#predicted, actual: this.#actual };
    return structuredClone({ ...counts });
  }

  loadStateDict(state: JsonObject): void {
    const { hits, predicted, actual } = asObject('f1.loadStateDict', state);
    const where = (name: keyof Counts): string => `f1.loadStateDict: ${name}`;
    const classes = Array.isArray(hits) ? hits.length : 0;
    const counts = (name: keyof Counts, value: unknown): number[] =>
      asList(where(name), value, classes).map((item) =>
        asNumber(where(name), item, { integer: true }),
      );
    const read = {
      hits: counts('hits', hits),
      predicted: counts('predicted', predicted),
      actual: counts('actual', actual),
    };
    if (classes > 0) this.#checkClasses(classes);
    this.#hits = read.hits;
    this.#predicted = read.predicted;
    this.#actual = read.actual;
  }
}

/** 2·hits ÷ (predicted + actual); 0 where that is 0 ÷ 0. */
export function f1Of(hits: number, predicted: number, actual: number): number {
  return predicted + actual === 0 ? 0 : (2 * hits) / (predicted + actual);
}
