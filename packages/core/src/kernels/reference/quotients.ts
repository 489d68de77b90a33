import { zip } from './zip.js';

/* Operations on two broadcast operands that come of dividing one by the other. */

export const atan2 = zip((a, b) => Math.atan2(a, b));

/** JavaScript's rest has the sign of a and is exact. */
export const remainder = zip((a, b) => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
});

/** By the rest, as the rounded quotient may be a whole number that the true one doesn't reach. */
export const floorDivide = zip((a, b) => {
  if (b === 0) return a / b;
  const rest = a % b;
  const quotient = (a - rest) / b;
  // A whole number but for rounding.
  const whole = Math.round(quotient);
  return rest !== 0 && rest < 0 !== b < 0 ? whole - 1 : whole;
});
