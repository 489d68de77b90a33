import { Doubles } from './rows';

/** The product of n floats that lie `step` bytes apart. */
function productOf(x: usize, n: usize, step: usize): f32 {
  let product: f64 = 1;
  for (; n > 0; n--, x += step) product *= load<f32>(x);
  return <f32>product;
}

/** Row by row over `[n, inner]`, in doubles. */
export function prod(
  out: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  const step = inner << 2;
  for (let o: usize = 0; o < outer; o++, out += step, x += n * step) {
    let i: usize = 0;
    for (; i + 4 <= width; i += 4) {
      let low = f64x2.splat(1);
      let high = low;
      let at = x + (i << 2);
      for (let j: usize = 0; j < n; j++, at += step) {
        const row = v128.load(at);
        low = f64x2.mul(low, Doubles.low(row));
        high = f64x2.mul(high, Doubles.high(row));
      }
      v128.store(out + (i << 2), Doubles.rounded(low, high));
    }
    for (; i < width; i++) store<f32>(out + (i << 2), productOf(x + (i << 2), n, step));
  }
}
