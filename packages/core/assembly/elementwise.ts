import { Loop } from './loop';
import { LeakyRelu, Relu } from './relu';

/* Elementwise kernels of one input, and their gradients. */

@final
@unmanaged
class Neg {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.neg(x);
  }
}

/** Zero where relu gave zero; NaN is not, so it lets the gradient through. */
@final
@unmanaged
class ReluBackward {
  @inline of(dOut: v128, out: v128, _p: v128, _q: v128): v128 {
    return v128.andnot(dOut, f32x4.le(out, f32x4.splat(0)));
  }
}

@final
@unmanaged
class LeakyReluBackward {
  @inline of(dOut: v128, x: v128, slope: v128, _q: v128): v128 {
    return v128.bitselect(dOut, f32x4.mul(slope, dOut), f32x4.gt(x, f32x4.splat(0)));
  }
}

export function neg(out: usize, x: usize, n: usize): void {
  Loop.map<Neg>(out, x, n);
}

export function relu(out: usize, x: usize, n: usize): void {
  Loop.map<Relu>(out, x, n);
}

export function leakyRelu(out: usize, x: usize, n: usize, slope: f32): void {
  Loop.map<LeakyRelu>(out, x, n, slope);
}

export function reluBackward(dX: usize, dOut: usize, out: usize, n: usize): void {
  Loop.mapBackward<ReluBackward>(dX, dOut, out, n);
}

export function leakyReluBackward(dX: usize, dOut: usize, x: usize, n: usize, slope: f32): void {
  Loop.mapBackward<LeakyReluBackward>(dX, dOut, x, n, slope);
}
