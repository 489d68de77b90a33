import { isOptions, Value } from '@unfold/core/internal';
import type { CallArgument } from '../layers/construction.js';
import { dict, index, literal, tuple, type Expression } from '../python.js';

/** The tensors in what a module was given or gave, each once for every place. */
export function valuesOf(part: unknown): Value[] {
  if (part instanceof Value) return [part];
  if (Array.isArray(part)) return part.flatMap(valuesOf);
  return isOptions(part) ? Object.values(part).flatMap(valuesOf) : [];
}

/** An argument with the expressions of its tensors. */
export function argumentOf(part: unknown, find: (value: Value) => Expression): CallArgument {
  if (part instanceof Value) return { kind: 'tensor', value: part, expression: find(part) };
  if (Array.isArray(part)) {
    return { kind: 'list', parts: part.map((inner: unknown) => argumentOf(inner, find)) };
  }
  if (!isOptions(part)) return { kind: 'plain', value: plainOf(part) };
  const parts = Object.entries(part).map(([name, inner]) => [name, argumentOf(inner, find)]);
  return { kind: 'record', parts: Object.fromEntries(parts) };
}

function plainOf(part: unknown): string | number | boolean | null {
  const isPlain = typeof part === 'number' || typeof part === 'string' || typeof part === 'boolean';
  return isPlain ? part : null;
}

/** Whether there is a tensor in an argument. */
export function hasTensor(argument: CallArgument): boolean {
  switch (argument.kind) {
    case 'tensor':
      return true;
    case 'list':
      return argument.parts.some(hasTensor);
    case 'record':
      return Object.values(argument.parts).some(hasTensor);
    case 'plain':
      return false;
  }
}

/** An argument as Python writes it: a tuple for a list, a dict for an object. */
export function written(argument: CallArgument): Expression {
  switch (argument.kind) {
    case 'tensor':
      return argument.expression;
    case 'list':
      return tuple(argument.parts.map(written));
    case 'record':
      return dict(Object.entries(argument.parts).map(([name, part]) => [name, written(part)]));
    case 'plain':
      return literal(argument.value);
  }
}

/** Each tensor in what stands in a variable: where it is found there. */
export function placesIn(part: unknown, at: Expression): [Value, Expression][] {
  if (part instanceof Value) return [[part, at]];
  if (Array.isArray(part)) {
    return part.flatMap((inner: unknown, i) => placesIn(inner, index(at, i)));
  }
  if (!isOptions(part)) return [];
  return Object.entries(part).flatMap(([name, inner]) => placesIn(inner, index(at, name)));
}
