import {
  ConfigError,
  type DType,
  DTypeError,
  elementsOf,
  empty,
  type NumericArray,
  type OptionRules,
  type Shape,
  ShapeError,
  Tensor,
} from '@unfold/core';
import { checkOptions, isFloat, requireList, sameShape, valueText } from '@unfold/core/internal';
import { ARRAY_KINDS, arrayFrom, asTypedArray } from './array-types.js';

/** Options of `padSequence`. */
export interface PadSequenceOptions {
  /** What stands after the end of a shorter row. Default 0. */
  readonly paddingValue?: number;
}

const OPTIONS: OptionRules<PadSequenceOptions> = {
  paddingValue: {
    expected: 'a number',
    accepts: (value) => typeof value === 'number',
  },
};

interface Row {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly source: Tensor | NumericArray;
}

/**
 * Rows of different lengths as one tensor `[B, longest, …]`, the shorter ones padded at their end: PyTorch's
 * `pad_sequence` with `batch_first`. For a loader's `collate`; no gradient flows through.
 * @param rows Typed arrays, or tensors `[length, …]` that differ in their first axis only.
 * @throws ShapeError or DTypeError, naming the row, for rows that differ otherwise, ConfigError for none,
 * or for a `paddingValue` that the dtype can't hold.
 */
export function padSequence(
  rows: readonly (Tensor | NumericArray)[],
  options: PadSequenceOptions = {},
): Tensor {
  const where = 'padSequence';
  requireList(where, 'a list of rows', rows, '[Int32Array.of(1, 2), Int32Array.of(3)]');
  checkOptions(where, options, OPTIONS);
  const { paddingValue = 0 } = options;
  const read = rows.map((row, b) => readRow(`${where}: row ${b}`, row));
  const [first] = read;
  if (!first) throw new ConfigError(`${where}: expected at least one row, got none`);
  const { dtype } = first;
  const rest = first.shape.slice(1);
  for (const [b, row] of read.entries()) {
    if (row.dtype !== dtype) {
      throw new DTypeError(`${where}: row ${b}: expected ${dtype} as row 0, got ${row.dtype}`);
    }
    if (!sameShape(row.shape.slice(1), rest)) {
      throw new ShapeError(
        `${where}: row ${b}: expected a shape that differs from row 0's in the first axis only, ` +
          `[${first.shape.join(', ')}], got [${row.shape.join(', ')}]`,
      );
    }
  }
  if (!isFloat(dtype) && !holds(dtype, paddingValue)) {
    throw new ConfigError(
      `${where}: paddingValue: expected one that ${dtype} can hold, as the rows are, got ${paddingValue}`,
    );
  }
  const longest = Math.max(...read.map(({ shape }) => shape[0]));
  const padded = empty([rows.length, longest, ...rest], dtype, where);
  const out = elementsOf(padded);
  out.fill(paddingValue);
  const size = out.length / rows.length;
  for (const [b, { source }] of read.entries()) {
    out.set(source instanceof Tensor ? elementsOf(source) : source, b * size);
  }
  return padded;
}

/** Whether an integer type has such a number. */
function holds(dtype: DType, value: number): boolean {
  if (dtype === 'bool') return value === 0 || value === 1;
  return arrayFrom(dtype, [value])[0] === value;
}

function readRow(where: string, row: unknown): Row {
  if (row instanceof Tensor) {
    if (row.ndim === 0) {
      throw new ShapeError(`${where}: expected a tensor [length, …], got ${valueText(row)}`);
    }
    if (row.requiresGrad) {
      throw new ConfigError(
        `${where}: expected data, got ${valueText(row)} whose gradient would be lost; detach() it`,
      );
    }
    return { dtype: row.dtype, shape: row.shape, source: row };
  }
  const array = asTypedArray(row);
  if (array) return { dtype: array.dtype, shape: [array.data.length], source: array.data };
  throw new DTypeError(`${where}: expected ${ARRAY_KINDS}, or a tensor, got ${valueText(row)}`);
}
