import { Broadcast } from './broadcast-loop';
import { Walk } from './walk';

/* Comparisons of two broadcast operands. */

@final
@unmanaged
class Equal {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.eq(a, b);
  }
}

@final
@unmanaged
class Less {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.lt(a, b);
  }
}

@final
@unmanaged
class Greater {
  @inline of(a: v128, b: v128): v128 {
    return f32x4.gt(a, b);
  }
}

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

export function eq(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Equal>(out, a, b, walk);
}

export function lt(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Less>(out, a, b, walk);
}

export function gt(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Greater>(out, a, b, walk);
}

export function ne(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<Different>(out, a, b, walk);
}

export function ge(out: usize, a: usize, b: usize, walk: Walk): void {
  Broadcast.bytes<GreaterOrEqual>(out, a, b, walk);
}
