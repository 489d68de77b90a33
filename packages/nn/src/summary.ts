import {
  formatShape,
  Scope,
  Tensor,
  zeros,
  type DType,
  type OptionRules,
  type Shape,
} from '@unfold/core';
import { checkedInUse, alignColumns, checkOptions } from '@unfold/core/internal';
import { requireModule } from './checks.js';
import { Conv2d } from './conv2d/layer.js';
import { ConvTranspose2d } from './conv2d/transpose-layer.js';
import { type Layer, Linear } from './layers.js';
import type { Module } from './module.js';
import { evaluationMode, type ForwardCall, watchForward } from './modules.js';

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
  /** Multiplications with its weights, in all calls together; see `summary`. */
  readonly macs: number;
}

/** The layers of a model, what they give, and what they cost. */
export interface Summary {
  /** The shape of the input. */
  readonly input: Shape;
  /** The model, then all modules inside it, each before those inside it. */
  readonly rows: readonly SummaryRow[];
  /** Values that are trained, in all rows together. */
  readonly trainable: number;
  /** Values that are frozen. */
  readonly frozen: number;
  /** Multiplications with weights. */
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
 * MACs are counted for `Conv2d`, `ConvTranspose2d` and `Linear`, those with padding too, those of the
 * bias not; they are for the whole input, so give it a batch of 1. What a model calls as a function
 * instead of a module has no row. A parameter or module that is used in several places counts once,
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
  const calls = callsOf(model, inputShape, options.dtype ?? 'float32');
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
      macs: record?.macs ?? 0,
    });
  }
  const result = {
    input: [...inputShape],
    rows,
    trainable: total(rows.map(({ trainable }) => trainable)),
    frozen: total(rows.map(({ frozen }) => frozen)),
    macs: total(rows.map(({ macs }) => macs)),
  };
  return { ...result, toString: () => describe(result) };
}

interface Calls {
  readonly outputs: readonly Shape[];
  calls: number;
  macs: number;
}

/** The calls of each module when the model runs once. */
function callsOf(model: Layer, inputShape: Shape, dtype: DType): Map<Module, Calls> {
  const calls = new Map<Module, Calls>();
  const restoreModes = evaluationMode(model);
  try {
    Scope.run(() => {
      const input = zeros(inputShape, { dtype });
      const report = (call: ForwardCall): void => {
        const known = calls.get(call.module) ?? {
          outputs: shapesIn(call.output),
          calls: 0,
          macs: 0,
        };
        known.calls++;
        known.macs += macsOf(call);
        calls.set(call.module, known);
      };
      watchForward(model, report, () => void model.forward(input));
    });
  } finally {
    restoreModes();
  }
  return calls;
}

/** The shapes of what a forward returns: a tensor, or several in a list or an object. */
function shapesIn(output: unknown): Shape[] {
  if (output instanceof Tensor) return [output.shape];
  const values = typeof output === 'object' && output !== null ? Object.values(output) : [];
  return values.flatMap((value: unknown) => (value instanceof Tensor ? [value.shape] : []));
}

/** Every input value of a transposed convolution, else every output value, meets some weights. */
function macsOf({ module, inputs: [input], output }: ForwardCall): number {
  if (!(input instanceof Tensor) || !(output instanceof Tensor)) return 0;
  if (module instanceof ConvTranspose2d) return input.size * weightsEach(module.weight);
  if (module instanceof Conv2d || module instanceof Linear) {
    return output.size * weightsEach(module.weight);
  }
  return 0;
}

/** The size of a weight without its first axis. */
function weightsEach({ size, shape: [first = 1] }: Tensor): number {
  return size / first;
}

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** 1,199,882 */
const grouped = (count: number): string => count.toLocaleString('en');

const HEADER = ['layer', 'output', 'trainable', 'frozen', 'MACs'] as const;

function describe({ input, rows, trainable, frozen, macs }: Omit<Summary, 'toString'>): string {
  const body = rows.map((row) => [
    nameOf(row),
    row.outputs === null ? 'not called' : row.outputs.map(formatShape).join(' '),
    ...[row.trainable, row.frozen, row.macs].map((count) => (count === 0 ? '' : grouped(count))),
  ]);
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
  const parts = path === '' ? [] : path.split('.');
  const name = parts.length === 0 ? layer : `${parts.at(-1)}: ${layer}`;
  return '  '.repeat(parts.length) + name + (calls > 1 ? ` (${calls} calls)` : '');
}
