import { Lanes } from './lanes';
import { Run } from './run';
import { Walk } from './walk';

export function fill(out: usize, n: usize, value: f32): void {
  Lanes.fill(out, value, n);
}

/** A part of a job of fill; `block` is a Run of out with the value as its constant. */
export function fillPart(block: usize, part: i32): void {
  const run = changetype<Run>(block);
  Lanes.fill(run.a + Run.from(part), run.p, run.count(part));
}

/** `block` holds the shape and the strides of out and x; `out` and `x` are at their offsets. */
export function copyStrided(out: usize, x: usize, block: usize, rank: i32): void {
  const n = <usize>Walk.rowLength(block, rank);
  const outStep = Walk.step(block, rank, 0);
  const xStep = Walk.step(block, rank, 1);
  const rows = Walk.begin(block, rank, 2);
  for (let row = 0; row < rows; row++) {
    let outAt = out + (Walk.position(block, rank, 2, 0) << 2);
    let xAt = x + (Walk.position(block, rank, 2, 1) << 2);
    if (outStep == 1 && xStep == 1) Lanes.copy(outAt, xAt, n);
    else {
      for (let i: usize = 0; i < n; i++) {
        store<f32>(outAt, load<f32>(xAt));
        outAt += (<usize>outStep) << 2;
        xAt += (<usize>xStep) << 2;
      }
    }
    Walk.next(block, rank, 2);
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

/** dX[o, index[j], i] += dOut[o, j, i], j ascending. */
export function indexAdd(
  dX: usize,
  dOut: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
): void {
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      const to = <usize>load<i32>(index + (j << 2));
      Lanes.addTo(dX + ((to * inner) << 2), dOut, inner);
      dOut += inner << 2;
    }
    dX += (n * inner) << 2;
  }
}
