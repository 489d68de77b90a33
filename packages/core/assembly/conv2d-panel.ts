import { Lanes } from './lanes';

/** Output channels of dOut transposed, to lie side by side for each pixel. */
export class Panel {
  /**
   * to[pixel, o] = dOut[o, pixel] for o < channels, and 0 up to `width`, a multiple of 4. Channels of
   * dOut lie `step` bytes apart.
   */
  static pack(to: usize, dOut: usize, step: usize, p: i32, channels: i32, width: i32): void {
    const toStep = (<usize>width) << 2;
    for (let o = 0; o < width; o += 4, to += 16, dOut += step << 2) {
      if (o + 4 <= channels) Lanes.fourColumns(to, toStep, dOut, step, p);
      else Panel.fewer(to, toStep, dOut, step, p, channels - o);
    }
  }

  @inline static fewer(
    to: usize,
    toStep: usize,
    dOut: usize,
    step: usize,
    p: i32,
    channels: i32,
  ): void {
    for (; p > 0; p--, dOut += 4, to += toStep) {
      v128.store(to, f32x4.splat(0));
      for (let o = 0; o < channels; o++) {
        store<f32>(to + (o << 2), load<f32>(dOut + <usize>o * step));
      }
    }
  }
}
