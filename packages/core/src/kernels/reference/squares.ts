import type { NumericArray } from '../contract.js';

export function sumOfSquares(sum: Float64Array, x: NumericArray, { n }: { n: number }): void {
  const sums = [0, 0, 0, 0];
  const whole = n - (n % 4);
  for (let i = 0; i < n; i++) sums[i < whole ? i % 4 : 0] += x[i] * x[i];
  const [a, b, c, d] = sums;
  sum[0] = a + b + (c + d);
}
