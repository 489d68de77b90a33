/** What a run's curve is drawn from. */
export interface CurveSource {
  /** `values[i]` is step i + 1's. */
  readonly values: Float32Array;
  /** Rising steps, each with its value. */
  readonly validations: readonly { readonly step: number; readonly value: number }[];
}

/** A run's three lines over one axis of steps; null where a line has no point. */
export interface Curve {
  readonly batches: (number | null)[];
  readonly mean: (number | null)[];
  readonly validation: (number | null)[];
}

export interface CurveData {
  readonly steps: number[];
  /** In the order of the sources. */
  readonly curves: Curve[];
}

/**
 * Thins runs for drawing, all to the same steps. Equal stretches of steps keep two points each: in each the
 * smallest and the largest batch, in the order in which they came, so that no peak is lost; a stretch of one
 * step has one. The mean, a point for each stretch, is of all batches near it: about a fiftieth of the longest
 * run.
 * @param atMost Stretches. At least 1.
 */
export function curveData(sources: readonly CurveSource[], atMost: number): CurveData {
  const count = Math.max(0, ...sources.map(({ values }) => values.length));
  const size = Math.max(1, Math.ceil(count / atMost));
  const perStretch = size === 1 ? 1 : 2;
  const stretches = Math.ceil(count / size);
  const steps = Array.from({ length: perStretch * stretches }, (_, i) =>
    perStretch === 1 ? i + 1 : Math.floor(i / 2) * size + 1 + (i % 2) * (size >> 1),
  );
  const reach = Math.max(Math.round(count / 100 / size), Math.ceil(LEAST_REACH / size));
  const curves = sources.map(({ values, validations }) => {
    const found = stretchesOf(values, size, stretches);
    const means = meansOf(found, reach);
    const at = (i: number): Stretch | undefined => found[Math.floor(i / perStretch)];
    const validation = Array.from<number | null>({ length: steps.length }).fill(null);
    for (const { step, value } of validations) {
      const stretch = Math.min(Math.floor((step - 1) / size), stretches - 1);
      if (stretch >= 0) validation[perStretch * stretch + perStretch - 1] = value;
    }
    return {
      batches: steps.map((_, i) => at(i)?.[i % perStretch === 0 ? 'earlier' : 'later'] ?? null),
      mean: steps.map((_, i) => (i % perStretch === 0 ? (means[i / perStretch] ?? null) : null)),
      validation,
    };
  });
  return { steps, curves };
}

/** The mean takes in so many steps on each side, or more. */
const LEAST_REACH = 5;

interface Stretch {
  readonly sum: number;
  readonly count: number;
  /** The smallest and the largest, whichever came first. */
  readonly earlier: number;
  readonly later: number;
}

/** What is not finite has no place in a curve. */
function stretchesOf(values: Float32Array, size: number, stretches: number): Stretch[] {
  const found: Stretch[] = [];
  for (let s = 0; s < stretches && s * size < values.length; s++) {
    const end = Math.min(values.length, (s + 1) * size);
    let [sum, count, least, most] = [0, 0, s * size, s * size];
    for (let i = s * size; i < end; i++) {
      const value = values[i] ?? NaN;
      if (!Number.isFinite(value)) continue;
      if (count === 0 || value < (values[least] ?? NaN)) least = i;
      if (count === 0 || value > (values[most] ?? NaN)) most = i;
      sum += value;
      count++;
    }
    const [first, second] = [Math.min(least, most), Math.max(least, most)];
    found.push({ sum, count, earlier: values[first] ?? NaN, later: values[second] ?? NaN });
  }
  return found;
}

/** Around each stretch the mean of all steps in it and in `reach` stretches on each side. */
function meansOf(stretches: readonly Stretch[], reach: number): (number | null)[] {
  return stretches.map((_, s) => {
    let [sum, count] = [0, 0];
    for (const near of stretches.slice(Math.max(0, s - reach), s + reach + 1)) {
      sum += near.sum;
      count += near.count;
    }
    return count === 0 ? null : sum / count;
  });
}
