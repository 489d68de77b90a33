import type { FileFormatError } from '@unfold/core';
import { brief, type Fail, quote } from '@unfold/io/internal';

/** An object of parsed JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** One layer of a saved model: its name, its kind, and its settings, read with checks. */
export class SavedLayer {
  readonly name: string;
  /** Its kind in TensorFlow.js, such as `Conv2D`. */
  readonly className: string;
  readonly #fail: Fail;
  readonly #config: Json;

  /** @param fail Makes errors that name the file. */
  constructor(name: string, className: string, config: Json, fail: Fail) {
    this.name = name;
    this.className = className;
    this.#config = config;
    this.#fail = fail;
  }

  /** An error that names file and layer. */
  fail(problem: string): FileFormatError {
    return this.#fail(`layer ${quote(this.name)} (${this.className}): ${problem}`);
  }

  /** An error for a setting that is not what it must be. */
  wrong(key: string, expected: string): FileFormatError {
    const value = brief(this.value(key));
    return this.fail(`${key} must be ${expected}, got ${value}; correct it in the file`);
  }

  /** The setting as it is stored; undefined where it is missing or null, which mean the same. */
  value(key: string): unknown {
    return this.#config[key] ?? undefined;
  }

  flag(key: string, missing: boolean): boolean {
    const value = this.value(key) ?? missing;
    if (typeof value === 'boolean') return value;
    throw this.wrong(key, 'true or false');
  }

  number(key: string, missing: number): number {
    const value = this.value(key) ?? missing;
    if (typeof value === 'number') return value;
    throw this.wrong(key, 'a number');
  }

  /** A positive integer, which must be there unless `missing` says what else. */
  count(key: string, missing?: number): number {
    const value = this.value(key) ?? missing;
    if (isInteger(value, 1)) return value;
    throw this.wrong(key, 'a positive integer');
  }

  /** `[height, width]` of integers that are at least 1; one number stands for both. */
  pair(key: string, missing?: readonly [number, number]): [number, number] {
    const value = this.value(key) ?? missing;
    const [h, w] = asPair(value);
    if (isInteger(h, 1) && isInteger(w, 1)) return [h, w];
    throw this.wrong(key, 'a positive integer or two of them');
  }

  /** One of `choices`, of which the first is the default. */
  choice<Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const value = this.value(key) ?? choices[0];
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    throw this.wrong(key, `one of ${choices.join(', ')}`);
  }

  /**
   * For a setting that TensorFlow.js has no use for, and Keras has.
   * @throws FileFormatError unless it has the value that changes nothing.
   */
  expectNeutral(key: string, neutral: number): void {
    const value = this.value(key) ?? neutral;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.every((each) => each === neutral)) return;
    throw this.fail(
      `${key} is ${brief(value)}, which TensorFlow.js ignores and Keras does not; set it to ` +
        `${neutral} in the file to get what TensorFlow.js computes`,
    );
  }
}

function asPair(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [value, value];
  const values: readonly unknown[] = value;
  if (values.length === 1) return [values[0], values[0]];
  return values.length === 2 ? values : [];
}

export function isInteger(value: unknown, minimum: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= minimum;
}
