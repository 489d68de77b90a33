/**
 * cos(π·x), the same bits on every engine (`Math.cos` differs between them), and exact where x is a
 * multiple of ½. The error is some units in the 16th digit.
 */
export function cosPi(x: number): number {
  // cos is even and has the period 2π; the remainder is exact.
  const turn = Math.abs(x) % 2;
  const half = turn > 1 ? 2 - turn : turn;
  if (half > 0.5) return -firstQuarter(1 - half);
  return firstQuarter(half);
}

/** cos(π·x) for 0 ≤ x ≤ ½, by the Taylor series of cos or of sin, whichever argument is smaller. */
function firstQuarter(x: number): number {
  if (x > 0.25) {
    const angle = Math.PI * (0.5 - x);
    return angle * series(angle * angle, 3);
  }
  const angle = Math.PI * x;
  return series(angle * angle, 2);
}

/** 1 - s/((n-1)·n) + s²/((n-1)·n·(n+1)·(n+2)) - …, from its small end, for s below ¾. */
function series(square: number, n: number): number {
  let sum = 1;
  for (let k = n + 16; k >= n; k -= 2) sum = 1 - (square / ((k - 1) * k)) * sum;
  return sum;
}
