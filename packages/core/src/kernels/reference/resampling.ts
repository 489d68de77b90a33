import type { IndexGeometry, NumericArray } from '../contract.js';

/** Calls `use` with the places of each share that is not 0, and with all first ones. */
function eachShare(
  index: Int32Array,
  shares: NumericArray,
  { outer, n, inner, count }: IndexGeometry,
  use: (at: number, from: number, share: number) => void,
): void {
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < count; j++) {
      for (const t of [j, count + j]) {
        if (t !== j && shares[t] === 0) continue;
        const [at, from] = [(o * count + j) * inner, (o * n + index[t]) * inner];
        for (let i = 0; i < inner; i++) use(at + i, from + i, shares[t]);
      }
    }
  }
}

export function resample(
  out: NumericArray,
  x: NumericArray,
  index: Int32Array,
  shares: NumericArray,
  geometry: IndexGeometry,
): void {
  const sums = new Float64Array(out.length);
  eachShare(index, shares, geometry, (at, from, share) => (sums[at] += share * x[from]));
  out.set(sums);
}

/** A place may get many shares, so their sums are held as doubles. */
export function resampleBackward(
  dX: NumericArray,
  dOut: NumericArray,
  index: Int32Array,
  shares: NumericArray,
  geometry: IndexGeometry,
): void {
  const sums = Float64Array.from(dX);
  eachShare(index, shares, geometry, (at, to, share) => (sums[to] += share * dOut[at]));
  dX.set(sums);
}
