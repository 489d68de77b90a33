import { Doubles } from './rows';

/** As the contract's: the four sums are two vectors of two doubles, and wait for each other least. */
export function sumOfSquares(sum: usize, x: usize, n: usize): void {
  let low = f64x2.splat(0);
  let high = low;
  const rest = n & 3;
  for (const end = x + ((n - rest) << 2); x < end; x += 16) {
    const values = v128.load(x);
    const first = Doubles.low(values);
    const second = Doubles.high(values);
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  let a = f64x2.extract_lane(low, 0);
  for (const end = x + (rest << 2); x < end; x += 4) {
    const value = <f64>load<f32>(x);
    a += value * value;
  }
  const b = f64x2.extract_lane(low, 1);
  store<f64>(sum, a + b + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1)));
}
