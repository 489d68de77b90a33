import type { DType, JsonData } from '@unfold/core';
import { pythonName } from '../names.js';
import { call, method, tuple, tuples, type Expression } from '../python.js';
import type { Step, Translate } from './step.js';

/** Sizes or axes as arguments of their own; none at all are an empty tuple. */
export const spread = (parts: readonly Expression[]): readonly Expression[] =>
  parts.length === 0 ? [tuple([])] : parts;

/** The method by which PyTorch casts to each dtype. */
const CASTS: Readonly<Record<DType | 'int64', string>> = {
  bool: 'bool',
  uint8: 'byte',
  int32: 'int',
  int64: 'long',
  float32: 'float',
  float64: 'double',
};

/** x in another dtype. */
export const cast = (x: Expression, dtype: DType | 'int64'): Expression => method(x, CASTS[dtype]);

/** An argument by Unfold's name, or how it is written. */
export type Place = string | ((step: Step) => Expression);

/** A tensor of positions or labels, which PyTorch wants as int64. */
export const positions =
  (operand: string) =>
  (step: Step): Expression =>
    cast(step.in(operand), 'int64');

/** A tensor, or data; undefined where there is neither. */
function argumentOf(step: Step, place: Place): Expression | undefined {
  if (typeof place !== 'string') return place(step);
  if (step.has(place)) return step.in(place);
  if (place === 'training') return step.training();
  const value = step.attributes[place] ?? null;
  return value === null ? undefined : tuples(value);
}

/**
 * The arguments of a call.
 * @param places Those that stand by their places; behind one that is missing they have names.
 * @param defaults Those that have names, with what PyTorch takes without them; null for nothing.
 */
function argumentsOf(
  step: Step,
  places: readonly Place[],
  defaults: Readonly<Record<string, JsonData>>,
): [args: Expression[], keywords: Record<string, Expression>] {
  const args: Expression[] = [];
  const keywords: Record<string, Expression> = {};
  places.forEach((place, i) => {
    const argument = argumentOf(step, place);
    if (argument && args.length === i) args.push(argument);
    else if (argument && typeof place === 'string') keywords[pythonName(place)] = argument;
  });
  for (const [name, usual] of Object.entries(defaults)) {
    const argument = argumentOf(step, name);
    if (argument && argument.text !== tuples(usual).text) keywords[pythonName(name)] = argument;
  }
  return [args, keywords];
}

/** By a function of PyTorch: `F.conv2d(x, weight, bias, stride=2)`. */
export const functional =
  (
    callee: string,
    places: readonly Place[],
    defaults: Readonly<Record<string, JsonData>> = {},
  ): Translate =>
  (step) =>
    call(callee, ...argumentsOf(step, places, defaults));

/** By a method of x: `x.softmax(dim=-1)`. */
export const methodical =
  (
    name: string,
    places: readonly Place[] = [],
    defaults: Readonly<Record<string, JsonData>> = {},
  ): Translate =>
  (step) =>
    method(step.in('x'), name, ...argumentsOf(step, places, defaults));
