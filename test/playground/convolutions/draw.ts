import type { Convolution } from '../../../playground/src/spec/convolution/convolution.js';
import {
  geometryOf,
  misfitOf,
  type Setting,
} from '../../../playground/src/spec/convolution/geometry.js';

/** Convolutions of random shapes and whole numbers; the same on every machine. Runs in browsers, too. */
export function drawnConvolutions(count: number): Convolution[] {
  const draw = generatorOf(21);
  const within = (least: number, most: number): number =>
    least + Math.floor(draw() * (most - least + 1));
  const numbers = (length: number): Float64Array =>
    Float64Array.from({ length }, () => within(-9, 9));
  const drawn: Convolution[] = [];
  while (drawn.length < count) {
    const groups = within(1, 3);
    const setting: Setting = {
      N: within(1, 3),
      C: groups * within(1, 2),
      H: within(1, 8),
      W: within(1, 9),
      OC: groups * within(1, 3),
      KH: within(1, 3),
      KW: within(1, 4),
      stride: within(1, 4),
      padding: within(0, 2),
      dilation: within(1, 3),
      groups,
    };
    if (misfitOf(setting) !== null) continue;
    const geometry = geometryOf(setting);
    const { N, C, H, W, OC, k, p } = geometry;
    drawn.push({
      geometry,
      x: numbers(N * C * H * W),
      weight: numbers(OC * k),
      bias: draw() < 0.5 ? null : numbers(OC),
      dOut: numbers(N * OC * p),
    });
  }
  return drawn;
}

/** Numbers in [0, 1): mulberry32, by Tommy Ettinger. */
function generatorOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
