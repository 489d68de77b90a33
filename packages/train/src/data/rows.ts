import { ConfigError } from '@unfold/core';
import { valueText } from '@unfold/core/internal';

/*
 * Views of datasets: which stored rows are theirs. Null stands for all rows in their order.
 */

/** The stored row of each of a view's samples. */
export type Rows = Int32Array | null;

/**
 * The stored row of sample `i`.
 * @throws ConfigError unless `i` is an integer from 0 to `length - 1`.
 */
export function rowAt(where: string, rows: Rows, length: number, i: number): number {
  if (!Number.isInteger(i) || i < 0 || i >= length) {
    throw new ConfigError(
      `${where}: expected an index from 0 to ${length - 1}, got ${valueText(i)}`,
    );
  }
  return rows === null ? i : rows[i];
}

/** @throws ConfigError unless `start` up to and without `end` is a range of samples that holds one. */
export function checkRange(
  where: string,
  length: number,
  start: number,
  end: number,
  thing: string,
): void {
  const inside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= length;
  if (!inside) {
    throw new ConfigError(
      `${where}: expected a range within 0 to ${length}, got ${valueText(start)} to ${valueText(end)}`,
    );
  }
  if (start >= end) throw noSamples(where, thing, ` (${start} to ${end})`);
}

/** The rows of a range that was checked. */
export function rangeRows(rows: Rows, start: number, end: number): Int32Array {
  if (rows !== null) return rows.subarray(start, end);
  return Int32Array.from({ length: end - start }, (_, i) => start + i);
}

/**
 * The rows of the samples with the given indices.
 * @throws ConfigError if an index leaves the view or there is none.
 */
export function subsetRows(
  where: string,
  rows: Rows,
  length: number,
  indices: ArrayLike<number>,
  thing: string,
): Int32Array {
  if (typeof indices !== 'object' || indices === null || typeof indices.length !== 'number') {
    throw new ConfigError(`${where}: expected a list of indices, got ${valueText(indices)}`);
  }
  if (!Number.isInteger(indices.length) || indices.length < 0 || indices.length > 2 ** 31 - 1) {
    throw new ConfigError(
      `${where}: expected a list of indices, got one of length ${indices.length}`,
    );
  }
  if (indices.length === 0) throw noSamples(where, thing);
  const chosen = new Int32Array(indices.length);
  for (let i = 0; i < chosen.length; i++) {
    const index = indices[i];
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new ConfigError(
        `${where}: indices[${i}]: expected an integer from 0 to ${length - 1}, got ${valueText(index)}`,
      );
    }
    chosen[i] = rows === null ? index : rows[index];
  }
  return chosen;
}

/**
 * The error that every way to an empty dataset gives.
 * @param thing What one of its samples is called.
 */
export function noSamples(where: string, thing: string, detail = ''): ConfigError {
  return new ConfigError(
    `${where}: expected at least one ${thing}, got an empty dataset${detail}; nothing can be trained or measured on it`,
  );
}
