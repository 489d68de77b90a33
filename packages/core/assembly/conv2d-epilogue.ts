import { Activation } from './activation';
import { Conv, MAX_ROWS } from './conv2d';
import { maxPool2d } from './window';

/*
 * What forward does with planes of out as soon as they are summed, while they lie in the cache: an
 * activation, and pooling. It is the kernels' own work, plane by plane, so the bits are those of the
 * three launches one after another.
 *
 * Planes that nobody asked for (`out` is 0) are summed in scratch, which holds those of one tile of
 * output channels, and behind them places of a pooling's pixels if nobody asked for those.
 */
export class Epilogue {
  /** Whether out's planes go to scratch. */
  @inline static isHeld(g: Conv): bool {
    return g.out == 0 && g.pooled != 0;
  }

  /** Bytes of a tile's planes there. */
  @inline static heldBytes(g: Conv): usize {
    const floats = Epilogue.isHeld(g) ? min(g.groupOC, MAX_ROWS) * g.p * g.images : 0;
    return (<usize>floats) << 2;
  }

  /** Windows of the pooling in one plane. */
  @inline static windows(g: Conv): i32 {
    return g.poolOH * g.poolOW;
  }

  /** Bytes of scratch. */
  static scratchBytes(g: Conv): usize {
    if (g.pooled == 0) return 0;
    const places = g.indices ? 0 : min(g.groupOC, MAX_ROWS) * Epilogue.windows(g);
    return Epilogue.heldBytes(g) + ((<usize>places) << 2);
  }

  /** `count` whole planes of an image, from one of its output channels on. */
  static planes(planes: usize, count: i32, image: i32, channel: i32, held: usize, g: Conv): void {
    Activation.apply(planes, count * g.p, g.activation, g.slope);
    if (g.pooled == 0) return;
    const first = (<usize>(image * g.OC + channel) * <usize>Epilogue.windows(g)) << 2;
    const indices = g.indices ? g.indices + first : held + Epilogue.heldBytes(g);
    maxPool2d(
      g.pooled + first,
      indices,
      planes,
      count,
      changetype<usize>(g) + offsetof<Conv>('poolC'),
    );
  }

  /** Some rows of one plane: all of them, where there is a pooling. */
  @inline static rows(
    plane: usize,
    top: i32,
    bottom: i32,
    image: i32,
    channel: i32,
    held: usize,
    g: Conv,
  ): void {
    if (g.pooled != 0) Epilogue.planes(plane, 1, image, channel, held, g);
    else {
      const first = plane + ((<usize>(top * g.OW)) << 2);
      Activation.apply(first, (bottom - top) * g.OW, g.activation, g.slope);
    }
  }
}
