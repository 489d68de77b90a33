import { ConfigError, DTypeError, elementsOf, ShapeError, type Tensor } from '@unfold/core';
import { requireNoArguments, valueText } from '@unfold/core/internal';
import { asNumber, asObject, type JsonObject } from '../optim/state.js';
import { fromBase64, toBase64 } from './base64.js';
import { classified } from './classes.js';
import type { AccumulatingMetric, Compared, MetricState } from './metric.js';

/**
 * A metric: the area under the ROC curve over a whole epoch, exact: the part of all pairs of a positive and
 * a negative example in which the positive one has the higher score, a tie counting half. Of two classes,
 * class 1 is positive. Of more, it is the mean over the classes, each against the rest, with the softmax of
 * the logits for scores. As scikit-learn's `roc_auc_score`, with `multi_class='ovr', average='macro'`.
 * It keeps every score, 4 bytes for each float32 logit. Its `compute` throws a ConfigError unless every
 * class occurs, without which there is no such area; scikit-learn gives NaN.
 * Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html and, for the
 * pairs, Hanley and McNeil, Radiology 143 (1982), p. 29.
 *
 * It takes logits and labels as `accuracy` does, but one place for each example; its `update` throws as
 * that does, and a ConfigError for logits that are not finite.
 */
export function auc(...none: readonly never[]): AccumulatingMetric<Compared> {
  requireNoArguments('auc', none, 'write metrics: { auc: auc() }');
  return { create: () => new AucState() };
}

const ARRAYS = { float32: Float32Array, float64: Float64Array } as const;

type Logits = Float32Array | Float64Array;

/** The form of the logits, which all batches share. */
interface Form {
  /** Numbers of each example. */
  readonly columns: number;
  readonly dtype: keyof typeof ARRAYS;
}

class AucState implements MetricState<Compared> {
  #form: Form | null = null;
  /** Of each batch. */
  #logits: Logits[] = [];
  #labels: Int32Array[] = [];

  update(output: Tensor, batch: Compared): void {
    const { logits, classes, isSingle, labels } = classified('auc', output, batch);
    const columns = isSingle ? 1 : classes;
    if (labels.length !== output.shape[0]) {
      throw new ShapeError(
        `auc: expected logits [B, classes], or [B] or [B, 1] of two classes, got ${output.describe()}`,
      );
    }
    const elements = elementsOf(logits);
    const wrong = elements.findIndex((value: number) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw new ConfigError(
        `auc: expected finite logits, got ${elements[wrong]} at element ${wrong}`,
      );
    }
    const form: Form = { columns, dtype: logits.dtype === 'float64' ? 'float64' : 'float32' };
    this.#begin(form);
    this.#logits.push(ARRAYS[form.dtype].from(elements));
    this.#labels.push(Int32Array.from(labels));
  }

  /** @throws ShapeError or DTypeError for another form than before. */
  #begin(form: Form): void {
    const before = this.#form;
    if (before && before.columns !== form.columns) {
      throw new ShapeError(
        `auc: expected ${before.columns} logits for each example, as in the batches before, got ` +
          String(form.columns),
      );
    }
    if (before && before.dtype !== form.dtype) {
      throw new DTypeError(
        `auc: expected ${before.dtype} logits, as in the batches before, got ${form.dtype}`,
      );
    }
    this.#form = form;
  }

  compute(): number {
    if (!this.#form) throw new ConfigError('auc: expected a batch before compute(), got none');
    const { columns, dtype } = this.#form;
    const logits = joined<Logits>(ARRAYS[dtype], this.#logits);
    const labels = joined(Int32Array, this.#labels);
    if (columns === 1) return area(Float64Array.from(logits), labels, 1);
    if (columns === 2) {
      const scores = Float64Array.from(labels, (_, i) => logits[2 * i + 1] - logits[2 * i]);
      return area(scores, labels, 1);
    }
    let sum = 0;
    const shares = softmax(logits, columns);
    for (let c = 0; c < columns; c++) {
      const scores = Float64Array.from(labels, (_, i) => shares[i * columns + c]);
      sum += area(scores, labels, c);
    }
    return sum / columns;
  }

  /** The logits and labels are their bytes in base64, a fraction of what lists of numbers would take. */
  stateDict(): JsonObject {
    if (!this.#form) return { examples: 0 };
    const labels = joined(Int32Array, this.#labels);
    return {
      examples: labels.length,
      ...this.#form,
      logits: toBase64(joined<Logits>(ARRAYS[this.#form.dtype], this.#logits)),
      labels: toBase64(labels),
    };
  }

  loadStateDict(state: JsonObject): void {
    const where = 'auc.loadStateDict';
    const given = asObject(where, state);
    const examples = asNumber(`${where}: examples`, given['examples'], { integer: true });
    if (examples === 0) {
      [this.#form, this.#logits, this.#labels] = [null, [], []];
      return;
    }
    const columns = asNumber(`${where}: columns`, given['columns'], { integer: true });
    const { dtype } = given;
    if (columns === 0 || (dtype !== 'float32' && dtype !== 'float64')) {
      throw new ConfigError(
        `${where}: expected columns of float32 or float64, got ${columns} of ${valueText(dtype)}`,
      );
    }
    const Kind = ARRAYS[dtype];
    const size = columns * examples * Kind.BYTES_PER_ELEMENT;
    const logits = new Kind(fromBase64(`${where}: logits`, given['logits'], size));
    const labels = new Int32Array(fromBase64(`${where}: labels`, given['labels'], 4 * examples));
    this.#form = { columns, dtype };
    [this.#logits, this.#labels] = [[logits], [labels]];
  }
}

/** All chunks, one behind the other, in an array of a kind. */
function joined<Numbers extends Logits | Int32Array>(
  Kind: new (length: number) => Numbers,
  chunks: readonly Numbers[],
): Numbers {
  const all = new Kind(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The softmax of each row, in float64. */
function softmax(logits: ArrayLike<number>, columns: number): Float64Array {
  const out = Float64Array.from(logits);
  for (let start = 0; start < out.length; start += columns) {
    const row = out.subarray(start, start + columns);
    const largest = row.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += row[c] = Math.exp(row[c] - largest);
    for (let c = 0; c < columns; c++) row[c] /= sum;
  }
  return out;
}

/**
 * The part of the pairs of a positive and a negative example in which the positive one has the higher score,
 * ties counting half. Pairs are counted, so neither the order of the examples nor rounding shows.
 * @throws ConfigError without examples of `positive`, or of others.
 */
function area(scores: Float64Array, labels: Int32Array, positive: number): number {
  const positives = scores.filter((_, i) => labels[i] === positive).sort();
  const negatives = scores.filter((_, i) => labels[i] !== positive).sort();
  if (positives.length === 0 || negatives.length === 0) {
    throw new ConfigError(
      `auc: expected examples of class ${positive} and of others, got ${positives.length} and ` +
        `${negatives.length}: there is no area under a curve`,
    );
  }
  let [below, equalOrBelow, halves] = [0, 0, 0];
  for (const score of positives) {
    while (below < negatives.length && negatives[below] < score) below++;
    while (equalOrBelow < negatives.length && negatives[equalOrBelow] <= score) equalOrBelow++;
    halves += below + equalOrBelow;
  }
  return halves / (2 * positives.length * negatives.length);
}
