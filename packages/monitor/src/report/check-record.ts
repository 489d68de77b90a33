import { ConfigError, type OptionRule, type OptionRules } from '@unfold/core';
import {
  atLeast0,
  checkValue,
  count,
  isOptions,
  plainObject,
  share,
  text,
  valueText,
} from '@unfold/core/internal';
import type { Example, TrainingRecord } from './record.js';
import type { StepSeries } from './run-log.js';

const list: OptionRule = { expected: 'a list', accepts: (value) => Array.isArray(value) };
const column: OptionRule = {
  expected: 'a Float64Array',
  accepts: (value) => value instanceof Float64Array,
};
/** A network that diverged has a loss that is NaN or infinite. */
const number: OptionRule = {
  expected: 'a number',
  accepts: (value) => typeof value === 'number',
};
const orNull = (rule: OptionRule): OptionRule => ({
  expected: `${rule.expected}, or null`,
  accepts: (value) => value === null || rule.accepts(value),
});

const RECORD: OptionRules<TrainingRecord> = {
  title: text,
  seconds: atLeast0,
  parameters: count,
  engine: text,
  configuration: list,
  command: orNull(text),
  steps: plainObject,
  epochs: list,
  evaluation: orNull(plainObject),
  failure: orNull(text),
  mistakes: list,
  filters: orNull(plainObject),
  example: plainObject,
  summary: plainObject,
};

const STEPS: OptionRules<StepSeries> = { step: column, loss: column, lr: column, gradNorm: column };

const EVALUATION: OptionRules<NonNullable<TrainingRecord['evaluation']>> = {
  loss: number,
  accuracy: share,
  correct: count,
  total: count,
  confusion: list,
  classes: list,
  macro: plainObject,
};

const EXAMPLE: OptionRules<Example> = { picture: plainObject, label: count, layers: list };

const SUMMARY: OptionRules<TrainingRecord['summary']> = {
  input: list,
  rows: list,
  trainable: count,
  frozen: count,
  macs: count,
};

/** @throws ConfigError, naming the part, for what is no record of `trainingRecord`. */
export function checkRecord(where: string, record: unknown): asserts record is TrainingRecord {
  if (!isOptions(record)) {
    throw new ConfigError(
      `${where}: expected a record, as trainingRecord({ title, model, … }) gives it, got ` +
        valueText(record),
    );
  }
  const { steps, evaluation, example, summary } = checkParts<TrainingRecord>(where, record, RECORD);
  checkParts(`${where}: steps`, steps, STEPS);
  if (evaluation !== null) checkParts(`${where}: evaluation`, evaluation, EVALUATION);
  checkParts(`${where}: example`, example, EXAMPLE);
  checkParts(`${where}: summary`, summary, SUMMARY);
}

/** What more there is, nobody shows. */
function checkParts<Parts>(where: string, value: object, rules: OptionRules<Parts>): Parts {
  for (const [name, rule] of Object.entries<OptionRule>(rules)) {
    checkValue(`${where}: ${name}`, rule, Reflect.get(value, name));
  }
  // Every part has been held against its rule.
  return value as Parts;
}
