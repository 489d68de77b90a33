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

/** sin(π·x) for 0 ≤ x ≤ ½, likewise: also a small one to some units in its own 16th digit. */
export function sinPi(x: number): number {
  return x > 0.25 ? cosine(0.5 - x) : sine(x);
}

/** cos(π·x) for 0 ≤ x ≤ ½, by the Taylor series of cos or of sin, whichever argument is smaller. */
function firstQuarter(x: number): number {
  return x > 0.25 ? sine(0.5 - x) : cosine(x);
}

function cosine(x: number): number {
  const angle = Math.PI * x;
  return series(angle * angle, 2);
}

function sine(x: number): number {
  const angle = Math.PI * x;
  return angle * series(angle * angle, 3);
}

/** 1 - s/((n-1)·n) + s²/((n-1)·n·(n+1)·(n+2)) - …, from its small end, for s below ¾. */
function series(square: number, n: number): number {
  let sum = 1;
  for (let k = n + 16; k >= n; k -= 2) sum = 1 - (square / ((k - 1) * k)) * sum;
  return sum;
}
