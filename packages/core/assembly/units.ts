import { LaneFunctions } from './lane-functions';
import { Loop } from './loop';
import { LaneMath } from './math';

/*
 * Linear units that are bent near 0. `pmax` and `pmin` return their first operand when a comparison with
 * NaN fails. A factor that has reached 0 must not meet an infinite x.
 */

@final
@unmanaged
class Relu6Backward {
  @inline of(dOut: v128, out: v128, _p: v128, _q: v128): v128 {
    const above = f32x4.gt(out, f32x4.splat(0));
    return v128.and(dOut, v128.and(above, f32x4.lt(out, f32x4.splat(6))));
  }
}

@final
@unmanaged
class Hardswish {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    const three = f32x4.splat(3);
    const six = f32x4.splat(6);
    const gate = f32x4.pmin(f32x4.pmax(f32x4.add(x, three), f32x4.splat(0)), six);
    return f32x4.mul(f32x4.pmax(x, f32x4.neg(three)), f32x4.div(gate, six));
  }
}

/** From 3 on the slope is 1, up to -3 it is 0. */
@final
@unmanaged
class HardswishBackward {
  @inline of(dOut: v128, x: v128, _p: v128, _q: v128): v128 {
    const three = f32x4.splat(3);
    const middle = f32x4.add(f32x4.div(x, three), f32x4.splat(0.5));
    const slope = v128.bitselect(f32x4.splat(1), middle, f32x4.ge(x, three));
    return f32x4.mul(dOut, v128.andnot(slope, f32x4.le(x, f32x4.neg(three))));
  }
}

@final
@unmanaged
class Elu {
  @inline of(x: v128, alpha: v128, _q: v128): v128 {
    const below = f32x4.mul(alpha, LaneFunctions.expm1(x));
    return v128.bitselect(x, below, f32x4.gt(x, f32x4.splat(0)));
  }
}

@final
@unmanaged
class EluBackward {
  @inline of(dOut: v128, x: v128, alpha: v128, _q: v128): v128 {
    const below = f32x4.mul(dOut, f32x4.mul(alpha, LaneMath.exp(x)));
    return v128.bitselect(dOut, below, f32x4.gt(x, f32x4.splat(0)));
  }
}

/** With e = eˣ, tanh(ln(1 + e)) is n/(n + 2) for n = e·(e + 2), and 1 from 20 on. */
@final
@unmanaged
class Mish {
  /** x where e is neither 0 nor so large that its fourth power is no float. */
  @inline static near(x: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, f32x4.splat(-104)), f32x4.splat(20));
  }

  @inline of(x: v128, _p: v128, _q: v128): v128 {
    const two = f32x4.splat(2);
    const e = LaneMath.exp(Mish.near(x));
    const n = f32x4.mul(e, f32x4.add(e, two));
    const factor = f32x4.pmax(x, f32x4.splat(-104));
    return f32x4.mul(factor, f32x4.div(n, f32x4.add(n, two)));
  }
}

/** The derivative of n/(n + 2) is 4e·(e + 1)/(n + 2)². */
@final
@unmanaged
class MishBackward {
  @inline of(dOut: v128, x: v128, _p: v128, _q: v128): v128 {
    const two = f32x4.splat(2);
    const near = Mish.near(x);
    const e = LaneMath.exp(near);
    const n = f32x4.mul(e, f32x4.add(e, two));
    const m = f32x4.add(n, two);
    const rise = f32x4.mul(f32x4.mul(f32x4.splat(4), e), f32x4.add(e, f32x4.splat(1)));
    const bend = f32x4.div(f32x4.mul(near, rise), m);
    return f32x4.mul(dOut, f32x4.div(f32x4.add(n, bend), m));
  }
}

export function relu6Backward(dX: usize, dOut: usize, out: usize, n: usize): void {
  Loop.mapBackward<Relu6Backward>(dX, dOut, out, n);
}

export function hardswish(out: usize, x: usize, n: usize): void {
  Loop.map<Hardswish>(out, x, n);
}

export function hardswishBackward(dX: usize, dOut: usize, x: usize, n: usize): void {
  Loop.mapBackward<HardswishBackward>(dX, dOut, x, n);
}

export function elu(out: usize, x: usize, n: usize, alpha: f32): void {
  Loop.map<Elu>(out, x, n, alpha);
}

export function eluBackward(dX: usize, dOut: usize, x: usize, n: usize, alpha: f32): void {
  Loop.mapBackward<EluBackward>(dX, dOut, x, n, alpha);
}

export function mish(out: usize, x: usize, n: usize): void {
  Loop.map<Mish>(out, x, n);
}

export function mishBackward(dX: usize, dOut: usize, x: usize, n: usize): void {
  Loop.mapBackward<MishBackward>(dX, dOut, x, n);
}
