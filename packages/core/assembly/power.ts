import { Broadcast } from './broadcast-loop';
import { Walk } from './walk';

@final
@unmanaged
class Pow {
  @inline of(a: v128, b: v128): v128 {
    return f32x4(
      Pow.scalar(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)),
      Pow.scalar(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)),
      Pow.scalar(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)),
      Pow.scalar(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)),
    );
  }

  /**
   * The compiler's own power, which is portable. It follows ECMAScript where that differs from C:
   * 1 to whatever power is 1, and so is -1 to an infinite one.
   */
  static scalar(a: f32, b: f32): f32 {
    if (a == 1 || (a == -1 && Mathf.abs(b) == Infinity)) return 1;
    return Mathf.pow(a, b);
  }
}

export function pow(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Pow>(out, a, b, walk);
}
