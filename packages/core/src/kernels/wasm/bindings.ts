import type { Row } from '../table/kernels.js';
import type { Write } from './parameters.js';

/** What a launch of a kernel is made of whose row says how it is cut. */
export interface Binding {
  readonly row: Row;
  /** The number of its job. */
  readonly number: number;
  readonly write: Write;
}

/** Those of the kernels that a binary, or the second one beside it, has so far. */
export type Bindings = Map<string, Binding>;
