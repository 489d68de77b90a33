import { defineFunction, defineGradient, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { kernelsFor } from '../engine/engine.js';
import { tracer } from '../graph/tracer.js';
import type { ReduceGeometry } from '../kernels/contract.js';
import { reducedShape, type Shape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { gatherFunction } from './along.js';
import {
  asGiven,
  gatherAxes,
  reduction,
  requireElements,
  type KeepdimOptions,
  type ReduceAxes,
  type ReduceOptions,
} from './axes.js';
import { reshape } from './movement.js';
import { composed, int32Of, requireNumber } from './support.js';

type Extreme = 'max' | 'min';

const extremeFunction = (which: Extreme) =>
  defineFunction(which, {
    forward(
      ctx: Context<{ indices: Tensor; geometry: ReduceGeometry; shape: Shape }>,
      x: Tensor,
      { geometry, shape }: { geometry: ReduceGeometry; shape: Shape },
    ) {
      const out = empty(shape, x.dtype, which);
      const indices = empty(shape, 'int32', which);
      kernelsFor(x.dtype)[which](out.buffer, int32Of(which, indices), x.buffer, geometry);
      ctx.save({ indices, geometry, shape: x.shape });
      return out;
    },
    backward: (ctx, dOut) => placeFunction(dOut, ctx.saved),
  });

interface Places {
  /** One along the reduced axis for each place beside it. */
  readonly indices: Tensor;
  readonly geometry: ReduceGeometry;
  readonly shape: Shape;
}

/** Zeros of `shape` with the elements of x at their positions along an axis. */
const placeFunction = defineGradient('selectBackward', {
  forward(ctx: Context<Places>, x: Tensor, places: Places) {
    ctx.save(places);
    const { indices, geometry, shape } = places;
    const out = empty(shape, x.dtype, 'selectBackward');
    const at = int32Of('selectBackward', indices);
    kernelsFor(x.dtype).selectBackward(out.buffer, x.buffer, at, geometry);
    return out;
  },
  backward(ctx, d) {
    const { indices, geometry } = ctx.saved;
    const { outer, n, inner } = geometry;
    const columns = reshape(d, [outer, n, inner]);
    const positions = reshape(indices, [outer, 1, inner]);
    return reshape(gatherFunction(columns, positions, { axis: 1 }), indices.shape);
  },
});

const extremeFunctions = { max: extremeFunction('max'), min: extremeFunction('min') };

function extreme(
  which: Extreme,
  x: Tensor,
  axis: ReduceAxes | undefined,
  options: KeepdimOptions | undefined,
): Tensor {
  requireNumber(which, x);
  const given = reduction(which, x, axis, options);
  if (tracer) {
    return tracer.operation(which, which === 'max' ? max : min, asGiven(x, axis, given));
  }
  const { axes, keepdim } = given;
  requireElements(which, x, axes);
  const shape = reducedShape(x.shape, axes, keepdim);
  return composed(() => {
    const gathered = gatherAxes(x, axes);
    return extremeFunctions[which](gathered.x, { geometry: gathered.geometry, shape });
  });
}

/**
 * The largest value over any axes, given as those of `sum`; NaN if one is. The gradient goes to the
 * first of equals, or to the first NaN, as PyTorch's along one axis.
 * @throws ShapeError over no element at all.
 */
export function max<D extends DType>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function max(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  return extreme('max', x, axis, options);
}

/** The smallest value over any axes; NaN if one is. The gradient goes as that of `max`. */
export function min<D extends DType>(
  x: Tensor<D>,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor<D>;
export function min(
  x: Tensor,
  axis?: ReduceAxes,
  options?: Pick<ReduceOptions, 'keepdim'>,
): Tensor {
  return extreme('min', x, axis, options);
}
