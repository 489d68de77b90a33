import { EngineError } from '../../errors.js';
import type { KernelName } from '../contract.js';
import { KERNELS, type Row } from './kernels.js';

/** The rows of the kernels that can be called: the first table's, and the second's once that is in use. */
const rows = new Map<string, Row>(Object.entries(KERNELS));

/** Adds the rows of a table whose kernels come into use. */
export function addRows(table: Readonly<Record<string, Row>>): void {
  for (const [name, row] of Object.entries(table)) rows.set(name, row);
}

/** Whether a kernel of this name can be called. */
export function isKernel(name: string | symbol): name is KernelName {
  return typeof name === 'string' && rows.has(name);
}

/** The row of a kernel that was called. @throws EngineError if it can't have been. */
export function rowOf(kernel: KernelName): Row {
  const row = rows.get(kernel);
  if (!row) throw new EngineError(`${kernel}: nobody asked for its kernel`);
  return row;
}
