import { AdamParameters } from './build/parameters';
import { Four, Lanes } from './lanes';
import { LaneMath } from './math';

/**
 * out[i] = -atLabel·logProbs[i, label] - everywhere·Σ logProbs[i, …], logProbs `[N, C]`, with
 * atLabel = 1-ε and everywhere = ε/C for label smoothing ε.
 */
export function crossEntropy(
  out: usize,
  logProbs: usize,
  labels: usize,
  N: usize,
  C: usize,
  atLabel: f32,
  everywhere: f32,
): void {
  for (let i: usize = 0; i < N; i++) {
    // What has no part is not multiplied by 0, since 0·(-Infinity) is NaN: the other classes without
    // smoothing, the label with nothing else.
    let loss: f64 = 0;
    if (atLabel > 0) {
      const label = load<i32>(labels + (i << 2));
      loss = -(<f64>atLabel * load<f32>(logProbs + (label << 2)));
    }
    if (everywhere > 0) {
      let total: f64 = 0;
      for (let c: usize = 0; c < C; c++) total += load<f32>(logProbs + (c << 2));
      loss -= everywhere * total;
    }
    store<f32>(out + (i << 2), <f32>loss);
    logProbs += C << 2;
  }
}

/**
 * dX[i, c] = dOut[i]·(exp(logProbs[i, c]) - target[i, c]); the target as in crossEntropy. Zeros where
 * dOut[i] is 0.
 */
export function crossEntropyBackward(
  dX: usize,
  dOut: usize,
  logProbs: usize,
  labels: usize,
  N: usize,
  C: usize,
  atLabel: f32,
  everywhere: f32,
): void {
  const bytes = C << 2;
  const whole = bytes & ~15;
  const target = f32x4.splat(everywhere);
  const labelTarget = f32x4.splat(everywhere + atLabel);
  for (let row: usize = 0; row < N; row++) {
    if (load<f32>(dOut + (row << 2)) == 0) {
      memory.fill(dX, 0, bytes);
    } else {
      const d = v128.load32_splat(dOut + (row << 2));
      let i: usize = 0;
      for (; i < whole; i += 16) {
        const p = LaneMath.exp(v128.load(logProbs + i));
        v128.store(dX + i, f32x4.mul(d, f32x4.sub(p, target)));
      }
      for (; i < bytes; i += 4) {
        const p = LaneMath.exp(v128.load32_zero(logProbs + i));
        v128.store_lane<f32>(dX + i, f32x4.mul(d, f32x4.sub(p, target)), 0);
      }
      const at = (<usize>load<i32>(labels + (row << 2))) << 2;
      const p = LaneMath.exp(v128.load32_zero(logProbs + at));
      v128.store_lane<f32>(dX + at, f32x4.mul(d, f32x4.sub(p, labelTarget)), 0);
    }
    dX += bytes;
    logProbs += bytes;
  }
}

/*
 * A loop's last vector, of which there may be a part only, stands behind the loop: in it, the question
 * how much is left would cost more than the rest of a step.
 */

class Sgd {
  /** param -= lr·(grad + weightDecay·param) for up to four of them. */
  @inline static plain(param: usize, grad: usize, decay: v128, minusLr: v128, left: usize): void {
    const old = Four.load(param, left);
    const g = Lanes.madd(decay, old, Four.load(grad, left));
    Four.store(param, Lanes.madd(minusLr, g, old), left);
  }

  /** The same along a velocity, momentum·velocity + undamped·g, or g itself on the first step. */
  @inline static withMomentum(
    param: usize,
    velocity: usize,
    grad: usize,
    decay: v128,
    minusLr: v128,
    momentum: v128,
    undamped: v128,
    nesterov: bool,
    first: bool,
    left: usize,
  ): void {
    const old = Four.load(param, left);
    const g = Lanes.madd(decay, old, Four.load(grad, left));
    const v = first ? g : Lanes.madd(momentum, Four.load(velocity, left), f32x4.mul(undamped, g));
    const direction = nesterov ? Lanes.madd(momentum, v, g) : v;
    Four.store(velocity, v, left);
    Four.store(param, Lanes.madd(minusLr, direction, old), left);
  }
}

/** param -= lr·(grad + weightDecay·param). */
export function sgdPlainStep(param: usize, grad: usize, n: usize, lr: f32, weightDecay: f32): void {
  const decay = f32x4.splat(weightDecay);
  const minusLr = f32x4.splat(-lr);
  const bytes = n << 2;
  const whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16) Sgd.plain(param + i, grad + i, decay, minusLr, 4);
  if (whole < bytes) Sgd.plain(param + whole, grad + whole, decay, minusLr, n & 3);
}

/** As the contract's sgdStep with momentum; `undamped` is 1 - dampening. */
export function sgdMomentumStep(
  param: usize,
  velocity: usize,
  grad: usize,
  n: usize,
  lr: f32,
  weightDecay: f32,
  momentum: f32,
  undamped: f32,
  nesterov: bool,
  first: bool,
): void {
  const decay = f32x4.splat(weightDecay);
  const minusLr = f32x4.splat(-lr);
  const m = f32x4.splat(momentum);
  const u = f32x4.splat(undamped);
  const bytes = n << 2;
  const whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16) {
    const to = param + i;
    Sgd.withMomentum(to, velocity + i, grad + i, decay, minusLr, m, u, nesterov, first, 4);
  }
  if (whole < bytes) {
    const to = param + whole;
    const left = n & 3;
    Sgd.withMomentum(
      to,
      velocity + whole,
      grad + whole,
      decay,
      minusLr,
      m,
      u,
      nesterov,
      first,
      left,
    );
  }
}

/** As the contract's sgdStep; `velocity` may be anything without momentum. */
export function sgdStep(
  param: usize,
  velocity: usize,
  grad: usize,
  n: usize,
  lr: f32,
  weightDecay: f32,
  momentum: f32,
  undamped: f32,
  nesterov: bool,
  first: bool,
): void {
  if (momentum == 0) sgdPlainStep(param, grad, n, lr, weightDecay);
  else {
    sgdMomentumStep(param, velocity, grad, n, lr, weightDecay, momentum, undamped, nesterov, first);
  }
}

class Lerp {
  /** x += weight·(end - x) for up to four of them. */
  @inline static of(x: usize, end: usize, weight: v128, left: usize): void {
    const old = Four.load(x, left);
    Four.store(x, Lanes.madd(weight, f32x4.sub(Four.load(end, left), old), old), left);
  }
}

/** x += weight·(end - x). */
export function lerp(x: usize, end: usize, n: usize, weight: f32): void {
  const share = f32x4.splat(weight);
  const bytes = n << 2;
  const whole = bytes & ~15;
  for (let i: usize = 0; i < whole; i += 16) Lerp.of(x + i, end + i, share, 4);
  if (whole < bytes) Lerp.of(x + whole, end + whole, share, n & 3);
}

@unmanaged
class Adam extends AdamParameters {
  /** As the contract's adamStep for `count` floats; `largest` is maxExpAvgSq. */
  update(
    param: usize,
    expAvg: usize,
    expAvgSq: usize,
    largest: usize,
    grad: usize,
    count: i32,
  ): void {
    const minusStepSize = f32x4.splat(-this.stepSize);
    const rootScale = f32x4.splat(this.rootScale);
    const beta1 = f32x4.splat(this.beta1);
    const fresh1 = f32x4.splat(this.fresh1);
    const beta2 = f32x4.splat(this.beta2);
    const fresh2 = f32x4.splat(this.fresh2);
    const eps = f32x4.splat(this.eps);
    const decay = f32x4.splat(this.decay);
    const minusShrinkage = f32x4.splat(-this.shrinkage);
    const amsgrad = this.amsgrad != 0;
    const bytes: usize = (<usize>count) << 2;
    for (let i: usize = 0; i < bytes; i += 16) {
      const left = (bytes - i) >> 2;
      const old = Four.load(param + i, left);
      const g = Lanes.madd(decay, old, Four.load(grad + i, left));
      const first = Lanes.madd(beta1, Four.load(expAvg + i, left), f32x4.mul(fresh1, g));
      const square = f32x4.mul(f32x4.mul(fresh2, g), g);
      let second = Lanes.madd(beta2, Four.load(expAvgSq + i, left), square);
      Four.store(expAvg + i, first, left);
      Four.store(expAvgSq + i, second, left);
      if (amsgrad) {
        second = f32x4.max(Four.load(largest + i, left), second);
        Four.store(largest + i, second, left);
      }
      const root = Lanes.madd(f32x4.sqrt(second), rootScale, eps);
      const kept = Lanes.madd(minusShrinkage, old, old);
      const moved = Lanes.madd(minusStepSize, f32x4.div(first, root), kept);
      Four.store(param + i, moved, left);
    }
  }
}

/** `parameters` is an Adam. */
export function adamStep(
  param: usize,
  expAvg: usize,
  expAvgSq: usize,
  maxExpAvgSq: usize,
  grad: usize,
  count: i32,
  parameters: usize,
): void {
  changetype<Adam>(parameters).update(param, expAvg, expAvgSq, maxExpAvgSq, grad, count);
}
