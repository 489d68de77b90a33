import {
  formatShape,
  Scope,
  Tensor,
  zeros,
  type DType,
  type GraphNode,
  type OptionRules,
  type Shape,
} from '@unfold/core';
import { checkedInUse, alignColumns, checkOptions, operationsOf } from '@unfold/core/internal';
import { requireModule } from './checks.js';
import type { Layer } from './containers.js';
import type { Module } from './module.js';
import { evaluationMode, type ForwardCall, watchForward } from './modules.js';
import {
  operationsByModule,
  parentOf,
  type OperationsByModule,
  type SummaryOperation,
} from './summary-operations.js';

/** One module of a model. */
export interface SummaryRow {
  /** Its place, as in the names of its parameters, `features.0`; empty for the model itself. */
  readonly path: string;
  /** The name of its class. */
  readonly layer: string;
  /** The shape of each tensor that its first call gave; null where it was not called. */
  readonly outputs: readonly Shape[] | null;
  /** How often it was called. */
  readonly calls: number;
  /** Values in its own parameters that are trained: those of modules inside it are in their rows. */
  readonly trainable: number;
  /** Values in its own parameters that are frozen. */
  readonly frozen: number;
  /** Multiplications in what it runs itself, in all calls together; see `summary`. */
  readonly macs: number;
}

/** The layers of a model, what they give, and what they cost. */
export interface Summary {
  /** The shape of the input. */
  readonly input: Shape;
  /** The model, then all modules inside it, each before those inside it. */
  readonly rows: readonly SummaryRow[];
  /**
   * The operations that modules run as functions and not as modules, such as the `add` of a residual
   * branch, in the order of the table.
   */
  readonly operations: readonly SummaryOperation[];
  /** Values that are trained, in all rows together. */
  readonly trainable: number;
  /** Values that are frozen. */
  readonly frozen: number;
  /** Multiplications, in all rows together. */
  readonly macs: number;
  /** A table for people. */
  toString(): string;
}

/** Options of `summary`. */
export interface SummaryOptions {
  /** The dtype of the input, for models that don't take numbers but indices. Default float32. */
  readonly dtype?: DType;
}

const SUMMARY_OPTIONS: OptionRules<SummaryOptions> = { dtype: checkedInUse };

/**
 * Runs a model once, on zeros and in evaluation mode, and says which layers it has, the shapes that
 * they give, their parameters, and their MACs (multiplications that are added up).
 *
 * MACs are counted for convolutions, `linear` and `matmul`, called as functions or by layers, those with padding too, those of the bias not; they are for the whole input, so give it a
 * batch of 1. What a model calls as a function has a line of its own in the table, and counts in the
 * row of the module that calls it. A parameter or module that is used in several places counts once,
 * in the first; its MACs count at every call. The model is as before afterwards.
 *
 * ```ts
 * console.log(String(summary(new LeNet(), [1, 1, 28, 28])));
 * ```
 *
 * @param inputShape The whole input, with the batch: `[N, C, H, W]` for images.
 * @throws What the model throws for such an input.
 */
export function summary(model: Layer, inputShape: Shape, options: SummaryOptions = {}): Summary {
  requireModule('summary', model);
  checkOptions('summary', options, SUMMARY_OPTIONS);
  const { calls, nodes } = runOf(model, inputShape, options.dtype ?? 'float32');
  const paths = new Set([...model.namedModules()].map(([path]) => path));
  const ran = operationsByModule(nodes, paths);
  const counted = new Set<Tensor>();
  const rows: SummaryRow[] = [];
  for (const [path, module] of model.namedModules()) {
    const own = [...module.parameters({ recurse: false })].filter(
      (parameter) => !counted.has(parameter),
    );
    for (const parameter of own) counted.add(parameter);
    const record = calls.get(module);
    rows.push({
      path,
      layer: module.constructor.name,
      outputs: record?.outputs ?? null,
      calls: record?.calls ?? 0,
      trainable: total(own.filter(({ requiresGrad }) => requiresGrad).map(({ size }) => size)),
      frozen: total(own.filter(({ requiresGrad }) => !requiresGrad).map(({ size }) => size)),
      macs: total((ran.get(path) ?? []).map(({ operation }) => operation.macs)),
    });
  }
  const lines = linesOf(rows, ran, paths);
  const result = {
    input: [...inputShape],
    rows,
    operations: lines.filter((line) => 'op' in line),
    trainable: total(rows.map(({ trainable }) => trainable)),
    frozen: total(rows.map(({ frozen }) => frozen)),
    macs: total(rows.map(({ macs }) => macs)),
  };
  return { ...result, toString: () => describe(result, lines) };
}

interface Calls {
  readonly outputs: readonly Shape[];
  calls: number;
}

/** The calls of each module when the model runs once, and the operations that run then. */
function runOf(
  model: Layer,
  inputShape: Shape,
  dtype: DType,
): { calls: Map<Module, Calls>; nodes: readonly GraphNode[] } {
  const calls = new Map<Module, Calls>();
  let nodes: readonly GraphNode[] = [];
  const restoreModes = evaluationMode(model);
  try {
    Scope.run(() => {
      const input = zeros(inputShape, { dtype });
      const report = (call: ForwardCall): void => {
        const known = calls.get(call.module) ?? { outputs: shapesIn(call.output), calls: 0 };
        known.calls++;
        calls.set(call.module, known);
      };
      watchForward(model, report, () => {
        ({ nodes } = operationsOf('summary', model, input));
      });
    });
  } finally {
    restoreModes();
  }
  return { calls, nodes };
}

/** The shapes of what a forward returns: a tensor, or several in a list or an object. */
function shapesIn(output: unknown): Shape[] {
  if (output instanceof Tensor) return [output.shape];
  const values = typeof output === 'object' && output !== null ? Object.values(output) : [];
  return values.flatMap((value: unknown) => (value instanceof Tensor ? [value.shape] : []));
}

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** 1,199,882 */
const grouped = (count: number): string => count.toLocaleString('en');

const HEADER = ['layer', 'output', 'trainable', 'frozen', 'MACs'] as const;

/**
 * The rows of modules, and among them the operations of those that have modules inside or run several:
 * of another, such as a convolution layer, the row says all.
 */
function linesOf(
  rows: readonly SummaryRow[],
  ran: OperationsByModule,
  paths: ReadonlySet<string>,
): (SummaryRow | SummaryOperation)[] {
  const inside = (path: string): readonly SummaryRow[] =>
    rows.filter((row) => parentOf(row.path, paths) === path);
  const lines = (row: SummaryRow): (SummaryRow | SummaryOperation)[] => {
    const children = inside(row.path);
    const own = ran.get(row.path) ?? [];
    const after = (child: string | null): SummaryOperation[] =>
      own.flatMap((placed) => (placed.after === child ? [placed.operation] : []));
    if (children.length === 0) return [row, ...(own.length > 1 ? after(null) : [])];
    const parts = children.flatMap((child) => [...lines(child), ...after(child.path)]);
    return [row, ...after(null), ...parts];
  };
  return rows.slice(0, 1).flatMap(lines);
}

function describe(
  { input, trainable, frozen, macs }: Omit<Summary, 'toString'>,
  lines: readonly (SummaryRow | SummaryOperation)[],
): string {
  const count = (value: number): string => (value === 0 ? '' : grouped(value));
  // What has a line of its own is not shown in the module's.
  const listed = (path: string): number =>
    total(lines.map((line) => ('op' in line && line.path === path ? line.macs : 0)));
  const body = lines.map((line) => {
    const shapes = line.outputs === null ? 'not called' : line.outputs.map(formatShape).join(' ');
    return 'op' in line
      ? [`${indent(line.path, 1)}${line.op}`, shapes, '', '', count(line.macs)]
      : [
          nameOf(line),
          shapes,
          ...[line.trainable, line.frozen, line.macs - listed(line.path)].map(count),
        ];
  });
  const table = alignColumns([
    HEADER,
    ['input', formatShape(input), '', '', ''],
    ...body,
    ['total', '', ...[trainable, frozen, macs].map(grouped)],
  ]);
  const line = '─'.repeat(Math.max(...table.map(({ length }) => length)));
  return [table[0], line, ...table.slice(1, -1), line, table.at(-1)].join('\n');
}

/** Indented as the modules are nested; the path's last part names the place. */
function nameOf({ path, layer, calls }: SummaryRow): string {
  const name = path === '' ? layer : `${path.split('.').at(-1)}: ${layer}`;
  return indent(path) + name + (calls > 1 ? ` (${calls} calls)` : '');
}

const indent = (path: string, more = 0): string =>
  '  '.repeat((path === '' ? 0 : path.split('.').length) + more);
