import { zip } from './zip.js';

/* The larger and the smaller of two broadcast operands. */

export const maximum = zip((a, b) => Math.max(a, b));
export const minimum = zip((a, b) => Math.min(a, b));
