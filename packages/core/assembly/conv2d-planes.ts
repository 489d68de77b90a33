import { Conv } from './conv2d';
import { Lanes } from './lanes';
import { Plane } from './window';

/** Images to planes and back; conv2d.ts says what planes are. */
export class Planes {
  /**
   * The planes of x `[C, H, W]`: the image itself, or a copy in `to`. `isAgain` says that `to` holds
   * those of another image, whose padding is there already.
   */
  static of(x: usize, to: usize, g: Conv, isAgain: bool): usize {
    if (g.inPlace) return x;
    const planes = to;
    if (g.strideH == 1 && g.strideW == 1) {
      if (!isAgain) memory.fill(to, 0, g.planesBytes);
      Planes.inside(to, x, g);
      return planes;
    }
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

  /** The pixels of x, with stride 1, to where they lie in planes that hold the padding. */
  static inside(to: usize, x: usize, g: Conv): void {
    const left = Planes.columnAt(0, 0, g);
    const columns = Planes.columnAt(g.W, 0, g) - left;
    const top = min(max(g.padTop, 0), g.planeRows);
    const rows = min(g.H + g.padTop, g.planeRows) - top;
    const firstPixel = (top - g.padTop) * g.W + Planes.firstColumn(0, g) + left;
    const toStep = (<usize>g.pitch) << 2;
    const xStep = (<usize>g.W) << 2;
    to += <usize>top * toStep + (left << 2);
    x += firstPixel << 2;
    for (let c = 0; c < g.C; c++) {
      Plane.copy(to, toStep, x, xStep, rows, columns, 1);
      to += g.channelBytes;
      x += <usize>g.H * xStep;
    }
  }

  /**
   * The planes of g.images images, interwoven; stride 1. They lie `imageStep` bytes apart, and there
   * are only `count` of them: the last one stands in for the others.
   */
  static woven(to: usize, x: usize, imageStep: usize, count: i32, g: Conv): void {
    const images = g.images;
    const from = Planes.columnAt(0, 0, g);
    const end = Planes.columnAt(g.W, 0, g);
    const firstPixel = Planes.firstColumn(0, g) + from;
    for (let c = 0; c < g.C; c++, x += (<usize>(g.H * g.W)) << 2) {
      for (let i = 0; i < g.planeRows; i++, to += (<usize>(g.pitch * images)) << 2) {
        const h = Planes.row(i, 0, g);
        if (h < 0 || h >= g.H || end <= from) {
          Lanes.fill(to, 0, g.pitch * images);
          continue;
        }
        Lanes.fill(to, 0, from * images);
        const row = x + ((h * g.W + firstPixel) << 2);
        const at = to + ((<usize>(from * images)) << 2);
        Weave.together(at, images, row, imageStep, count, end - from);
        const rest = g.pitch - end;
        Lanes.fill(to + ((<usize>(end * images)) << 2), 0, rest * images);
      }
    }
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

/** Rows of 2, 4 or 8 images to one row of as many floats a pixel, and back. */
export class Weave {
  /** to[j, image] = x[image, j] for j < n; from `count` on, x's last image again. */
  static together(to: usize, images: i32, x: usize, step: usize, count: i32, n: i32): void {
    const toStep = (<usize>images) << 2;
    if (n < 4) {
      for (let i = 0; i < images; i++, to += 4) {
        const row = x + <usize>min(i, count - 1) * step;
        for (let j = 0; j < n; j++) store<f32>(to + <usize>j * toStep, load<f32>(row + (j << 2)));
      }
      return;
    }
    for (let i = 0; i < images; i += 4, to += 16) {
      const x0 = x + <usize>min(i, count - 1) * step;
      const x1 = x + <usize>min(i + 1, count - 1) * step;
      if (images == 2) {
        Weave.two(to, x0, x1, n);
        return;
      }
      const x2 = x + <usize>min(i + 2, count - 1) * step;
      const x3 = x + <usize>min(i + 3, count - 1) * step;
      Weave.four(to, toStep, x0, x1, x2, x3, n);
    }
  }

  /** The last four pixels may repeat some of those before. */
  @inline static two(to: usize, x0: usize, x1: usize, n: i32): void {
    const last = (<usize>(n - 4)) << 2;
    for (let i: usize = 0; i < last + 16; i += 16) {
      const at = min(i, last);
      const r0 = v128.load(x0 + at);
      const r1 = v128.load(x1 + at);
      v128.store(to + (at << 1), v128.shuffle<f32>(r0, r1, 0, 4, 1, 5));
      v128.store(to + (at << 1), v128.shuffle<f32>(r0, r1, 2, 6, 3, 7), 16);
    }
  }

  @inline static four(
    to: usize,
    toStep: usize,
    x0: usize,
    x1: usize,
    x2: usize,
    x3: usize,
    n: i32,
  ): void {
    for (let j = 0; j < n; j += 4) {
      const first = <usize>min(j, n - 4);
      const at = first << 2;
      const r0 = v128.load(x0 + at);
      const r1 = v128.load(x1 + at);
      const r2 = v128.load(x2 + at);
      const r3 = v128.load(x3 + at);
      Lanes.storeTransposed(to + first * toStep, toStep, r0, r1, r2, r3);
    }
  }

  /** out[image, j] = from[j, image] for j < n and image < count; images of out lie `step` apart. */
  static apart(out: usize, step: usize, count: i32, from: usize, images: i32, n: i32): void {
    const fromStep = (<usize>images) << 2;
    const whole = n & ~3;
    for (let i = 0; i < count; i += 4) {
      const at = from + (i << 2);
      const to = out + <usize>i * step;
      if (images == 2) Weave.apartTwo(to, step, count, at, whole);
      else Weave.apartFour(to, step, count - i, at, fromStep, whole);
    }
    for (let i = 0; i < count; i++, out += step, from += 4) {
      for (let j = whole; j < n; j++) {
        store<f32>(out + (j << 2), load<f32>(from + <usize>j * fromStep));
      }
    }
  }

  @inline static apartTwo(out: usize, step: usize, count: i32, from: usize, n: i32): void {
    for (; n > 0; n -= 4, from += 32, out += 16) {
      const r0 = v128.load(from);
      const r1 = v128.load(from, 16);
      v128.store(out, v128.shuffle<f32>(r0, r1, 0, 2, 4, 6));
      if (count > 1) v128.store(out + step, v128.shuffle<f32>(r0, r1, 1, 3, 5, 7));
    }
  }

  @inline static apartFour(
    out: usize,
    step: usize,
    count: i32,
    from: usize,
    fromStep: usize,
    n: i32,
  ): void {
    for (; n > 0; n -= 4, out += 16) {
      const r0 = v128.load(from);
      from += fromStep;
      const r1 = v128.load(from);
      from += fromStep;
      const r2 = v128.load(from);
      from += fromStep;
      const r3 = v128.load(from);
      from += fromStep;
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(out, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
      if (count > 1) v128.store(out + step, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
      if (count > 2) v128.store(out + step * 2, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
      if (count > 3) v128.store(out + step * 3, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
    }
  }
}
