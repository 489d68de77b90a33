import type { OptionRule } from '@unfold/core';

/** The rule for a stream that lines or a bar may be written to. */
export const output: OptionRule = {
  expected: 'what can be written to, such as process.stdout',
  accepts: (value) => typeof Object(value).write === 'function',
};
