import { zip } from './zip.js';

/**
 * The power as C defines it. ECMAScript differs in one place: a base of ±1 with an exponent that
 * is infinite, and a base of 1 with NaN, give NaN there and 1 in C.
 */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

export const pow = zip(power);
