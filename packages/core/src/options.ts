import { ConfigError } from './errors.js';

/** What an option may be. */
export interface OptionRule {
  /** In words, behind "must be". */
  readonly expected: string;
  /** Whether it may be this. */
  accepts(value: unknown): boolean;
}

/** A rule for each option. */
export type OptionRules<Options> = { readonly [Key in keyof Options]-?: OptionRule };

/** Options that all have a value. */
export type CompleteOptions<Options> = { -readonly [Key in keyof Options]-?: Options[Key] };

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);

const number = (expected: string, accepts: (value: number) => boolean): OptionRule => ({
  expected,
  accepts: (value) => isNumber(value) && accepts(value),
});

export const finite = number('a finite number', () => true);
export const atLeast0 = number('a finite number of at least 0', (value) => value >= 0);
export const positive = number('a finite number above 0', (value) => value > 0);
/** 0 and 1 included. */
export const share = number('a number from 0 to 1', (value) => value >= 0 && value <= 1);
export const positiveShare = number(
  'a number above 0, at most 1',
  (value) => value > 0 && value <= 1,
);
export const shareBelow1 = number('a number from 0, below 1', (value) => value >= 0 && value < 1);
export const count = number('an integer from 0', (v) => Number.isSafeInteger(v) && v >= 0);
export const positiveCount = number('an integer from 1', (v) => Number.isSafeInteger(v) && v >= 1);

export const flag: OptionRule = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export const pairBelow1: OptionRule = {
  expected: 'two numbers from 0, below 1',
  accepts: (value) =>
    Array.isArray(value) && value.length === 2 && value.every((item) => shareBelow1.accepts(item)),
};

export function oneOf(...words: readonly string[]): OptionRule {
  return {
    expected: words.map((word) => `'${word}'`).join(' or '),
    accepts: (value) => words.some((word) => word === value),
  };
}

/** One number for all groups, or a list with one for each. */
export function perGroup(rule: OptionRule): OptionRule {
  return {
    expected: `${rule.expected}, or a list of such`,
    accepts: (value) =>
      rule.accepts(value) || (Array.isArray(value) && value.every((item) => rule.accepts(item))),
  };
}

/** A rule for an option that may be left out. */
export function optional(rule: OptionRule): OptionRule {
  return {
    expected: rule.expected,
    accepts: (value) => value === undefined || rule.accepts(value),
  };
}

/** @throws ConfigError for an unknown name, or a value that its rule does not accept. */
export function checkOption<Options>(
  where: string,
  rules: OptionRules<Options>,
  name: string,
  value: unknown,
): void {
  const known = new Map<string, OptionRule>(Object.entries(rules));
  const rule = known.get(name);
  if (!rule) {
    throw new ConfigError(
      `${where}: unknown option '${name}'; the options are ${[...known.keys()].join(', ')}`,
    );
  }
  if (!rule.accepts(value)) {
    throw new ConfigError(`${where}: ${name} must be ${rule.expected}, got ${show(value)}`);
  }
}

/**
 * The options with their defaults; one that is undefined counts as left out.
 * @throws ConfigError for an unknown option, one that is missing, or a value out of range.
 */
export function completeOptions<Options extends object>(
  where: string,
  rules: OptionRules<Options>,
  defaults: Partial<Options>,
  given: Partial<Options>,
): CompleteOptions<Options> {
  const options: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined || !(name in rules)) options[name] = value;
  }
  for (const name of Object.keys(options)) checkOption(where, rules, name, options[name]);
  for (const name of Object.keys(rules)) checkOption(where, rules, name, options[name]);
  // Every name has been held against its rule.
  return options as CompleteOptions<Options>;
}

/** @throws ConfigError if `options` has a key that is not in `known`. */
export function rejectUnknown(operation: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new ConfigError(
        `${operation}: expected the options ${known.join(', ')}, got ${JSON.stringify(key)}`,
      );
    }
  }
}

/** A value in a message. */
export function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}
