import { zip } from './zip.js';

/* Truth values, a byte each: 0 is false, anything else is true, and results are 0 and 1. */

export const logicalAnd = zip((a, b) => (a !== 0 && b !== 0 ? 1 : 0));
export const logicalOr = zip((a, b) => (a !== 0 || b !== 0 ? 1 : 0));
export const logicalXor = zip((a, b) => ((a !== 0) !== (b !== 0) ? 1 : 0));
