import { defineGradient, type Context } from '../autograd/function.js';
import type { DeviceBuffer } from '../kernels/buffer.js';
import type { Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { pairwise, type KernelsOf } from './support.js';

/*
 * The backward of an elementwise function is dOut times a slope, which a kernel takes of what forward
 * saved. Here it is an operation too: linear in dOut, so that the gradient by dOut is itself.
 */

/** `dX = dOut·slope(x)`, with what else the kernel takes. */
type SlopeKernel<K, P extends unknown[]> = (
  kernels: K,
  dX: DeviceBuffer,
  dOut: DeviceBuffer,
  x: DeviceBuffer,
  ...parameters: P
) => void;

interface Pieces<P> {
  readonly x: Tensor;
  readonly parameters: P;
}

/** dOut times a slope that is constant in pieces: x is no input, since its gradient is 0. */
export function pieceSlope<K, P extends unknown[] = []>(
  kernelsOf: KernelsOf<K>,
  name: string,
  kernel: SlopeKernel<K, P>,
): (dOut: Tensor, x: Tensor, ...parameters: P) => Tensor {
  const slope = defineGradient(name, {
    forward(ctx: Context<Pieces<P>>, dOut: Tensor, pieces: Pieces<P>) {
      ctx.save(pieces);
      const { x, parameters } = pieces;
      return pairwise(kernelsOf, name, dOut, x, (k, dX, d, data) =>
        kernel(k, dX, d, data, ...parameters),
      );
    },
    backward: (ctx, d): Tensor => slope(d, ctx.saved),
  });
  return (dOut, x, ...parameters) => slope(dOut, { x, parameters });
}

interface Curve<P> {
  readonly dOut: Tensor;
  readonly of: Tensor;
  readonly parameters: P;
}

/**
 * dOut times a slope.
 * @param bend The slope's derivative by what it is taken of.
 */
export function curvedSlope<K, P extends unknown[] = []>(
  kernelsOf: KernelsOf<K>,
  name: string,
  kernel: SlopeKernel<K, P>,
  bend: (of: Tensor, ...parameters: P) => Tensor,
): (dOut: Tensor, of: Tensor, ...parameters: P) => Tensor {
  const slope = defineGradient(name, {
    forward(ctx: Context<Curve<P>>, dOut: Tensor, of: Tensor, ...parameters: P) {
      ctx.save({ dOut, of, parameters });
      return pairwise(kernelsOf, name, dOut, of, (k, dX, d, data) =>
        kernel(k, dX, d, data, ...parameters),
      );
    },
    backward(ctx, d): (Tensor | null)[] {
      const { dOut, of, parameters } = ctx.saved;
      const [needsDOut, needsOf] = ctx.needsInputGrad;
      return [
        needsDOut ? slope(d, of, ...parameters) : null,
        needsOf ? mul(mul(d, dOut), bend(of, ...parameters)) : null,
      ];
    },
  });
  return slope;
}
