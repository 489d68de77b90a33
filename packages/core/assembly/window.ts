import { WindowParameters } from './build/parameters';
import { Lanes } from './lanes';

/**
 * A window that slides over `[C, H, W]`, as the contract's WindowGeometry. The window at (oh, ow) has
 * its element (kh, kw) over the pixel h = oh·strideH - padTop + kh·dilationH,
 * w = ow·strideW - padLeft + kw·dilationW.
 */
@unmanaged
class Window extends WindowParameters {
  /** The row of pixels under row kh of the windows in row 0; may lie outside the image. */
  @inline firstRow(kh: i32): i32 {
    return kh * this.dilationH - this.padTop;
  }

  /** The column of pixels under column kw of the windows in column 0. */
  @inline firstColumn(kw: i32): i32 {
    return kw * this.dilationW - this.padLeft;
  }

  /** The first oh whose row kh is not above the image; at most OH. */
  @inline rowFrom(kh: i32): i32 {
    return Window.reach(-this.firstRow(kh), this.strideH, this.OH);
  }

  /** The first oh, not before `from`, whose row kh is below the image; at most OH. */
  @inline rowTo(kh: i32, from: i32): i32 {
    return max(from, Window.reach(this.H - this.firstRow(kh), this.strideH, this.OH));
  }

  /** The first ow whose column kw is not left of the image; at most OW. */
  @inline columnFrom(kw: i32): i32 {
    return Window.reach(-this.firstColumn(kw), this.strideW, this.OW);
  }

  /** The first ow, not before `from`, whose column kw is right of the image; at most OW. */
  @inline columnTo(kw: i32, from: i32): i32 {
    return max(from, Window.reach(this.W - this.firstColumn(kw), this.strideW, this.OW));
  }

  /** The number of steps of `stride` it takes to come `distance` far; at most `limit`. */
  @inline static reach(distance: i32, stride: i32, limit: i32): i32 {
    if (distance <= 0) return 0;
    return min(stride == 1 ? distance : (distance + stride - 1) / stride, limit);
  }
}

/** Runs of n floats at distances of outStep and xStep bytes: a plane, or a part of one. */
export class Plane {
  /** Four floats at a step of two, the last of them at 6: eight bytes on may not exist. */
  @inline static everySecond(x: usize): v128 {
    return v128.shuffle<f32>(v128.load(x), v128.load(x, 12), 0, 2, 5, 7);
  }

  /** out[r, i] = x[r, i·step]. */
  static copy(
    out: usize,
    outStep: usize,
    x: usize,
    xStep: usize,
    rows: i32,
    n: i32,
    step: i32,
  ): void {
    if (n <= 0) return;
    const bytes = (<usize>n) << 2;
    const last = bytes - 16;
    if (step == 1 && n >= 4) {
      for (; rows > 0; rows--, out += outStep, x += xStep) {
        for (let i: usize = 0; i < last; i += 16) v128.store(out + i, v128.load(x + i));
        // The last vector ends with the run; it may repeat some floats of the one before.
        v128.store(out + last, v128.load(x + last));
      }
    } else if (step == 2 && n >= 4) {
      for (; rows > 0; rows--, out += outStep, x += xStep) {
        for (let i: usize = 0; i < last; i += 16) {
          v128.store(out + i, Plane.everySecond(x + i + i));
        }
        v128.store(out + last, Plane.everySecond(x + last + last));
      }
    } else {
      for (; rows > 0; rows--, out += outStep, x += xStep) {
        for (let i: usize = 0; i < bytes; i += 4) {
          store<f32>(out + i, load<f32>(x + <usize>step * i));
        }
      }
    }
  }

  /** dX[r, i·step] += d[r, i]. */
  static add(dX: usize, dXStep: usize, d: usize, dStep: usize, rows: i32, n: i32, step: i32): void {
    const bytes = (<usize>n) << 2;
    const whole = step == 1 ? bytes & ~15 : 0;
    for (; rows > 0; rows--, dX += dXStep, d += dStep) {
      let i: usize = 0;
      for (; i < whole; i += 16) {
        v128.store(dX + i, f32x4.add(v128.load(dX + i), v128.load(d + i)));
      }
      for (; i < bytes; i += 4) {
        const to = dX + <usize>step * i;
        store<f32>(to, load<f32>(to) + load<f32>(d + i));
      }
    }
  }

  /** Zeros to `rows` runs. */
  static clear(out: usize, outStep: usize, rows: i32, n: i32): void {
    if (n <= 0) return;
    for (; rows > 0; rows--, out += outStep) Lanes.fill(out, 0, n);
  }
}

/**
 * out `[C·KH·KW, OH·OW]` from x `[C, H, W]`, for `planes` of its C. Row (c, kh, kw) of `out` is a plane
 * `[OH, OW]`: the image from some pixel on, at the strides, and zeros where it leaves the image.
 */
export function unfold(out: usize, x: usize, planes: i32, geometry: usize): void {
  const g = changetype<Window>(geometry);
  const outStep = (<usize>g.OW) << 2;
  const xStep = (<usize>(g.strideH * g.W)) << 2;
  for (; planes > 0; planes--) {
    for (let kh = 0; kh < g.KH; kh++) {
      const top = g.rowFrom(kh);
      const bottom = g.rowTo(kh, top);
      for (let kw = 0; kw < g.KW; kw++) {
        const left = g.columnFrom(kw);
        const right = g.columnTo(kw, left);
        const row = g.firstRow(kh) + top * g.strideH;
        const column = g.firstColumn(kw) + left * g.strideW;
        const from = x + ((row * g.W + column) << 2);
        const inside = out + <usize>top * outStep;
        const rows = bottom - top;
        Plane.clear(out, outStep, top, g.OW);
        Plane.clear(inside, outStep, rows, left);
        Plane.copy(inside + (left << 2), outStep, from, xStep, rows, right - left, g.strideW);
        Plane.clear(inside + (right << 2), outStep, rows, g.OW - right);
        Plane.clear(out + <usize>bottom * outStep, outStep, g.OH - bottom, g.OW);
        out += <usize>g.OH * outStep;
      }
    }
    x += (g.H * g.W) << 2;
  }
}

/** The same walk, copying the other way: adds columns `[C·KH·KW, OH·OW]` into dX. */
export function fold(dX: usize, columns: usize, planes: i32, geometry: usize): void {
  const g = changetype<Window>(geometry);
  const columnsStep = (<usize>g.OW) << 2;
  const dXStep = (<usize>(g.strideH * g.W)) << 2;
  for (; planes > 0; planes--) {
    for (let kh = 0; kh < g.KH; kh++) {
      const top = g.rowFrom(kh);
      const bottom = g.rowTo(kh, top);
      for (let kw = 0; kw < g.KW; kw++) {
        const left = g.columnFrom(kw);
        const right = g.columnTo(kw, left);
        const row = g.firstRow(kh) + top * g.strideH;
        const column = g.firstColumn(kw) + left * g.strideW;
        const to = dX + ((row * g.W + column) << 2);
        const from = columns + <usize>top * columnsStep + (left << 2);
        Plane.add(to, dXStep, from, columnsStep, bottom - top, right - left, g.strideW);
        columns += <usize>g.OH * columnsStep;
      }
    }
    dX += (g.H * g.W) << 2;
  }
}

class Pool {
  /** Whether a value replaces the best so far: it is larger or NaN, and the best is no NaN. */
  @inline static wins(value: v128, best: v128): v128 {
    return v128.andnot(f32x4.eq(best, best), f32x4.le(value, best));
  }

  /** Four pixels under neighbouring windows, strideW being 1 or 2. */
  @inline static load4(pixel: usize, strideW: i32): v128 {
    return strideW == 1 ? v128.load(pixel) : Plane.everySecond(pixel);
  }

  /** Four neighbouring windows inside the image, the first with its corner on this pixel. */
  @inline static four(out: usize, indices: usize, plane: usize, g: Window, corner: i32): void {
    const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(g.strideW));
    let best = Pool.load4(plane + (corner << 2), g.strideW);
    let bestAt = i32x4.splat(corner);
    for (let kh = 0; kh < g.KH; kh++) {
      for (let kw = kh == 0 ? 1 : 0; kw < g.KW; kw++) {
        const at = corner + kh * g.dilationH * g.W + kw * g.dilationW;
        const value = Pool.load4(plane + (at << 2), g.strideW);
        const wins = Pool.wins(value, best);
        best = v128.bitselect(value, best, wins);
        bestAt = v128.bitselect(i32x4.splat(at), bestAt, wins);
      }
    }
    v128.store(out, best);
    v128.store(indices, i32x4.add(bestAt, lanes));
  }

  /** Four neighbouring 2×2 windows with stride 2: the common case, without loops. */
  @inline static four2x2(out: usize, indices: usize, plane: usize, at: i32, W: i32): void {
    const upper = plane + (at << 2);
    const lower = upper + (W << 2);
    const u0 = v128.load(upper);
    const u1 = v128.load(upper, 16);
    const l0 = v128.load(lower);
    const l1 = v128.load(lower, 16);
    const places = i32x4.add(i32x4.splat(at), i32x4(0, 2, 4, 6));
    let best = v128.shuffle<f32>(u0, u1, 0, 2, 4, 6);
    let bestAt = places;
    let value = v128.shuffle<f32>(u0, u1, 1, 3, 5, 7);
    let wins = Pool.wins(value, best);
    best = v128.bitselect(value, best, wins);
    bestAt = v128.bitselect(i32x4.add(places, i32x4.splat(1)), bestAt, wins);
    value = v128.shuffle<f32>(l0, l1, 0, 2, 4, 6);
    wins = Pool.wins(value, best);
    best = v128.bitselect(value, best, wins);
    bestAt = v128.bitselect(i32x4.add(places, i32x4.splat(W)), bestAt, wins);
    value = v128.shuffle<f32>(l0, l1, 1, 3, 5, 7);
    wins = Pool.wins(value, best);
    best = v128.bitselect(value, best, wins);
    bestAt = v128.bitselect(i32x4.add(places, i32x4.splat(W + 1)), bestAt, wins);
    v128.store(out, best);
    v128.store(indices, bestAt);
  }

  /** One window, wherever it lies. */
  static one(out: usize, indices: usize, plane: usize, g: Window, oh: i32, ow: i32): void {
    let best = f32x4.splat(0);
    // No pixel yet: the first one is taken whatever it is, also -Infinity.
    let bestAt = -1;
    // A kernel may be far larger than the image: only what lies over pixels is looked at.
    const top = oh * g.strideH - g.padTop;
    const left = ow * g.strideW - g.padLeft;
    const firstKw = Window.reach(-left, g.dilationW, g.KW);
    const endKw = Window.reach(g.W - left, g.dilationW, g.KW);
    const endKh = Window.reach(g.H - top, g.dilationH, g.KH);
    for (let kh = Window.reach(-top, g.dilationH, g.KH); kh < endKh; kh++) {
      const h = top + kh * g.dilationH;
      for (let kw = firstKw; kw < endKw; kw++) {
        const w = left + kw * g.dilationW;
        const at = h * g.W + w;
        const value = v128.load32_zero(plane + (at << 2));
        if (bestAt < 0 || i32x4.extract_lane(Pool.wins(value, best), 0) != 0) {
          best = value;
          bestAt = at;
        }
      }
    }
    v128.store_lane<f32>(out, best, 0);
    store<i32>(indices, bestAt);
  }
}

/** out and indices `[C, OH, OW]` from `planes` planes of x `[C, H, W]`. */
export function maxPool2d(
  out: usize,
  indices: usize,
  x: usize,
  planes: i32,
  geometry: usize,
): void {
  const g = changetype<Window>(geometry);
  // The windows that lie wholly inside the image are taken four at a time.
  const top = g.rowFrom(0);
  const bottom = g.rowTo(g.KH - 1, top);
  const left = g.columnFrom(0);
  const right = g.columnTo(g.KW - 1, left);
  const inLanes = (g.strideW == 1 || g.strideW == 2) && right - left >= 4;
  const is2x2 = g.KH == 2 && g.KW == 2 && g.strideW == 2 && g.dilationH == 1 && g.dilationW == 1;
  for (; planes > 0; planes--) {
    for (let oh = 0; oh < g.OH; oh++) {
      let ow = 0;
      if (inLanes && oh >= top && oh < bottom) {
        for (; ow < left; ow++) Pool.one(out + (ow << 2), indices + (ow << 2), x, g, oh, ow);
        while (ow < right) {
          // The last four end with the row; they may repeat some of the four before.
          ow = min(ow, right - 4);
          const to = out + (ow << 2);
          const indexTo = indices + (ow << 2);
          const row = g.firstRow(0) + oh * g.strideH;
          const corner = row * g.W + g.firstColumn(0) + ow * g.strideW;
          if (is2x2) Pool.four2x2(to, indexTo, x, corner, g.W);
          else Pool.four(to, indexTo, x, g, corner);
          ow += 4;
        }
      }
      for (; ow < g.OW; ow++) Pool.one(out + (ow << 2), indices + (ow << 2), x, g, oh, ow);
      out += g.OW << 2;
      indices += g.OW << 2;
    }
    x += (g.H * g.W) << 2;
  }
}

/** dX `[C, H, W]`: zeros, plus each dOut `[C, OH, OW]` at its index. */
export function maxPool2dBackward(
  dX: usize,
  dOut: usize,
  indices: usize,
  planes: i32,
  geometry: usize,
): void {
  const g = changetype<Window>(geometry);
  const pixels = g.H * g.W;
  const planeBytes = pixels << 2;
  const windows = g.OH * g.OW;
  for (; planes > 0; planes--) {
    // Plane by plane, so that the zeros are still in the cache when they are added to.
    memory.fill(dX, 0, planeBytes);
    for (let i = 0; i < windows; i++) {
      const pixel = load<u32>(indices + (i << 2));
      if (pixel >= <u32>pixels) continue;
      const at = dX + (pixel << 2);
      store<f32>(at, load<f32>(at) + load<f32>(dOut + (i << 2)));
    }
    dX += planeBytes;
    dOut += windows << 2;
    indices += windows << 2;
  }
}
