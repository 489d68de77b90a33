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
