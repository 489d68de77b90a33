import { ConfigError } from '../errors.js';
import { isOptions, valueText } from '../options.js';
import { Tensor } from '../tensor.js';

/** The result of a function without its tensors: where each of them belongs. */
type Form =
  | { readonly kind: 'tensor'; readonly index: number }
  | { readonly kind: 'list'; readonly parts: readonly Form[] }
  | { readonly kind: 'record'; readonly parts: readonly (readonly [string, Form])[] }
  | { readonly kind: 'nothing'; readonly value: null | undefined };

/** Arguments of a call, taken apart. */
export interface Arguments {
  readonly tensors: readonly Tensor[];
  /** All else: numbers, names of properties, objects that are no containers. */
  readonly statics: readonly unknown[];
}

/** Takes arguments apart: tensors, in arrays and plain objects too, and all else. */
export function takeApart(args: readonly unknown[]): Arguments {
  const [first] = args;
  if (args.length === 1 && first instanceof Tensor) return { tensors: [first], statics: NONE };
  const tensors: Tensor[] = [];
  const statics: unknown[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof Tensor) {
      tensors.push(value);
      statics.push(Tensor);
    } else if (Array.isArray(value)) {
      statics.push('[', value.length);
      value.forEach(visit);
    } else if (isOptions(value)) {
      const keys = Object.keys(value);
      statics.push('{', ...keys);
      for (const key of keys) visit(Reflect.get(value, key));
    } else statics.push(value);
  };
  args.forEach(visit);
  return { tensors, statics };
}

const NONE: readonly unknown[] = [];

/**
 * Takes a result apart.
 * @param tensors Its tensors are appended.
 * @throws ConfigError for what no program could give another time.
 */
export function formOf(result: unknown, tensors: Tensor[]): Form {
  if (result instanceof Tensor) return { kind: 'tensor', index: tensors.push(result) - 1 };
  if (result === null || result === undefined) return { kind: 'nothing', value: result };
  if (Array.isArray(result)) {
    return { kind: 'list', parts: result.map((part) => formOf(part, tensors)) };
  }
  if (isOptions(result)) {
    const parts = Object.entries(result).map(
      ([key, part]: [string, unknown]) => [key, formOf(part, tensors)] as const,
    );
    return { kind: 'record', parts };
  }
  throw new ConfigError(
    `compile: expected a function that returns tensors, or arrays or plain objects of them, got ` +
      `${valueText(result)}; a program gives nothing else, so return the tensor and read it outside`,
  );
}

/** The result of that form, of other tensors. */
export function assemble(form: Form, tensors: readonly Tensor[]): unknown {
  switch (form.kind) {
    case 'tensor':
      return tensors[form.index];
    case 'list':
      return form.parts.map((part) => assemble(part, tensors));
    case 'record':
      return Object.fromEntries(form.parts.map(([key, part]) => [key, assemble(part, tensors)]));
    case 'nothing':
      return form.value;
  }
}

export type { Form };
