import { leakyRelu, relu } from './elementwise';
import { Lanes } from './lanes';
import { LeakyRelu, Relu } from './relu';

/** The activations' numbers in the kernel table. */
export const RELU: i32 = 1;
const LEAKY_RELU: i32 = 2;

/** What products do with their results while these lie in the cache. */
export class Activation {
  /** In place, by the elementwise kernels themselves: the same bits. */
  static apply(x: usize, n: i32, activation: i32, slope: f32): void {
    if (activation == RELU) relu(x, x, n);
    else if (activation == LEAKY_RELU) leakyRelu(x, x, n, slope);
  }

  /** The same of x plus a bias, one for each element. */
  static applyBiased(x: usize, bias: usize, n: i32, activation: i32, slope: f32): void {
    if (activation == RELU) Activation.biased<Relu>(x, bias, n, slope);
    else if (activation == LEAKY_RELU) Activation.biased<LeakyRelu>(x, bias, n, slope);
    else Lanes.addTo(x, bias, n);
  }

  @inline static biased<Op>(x: usize, bias: usize, n: i32, slope: f32): void {
    const op = changetype<Op>(0);
    const ps = f32x4.splat(slope);
    const bytes = (<usize>n) << 2;
    const whole = bytes & ~15;
    let i: usize = 0;
    for (; i < whole; i += 16) {
      v128.store(x + i, op.of(f32x4.add(v128.load(x + i), v128.load(bias + i)), ps, ps));
    }
    for (; i < bytes; i += 4) {
      const sum = f32x4.add(v128.load32_zero(x + i), v128.load32_zero(bias + i));
      v128.store_lane<f32>(x + i, op.of(sum, ps, ps), 0);
    }
  }
}
