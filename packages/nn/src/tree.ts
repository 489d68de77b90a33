/** A module, as far as it is shown. */
interface Node {
  namedChildren(): Iterable<[string, Node]>;
  extraRepr(): string;
}

/**
 * A module and all inside it, a line each, as PyTorch shows them:
 *
 * ```text
 * Net(
 *   (conv): Conv2d(1, 8, kernelSize=[5, 5], stride=[1, 1])
 *   (layers.0): Linear(inFeatures=8, outFeatures=2, bias=true)
 * )
 * ```
 */
export function treeOf(module: Node): string {
  return linesOf(module, new Set()).join('\n');
}

function linesOf(module: Node, around: Set<Node>): string[] {
  const name = module.constructor.name;
  // A module that is inside itself would have no end.
  if (around.has(module)) return [`${name}(…)`];
  around.add(module);
  const inside = [...module.namedChildren()].flatMap(([place, child]) => {
    const [first = '', ...rest] = linesOf(child, around);
    return [`  (${place}): ${first}`, ...rest.map((line) => `  ${line}`)];
  });
  around.delete(module);
  const options = module.extraRepr();
  if (inside.length === 0) return [`${name}(${options})`];
  return [`${name}(`, ...(options ? [`  ${options}`] : []), ...inside, ')'];
}

/**
 * `kernelSize=[5, 5], bias=false`: options as `extraRepr` shows them; undefined ones are left out.
 * @param unnamed So many, the first, are shown without their names.
 */
export function formatOptions(options: object, unnamed = 0): string {
  const shown = Object.entries<unknown>({ ...options }).filter(([, value]) => value !== undefined);
  return shown
    .map(([name, value], at) => (at < unnamed ? '' : `${name}=`) + formatValue(value))
    .join(', ');
}

/** `[5, 5]`, `'same'`, `null`. */
export function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatValue).join(', ')}]`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}
