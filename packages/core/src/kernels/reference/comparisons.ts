import { zip } from './zip.js';

/* Comparisons of two broadcast operands that eq, lt and gt are not. */

export const ne = zip((a, b) => (a !== b ? 1 : 0));
export const ge = zip((a, b) => (a >= b ? 1 : 0));
