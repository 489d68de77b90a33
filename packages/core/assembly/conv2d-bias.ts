import { Conv } from './conv2d';
import { Lanes } from './lanes';

/** dBias, which is summed on all routes alike. */
export class Bias {
  /** Adds the sums over each channel's pixels of one image to `sums` `[OC]`. */
  static add(g: Conv, image: i32, sums: usize): void {
    const p = g.p;
    let from = g.output(image, 0);
    for (let o = 0; o < g.OC; o++, sums += 4) {
      let v0 = f32x4.splat(0);
      let v1 = v0;
      let v2 = v0;
      let v3 = v0;
      let i = p;
      for (; i >= 16; i -= 16, from += 64) {
        v0 = f32x4.add(v0, v128.load(from));
        v1 = f32x4.add(v1, v128.load(from, 16));
        v2 = f32x4.add(v2, v128.load(from, 32));
        v3 = f32x4.add(v3, v128.load(from, 48));
      }
      let sum = Lanes.sum(f32x4.add(f32x4.add(v0, v2), f32x4.add(v1, v3)));
      for (; i > 0; i--, from += 4) sum += load<f32>(from);
      store<f32>(sums, load<f32>(sums) + sum);
    }
  }
}
