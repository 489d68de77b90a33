import type { DeviceBuffer } from './buffer.js';
import { checkLength, checkSize, checkWalk, checkWindow, product } from './check-geometry.js';
import type { BroadcastGeometry, KernelName, Kernels, WindowGeometry } from './contract.js';
import type { Row } from './table/kernels.js';
import { parametersOf, parseOperand } from './table/layout.js';
import type { ElementwiseName } from './table/types.js';

type F = DeviceBuffer;

/** The groups whose numbers alone say how long each operand is, by its dimensions. */
const COUNTED = [
  'channels',
  'layerNorm',
  'moments',
  'order',
  'reduce',
  'rows',
  'running',
  'scan',
  'squares',
  'window',
] as const;

type Counted<Rows> = {
  [K in keyof Rows]: Rows[K] extends { readonly parameters: (typeof COUNTED)[number] } ? K : never;
}[keyof Rows];

/** The kernels of a table, as calls of any kind. */
type Calls<Rows> = { readonly [K in keyof Rows]: Call };

/** Its kernels of those groups, each checked by its row; a call whose first operand is empty is not made. */
export function checkedCounted<R extends Readonly<Record<string, Row>>>(
  rows: R,
  kernels: Calls<R>,
): Pick<Kernels, Counted<R> & KernelName> {
  const checked = Object.entries(rows)
    .filter(([, { parameters }]) => (COUNTED as readonly unknown[]).includes(parameters))
    .map(([name, row]) => [name, checkedByRow(name, row, kernels[name])]);
  return Object.fromEntries(checked) as Pick<Kernels, Counted<R> & KernelName>;
}

/** A kernel behind a check of its sizes, and of its operands' lengths, by its row. */
export function checkedByRow(name: string, row: Row, run: Call): Call {
  const operands = row.operands.map(parseOperand);
  const isWindow = row.parameters === 'window';
  const sizes = Object.entries(parametersOf(row)).flatMap(([key, type]) =>
    type === 'i32' ? [key] : [],
  );
  return (...given) => {
    const options = given[operands.length] as Readonly<Record<string, number>> & WindowGeometry;
    // Of a window that is frozen, the verdict is kept.
    if (isWindow) checkWindow(name, options);
    else for (const size of sizes) checkSize(name, size, options[size]);
    for (let i = 0; i < operands.length; i++) {
      let count = 1;
      for (const size of operands[i].dimensions) count *= options[size] ?? Number(size);
      if (i === 0 && count === 0) return;
      checkLength(name, operands[i].name, given[i] as F, count);
    }
    run(...given);
  };
}

/** Any of their calls; declared as a method is, so that all of them pass. */
type Call = { call(...operandsAndOptions: unknown[]): void }['call'];

/**
 * The kernels of a table that treat each element for itself: their operands are as long as the first
 * one, or walked at the strides of a broadcast.
 */
export function checkedElementwise<R extends Readonly<Record<string, Row>>>(
  rows: R,
  kernels: Calls<R>,
): Pick<Kernels, ElementwiseName<R> & KernelName> {
  const checked = Object.entries(rows).flatMap(([name, { parameters, operands }]) => {
    const run = kernels[name];
    if (parameters === 'broadcast') return [[name, checkedBroadcast(name, run)]];
    return typeof parameters === 'object' ? [[name, checkedLengths(name, operands, run)]] : [];
  });
  return Object.fromEntries(checked) as Pick<Kernels, ElementwiseName<R> & KernelName>;
}

function checkedLengths(kernel: string, operands: readonly string[], run: Call): Call {
  const [, second = '', third] = operands.map((text) => parseOperand(text).name);
  if (operands.length === 1) return run;
  if (third === undefined) {
    return (out: F, x: F, options: unknown) => {
      checkLength(kernel, second, x, out.length);
      run(out, x, options);
    };
  }
  return (out: F, a: F, b: F, options: unknown) => {
    checkLength(kernel, second, a, out.length);
    checkLength(kernel, third, b, out.length);
    run(out, a, b, options);
  };
}

function checkedBroadcast(kernel: string, run: Call): Call {
  return (out: F, a: F, b: F, geometry: BroadcastGeometry) => {
    const { shape, aStrides, bStrides } = geometry;
    const count = product(shape);
    if (count === 0) return;
    checkLength(kernel, 'out', out, count);
    checkWalk(kernel, 'a', a, shape, aStrides);
    checkWalk(kernel, 'b', b, shape, bStrides);
    run(out, a, b, geometry);
  };
}
