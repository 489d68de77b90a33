import { ConfigError, type Parameter, type Tensor } from '@unfold/core';
import { ModuleDict, ModuleList, Sequential, type Module } from '@unfold/nn';
import type { Construction, LayerForm } from '../layers/construction.js';
import { formOf } from '../layers/layers.js';
import { isIdentifier, quoted } from '../python.js';
import { DICT_MEMBERS, MODULE_MEMBERS } from './reserved.js';

/** What a Python module holds under a name. */
export type Part = LayerPart | ContainerPart | ClassPart | TensorPart | AliasPart;

/** A layer that PyTorch has. */
export interface LayerPart {
  readonly kind: 'layer';
  readonly module: Module;
  readonly form: LayerForm;
  readonly construction: Construction;
}

/** A container that PyTorch has, of modules or of parameters. */
export interface ContainerPart {
  readonly kind: 'sequential' | 'list' | 'dict';
  /** Null for one that has no module of its own here: an array, a Map, a plain object. */
  readonly module: Module | null;
  readonly children: ReadonlyMap<string, Part>;
}

/** A module that gets a class. */
export interface ClassPart {
  readonly kind: 'class';
  readonly module: Module;
  /** Its path in the model. */
  readonly path: string;
  readonly children: ReadonlyMap<string, Part>;
}

/** A module that the same class has under another name already. */
export interface AliasPart {
  readonly kind: 'alias';
  /** That name. */
  readonly name: string;
}

/** A parameter or a buffer that a module has itself. */
export interface TensorPart {
  readonly kind: 'parameter' | 'buffer';
  readonly tensor: Tensor;
}

/** The path of what a module at a path holds under a name. */
export const pathOf = (path: string, name: string): string =>
  path === '' ? name : `${path}.${name}`;

/** A module as PyTorch holds it, and all inside it. */
export function partOf(module: Module, path = '', around: readonly Module[] = []): Part {
  if (around.includes(module)) {
    throw new ConfigError(`eject: expected modules that hold others, got ${path} inside itself`);
  }
  // A forward of its own, or a hook, does something else than its class.
  const isItself = !Object.hasOwn(module, 'forward');
  const form = isItself ? formOf(module) : undefined;
  if (form) return { kind: 'layer', module, form, construction: form.construct(module) };
  const container = isItself ? CONTAINERS.get(module.constructor) : undefined;
  const names = new Map<Module, string>();
  const children = Array.from(module.namedChildren(), ([name, child]): [string, Part] => {
    const other = names.get(child);
    // Only what is a property itself can be assigned to another.
    if (other !== undefined && !container && !`${name}${other}`.includes('.')) {
      return [name, { kind: 'alias', name: other }];
    }
    names.set(child, name);
    return [name, partOf(child, pathOf(path, name), [...around, module])];
  });
  if (container) return { kind: container, module, children: new Map(children) };
  const inside = children.map(([name]) => `${name}.`);
  const buffers = [...module.namedBuffers()].filter(
    ([name]) => !inside.some((start) => name.startsWith(start)),
  );
  const dotted = buffers.find(([name]) => name.includes('.'));
  if (dotted) {
    throw new ConfigError(
      `eject: expected buffers whose names have no dots, got ${pathOf(path, dotted[0])}; register it under another`,
    );
  }
  const own: [string, Part][] = [
    ...ofKind('parameter', module.namedParameters('', { recurse: false })),
    ...ofKind('buffer', buffers),
    ...children,
  ];
  return { kind: 'class', module, path, children: nested(own, path) };
}

const CONTAINERS = new Map<unknown, ContainerPart['kind']>([
  [Sequential, 'sequential'],
  [ModuleList, 'list'],
  [ModuleDict, 'dict'],
]);

const ofKind = (
  kind: TensorPart['kind'],
  named: Iterable<readonly [string, Parameter | Tensor]>,
): [string, Part][] => Array.from(named, ([name, tensor]) => [name, { kind, tensor }]);

/** Parts whose names have dots in them, by the names of the arrays and objects that they are in. */
function nested(parts: readonly (readonly [string, Part])[], path: string): Map<string, Part> {
  const groups = new Map<string, [string, Part][]>();
  const found = new Map<string, Part>();
  for (const [name, part] of parts) {
    const dot = name.indexOf('.');
    if (dot < 0) found.set(name, part);
    else {
      const group = name.slice(0, dot);
      // Its place is that of its first part.
      found.set(group, part);
      const others = groups.get(group) ?? [];
      groups.set(group, others);
      others.push([name.slice(dot + 1), part]);
    }
  }
  for (const [name, inside] of groups) {
    const children = nested(inside, pathOf(path, name));
    const kinds = new Set([...children.values()].map((part) => 'tensor' in part));
    if (kinds.size > 1) {
      throw new ConfigError(
        `eject: ${pathOf(path, name)}: expected modules or parameters, got both in one array or object; ` +
          'PyTorch has no container for that',
      );
    }
    const isList = [...children.keys()].every((key, i) => key === String(i));
    found.set(name, { kind: isList ? 'list' : 'dict', module: null, children });
  }
  return found;
}

/**
 * What stands for a part of a model below `self`.
 * @param path Relative to the module that `self` is.
 * @throws ConfigError if there is nothing of that name.
 */
export function accessor(part: Part, path: string): string {
  let text = 'self';
  for (const { holder, name } of placesOn(part, path)) text += memberText(holder, name);
  return text;
}

/** Whether a path leads through a module that is there under another name already. */
export function isAgain(part: Part, path: string): boolean {
  return [...placesOn(part, path)].some(
    ({ holder, name }) => 'children' in holder && holder.children.get(name)?.kind === 'alias',
  );
}

/** The names of a path, each with what holds it. */
function* placesOn(part: Part, path: string): Iterable<{ holder: Part; name: string }> {
  let holder = part;
  for (const name of path.split('.')) {
    yield { holder, name };
    const children = 'children' in holder ? holder.children : new Map<string, Part>();
    const found = children.get(name);
    const next = found?.kind === 'alias' ? children.get(found.name) : found;
    // What is inside a layer of PyTorch's has PyTorch's names.
    if (!next && holder.kind !== 'layer') {
      throw new ConfigError(`eject: expected a module or a tensor at ${path}, got none`);
    }
    holder = next ?? holder;
  }
}

/** How a member of a part is reached: `.name`, `[0]`, `["a name"]`. */
function memberText({ kind }: Part, name: string): string {
  if (kind === 'layer') return /^\d+$/.test(name) ? `[${name}]` : `.${name}`;
  if (kind !== 'class' && kind !== 'dict' && /^\d+$/.test(name)) return `[${name}]`;
  const isFree = !MODULE_MEMBERS.has(name) && name !== '' && name.normalize('NFKC') === name;
  if (kind === 'dict' && isFree && !DICT_MEMBERS.has(name)) return `[${quoted(name)}]`;
  // Python changes names that begin with two underscores.
  if (kind !== 'dict' && isFree && isIdentifier(name) && !name.startsWith('__')) return `.${name}`;
  throw new ConfigError(
    `eject: expected names that Python and PyTorch's modules leave free, got ${quoted(name)}; rename it, or, ` +
      'in a class of your own that extends a container, hold that in a property',
  );
}

/** The paths of the layers that PyTorch has. */
export function layersIn(part: Part, path = ''): Set<string> {
  if (part.kind === 'layer') return new Set([path]);
  const children = 'children' in part ? [...part.children] : [];
  return new Set(children.flatMap(([name, child]) => [...layersIn(child, pathOf(path, name))]));
}
