import { Broadcast } from './broadcast-loop';
import { Walk } from './walk';

/* The larger and the smaller of two broadcast operands. */

@final
@unmanaged
class Maximum {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.max(a, b);
  }
}

@final
@unmanaged
class Minimum {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.min(a, b);
  }
}

export function maximum(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Maximum>(out, a, b, walk);
}

export function minimum(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.floats<Minimum>(out, a, b, walk);
}
