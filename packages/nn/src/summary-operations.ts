import type { GraphNode, Shape, Value } from '@unfold/core';

/** An operation that a module runs itself, among modules inside it or several others. */
export interface SummaryOperation {
  /** The path of that module. */
  readonly path: string;
  /** Its name, `add`. */
  readonly op: string;
  /** The shape of each tensor that it gave in the module's first call. */
  readonly outputs: readonly Shape[];
  /** Multiplications in all calls of the module together; they are in its row's too. */
  readonly macs: number;
}

/** An operation and the module inside its own that ran last before it, by path; null for none. */
interface Placed {
  readonly operation: SummaryOperation;
  readonly after: string | null;
}

/** The operations of each module by its path, those that modules inside it run not among them. */
export type OperationsByModule = ReadonlyMap<string, readonly Placed[]>;

/**
 * Sorts what a model ran. What a module runs again when it is called again counts in the first call's
 * operations, by its position.
 * @param paths Of all modules.
 */
export function operationsByModule(
  nodes: readonly GraphNode[],
  paths: ReadonlySet<string>,
): OperationsByModule {
  const all = new Map<string, Placed[]>();
  const positions = new Map<string, number>();
  const lastInside = new Map<string, string>();
  for (const node of nodes) {
    // A change of a buffer gives nothing.
    if (node.outputs.length === 0) continue;
    const path = node.module ?? '';
    for (let child = path, around = parentOf(child, paths); around !== null;) {
      lastInside.set(around, child);
      child = around;
      around = parentOf(child, paths);
    }
    const placed = all.get(path) ?? [];
    all.set(path, placed);
    const call = `${path}#${node.call}`;
    const position = positions.get(call) ?? 0;
    positions.set(call, position + 1);
    const macs = macsOf(node);
    const known = placed[position];
    if (known) {
      const operation = { ...known.operation, macs: known.operation.macs + macs };
      placed[position] = { ...known, operation };
      continue;
    }
    const outputs = node.outputs.map(({ shape }) => shape);
    const after = lastInside.get(path) ?? null;
    placed.push({ operation: { path, op: node.op, outputs, macs }, after });
  }
  return all;
}

/** The module that another one is in: names have dots, `layers.0`. Null for the model itself. */
export function parentOf(path: string, paths: ReadonlySet<string>): string | null {
  if (path === '') return null;
  let around = path;
  do around = around.slice(0, Math.max(0, around.lastIndexOf('.')));
  while (around !== '' && !paths.has(around));
  return around;
}

/** The multiplications of a node that are added up. */
function macsOf(node: GraphNode): number {
  const [out] = node.outputs;
  if (!out) return 0;
  switch (node.op) {
    case 'conv1d':
    case 'conv2d':
    case 'linear':
      // Each value of the output meets some weights.
      return sizeOf(out) * weightsEach(node.input('weight'));
    case 'convTranspose1d':
    case 'convTranspose2d':
      // Each value of the input does.
      return sizeOf(node.input('x')) * weightsEach(node.input('weight'));
    case 'matmul':
      return sizeOf(out) * (node.input('a')?.shape.at(node.attributes.transposeA ? -2 : -1) ?? 0);
    default:
      return 0;
  }
}

const sizeOf = (value: Value | undefined): number =>
  value ? value.shape.reduce((size, dim) => size * dim, 1) : 0;

/** The size of a weight without its first axis. */
const weightsEach = (weight: Value | undefined): number => sizeOf(weight) / (weight?.shape[0] ?? 1);
