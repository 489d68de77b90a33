import { Conv } from './conv2d';
import { Lanes } from './lanes';
import { Plane } from './window';

/** Images to planes and back; conv2d.ts says what planes are. */
export class Planes {
  /** The planes of x `[C, H, W]`: the image itself, or a copy in `to`. */
  static of(x: usize, to: usize, g: Conv): usize {
    if (g.inPlace) return x;
    const planes = to;
    for (let c = 0; c < g.C; c++, x += (<usize>(g.H * g.W)) << 2) {
      for (let a = 0; a < g.phasesH; a++) {
        for (let b = 0; b < g.phasesW; b++) {
          Planes.read(to, x, g, a, b);
          to += (<usize>g.planeFloats) << 2;
        }
      }
    }
    return planes;
  }

  /** dX `[C, H, W]` from its planes; pixels that no window saw are 0. */
  static back(dX: usize, planes: usize, g: Conv): void {
    memory.fill(dX, 0, (<usize>(g.C * g.H * g.W)) << 2);
    for (let c = 0; c < g.C; c++, dX += (<usize>(g.H * g.W)) << 2) {
      for (let a = 0; a < g.phasesH; a++) {
        for (let b = 0; b < g.phasesW; b++) {
          Planes.write(dX, planes, g, a, b);
          planes += (<usize>g.planeFloats) << 2;
        }
      }
    }
  }

  /** The image's column under column 0 of phase b. */
  @inline static firstColumn(b: i32, g: Conv): i32 {
    return ((b * g.dilationW) % g.strideW) - g.padLeft;
  }

  /** The image's row under row i of phase a. */
  @inline static row(i: i32, a: i32, g: Conv): i32 {
    return i * g.strideH + ((a * g.dilationH) % g.strideH) - g.padTop;
  }

  /** The first column of phase b at or right of the image's column `w`. */
  @inline static columnAt(w: i32, b: i32, g: Conv): i32 {
    const distance = w - Planes.firstColumn(b, g);
    return distance <= 0 ? 0 : min((distance + g.strideW - 1) / g.strideW, g.pitch);
  }

  static read(to: usize, x: usize, g: Conv, a: i32, b: i32): void {
    const from = Planes.columnAt(0, b, g);
    const end = Planes.columnAt(g.W, b, g);
    const firstPixel = (Planes.firstColumn(b, g) + from * g.strideW) << 2;
    for (let i = 0; i < g.planeRows; i++, to += (<usize>g.pitch) << 2) {
      const h = Planes.row(i, a, g);
      if (h < 0 || h >= g.H) {
        Lanes.fill(to, 0, g.pitch);
        continue;
      }
      if (from > 0) Lanes.fill(to, 0, from);
      const row = x + ((h * g.W) << 2) + firstPixel;
      Plane.copy(to + (from << 2), 0, row, 0, 1, end - from, g.strideW);
      if (end < g.pitch) Lanes.fill(to + (end << 2), 0, g.pitch - end);
    }
  }

  static write(dX: usize, plane: usize, g: Conv, a: i32, b: i32): void {
    const from = Planes.columnAt(0, b, g);
    const end = Planes.columnAt(g.W, b, g);
    const firstPixel = (Planes.firstColumn(b, g) + from * g.strideW) << 2;
    const step = (<usize>g.strideW) << 2;
    for (let i = 0; i < g.planeRows; i++, plane += (<usize>g.pitch) << 2) {
      const h = Planes.row(i, a, g);
      if (h < 0 || h >= g.H) continue;
      let to = dX + ((h * g.W) << 2) + firstPixel;
      if (g.strideW == 1) {
        Lanes.copy(to, plane + (from << 2), end - from);
        continue;
      }
      for (let j = from; j < end; j++, to += step) store<f32>(to, load<f32>(plane + (j << 2)));
    }
  }
}
