import type { Module } from '@unfold/nn';

/**
 * The names of the parameters of a module's forward, as its text has them: those before the first that has
 * none, such as a pattern.
 */
export function parameterNamesOf(module: Module): string[] {
  const forward: unknown = Reflect.get(module, 'forward');
  if (typeof forward !== 'function') return [];
  const [, list = ''] = /^[^(]*\(([^)]*)/.exec(Function.prototype.toString.call(forward)) ?? [];
  const names: string[] = [];
  for (const parameter of list.split(',')) {
    const [, name] = /^\s*([\p{ID_Start}_][\p{ID_Continue}]*)\s*(?:=.*)?$/su.exec(parameter) ?? [];
    if (name === undefined) break;
    names.push(name);
  }
  return names;
}
