import { zip } from './zip.js';

/* Comparisons of two broadcast operands. */

export const eq = zip((a, b) => (a === b ? 1 : 0));
export const lt = zip((a, b) => (a < b ? 1 : 0));
export const gt = zip((a, b) => (a > b ? 1 : 0));
export const ne = zip((a, b) => (a !== b ? 1 : 0));
export const ge = zip((a, b) => (a >= b ? 1 : 0));
