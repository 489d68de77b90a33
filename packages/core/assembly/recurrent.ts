import { Four, Lanes } from './lanes';
import { LaneMath } from './math';

/*
 * What a recurrent cell does behind its two products: `rows` sequences of n units each. The gates of a
 * row lie one behind the other, n values each. Four units are computed at a time, the last one to
 * three in the same lanes.
 */
class Gate {
  /**
   * eˣ for -87 ≤ x ≤ 87, and else that of the nearer end: what is done with it squashes it, so that one
   * power of two does, where LaneMath.exp takes two. In this operand order NaN stays.
   */
  @inline static exp(x: v128): v128 {
    const inside = f32x4.pmax(f32x4.pmin(x, f32x4.splat(87)), f32x4.splat(-87));
    const n = f32x4.nearest(f32x4.mul(inside, f32x4.splat(1.4426950408889634)));
    const y = LaneMath.expOfRest(inside, n);
    return f32x4.mul(y, LaneMath.powerOfTwo(i32x4.trunc_sat_f32x4_s(n)));
  }

  /** 1/(1 + e⁻ˣ) for the sum of four units each. */
  @inline static sigmoid(a: usize, b: usize, left: usize): v128 {
    const x = f32x4.add(Four.load(a, left), Four.load(b, left));
    const one = f32x4.splat(1);
    return f32x4.div(one, f32x4.add(Gate.exp(f32x4.neg(x)), one));
  }

  /** 1 - 2/(e²ˣ + 1): right to some 1e-7, as is the sum that it squashes, also near 0. */
  @inline static tanh(x: v128): v128 {
    const one = f32x4.splat(1);
    const e = Gate.exp(f32x4.add(x, x));
    return f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(e, one)));
  }

  /** The derivative of a sigmoid by its result: s - s². */
  @inline static sigmoidSlope(s: v128): v128 {
    return f32x4.sub(s, f32x4.mul(s, s));
  }

  /** The same of tanh: 1 - t². */
  @inline static tanhSlope(t: v128): v128 {
    return f32x4.sub(f32x4.splat(1), f32x4.mul(t, t));
  }
}

/** `gates` gets r, z, the candidate, and what the state gave to it. */
export function gruCell(
  h: usize,
  gates: usize,
  fromX: usize,
  fromH: usize,
  before: usize,
  rows: usize,
  n: usize,
): void {
  const step = n << 2;
  for (; rows > 0; rows--) {
    for (let left = n; left > 0;) {
      const r = Gate.sigmoid(fromX, fromH, left);
      const z = Gate.sigmoid(fromX + step, fromH + step, left);
      const fromState = Four.load(fromH + 2 * step, left);
      const sum = Lanes.madd(r, fromState, Four.load(fromX + 2 * step, left));
      const candidate = Gate.tanh(sum);
      const change = f32x4.sub(Four.load(before, left), candidate);
      Four.store(h, Lanes.madd(z, change, candidate), left);
      Four.store(gates, r, left);
      Four.store(gates + step, z, left);
      Four.store(gates + 2 * step, candidate, left);
      Four.store(gates + 3 * step, fromState, left);
      const bytes = min<usize>(left, 4) << 2;
      left -= bytes >> 2;
      h += bytes;
      gates += bytes;
      fromX += bytes;
      fromH += bytes;
      before += bytes;
    }
    gates += 3 * step;
    fromX += 2 * step;
    fromH += 2 * step;
  }
}

/** `dBefore` gets what the new state took over of the old one; its products are added by others. */
export function gruCellBackward(
  dFromX: usize,
  dFromH: usize,
  dBefore: usize,
  dH: usize,
  gates: usize,
  before: usize,
  rows: usize,
  n: usize,
): void {
  const step = n << 2;
  const one = f32x4.splat(1);
  for (; rows > 0; rows--) {
    for (let left = n; left > 0;) {
      const d = Four.load(dH, left);
      const r = Four.load(gates, left);
      const z = Four.load(gates + step, left);
      const candidate = Four.load(gates + 2 * step, left);
      const change = f32x4.sub(Four.load(before, left), candidate);
      const dZ = f32x4.mul(f32x4.mul(d, change), Gate.sigmoidSlope(z));
      const dSum = f32x4.mul(f32x4.mul(d, f32x4.sub(one, z)), Gate.tanhSlope(candidate));
      const fromState = Four.load(gates + 3 * step, left);
      const dR = f32x4.mul(f32x4.mul(dSum, fromState), Gate.sigmoidSlope(r));
      Four.store(dFromX, dR, left);
      Four.store(dFromX + step, dZ, left);
      Four.store(dFromX + 2 * step, dSum, left);
      Four.store(dFromH, dR, left);
      Four.store(dFromH + step, dZ, left);
      Four.store(dFromH + 2 * step, f32x4.mul(dSum, r), left);
      Four.store(dBefore, Lanes.madd(d, z, Four.load(dBefore, left)), left);
      const bytes = min<usize>(left, 4) << 2;
      left -= bytes >> 2;
      dFromX += bytes;
      dFromH += bytes;
      dBefore += bytes;
      dH += bytes;
      gates += bytes;
      before += bytes;
    }
    dFromX += 2 * step;
    dFromH += 2 * step;
    gates += 3 * step;
  }
}

/** `gates` gets i, f, the candidate and o. */
export function lstmCell(
  h: usize,
  c: usize,
  gates: usize,
  fromX: usize,
  fromH: usize,
  before: usize,
  rows: usize,
  n: usize,
): void {
  const step = n << 2;
  for (; rows > 0; rows--) {
    for (let left = n; left > 0;) {
      const i = Gate.sigmoid(fromX, fromH, left);
      const f = Gate.sigmoid(fromX + step, fromH + step, left);
      const xs = Four.load(fromX + 2 * step, left);
      const candidate = Gate.tanh(f32x4.add(xs, Four.load(fromH + 2 * step, left)));
      const o = Gate.sigmoid(fromX + 3 * step, fromH + 3 * step, left);
      const cell = Lanes.madd(f, Four.load(before, left), f32x4.mul(i, candidate));
      Four.store(c, cell, left);
      Four.store(h, f32x4.mul(o, Gate.tanh(cell)), left);
      Four.store(gates, i, left);
      Four.store(gates + step, f, left);
      Four.store(gates + 2 * step, candidate, left);
      Four.store(gates + 3 * step, o, left);
      const bytes = min<usize>(left, 4) << 2;
      left -= bytes >> 2;
      h += bytes;
      c += bytes;
      gates += bytes;
      fromX += bytes;
      fromH += bytes;
      before += bytes;
    }
    gates += 3 * step;
    fromX += 3 * step;
    fromH += 3 * step;
  }
}

/** `dC` is the gradient of the new cell state, and becomes that of the old one. */
export function lstmCellBackward(
  dGates: usize,
  dC: usize,
  dH: usize,
  gates: usize,
  c: usize,
  before: usize,
  rows: usize,
  n: usize,
): void {
  const step = n << 2;
  for (; rows > 0; rows--) {
    for (let left = n; left > 0;) {
      const d = Four.load(dH, left);
      const i = Four.load(gates, left);
      const f = Four.load(gates + step, left);
      const candidate = Four.load(gates + 2 * step, left);
      const o = Four.load(gates + 3 * step, left);
      const shown = Gate.tanh(Four.load(c, left));
      const dO = f32x4.mul(f32x4.mul(d, shown), Gate.sigmoidSlope(o));
      const through = f32x4.mul(f32x4.mul(d, o), Gate.tanhSlope(shown));
      const dCell = f32x4.add(Four.load(dC, left), through);
      const dI = f32x4.mul(f32x4.mul(dCell, candidate), Gate.sigmoidSlope(i));
      const dF = f32x4.mul(f32x4.mul(dCell, Four.load(before, left)), Gate.sigmoidSlope(f));
      const dCandidate = f32x4.mul(f32x4.mul(dCell, i), Gate.tanhSlope(candidate));
      Four.store(dGates, dI, left);
      Four.store(dGates + step, dF, left);
      Four.store(dGates + 2 * step, dCandidate, left);
      Four.store(dGates + 3 * step, dO, left);
      Four.store(dC, f32x4.mul(dCell, f), left);
      const bytes = min<usize>(left, 4) << 2;
      left -= bytes >> 2;
      dGates += bytes;
      dC += bytes;
      dH += bytes;
      gates += bytes;
      c += bytes;
      before += bytes;
    }
    dGates += 3 * step;
    gates += 3 * step;
  }
}
