import { leakyRelu, relu } from './elementwise';

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
}
