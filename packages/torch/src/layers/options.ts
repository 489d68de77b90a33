import { Tensor, type JsonData } from '@unfold/core';
import type { Module } from '@unfold/nn';
import { pythonName } from '../names.js';
import { construct, type Construction, type Given } from './construction.js';
import { zerosOf } from './zeros.js';

/** The arguments of one of PyTorch's layers, under Unfold's names. */
export interface Signature {
  /** Those that stand by their places; the last ones are left out where they are at their defaults. */
  readonly places?: readonly string[];
  /** PyTorch's defaults: of places that have one, and of all that is written by its name. */
  readonly defaults?: Readonly<Record<string, JsonData>>;
}

/** The default of a stride that is the size of the window. */
export const AS_KERNEL = 'kernelSize';

/** How a layer is made in PyTorch, where its options are those of Unfold. */
export function constructLike(
  callee: string,
  layer: Module,
  { places = [], defaults = {} }: Signature,
): Construction {
  const [first] = layer.stateDict().values();
  const made = new Map<string, unknown>([['dtype', first?.dtype]]);
  for (const [name, value] of Object.entries<unknown>({ ...layer.constructedWith() })) {
    made.set(name, value);
  }
  const given = (name: string): Given => givenOf(name, made.get(name));
  const isUsual = (name: string): boolean => {
    if (made.get(name) === undefined) return true;
    const usual = defaults[name] === AS_KERNEL ? made.get(AS_KERNEL) : defaults[name];
    return JSON.stringify(given(name)) === JSON.stringify(givenOf(name, usual));
  };
  const byName = (names: readonly string[]): Record<string, Given> =>
    Object.fromEntries(names.map((name) => [pythonName(name), given(name)]));
  const last = places.map(isUsual).lastIndexOf(false);
  const named = Object.keys(defaults).filter((name) => !places.includes(name) && !isUsual(name));
  return construct(callee, byName(places.slice(0, last + 1)), byName(named));
}

/** An option as PyTorch takes it. */
function givenOf(name: string, value: unknown): Given {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  // Its numbers are part of the state, which is loaded.
  if (value instanceof Tensor) return zerosOf(value);
  if (Array.isArray(value)) return sizesOf(name, value.map(Number));
  return name === 'dtype' ? { parameter: `torch.${String(value)}` } : String(value);
}

/** Sizes of axes: one number for all where they are the same, unless the list is itself a shape. */
function sizesOf(name: string, sizes: readonly number[]): Given {
  const [first = 0, ...others] = sizes;
  if (name === 'unflattenedSize') return sizes;
  if (name === 'normalizedShape') return others.length === 0 ? first : sizes;
  return others.every((size) => size === first) ? first : sizes;
}
