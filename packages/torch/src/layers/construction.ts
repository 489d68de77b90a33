import type { JsonData, Value } from '@unfold/core';
import type { Module } from '@unfold/nn';
import { atom, call, dict, list, tuples, type Expression } from '../python.js';

/** What a layer is made of: data, or other layers, as in a `TransformerEncoder`. */
export type Given = JsonData | Construction | Group | Lifted;

/** Layers in a list or, by their names, in a dict. */
export interface Group {
  readonly brackets: '[]' | '{}';
  readonly args: readonly GivenArgument[];
}

/** What a class's constructor takes under this name. */
export interface Lifted {
  readonly parameter: string;
}

/** An argument of a layer's constructor, under PyTorch's name. */
export interface GivenArgument {
  readonly name: string;
  readonly value: Given;
  /** Whether it stands by its place, without its name. */
  readonly isPositional: boolean;
}

/** A call that constructs a layer in PyTorch: `nn.Conv2d(1, 16, 5, bias=False)`. */
export interface Construction {
  readonly callee: string;
  readonly args: readonly GivenArgument[];
}

/**
 * A construction from arguments by PyTorch's names. Those of `keywords` that are undefined are left out, as
 * PyTorch's defaults should be.
 */
export function construct(
  callee: string,
  positional: Readonly<Record<string, Given>>,
  keywords: Readonly<Record<string, Given | undefined>> = {},
): Construction {
  const args = Object.entries(positional).map(([name, value]) => ({
    name,
    value,
    isPositional: true,
  }));
  const named = Object.entries(keywords).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value, isPositional: false }],
  );
  return { callee, args: [...args, ...named] };
}

/** What a module was given: tensors by their Python expressions, in lists and objects as they were. */
export type CallArgument =
  | { readonly kind: 'tensor'; readonly value: Value; readonly expression: Expression }
  | { readonly kind: 'list'; readonly parts: readonly CallArgument[] }
  | { readonly kind: 'record'; readonly parts: Readonly<Record<string, CallArgument>> }
  | { readonly kind: 'plain'; readonly value: string | number | boolean | null };

/**
 * How a layer is called.
 * @param self `self.name`.
 * @throws ConfigError for arguments that PyTorch's layer does not take.
 */
export type Call = (self: Expression, args: readonly CallArgument[], layer: Module) => Expression;

/** How a layer of nn is written in PyTorch. */
export interface LayerForm {
  /** @throws ConfigError for an option that PyTorch's layer does not have. */
  construct(layer: Module): Construction;
  /** Its call. What it gives must be nested as Unfold's result is: a tuple where that is a list. */
  readonly call: Call;
}

/** Whether what is given has others inside. */
export const hasParts = (given: Given): given is Construction | Group =>
  typeof given === 'object' && given !== null && 'args' in given;

const isLifted = (given: Given): given is Lifted =>
  typeof given === 'object' && given !== null && 'parameter' in given;

/** What is given, as Python writes it: sizes, which are lists, as tuples. */
export function givenText(given: Given): Expression {
  if (isLifted(given)) return atom(given.parameter);
  if (!hasParts(given)) return tuples(given);
  const parts = given.args.map(({ value }) => givenText(value));
  if ('callee' in given) {
    const isNamed = given.args.map(({ isPositional }) => !isPositional);
    const keywords = given.args.flatMap(({ name }, i) => (isNamed[i] ? [[name, parts[i]]] : []));
    const positional = parts.filter((_, i) => !isNamed[i]);
    return call(given.callee, positional, Object.fromEntries(keywords));
  }
  if (given.brackets === '[]') return list(parts);
  return dict(given.args.map(({ name }, i) => [name, parts[i] ?? null]));
}
