import { Loop } from './loop';
import { LaneFunctions } from './lane-functions';

/* Elementwise functions of one input that few networks need. */

@final
@unmanaged
class Floor {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.floor(x);
  }
}

@final
@unmanaged
class Ceil {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.ceil(x);
  }
}

@final
@unmanaged
class Round {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.nearest(x);
  }
}

@final
@unmanaged
class Trunc {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return f32x4.trunc(x);
  }
}

/** 1 with x's sign where x is above or below 0; NaN is neither. */
@final
@unmanaged
class Sign {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    const one = v128.bitselect(x, f32x4.splat(1), i32x4.splat(i32.MIN_VALUE));
    return v128.and(one, f32x4.gt(f32x4.abs(x), f32x4.splat(0)));
  }
}

@final
@unmanaged
class Sin {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.sin(x);
  }
}

@final
@unmanaged
class Cos {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.cos(x);
  }
}

@final
@unmanaged
class Tan {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.tan(x);
  }
}

@final
@unmanaged
class Asin {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.asin(x);
  }
}

@final
@unmanaged
class Acos {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.acos(x);
  }
}

@final
@unmanaged
class Atan {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.atan2(x, f32x4.splat(1));
  }
}

@final
@unmanaged
class Sinh {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.sinh(x);
  }
}

@final
@unmanaged
class Cosh {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.cosh(x);
  }
}

@final
@unmanaged
class Erf {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.erf(x);
  }
}

@final
@unmanaged
class Log1p {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.log1p(x);
  }
}

@final
@unmanaged
class Expm1 {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.expm1(x);
  }
}

@final
@unmanaged
class Log2 {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.log2(x);
  }
}

@final
@unmanaged
class Log10 {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return LaneFunctions.log10(x);
  }
}

export function floor(out: usize, x: usize, n: usize): void {
  Loop.map<Floor>(out, x, n);
}

export function ceil(out: usize, x: usize, n: usize): void {
  Loop.map<Ceil>(out, x, n);
}

export function round(out: usize, x: usize, n: usize): void {
  Loop.map<Round>(out, x, n);
}

export function trunc(out: usize, x: usize, n: usize): void {
  Loop.map<Trunc>(out, x, n);
}

export function sign(out: usize, x: usize, n: usize): void {
  Loop.map<Sign>(out, x, n);
}

export function sin(out: usize, x: usize, n: usize): void {
  Loop.map<Sin>(out, x, n);
}

export function cos(out: usize, x: usize, n: usize): void {
  Loop.map<Cos>(out, x, n);
}

export function tan(out: usize, x: usize, n: usize): void {
  Loop.map<Tan>(out, x, n);
}

export function asin(out: usize, x: usize, n: usize): void {
  Loop.map<Asin>(out, x, n);
}

export function acos(out: usize, x: usize, n: usize): void {
  Loop.map<Acos>(out, x, n);
}

export function atan(out: usize, x: usize, n: usize): void {
  Loop.map<Atan>(out, x, n);
}

export function sinh(out: usize, x: usize, n: usize): void {
  Loop.map<Sinh>(out, x, n);
}

export function cosh(out: usize, x: usize, n: usize): void {
  Loop.map<Cosh>(out, x, n);
}

export function erf(out: usize, x: usize, n: usize): void {
  Loop.map<Erf>(out, x, n);
}

export function log1p(out: usize, x: usize, n: usize): void {
  Loop.map<Log1p>(out, x, n);
}

export function expm1(out: usize, x: usize, n: usize): void {
  Loop.map<Expm1>(out, x, n);
}

export function log2(out: usize, x: usize, n: usize): void {
  Loop.map<Log2>(out, x, n);
}

export function log10(out: usize, x: usize, n: usize): void {
  Loop.map<Log10>(out, x, n);
}
