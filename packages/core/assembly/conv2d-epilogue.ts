import { Activation, RELU } from './activation';
import { WindowParameters } from './build/parameters';
import { Conv, MAX_ROWS } from './conv2d';
import { reluBackward } from './elementwise';
import { maxPool2d, maxPool2dOfRelu } from './window';

/*
 * What forward does with planes of out as soon as they are summed, while they lie in the cache: an
 * activation, and pooling. It is the kernels' own work, plane by plane, so the bits are those of the
 * three launches one after another.
 *
 * Planes that nobody asked for (`out` is 0) are summed in scratch, which holds those of one tile of
 * output channels. Behind them lie the places of a pooling's pixels, if nobody asked for those, the
 * geometry of a pooling that takes a band of a plane, and a row of a plane.
 */
export class Epilogue {
  /** Whether there is anything to do. */
  @inline static isOn(g: Conv): bool {
    return (g.activation | (<i32>g.pooled) | (<i32>g.saved)) != 0;
  }

  /** Whether out's planes go to scratch. */
  @inline static isHeld(g: Conv): bool {
    return g.out == 0 && g.pooled != 0;
  }

  /** Bytes of a tile's planes there. */
  @inline static heldBytes(g: Conv): usize {
    const floats = Epilogue.isHeld(g) ? min(g.groupOC, MAX_ROWS) * g.p * g.images : 0;
    return (<usize>floats) << 2;
  }

  /** Bytes of a tile's places there. */
  @inline static placesBytes(g: Conv): usize {
    return g.indices ? 0 : (<usize>(min(g.groupOC, MAX_ROWS) * Epilogue.windows(g))) << 2;
  }

  /** Windows of the pooling in one plane. */
  @inline static windows(g: Conv): i32 {
    return g.poolOH * g.poolOW;
  }

  /** The pooling's geometry. */
  @inline static window(g: Conv): usize {
    return changetype<usize>(g) + offsetof<Conv>('poolC');
  }

  /** Bytes of scratch. */
  static scratchBytes(g: Conv): usize {
    if (g.pooled == 0) return 0;
    const row = (<usize>g.OW) << 2;
    return Epilogue.heldBytes(g) + Epilogue.placesBytes(g) + offsetof<WindowParameters>() + row;
  }

  /** Whether windows take two rows of a plane each, so that no band of whole tiles cuts one. */
  static isByTwos(g: Conv): bool {
    const isInside = g.poolPadTop == 0 && g.poolOH <= (g.OH + 1) >> 1;
    return isInside && g.poolStrideH == 2 && (g.poolKH - 1) * g.poolDilationH < 2;
  }

  /** `count` whole planes of an image, from one of its output channels on. */
  static planes(planes: usize, count: i32, image: i32, channel: i32, held: usize, g: Conv): void {
    const plane = image * g.OC + channel;
    if (g.saved) Epilogue.mask(planes, plane, 0, count * g.p, g);
    const first = plane * Epilogue.windows(g);
    Epilogue.pool(planes, count, g.OH, first, Epilogue.window(g), held, g);
  }

  /** Some rows of one plane; with a pooling, all of them or those of whole windows. */
  static rows(
    plane: usize,
    top: i32,
    bottom: i32,
    image: i32,
    channel: i32,
    held: usize,
    g: Conv,
  ): void {
    if (bottom - top == g.OH) {
      Epilogue.planes(plane, 1, image, channel, held, g);
      return;
    }
    const from = plane + ((<usize>(top * g.OW)) << 2);
    const band = held + Epilogue.heldBytes(g) + Epilogue.placesBytes(g);
    if (g.saved) {
      Epilogue.mask(from, image * g.OC + channel, top * g.OW, (bottom - top) * g.OW, g);
    }
    let first = 0;
    if (g.pooled != 0) {
      const window = changetype<WindowParameters>(band);
      memory.copy(band, Epilogue.window(g), offsetof<WindowParameters>());
      window.H = bottom - top;
      const end = bottom == g.OH ? g.poolOH : min(g.poolOH, bottom >> 1);
      window.OH = max(0, end - (top >> 1));
      first = (image * g.OC + channel) * Epilogue.windows(g) + (top >> 1) * g.poolOW;
    }
    Epilogue.pool(from, 1, bottom - top, first, band, held, g);
    if (g.pooled == 0 || g.indices == 0) return;
    // Places count from the plane's first pixel on.
    let at = g.indices + ((<usize>first) << 2);
    const count = changetype<WindowParameters>(band).OH * g.poolOW;
    for (let i = 0; i < count; i++, at += 4) store<i32>(at, load<i32>(at) + top * g.OW);
  }

  /** The gradient through relu of `n` floats, from this pixel of a plane of out on. */
  @inline static mask(x: usize, plane: i32, pixel: i32, n: i32, g: Conv): void {
    reluBackward(x, x, g.saved + ((<usize>plane * <usize>g.p + pixel) << 2), n);
  }

  /** `count` planes of `rows` rows, whose windows begin with this one of the pooling's result. */
  static pool(
    planes: usize,
    count: i32,
    rows: i32,
    first: i32,
    window: usize,
    held: usize,
    g: Conv,
  ): void {
    const pooled = g.pooled + ((<usize>first) << 2);
    let indices = g.indices ? g.indices + ((<usize>first) << 2) : 0;
    if (Epilogue.isHeld(g) && g.activation == RELU) {
      const row =
        held + Epilogue.heldBytes(g) + Epilogue.placesBytes(g) + offsetof<WindowParameters>();
      if (maxPool2dOfRelu(pooled, indices, planes, count, window, row)) return;
    }
    Activation.apply(planes, count * rows * g.OW, g.activation, g.slope);
    if (g.pooled == 0) return;
    if (indices == 0) indices = held + Epilogue.heldBytes(g);
    maxPool2d(pooled, indices, planes, count, window);
  }
}
