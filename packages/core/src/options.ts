import { ConfigError } from './errors.js';

/** Says which values an option may have. */
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

/* A bundle keeps the rules that it uses. */
// @__NO_SIDE_EFFECTS__
function number(expected: string, accepts: (value: number) => boolean): OptionRule {
  return { expected, accepts: (value) => isNumber(value) && accepts(value) };
}

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

/** Both ends included. */
export function integerBetween(low: number, high: number): OptionRule {
  return number(
    `an integer from ${low} to ${high}`,
    (value) => Number.isInteger(value) && value >= low && value <= high,
  );
}

export const flag: OptionRule = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export const text: OptionRule = {
  expected: 'a text',
  accepts: (value) => typeof value === 'string',
};

export const functionRule: OptionRule = {
  expected: 'a function',
  accepts: (value) => typeof value === 'function',
};

export const plainObject: OptionRule = { expected: 'an object', accepts: isOptions };

/** For an option that is checked where it is used, with what it must fit. */
export const checkedInUse: OptionRule = { expected: 'anything', accepts: () => true };

export const pairBelow1: OptionRule = {
  expected: 'two numbers from 0, below 1',
  accepts: (value) =>
    Array.isArray(value) && value.length === 2 && value.every((item) => shareBelow1.accepts(item)),
};

export function oneOf(...words: readonly string[]): OptionRule {
  const list = words.map((word) => `'${word}'`).join(', ');
  return {
    expected: list.replace(/, (?=[^,]*$)/, ' or '),
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
  const rule = ruleOf(rules, name);
  if (!rule) throw unknownOption(where, name, Object.keys(rules));
  checkValue(`${where}: ${name}`, rule, value);
}

/** @throws ConfigError, naming `what` it is, for a value that the rule does not accept. */
export function checkValue(what: string, rule: OptionRule, value: unknown): void {
  if (rule.accepts(value)) return;
  throw new ConfigError(`${what} must be ${rule.expected}, got ${valueText(value)}`);
}

function ruleOf<Options>(rules: OptionRules<Options>, name: string): OptionRule | undefined {
  return Object.hasOwn(rules, name) ? rules[name as keyof Options] : undefined;
}

/**
 * Checks options that have defaults of their own, one that is undefined counting as left out. It is
 * called with every operation, so it makes nothing.
 * @throws ConfigError unless `options` is a plain object, for an unknown option, or for a value that
 * its rule does not accept.
 */
export function checkOptions<Options>(
  where: string,
  options: unknown,
  rules: OptionRules<Options>,
): asserts options is Options {
  requireObject(where, options, rules);
  for (const name in options) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined || !Object.hasOwn(rules, name)) checkOption(where, rules, name, value);
  }
}

/** @throws ConfigError unless `options` can hold options by name, with how to write them. */
function requireObject(where: string, options: unknown, names: object): asserts options is object {
  if (isOptions(options)) return;
  const known = Object.keys(names);
  const [first = 'name'] = known;
  const example = known.length === 1 ? shown(options) : '…';
  throw new ConfigError(
    `${where}: expected options as an object, such as { ${first}: ${example} }, got ${valueText(options)}` +
      (known.length > 1 ? `; the options are ${known.join(', ')}` : ''),
  );
}

/** Whether a value may be an object of options: not a list, a tensor, a typed array, a Map … */
export function isOptions(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of another realm, too, whose Object is another one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * The options with their defaults; one that is undefined counts as left out.
 * @throws ConfigError unless `given` is a plain object, for an unknown option, one that is missing,
 * or a value out of range.
 */
export function completeOptions<Options extends object>(
  where: string,
  rules: OptionRules<Options>,
  defaults: Partial<Options>,
  given: Partial<Options>,
): CompleteOptions<Options> {
  requireObject(where, given, rules);
  const options: Record<string, unknown> = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined || !(name in rules)) options[name] = value;
  }
  for (const name of Object.keys(options)) checkOption(where, rules, name, options[name]);
  for (const name of Object.keys(rules)) checkOption(where, rules, name, options[name]);
  // Every name has been held against its rule.
  return options as CompleteOptions<Options>;
}

function unknownOption(where: string, name: string, known: readonly string[]): ConfigError {
  const meant = nearest(name, known);
  return new ConfigError(
    `${where}: unknown option '${name}'; ` +
      (meant ? `did you mean ${meant}? The` : 'the') +
      ` options are ${known.join(', ')}`,
  );
}

/** Other libraries' words for ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  dim: 'axis',
  axes: 'axis',
  keepdims: 'keepdim',
  keepDims: 'keepdim',
  negativeSlope: 'slope',
  alpha: 'slope',
  learningRate: 'lr',
  strides: 'stride',
  dilationRate: 'dilation',
  useBias: 'bias',
};

/** The known name that was probably meant: in another case or language, or misspelt by two letters. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  // What every object has, such as toString, is no word of theirs.
  const word = (Object.hasOwn(SYNONYMS, camel) ? SYNONYMS[camel] : undefined) ?? camel;
  const same = known.find((one) => one.toLowerCase() === word.toLowerCase());
  if (same !== undefined) return same;
  const near = known
    .map((one) => ({ one, away: distance(one, camel) }))
    .sort((a, b) => a.away - b.away)[0];
  return near && near.away <= Math.min(2, near.one.length / 2) ? near.one : undefined;
}

/** Levenshtein's: how many letters are to be changed, added or left out. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}

/** A value in a message, with what it is where that doesn't show: `'1'`, `1n`, `[1, 2]`. */
export function valueText(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    if ('describe' in value && typeof value.describe === 'function') {
      return withArticle(String(Reflect.apply(value.describe, value, [])));
    }
    if (ArrayBuffer.isView(value)) return withArticle(value.constructor.name);
    if (Array.isArray(value) || isOptions(value)) return shown(value);
    return withArticle(nameOfClass(value));
  }
  return shown(value);
}

const withArticle = (noun: string): string => `${/^[aeio]/i.test(noun) ? 'an' : 'a'} ${noun}`;

/** An object may have lost its constructor. */
function nameOfClass(value: object): string {
  const { constructor } = value;
  return typeof constructor === 'function' ? constructor.name : 'object';
}

const MOST_ITEMS = 6;

/** A value as one would write it, shortened. */
function shown(value: unknown, depth = 0): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') {
    return value.name === '' ? 'a function' : `the function ${value.name}`;
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > 2) return '…';
  if (Array.isArray(value)) return `[${listed(value, depth)}]`;
  if (!isOptions(value)) return valueText(value);
  const entries = Object.entries(value).map(([name, item]) => `${name}: ${shown(item, depth + 1)}`);
  return entries.length === 0 ? '{}' : `{ ${cut(entries)} }`;
}

const listed = (items: readonly unknown[], depth: number): string =>
  cut(items.slice(0, MOST_ITEMS + 1).map((item) => shown(item, depth + 1)));

const cut = (items: readonly string[]): string =>
  items.length > MOST_ITEMS ? `${items.slice(0, MOST_ITEMS).join(', ')}, …` : items.join(', ');

/** @throws ConfigError unless `value` is a list. */
export function requireList(where: string, what: string, value: unknown, example: string): void {
  if (Array.isArray(value)) return;
  throw new ConfigError(`${where}: expected ${what}, such as ${example}, got ${valueText(value)}`);
}

/** @throws ConfigError, with `mend`, for arguments of what takes none. */
export function requireNoArguments(where: string, given: readonly unknown[], mend: string): void {
  if (given.length === 0) return;
  throw new ConfigError(
    `${where}: expected no arguments, got ${given.map(valueText).join(', ')}; ${mend}`,
  );
}

/** @throws ConfigError unless `value` is a function. */
export function requireFunction(where: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new ConfigError(`${where}: expected a function, got ${valueText(value)}`);
}
