import { Conv } from './conv2d';
import { Rows } from './rows';

/** dBias, which is summed on all routes alike: in doubles, as rows.ts does. */
export class Bias {
  /** Bytes of a part's sums. */
  @inline static bytes(g: Conv): usize {
    return (<usize>g.OC) << 3;
  }

  /** Adds the sums over each channel's pixels of one image to `sums` `[OC]`. */
  static add(g: Conv, image: i32, sums: usize): void {
    const p = <usize>g.p;
    let from = g.output(image, 0);
    for (let o = 0; o < g.OC; o++, sums += 8, from += p << 2) {
      store<f64>(sums, load<f64>(sums) + Rows.sum(from, p));
    }
  }

  /** dBias of the channels from `first` to `end`: the sums of all parts, `step` bytes apart. */
  static finish(g: Conv, first: i32, end: i32, sums: usize, parts: i32, step: usize): void {
    for (let o = first; o < end; o++) {
      let total: f64 = 0;
      let at = sums + (o << 3);
      for (let part = 0; part < parts; part++, at += step) total += load<f64>(at);
      store<f32>(g.bias + (o << 2), <f32>total);
    }
  }
}
