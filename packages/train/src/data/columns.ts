import {
  ConfigError,
  type DType,
  DTypeError,
  type NumericArray,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
} from '@unfold/core';
import { checkShape, isOptions, sameShape, valueText } from '@unfold/core/internal';
import { ARRAY_KINDS, arrayFrom, asTypedArray, type TypedArray } from './array-types.js';

/** Numbers in lists, or typed arrays in lists: the rows of a column, or a part of one row. */
export type NestedRows = readonly (number | NumericArray | NestedRows)[];

/** One row after another in a typed array. */
export interface RowsOfShape {
  /** `[N, …shape]`, row-major. Kept, not copied: don't change it afterwards. */
  readonly data: NumericArray;
  /** The shape of one row; `[]` for a number. */
  readonly shape: readonly number[];
}

/**
 * What a column is made from: a typed array of N numbers, or with the shape of one row; N rows in nested
 * lists; or a tensor `[N, …]`, which is copied out. Plain numbers become float32, everything else keeps
 * its type.
 */
export type ColumnData = NumericArray | RowsOfShape | NestedRows | Tensor;

/** A column, or several by name. */
export type ColumnsData = ColumnData | { readonly [name: string]: ColumnsData };

/** One row for each sample. */
export interface Column {
  /** `[N, …shape]`, row-major */
  readonly data: NumericArray;
  readonly dtype: DType;
  /** The shape of one row. */
  readonly shape: Shape;
}

/** Columns as they were given: one, or several by name. */
export type Columns = { readonly column: Column } | { readonly named: Map<string, Columns> };

/** All columns with their names, `inputs` or `inputs.words`. */
export function listColumns(columns: Columns, name: string): [name: string, column: Column][] {
  if ('column' in columns) return [[name, columns.column]];
  return [...columns.named].flatMap(([key, inner]) => listColumns(inner, `${name}.${key}`));
}

/** Something of each column, under the same names. */
export function mapColumns<T>(columns: Columns, fn: (column: Column) => T): unknown {
  if ('column' in columns) return fn(columns.column);
  const entries = [...columns.named].map(([key, inner]) => [key, mapColumns(inner, fn)] as const);
  return Object.fromEntries(entries);
}

/** How many rows a column has. */
export function rowCount({ data, shape }: Column): number {
  return data.length / sizeOf(shape);
}

/** @throws ShapeError, DTypeError or ConfigError, naming the column and the row, for what is none. */
export function readColumns(where: string, given: unknown): Columns {
  if (isOptions(given) && !isRowsOfShape(given)) {
    const entries = Object.entries(given);
    if (entries.length === 0) {
      throw new ConfigError(`${where}: expected columns by name, got {}`);
    }
    return {
      named: new Map(entries.map(([key, inner]) => [key, readColumns(`${where}.${key}`, inner)])),
    };
  }
  return { column: readColumn(where, given) };
}

function isRowsOfShape(
  given: object,
): given is { readonly data: unknown; readonly shape: unknown } {
  if (!('data' in given) || !('shape' in given)) return false;
  return Object.keys(given).length === 2;
}

const FORMS =
  'expected a typed array, { data, shape } with the shape of one row, nested lists of numbers, a tensor ' +
  '[N, …], or an object of such by name';

function readColumn(where: string, given: unknown): Column {
  if (given instanceof Tensor) {
    if (given.ndim === 0) {
      throw new ShapeError(`${where}: expected a tensor [N, …], got ${valueText(given)}`);
    }
    const shape = given.shape.slice(1);
    checkRowShape(where, shape);
    return { data: given.toTypedArray(), dtype: given.dtype, shape };
  }
  if (ArrayBuffer.isView(given)) return { ...readArray(where, given), shape: [] };
  if (Array.isArray(given)) return readRows(where, given);
  if (!isOptions(given) || !isRowsOfShape(given)) {
    throw new DTypeError(`${where}: ${FORMS}, got ${valueText(given)}`);
  }
  const { data, shape } = given;
  if (!ArrayBuffer.isView(data)) {
    throw new DTypeError(`${where}: data: expected a typed array, got ${valueText(data)}`);
  }
  const size = checkRowShape(where, shape as Shape);
  const read = readArray(where, data);
  if (read.data.length % size !== 0) {
    throw new ShapeError(
      `${where}: expected a multiple of ${size} numbers for rows of shape [${(shape as Shape).join(', ')}], ` +
        `got ${read.data.length}`,
    );
  }
  return { ...read, shape: [...(shape as Shape)] };
}

/** @returns The numbers in a row. @throws ShapeError unless there is one at least. */
function checkRowShape(where: string, shape: Shape): number {
  const size = checkShape(`${where}: shape`, shape);
  if (size > 0) return size;
  throw new ShapeError(
    `${where}: expected rows that hold numbers, got shape [${shape.join(', ')}]`,
  );
}

function readArray(where: string, array: ArrayBufferView): TypedArray {
  const read = asTypedArray(array);
  if (read) return read;
  throw new DTypeError(`${where}: expected ${ARRAY_KINDS}, got ${valueText(array)}; convert it`);
}

/** What is known of a column's rows from the first one on. */
interface FirstRow {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Rows from nested lists. */
function readRows(where: string, rows: readonly unknown[]): Column {
  const values: number[] = [];
  let first: FirstRow | undefined;
  for (const [i, row] of rows.entries()) {
    const read = readRow(`${where}[${i}]`, row, values);
    first ??= read;
    if (!sameShape(first.shape, read.shape)) {
      throw new ShapeError(
        `${where}: expected rows of one shape, got [${first.shape.join(', ')}] for row 0 and ` +
          `[${read.shape.join(', ')}] for row ${i}`,
      );
    }
    if (first.dtype !== read.dtype) {
      throw new DTypeError(
        `${where}: expected rows of one type, got ${first.dtype} for row 0 and ${read.dtype} for row ${i}`,
      );
    }
  }
  const { shape, dtype }: FirstRow = first ?? { shape: [], dtype: 'float32' };
  checkRowShape(where, shape);
  return { data: arrayFrom(dtype, values), dtype, shape };
}

/** Appends a row's numbers to `values`. */
function readRow(where: string, row: unknown, values: number[]): FirstRow {
  if (typeof row === 'number') {
    values.push(row);
    return { shape: [], dtype: 'float32' };
  }
  if (ArrayBuffer.isView(row)) {
    const { data, dtype } = readArray(where, row);
    for (const value of data) values.push(value);
    return { shape: [data.length], dtype };
  }
  if (!Array.isArray(row)) {
    throw new DTypeError(`${where}: expected a number, or a list of some, got ${valueText(row)}`);
  }
  let first: FirstRow | undefined;
  for (const [i, part] of row.entries()) {
    const read = readRow(`${where}[${i}]`, part, values);
    first ??= read;
    if (!sameShape(first.shape, read.shape) || first.dtype !== read.dtype) {
      throw new ShapeError(
        `${where}: expected parts that are alike, got ${partText(first)} and ${partText(read)} at ${i}`,
      );
    }
  }
  return {
    shape: [row.length, ...(first?.shape ?? [])],
    dtype: first?.dtype ?? 'float32',
  };
}

const partText = ({ dtype, shape }: FirstRow): string => `${dtype} [${shape.join(', ')}]`;

/**
 * A column of classes, as int32.
 * @throws DTypeError for what is no integer, ConfigError for what is no class.
 */
export function classColumn(where: string, column: Column, classes: number): Column {
  const { data, shape } = column;
  const size = sizeOf(shape);
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (Number.isInteger(value) && value >= 0 && value < classes) continue;
    const row = `${where}[${Math.floor(i / size)}]`;
    if (!Number.isInteger(value)) {
      throw new DTypeError(`${row}: expected an integer, got ${value}`);
    }
    throw new ConfigError(`${row}: expected a class from 0 to ${classes - 1}, got ${value}`);
  }
  return { data: data instanceof Int32Array ? data : Int32Array.from(data), dtype: 'int32', shape };
}
