import { Lanes } from './lanes';

/** out[o, j, i] = x[o, index[j], i]. */
export function indexSelect(
  out: usize,
  x: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
): void {
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      const from = <usize>load<i32>(index + (j << 2));
      Lanes.copy(out, x + ((from * inner) << 2), inner);
      out += inner << 2;
    }
    x += (n * inner) << 2;
  }
}

/** dX[o, index[j], i] += dOut[o, j, i], j ascending, for i < width ≤ inner. */
export function indexAdd(
  dX: usize,
  dOut: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  width: usize,
): void {
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      const to = <usize>load<i32>(index + (j << 2));
      Lanes.addTo(dX + ((to * inner) << 2), dOut, width);
      dOut += inner << 2;
    }
    dX += (n * inner) << 2;
  }
}
