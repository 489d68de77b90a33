import { WindowParameters } from './build/parameters';
import { Four, Lanes } from './lanes';

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

/** How four floats are loaded that lie `step` apart. */
@final
@unmanaged
class EveryFloat {
  @inline of(x: usize, _step: usize): v128 {
    return v128.load(x);
  }
}

@final
@unmanaged
class EverySecond {
  @inline of(x: usize, _step: usize): v128 {
    return Plane.everySecond(x);
  }
}

@final
@unmanaged
class AnyStep {
  @inline of(x: usize, step: usize): v128 {
    let v = v128.load32_zero(x);
    v = v128.load_lane<f32>(x + step, v, 1);
    v = v128.load_lane<f32>(x + 2 * step, v, 2);
    return v128.load_lane<f32>(x + 3 * step, v, 3);
  }
}

class Pool {
  /** Whether a value replaces the best so far: it is larger or NaN, and the best is no NaN. */
  @inline static wins(value: v128, best: v128): v128 {
    return v128.andnot(f32x4.eq(best, best), f32x4.le(value, best));
  }

  /** Whether windows of 2×2 touch each other and cover all pixels but an odd row or column. */
  @inline static isTouching2x2(g: Window): bool {
    const isKernel = g.KH == 2 && g.KW == 2 && g.dilationH == 1 && g.dilationW == 1;
    const isStride = g.strideH == 2 && g.strideW == 2 && g.padTop == 0 && g.padLeft == 0;
    return isKernel && isStride && g.H >> 1 == g.OH && g.W >> 1 == g.OW && g.OW >= 4;
  }

  /** The places of four such windows' first pixels. */
  @inline static places(corner: i32): v128 {
    return i32x4.add(i32x4.splat(corner), i32x4(0, 2, 4, 6));
  }

  /**
   * Four such windows, side by side; the lower pixels lie `row` bytes, and W pixels, behind. With
   * `isRelu` of relu(x): where no pixel is above 0 all are 0, and the first one wins.
   */
  @inline static four2x2(
    out: usize,
    indices: usize,
    x: usize,
    row: usize,
    places: v128,
    W: v128,
    isRelu: bool,
  ): void {
    const u0 = v128.load(x);
    const u1 = v128.load(x, 16);
    const l0 = v128.load(x + row);
    const l1 = v128.load(x + row, 16);
    // The better of the upper two, of the lower two, and of both: in that order ties and NaN fall to
    // the first pixel, as if they were looked at one by one.
    const a = v128.shuffle<f32>(u0, u1, 0, 2, 4, 6);
    const b = v128.shuffle<f32>(u0, u1, 1, 3, 5, 7);
    const c = v128.shuffle<f32>(l0, l1, 0, 2, 4, 6);
    const d = v128.shuffle<f32>(l0, l1, 1, 3, 5, 7);
    const isB = Pool.wins(b, a);
    const isD = Pool.wins(d, c);
    const upper = Lanes.select(b, a, isB);
    const lower = Lanes.select(d, c, isD);
    const isLower = Pool.wins(lower, upper);
    const best = Lanes.select(lower, upper, isLower);
    // A mask's lanes are -1 or 0.
    const row0 = Lanes.select(i32x4.add(places, W), places, isLower);
    const at = i32x4.sub(row0, Lanes.select(isD, isB, isLower));
    if (isRelu) {
      const isZero = f32x4.le(best, f32x4.splat(0));
      v128.store(out, v128.andnot(best, isZero));
      v128.store(indices, Lanes.select(places, at, isZero));
    } else {
      v128.store(out, best);
      v128.store(indices, at);
    }
  }

  /** Relu of four floats, as an integer without sign: the larger float, or NaN, is the larger. */
  @inline static positives(v: v128): v128 {
    return v128.andnot(v, f32x4.le(v, f32x4.splat(0)));
  }

  @inline static positive(x: usize): v128 {
    return Pool.positives(v128.load(x));
  }

  /** The largest of the columns of four windows, the first of which begins at `pixel`. */
  @inline static across<Load>(out: usize, pixel: usize, g: Window): void {
    const load = changetype<Load>(0);
    const step = (<usize>g.dilationW) << 2;
    let best = load.of(pixel, 0);
    if (g.KW == 3) {
      best = i32x4.max_u(best, load.of(pixel + step, 0));
      best = i32x4.max_u(best, load.of(pixel + 2 * step, 0));
    } else {
      for (let kw = 1; kw < g.KW; kw++) {
        pixel += step;
        best = i32x4.max_u(best, load.of(pixel, 0));
      }
    }
    v128.store(out, best);
  }

  /** The same of one window, wherever it lies. */
  static oneAcross(out: usize, row: usize, ow: i32, g: Window): void {
    const left = ow * g.strideW - g.padLeft;
    const end = Window.reach(g.W - left, g.dilationW, g.KW);
    let best: u32 = 0;
    for (let kw = Window.reach(-left, g.dilationW, g.KW); kw < end; kw++) {
      best = max(best, load<u32>(row + ((left + kw * g.dilationW) << 2)));
    }
    store<u32>(out, best);
  }

  /** The values of four such windows of relu(x). */
  @inline static fourValues2x2(x: usize, row: usize): v128 {
    const left = i32x4.max_u(Pool.positive(x), Pool.positive(x + row));
    const right = i32x4.max_u(Pool.positive(x + 16), Pool.positive(x + row + 16));
    const even = v128.shuffle<f32>(left, right, 0, 2, 4, 6);
    const odd = v128.shuffle<f32>(left, right, 1, 3, 5, 7);
    return i32x4.max_u(even, odd);
  }

  /** maxPool2d where windows of 2×2 touch each other. */
  @inline static planes2x2(
    out: usize,
    indices: usize,
    x: usize,
    planes: i32,
    geometry: usize,
    isRelu: bool,
  ): void {
    const g = changetype<Window>(geometry);
    const row = (<usize>g.W) << 2;
    const bytes = (<usize>g.OW) << 2;
    const whole = bytes & ~15;
    const last = bytes - 16;
    const Ws = i32x4.splat(g.W);
    // Read from the geometry, it stays in a register; a constant would be made anew for each four.
    const step = i32x4.splat(g.strideW << 2);
    const rest = <usize>(g.H & 1) * row;
    for (; planes > 0; planes--, x += rest) {
      for (let oh = 0, corner = 0; oh < g.OH; oh++, corner += 2 * g.W) {
        let places = Pool.places(corner);
        for (let i: usize = 0; i < whole; i += 16) {
          Pool.four2x2(out + i, indices + i, x + i + i, row, places, Ws, isRelu);
          places = i32x4.add(places, step);
        }
        if (whole < bytes) {
          // The last four end with the row, and repeat some of the four before.
          places = Pool.places(corner + 2 * (g.OW - 4));
          Pool.four2x2(out + last, indices + last, x + last + last, row, places, Ws, isRelu);
        }
        out += bytes;
        indices += bytes;
        x += 2 * row;
      }
    }
  }

  /** Four gradients, `at` bytes on; with `isRelu` 0 where `pooled` is ≤ 0. */
  @inline static gradients(dOut: usize, pooled: usize, at: usize, isRelu: bool): v128 {
    const d = v128.load(dOut + at);
    if (!isRelu) return d;
    return v128.andnot(d, f32x4.le(v128.load(pooled + at), f32x4.splat(0)));
  }

  /**
   * The gradients of four such windows to their pixels.
   * @returns Ones in the lanes whose index is one of their window's pixels.
   */
  @inline static scatter2x2(
    dX: usize,
    row: usize,
    gradients: v128,
    indices: usize,
    places: v128,
    W: v128,
  ): v128 {
    const at = i32x4.sub(v128.load(indices), places);
    // -0 becomes 0, as it does where it is added to 0.
    const d = f32x4.add(gradients, f32x4.splat(0));
    const one = i32x4.splat(1);
    const isA = i32x4.eq(at, i32x4.splat(0));
    const isB = i32x4.eq(at, one);
    const a = v128.and(d, isA);
    const b = v128.and(d, isB);
    v128.store(dX, v128.shuffle<f32>(a, b, 0, 4, 1, 5));
    v128.store(dX, v128.shuffle<f32>(a, b, 2, 6, 3, 7), 16);
    const isC = i32x4.eq(at, W);
    const isD = i32x4.eq(at, i32x4.add(W, one));
    const c = v128.and(d, isC);
    const e = v128.and(d, isD);
    v128.store(dX + row, v128.shuffle<f32>(c, e, 0, 4, 1, 5));
    v128.store(dX + row, v128.shuffle<f32>(c, e, 2, 6, 3, 7), 16);
    return v128.or(v128.or(isA, isB), v128.or(isC, isD));
  }

  /** What maxPool2x2Backward does, or with `isRelu` maxPool2x2ReluBackward. */
  @inline static backward2x2(
    dX: usize,
    dOut: usize,
    pooled: usize,
    indices: usize,
    planes: i32,
    geometry: usize,
    isRelu: bool,
  ): i32 {
    const g = changetype<Window>(geometry);
    const row = (<usize>g.W) << 2;
    const bytes = (<usize>g.OW) << 2;
    const whole = bytes & ~15;
    const last = bytes - 16;
    const Ws = i32x4.splat(g.W);
    const step = i32x4.splat(g.strideW << 2);
    const isOdd = ((g.H | g.W) & 1) != 0;
    for (let plane = 0; plane < planes; plane++) {
      if (isOdd) memory.fill(dX, 0, <usize>g.H * row);
      let found = i32x4.splat(-1);
      for (let oh = 0, corner = 0; oh < g.OH; oh++, corner += 2 * g.W) {
        let places = Pool.places(corner);
        for (let i: usize = 0; i < whole; i += 16) {
          const d = Pool.gradients(dOut, pooled, i, isRelu);
          const is = Pool.scatter2x2(dX + i + i, row, d, indices + i, places, Ws);
          found = v128.and(found, is);
          places = i32x4.add(places, step);
        }
        if (whole < bytes) {
          // The last four end with the row, and repeat some of the four before.
          places = Pool.places(corner + 2 * (g.OW - 4));
          const to = dX + last + last;
          const d = Pool.gradients(dOut, pooled, last, isRelu);
          const is = Pool.scatter2x2(to, row, d, indices + last, places, Ws);
          found = v128.and(found, is);
        }
        dOut += bytes;
        pooled += bytes;
        indices += bytes;
        dX += 2 * row;
      }
      if (!i32x4.all_true(found)) return plane;
      if ((g.H & 1) != 0) dX += row;
    }
    return planes;
  }

  /**
   * A row's windows from one on, four at a time; their columns lie inside the image, and of their
   * rows `rows` do. The first pixel of the first one is at `corner`.
   */
  @inline static row<Load>(
    out: usize,
    indices: usize,
    plane: usize,
    g: Window,
    corner: i32,
    rows: i32,
    n: i32,
  ): void {
    const load = changetype<Load>(0);
    const step = (<usize>g.strideW) << 2;
    const across = (<usize>g.dilationW) << 2;
    const down = (<usize>(g.dilationH * g.W)) << 2;
    const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(g.strideW));
    const right = i32x4.splat(g.dilationW);
    const below = i32x4.splat(g.dilationH * g.W);
    for (let i = 0; i < n; i += 4) {
      // The last four may repeat some of the four before.
      i = min(i, n - 4);
      const first = corner + i * g.strideW;
      let x = plane + ((<usize>first) << 2);
      let at = i32x4.add(i32x4.splat(first), lanes);
      // The first pixel is taken whatever it is, also -Infinity; it does not replace itself.
      let best = load.of(x, step);
      let bestAt = at;
      for (let kh = 0; kh < rows; kh++, x += down) {
        if (g.KW == 3) {
          const a = load.of(x, step);
          const b = load.of(x + across, step);
          const c = load.of(x + 2 * across, step);
          const isB = Pool.wins(b, a);
          const ab = Lanes.select(b, a, isB);
          const isC = Pool.wins(c, ab);
          const value = Lanes.select(c, ab, isC);
          const wins = Pool.wins(value, best);
          const columns = Lanes.select(i32x4.add(right, right), v128.and(right, isB), isC);
          best = Lanes.select(value, best, wins);
          bestAt = Lanes.select(i32x4.add(at, columns), bestAt, wins);
        } else {
          let column = at;
          for (let kw = 0, pixel = x; kw < g.KW; kw++, pixel += across) {
            const value = load.of(pixel, step);
            const wins = Pool.wins(value, best);
            best = Lanes.select(value, best, wins);
            bestAt = Lanes.select(column, bestAt, wins);
            column = i32x4.add(column, right);
          }
        }
        at = i32x4.add(at, below);
      }
      v128.store(out + ((<usize>i) << 2), best);
      v128.store(indices + ((<usize>i) << 2), bestAt);
    }
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

/*
 * Loops are exported so that they stay functions of their own, which a JavaScript engine compiles
 * better than one large one.
 */

/** maxPool2d where windows of 2×2 touch each other. */
export function maxPool2x2(
  out: usize,
  indices: usize,
  x: usize,
  planes: i32,
  geometry: usize,
): void {
  Pool.planes2x2(out, indices, x, planes, geometry, false);
}

/** The same of relu(x). */
export function maxPool2x2OfRelu(
  out: usize,
  indices: usize,
  x: usize,
  planes: i32,
  geometry: usize,
): void {
  Pool.planes2x2(out, indices, x, planes, geometry, true);
}

/** The same, without the places. */
export function maxPool2x2ValuesOfRelu(out: usize, x: usize, planes: i32, geometry: usize): void {
  const g = changetype<Window>(geometry);
  const row = (<usize>g.W) << 2;
  const bytes = (<usize>g.OW) << 2;
  const whole = bytes & ~15;
  const last = bytes - 16;
  const rest = <usize>(g.H & 1) * row;
  for (; planes > 0; planes--, x += rest) {
    for (let oh = 0; oh < g.OH; oh++, out += bytes, x += 2 * row) {
      for (let i: usize = 0; i < whole; i += 16) {
        v128.store(out + i, Pool.fourValues2x2(x + i + i, row));
      }
      if (whole < bytes) v128.store(out + last, Pool.fourValues2x2(x + last + last, row));
    }
  }
}

/**
 * The same for windows of any kind: the larger of a window's rows, which go to `row`, W floats, then of
 * its columns.
 */
export function maxPoolValuesOfRelu(
  out: usize,
  x: usize,
  planes: i32,
  geometry: usize,
  row: usize,
): void {
  const g = changetype<Window>(geometry);
  const left = g.columnFrom(0);
  const right = g.columnTo(g.KW - 1, left);
  const down = (<usize>(g.dilationH * g.W)) << 2;
  for (; planes > 0; planes--, x += (<usize>(g.H * g.W)) << 2) {
    for (let oh = 0; oh < g.OH; oh++, out += (<usize>g.OW) << 2) {
      const top = oh * g.strideH - g.padTop;
      const kh = Window.reach(-top, g.dilationH, g.KH);
      const rows = Window.reach(g.H - top, g.dilationH, g.KH) - kh;
      const first = x + (((top + kh * g.dilationH) * g.W) << 2);
      if (rows == 3 && g.W >= 4) {
        const last = (<usize>(g.W - 4)) << 2;
        for (let w: usize = 0; w < last + 16; w += 16) {
          // The last four may repeat some of the four before.
          const at = min(w, last);
          const from = first + at;
          const two = i32x4.max_u(Pool.positive(from), Pool.positive(from + down));
          v128.store(row + at, i32x4.max_u(two, Pool.positive(from + 2 * down)));
        }
      } else {
        for (let w = 0; w < g.W; w += 4) {
          let best = i32x4.splat(0);
          let from = first + (w << 2);
          for (let r = 0; r < rows; r++, from += down) {
            best = i32x4.max_u(best, Pool.positives(Four.load(from, g.W - w)));
          }
          Four.store(row + (w << 2), best, g.W - w);
        }
      }
      let ow = 0;
      if (g.strideW <= 2 && right - left >= 4) {
        for (; ow < left; ow++) Pool.oneAcross(out + (ow << 2), row, ow, g);
        while (ow < right) {
          ow = min(ow, right - 4);
          const pixel = row + ((ow * g.strideW - g.padLeft) << 2);
          if (g.strideW == 1) Pool.across<EveryFloat>(out + (ow << 2), pixel, g);
          else Pool.across<EverySecond>(out + (ow << 2), pixel, g);
          ow += 4;
        }
      }
      for (; ow < g.OW; ow++) Pool.oneAcross(out + (ow << 2), row, ow, g);
    }
  }
}

/**
 * maxPool2d of relu(x) without a pass over x, where windows allow it; `indices` may be null, and then
 * all do. `row` is scratch for W floats.
 * @returns Whether they did.
 */
export function maxPool2dOfRelu(
  out: usize,
  indices: usize,
  x: usize,
  planes: i32,
  geometry: usize,
  row: usize,
): bool {
  const isTouching = Pool.isTouching2x2(changetype<Window>(geometry));
  if (indices) {
    if (isTouching) maxPool2x2OfRelu(out, indices, x, planes, geometry);
    return isTouching;
  }
  if (isTouching) maxPool2x2ValuesOfRelu(out, x, planes, geometry);
  else maxPoolValuesOfRelu(out, x, planes, geometry, row);
  return true;
}

/** Pool.row for each way to load. */
export function maxPoolRow(
  out: usize,
  indices: usize,
  plane: usize,
  geometry: usize,
  corner: i32,
  rows: i32,
  n: i32,
): void {
  Pool.row<EveryFloat>(out, indices, plane, changetype<Window>(geometry), corner, rows, n);
}

export function maxPoolRowBySeconds(
  out: usize,
  indices: usize,
  plane: usize,
  geometry: usize,
  corner: i32,
  rows: i32,
  n: i32,
): void {
  Pool.row<EverySecond>(out, indices, plane, changetype<Window>(geometry), corner, rows, n);
}

export function maxPoolRowByStep(
  out: usize,
  indices: usize,
  plane: usize,
  geometry: usize,
  corner: i32,
  rows: i32,
  n: i32,
): void {
  Pool.row<AnyStep>(out, indices, plane, changetype<Window>(geometry), corner, rows, n);
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
  if (Pool.isTouching2x2(g)) {
    maxPool2x2(out, indices, x, planes, geometry);
    return;
  }
  // The windows whose columns lie inside the image are taken four at a time.
  const left = g.columnFrom(0);
  const right = g.columnTo(g.KW - 1, left);
  const n = right - left;
  for (; planes > 0; planes--) {
    for (let oh = 0; oh < g.OH; oh++) {
      let ow = 0;
      const top = oh * g.strideH - g.padTop;
      const kh = Window.reach(-top, g.dilationH, g.KH);
      const rows = Window.reach(g.H - top, g.dilationH, g.KH) - kh;
      // Windows far outside the image have no rows in it: there is nothing to begin with.
      if (n >= 4 && rows > 0) {
        for (; ow < left; ow++) Pool.one(out + (ow << 2), indices + (ow << 2), x, g, oh, ow);
        const corner = (top + kh * g.dilationH) * g.W + g.firstColumn(0) + ow * g.strideW;
        const at = ow << 2;
        if (g.strideW == 1) {
          maxPoolRow(out + at, indices + at, x, geometry, corner, rows, n);
        } else if (g.strideW == 2) {
          maxPoolRowBySeconds(out + at, indices + at, x, geometry, corner, rows, n);
        } else {
          maxPoolRowByStep(out + at, indices + at, x, geometry, corner, rows, n);
        }
        ow = right;
      }
      for (; ow < g.OW; ow++) Pool.one(out + (ow << 2), indices + (ow << 2), x, g, oh, ow);
      out += g.OW << 2;
      indices += g.OW << 2;
    }
    x += (g.H * g.W) << 2;
  }
}

/**
 * maxPool2dBackward where windows of 2×2 touch each other: a pixel has one window at most, so that
 * nothing is added.
 * @returns The planes that are done: all of them, or those before one with an index that is not of
 * its window.
 */
export function maxPool2x2Backward(
  dX: usize,
  dOut: usize,
  indices: usize,
  planes: i32,
  geometry: usize,
): i32 {
  return Pool.backward2x2(dX, dOut, 0, indices, planes, geometry, false);
}

/** The same for maxPool2dReluBackward. */
export function maxPool2x2ReluBackward(
  dX: usize,
  dOut: usize,
  indices: usize,
  pooled: usize,
  planes: i32,
  geometry: usize,
): i32 {
  return Pool.backward2x2(dX, dOut, pooled, indices, planes, geometry, true);
}

/** dX `[C, H, W]`: zeros, plus each dOut `[C, OH, OW]` at its index. */
export function maxPool2dBackward(
  dX: usize,
  dOut: usize,
  indices: usize,
  planes: i32,
  geometry: usize,
): void {
  maxPool2dReluBackward(dX, dOut, indices, 0, planes, geometry);
}

/**
 * The same without the windows whose value in `pooled` (unless that is null) is ≤ 0, where relu came
 * before the pooling: windows that share a pixel share its value, so that is relu's own gradient.
 */
export function maxPool2dReluBackward(
  dX: usize,
  dOut: usize,
  indices: usize,
  pooled: usize,
  planes: i32,
  geometry: usize,
): void {
  const g = changetype<Window>(geometry);
  const pixels = g.H * g.W;
  const planeBytes = pixels << 2;
  const windows = g.OH * g.OW;
  if (Pool.isTouching2x2(g)) {
    const done =
      pooled == 0
        ? maxPool2x2Backward(dX, dOut, indices, planes, geometry)
        : maxPool2x2ReluBackward(dX, dOut, indices, pooled, planes, geometry);
    const bytes = (done * windows) << 2;
    dX += done * planeBytes;
    dOut += bytes;
    if (pooled != 0) pooled += bytes;
    indices += bytes;
    planes -= done;
  }
  for (; planes > 0; planes--) {
    // Plane by plane, so that the zeros are still in the cache when they are added to.
    memory.fill(dX, 0, planeBytes);
    for (let i = 0; i < windows; i++) {
      const pixel = load<u32>(indices + (i << 2));
      if (pixel >= <u32>pixels) continue;
      if (pooled != 0 && load<f32>(pooled + (i << 2)) <= 0) continue;
      const at = dX + (pixel << 2);
      store<f32>(at, load<f32>(at) + load<f32>(dOut + (i << 2)));
    }
    dX += planeBytes;
    dOut += windows << 2;
    if (pooled != 0) pooled += windows << 2;
    indices += windows << 2;
  }
}
