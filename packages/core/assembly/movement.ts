import { Lanes } from './lanes';
import { Walk } from './walk';

export function fill(out: usize, n: usize, value: f32): void {
  Lanes.fill(out, value, n);
}

/** `out` and `x` are at their offsets. */
export function copyStrided(out: usize, x: usize, walk: Walk): void {
  const n = <usize>walk.n;
  const outStep = walk.step(0);
  const xStep = walk.step(1);
  for (let rows = walk.rows; rows > 0; rows--) {
    let outAt = out + (walk.position(0) << 2);
    let xAt = x + (walk.position(1) << 2);
    if (outStep == 1 && xStep == 1) Lanes.copy(outAt, xAt, n);
    else {
      for (let i: usize = 0; i < n; i++) {
        store<f32>(outAt, load<f32>(xAt));
        outAt += (<usize>outStep) << 2;
        xAt += (<usize>xStep) << 2;
      }
    }
    walk.next();
  }
}

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
