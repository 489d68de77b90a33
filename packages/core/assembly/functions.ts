import { Lanes } from './lanes';
import { Loop } from './loop';
import { LaneMath } from './math';

@final
@unmanaged
class Exp {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneMath.exp(x);
  }
}

@final
@unmanaged
class Log {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneMath.log(x);
  }
}

@final
@unmanaged
class Sqrt {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.sqrt(x);
  }
}

@final
@unmanaged
class Abs {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.abs(x);
  }
}

@final
@unmanaged
class Sigmoid {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneMath.sigmoid(x);
  }
}

@final
@unmanaged
class Tanh {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneMath.tanh(x);
  }
}

/** Below -15 the factor Φ is 0, which must not meet an infinite x; `pmax` keeps NaN. */
@final
@unmanaged
class Gelu {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    const factor = f32x4.pmax(x, f32x4.splat(-15));
    return f32x4.mul(factor, LaneMath.normalCdf(x, LaneMath.gaussian(x)));
  }
}

/** `pmax` and `pmin` return their first operand when a comparison with NaN fails. */
@final
@unmanaged
class Clamp {
  @inline of(x: v128, low: v128, high: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, low), high);
  }
}

@final
@unmanaged
class SigmoidBackward {
  @inline of(dOut: v128, out: v128, _p: v128, _q: v128): v128 {
    return f32x4.mul(f32x4.mul(dOut, out), f32x4.sub(f32x4.splat(1), out));
  }
}

@final
@unmanaged
class TanhBackward {
  @inline of(dOut: v128, out: v128, _p: v128, _q: v128): v128 {
    // 1 - out² as a product: near ±1 it keeps digits that the difference loses.
    const one = f32x4.splat(1);
    return f32x4.mul(dOut, f32x4.mul(f32x4.sub(one, out), f32x4.add(one, out)));
  }
}

/** Beyond ±15 the density is 0, which must not meet an infinite x. */
@final
@unmanaged
class GeluBackward {
  @inline of(dOut: v128, x: v128, _p: v128, _q: v128): v128 {
    const gaussian = LaneMath.gaussian(x);
    const density = f32x4.mul(gaussian, f32x4.splat(0.3989422804014327));
    const near = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-15)), f32x4.splat(15));
    return f32x4.mul(dOut, Lanes.madd(near, density, LaneMath.normalCdf(x, gaussian)));
  }
}

/** ±1 by the sign of x; 0 at 0 and at NaN. */
@final
@unmanaged
class AbsBackward {
  @inline of(dOut: v128, x: v128, _p: v128, _q: v128): v128 {
    const one = v128.bitselect(x, f32x4.splat(1), i32x4.splat(i32.MIN_VALUE));
    return f32x4.mul(dOut, v128.and(one, f32x4.gt(f32x4.abs(x), f32x4.splat(0))));
  }
}

@final
@unmanaged
class SqrtBackward {
  @inline of(dOut: v128, out: v128, _p: v128, _q: v128): v128 {
    return f32x4.div(dOut, f32x4.add(out, out));
  }
}

@final
@unmanaged
class ClampBackward {
  @inline of(dOut: v128, x: v128, low: v128, high: v128): v128 {
    return v128.and(dOut, v128.and(f32x4.le(low, x), f32x4.le(x, high)));
  }
}

export function exp(out: usize, x: usize, n: usize): void {
  Loop.map<Exp>(out, x, n);
}

export function log(out: usize, x: usize, n: usize): void {
  Loop.map<Log>(out, x, n);
}

export function sqrt(out: usize, x: usize, n: usize): void {
  Loop.map<Sqrt>(out, x, n);
}

export function abs(out: usize, x: usize, n: usize): void {
  Loop.map<Abs>(out, x, n);
}

export function sigmoid(out: usize, x: usize, n: usize): void {
  Loop.map<Sigmoid>(out, x, n);
}

export function tanh(out: usize, x: usize, n: usize): void {
  Loop.map<Tanh>(out, x, n);
}

export function gelu(out: usize, x: usize, n: usize): void {
  Loop.map<Gelu>(out, x, n);
}

export function clamp(out: usize, x: usize, n: usize, low: f32, high: f32): void {
  Loop.map<Clamp>(out, x, n, low, high);
}

export function sigmoidBackward(dX: usize, dOut: usize, out: usize, n: usize): void {
  Loop.mapBackward<SigmoidBackward>(dX, dOut, out, n);
}

export function tanhBackward(dX: usize, dOut: usize, out: usize, n: usize): void {
  Loop.mapBackward<TanhBackward>(dX, dOut, out, n);
}

export function geluBackward(dX: usize, dOut: usize, x: usize, n: usize): void {
  Loop.mapBackward<GeluBackward>(dX, dOut, x, n);
}

export function absBackward(dX: usize, dOut: usize, x: usize, n: usize): void {
  Loop.mapBackward<AbsBackward>(dX, dOut, x, n);
}

export function sqrtBackward(dX: usize, dOut: usize, out: usize, n: usize): void {
  Loop.mapBackward<SqrtBackward>(dX, dOut, out, n);
}

export function clampBackward(
  dX: usize,
  dOut: usize,
  x: usize,
  n: usize,
  low: f32,
  high: f32,
): void {
  Loop.mapBackward<ClampBackward>(dX, dOut, x, n, low, high);
}
