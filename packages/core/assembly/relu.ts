// Apart from elementwise.ts, all of whose exports are functions of the binary.

/** Zero where x ≤ 0; NaN is not, so it stays. */
@final
@unmanaged
export class Relu {
  @inline of(x: v128, _p: v128, _q: v128): v128 {
    return v128.andnot(x, f32x4.le(x, f32x4.splat(0)));
  }
}

@final
@unmanaged
export class LeakyRelu {
  @inline of(x: v128, slope: v128, _q: v128): v128 {
    return v128.bitselect(x, f32x4.mul(slope, x), f32x4.gt(x, f32x4.splat(0)));
  }
}
