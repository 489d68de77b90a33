import { kernelsFor } from './engine/engine.js';
import { fills, hostCall, reads } from './host-call.js';
import { empty, type Tensor } from './tensor.js';

/** A copy with memory of its own, through which no gradient flows. */
export function copyOf(x: Tensor, origin: string): Tensor {
  x.assertAlive();
  const copy = empty(x.shape, x.dtype, origin);
  if (x.dtype === 'float32') {
    const n = x.size;
    const geometry = { shape: [n], outStrides: [1], outOffset: 0, xStrides: [1], xOffset: 0 };
    kernelsFor(x.dtype).copyStrided(copy.buffer, x.buffer, geometry);
  } else hostCall(origin, [fills(copy), reads(x)], (to, from) => to.set(from));
  return copy;
}
