import { Broadcast } from './broadcast-loop';
import { Walk } from './walk';

/* Comparisons of two broadcast operands that eq, lt and gt (broadcast.ts) are not. */

@final
@unmanaged
class Different {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.ne(a, b);
  }
}

@final
@unmanaged
class GreaterOrEqual {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.ge(a, b);
  }
}

export function ne(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Different>(out, a, b, walk);
}

export function ge(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<GreaterOrEqual>(out, a, b, walk);
}
