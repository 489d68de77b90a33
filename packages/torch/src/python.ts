import type { JsonData } from '@unfold/core';
import { isList } from '@unfold/core/internal';

/** The length that no line of Python goes beyond, where that can be helped; pyproject.toml says so to ruff. */
export const LINE_LENGTH = 100;

/** How tightly Python's operators bind, the loosest first. */
const LEVELS = ['compare', '|', '^', '&', '+', '*', 'unary', '**'] as const;

/** The operators between two expressions, and the one of `LEVELS` that they are on. */
const INFIX = {
  '<': 'compare',
  '<=': 'compare',
  '>': 'compare',
  '>=': 'compare',
  '==': 'compare',
  '!=': 'compare',
  '|': '|',
  '^': '^',
  '&': '&',
  '+': '+',
  '-': '+',
  '*': '*',
  '/': '*',
  '//': '*',
  '%': '*',
  '@': '*',
  '**': '**',
} as const satisfies Readonly<Record<string, (typeof LEVELS)[number]>>;

/** An operator between two expressions. */
export type Operator = keyof typeof INFIX;

/** What binds tighter than every operator: names, calls, numbers. */
const TIGHTEST = LEVELS.length;

/** An expression of Python. */
export interface Expression {
  /** As it stands on one line. */
  readonly text: string;
  /** How tightly it binds. */
  readonly level: number;
  /** Where it may be broken into lines, the last brackets of a chain of calls first. */
  readonly brackets?: readonly Brackets[];
}

/** Brackets, what is in them, and all that is before and behind. */
interface Brackets {
  readonly open: string;
  readonly inside: readonly Expression[];
  readonly close: string;
}

/** A name, or anything else that needs no brackets wherever it stands. */
export const atom = (text: string): Expression => ({ text, level: TIGHTEST });

function bracketed(open: string, inside: readonly Expression[], close: string): Expression {
  const text = `${open}${inside.map((part) => part.text).join(', ')}${close}`;
  return { text, level: TIGHTEST, brackets: [{ open, inside, close }] };
}

/** An expression behind a label, as an argument behind its name. */
const labelled = (label: string, value: Expression): Expression => ({
  ...value,
  text: `${label}${value.text}`,
  ...(value.brackets && {
    brackets: value.brackets.map((own) => ({ ...own, open: `${label}${own.open}` })),
  }),
});

/** An argument: an expression, or data. */
export type Argument = Expression | JsonData;

function isExpression(argument: Argument): argument is Expression {
  return typeof argument === 'object' && argument !== null && 'level' in argument;
}

/** An argument as an expression. */
export const expressionOf = (argument: Argument): Expression =>
  isExpression(argument) ? argument : literal(argument);

/** `callee(a, b, name=c)`. Keywords that are undefined are left out. */
export function call(
  callee: string,
  args: readonly Argument[] = [],
  keywords: Readonly<Record<string, Argument | undefined>> = {},
): Expression {
  const named = Object.entries(keywords).flatMap(([name, value]) =>
    value === undefined ? [] : [labelled(`${name}=`, expressionOf(value))],
  );
  return bracketed(`${callee}(`, [...args.map(expressionOf), ...named], ')');
}

/** `x.name(a, b, keyword=c)`. */
export function method(
  x: Expression,
  name: string,
  args: readonly Argument[] = [],
  keywords: Readonly<Record<string, Argument | undefined>> = {},
): Expression {
  const receiver = inner(x, TIGHTEST);
  const made = call(`${receiver}.${name}`, args, keywords);
  if (receiver !== x.text || !x.brackets || !made.brackets) return made;
  const tail = made.text.slice(receiver.length);
  const earlier = x.brackets.map((own) => ({ ...own, close: `${own.close}${tail}` }));
  return { ...made, brackets: [...made.brackets, ...earlier] };
}

/** `x.name`. */
export const property = (x: Expression, name: string): Expression =>
  atom(`${inner(x, TIGHTEST)}.${name}`);

/** `x[a, b]`. */
export const index = (x: Expression, ...at: readonly Argument[]): Expression =>
  bracketed(`${inner(x, TIGHTEST)}[`, at.map(expressionOf), ']');

/** `[a, b]`. */
export const list = (parts: readonly Argument[]): Expression =>
  bracketed('[', parts.map(expressionOf), ']');

/** `(a, b)`. */
export function tuple(parts: readonly Argument[]): Expression {
  const inside = parts.map(expressionOf);
  const [only] = inside;
  return inside.length === 1 && only ? atom(`(${only.text},)`) : bracketed('(', inside, ')');
}

/** `{"a": b}`. */
export function dict(entries: readonly (readonly [name: string, value: Argument])[]): Expression {
  const parts = entries.map(([name, value]) => labelled(`${quoted(name)}: `, expressionOf(value)));
  return bracketed('{', parts, '}');
}

/** `a + b`. */
export function infix(operator: Operator, a: Argument, b: Argument): Expression {
  const level = levelOf(INFIX[operator]);
  const isPower = operator === '**';
  const [left, right] = [expressionOf(a), expressionOf(b)];
  // Comparisons of comparisons mean something else; a power's exponent is on its right.
  const isLoose = INFIX[operator] === 'compare' || isPower;
  const [before, after] = [
    inner(left, isLoose ? level + 1 : level),
    inner(right, isPower ? levelOf('unary') : level + 1),
  ];
  const isClose = isPower && [before, ...after.split('**')].every((text) => SIMPLE.test(text));
  const space = isClose ? '' : ' ';
  return { text: `${before}${space}${operator}${space}${after}`, level };
}

/** Names and numbers, which stand close to the operator of a power. */
const SIMPLE = /^-?(?:[\p{ID_Start}_][\p{ID_Continue}.]*|\d[\d.e-]*)$/u;

/** `-a`, `~a`. */
export function prefix(operator: '-' | '~', a: Argument): Expression {
  const level = levelOf('unary');
  const of = expressionOf(a);
  // A power binds tighter, but reads as if it didn't.
  const isPower = of.level === levelOf('**');
  return { text: `${operator}${inner(of, isPower ? TIGHTEST : level)}`, level };
}

const levelOf = (name: (typeof LEVELS)[number]): number => LEVELS.indexOf(name);

/** An expression inside another one, in brackets where it binds too loosely. */
const inner = ({ text, level }: Expression, least: number): string =>
  level < least ? `(${text})` : text;

/** Data as Python writes them: lists for lists, True, None. */
export function literal(data: JsonData): Expression {
  if (data === null) return atom('None');
  if (typeof data === 'boolean') return atom(data ? 'True' : 'False');
  if (typeof data === 'string') return atom(quoted(data));
  if (typeof data === 'number') return numberOf(data);
  if (isList(data)) return list(data.map(literal));
  return dict(Object.entries(data));
}

/** Data whose lists are tuples, as PyTorch takes sizes and axes. */
export const tuples = (data: JsonData): Expression =>
  isList(data) ? tuple(data.map(tuples)) : literal(data);

/** A text in double quotes. */
export function quoted(text: string): string {
  const escaped = JSON.stringify(text);
  // As ruff has it: single ones where that saves backslashes.
  if (!text.includes('"') || text.includes("'")) return escaped;
  return `'${escaped.slice(1, -1).replaceAll('\\"', '"')}'`;
}

function numberOf(value: number): Expression {
  if (Number.isNaN(value)) return atom('float("nan")');
  if (!Number.isFinite(value)) return atom(`float("${value < 0 ? '-' : ''}inf")`);
  const decimal = Object.is(value, -0) ? '-0.0' : String(value).replace('e+', 'e');
  const exponential = value.toExponential();
  // Whole numbers that are no longer exact are no integers in Python.
  const isHuge = Math.abs(value) > Number.MAX_SAFE_INTEGER;
  const isShorter = Math.abs(value) < 1 && exponential.length < decimal.length;
  const text = isHuge || isShorter ? exponential.replace('e+', 'e') : decimal;
  return { text, level: text.startsWith('-') ? levelOf('unary') : TIGHTEST };
}

/** A number as a float, also where it is whole: `2.0`. */
export function float(value: number): Expression {
  const { text, level } = numberOf(value);
  return { text: /^-?\d+$/.test(text) ? `${text}.0` : text, level };
}

/** Whether Python takes a text for a name of one's own. */
export const isIdentifier = (text: string): boolean =>
  /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(text) && !KEYWORDS.has(text);

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for ' +
    'from global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/**
 * The lines of a statement, as ruff would break them.
 * @param before What stands in front of the expression, as `x = `.
 * @param after What stands behind it, as `:`.
 */
export function statement(
  before: string,
  expression: Expression,
  { indent = 0, after = '' }: { readonly indent?: number; readonly after?: string } = {},
): string[] {
  const margin = ' '.repeat(indent);
  const line = `${margin}${before}${expression.text}${after}`;
  const splits = (expression.brackets ?? []).filter(({ inside }) => inside.length > 0);
  const start = `${margin}${before}`;
  // Of a chain, the last brackets that are reached within the line.
  const found =
    splits.find(({ open }) => start.length + open.length <= LINE_LENGTH) ?? splits.at(-1);
  if (line.length <= LINE_LENGTH || !found) return [line];
  const { open, inside, close } = found;
  const first = `${start}${open}`;
  const last = `${margin}${close}${after}`;
  const deeper = indent + 4;
  const together = `${' '.repeat(deeper)}${inside.map(({ text }) => text).join(', ')}`;
  if (together.length <= LINE_LENGTH) return [first, together, last];
  // A single argument that is a list is broken itself, and no comma comes behind it.
  const comma = inside.length === 1 && inside[0]?.brackets ? '' : ',';
  const parts = inside.flatMap((part) => statement('', part, { indent: deeper, after: comma }));
  return [first, ...parts, last];
}
