import { defineFunction, type Context } from '../autograd/function.js';
import { ones, zeros } from '../creation.js';
import { moreKernelsFor } from '../engine/more.js';
import { DTypeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import type { ScanGeometry } from '../kernels/contract.js';
import { normalizeAxis, reduceGeometry, withDim, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { mul } from './arithmetic.js';
import { cast, concat, sliceAlong } from './movement.js';
import { composed } from './support.js';

interface Scan {
  readonly axis: number;
  /** Whether the walk is from the axis's end to its beginning. */
  readonly reverse: boolean;
}

function geometryOf(shape: Shape, { axis, reverse }: Scan): ScanGeometry {
  return { ...reduceGeometry(shape, axis), reverse };
}

const cumsumFunction = defineFunction('cumsum', {
  forward(ctx: Context<Scan>, x: Tensor, scan: Scan) {
    ctx.save(scan);
    const out = empty(x.shape, x.dtype, 'cumsum');
    moreKernelsFor(x.dtype).cumsum(out.buffer, x.buffer, geometryOf(x.shape, scan));
    return out;
  },
  backward(ctx, dOut): Tensor {
    const { axis, reverse } = ctx.saved;
    return cumsumFunction(dOut, { axis, reverse: !reverse });
  },
});

/**
 * x with `filling` in front along the scan and without its last element: what stood before each. Or the
 * other way round with `ahead`: without its first element, and `filling` behind.
 */
function moved(x: Tensor, filling: Tensor, { axis, reverse }: Scan, ahead: boolean): Tensor {
  const n = x.shape[axis];
  const atEnd = reverse !== ahead;
  const rest = sliceAlong(x, axis, atEnd ? [1, n] : [0, n - 1]);
  return concat(atEnd ? [rest, filling] : [filling, rest], axis);
}

/** out[j] = factor[j]·out[j-1] + x[j] along the scan, the first being x's. */
const recurrenceFunction = defineFunction('recurrence', {
  forward(
    ctx: Context<Scan & { factor: Tensor; out: Tensor }>,
    factor: Tensor,
    x: Tensor,
    scan: Scan,
  ) {
    const out = empty(x.shape, x.dtype, 'recurrence');
    const geometry = geometryOf(x.shape, scan);
    moreKernelsFor(x.dtype).recurrence(out.buffer, factor.buffer, x.buffer, geometry);
    ctx.save({ ...scan, factor, out });
    return out;
  },
  backward(ctx, dOut): Tensor[] {
    // What reaches x[j] is dOut[j] and, through out[j + 1], what reaches x[j + 1] times factor[j + 1].
    const { axis, reverse, factor, out } = ctx.saved;
    const zero = zeros(withDim(out.shape, axis, 1), { dtype: out.dtype });
    const next = moved(factor, zero, { axis, reverse }, true);
    const dX = recurrenceFunction(next, dOut, { axis, reverse: !reverse });
    return [mul(dX, moved(out, zero, { axis, reverse }, false)), dX];
  },
});

const cumprodFunction = defineFunction('cumprod', {
  forward(ctx: Context<Scan & { x: Tensor; out: Tensor }>, x: Tensor, scan: Scan) {
    const out = empty(x.shape, x.dtype, 'cumprod');
    moreKernelsFor(x.dtype).cumprod(out.buffer, x.buffer, geometryOf(x.shape, scan));
    ctx.save({ ...scan, x, out });
    return out;
  },
  backward(ctx, dOut) {
    // The product before x[j], times dOut[j] + x[j + 1]·(dOut[j + 1] + x[j + 2]·(…)). No division, so
    // zeros need no care.
    const { axis, reverse, x, out } = ctx.saved;
    if (x.size === 0) return dOut;
    const shape = withDim(x.shape, axis, 1);
    const before = moved(out, ones(shape, { dtype: x.dtype }), { axis, reverse }, false);
    const next = moved(x, zeros(shape, { dtype: x.dtype }), { axis, reverse }, true);
    return mul(before, recurrenceFunction(next, dOut, { axis, reverse: !reverse }));
  },
});

/** Runs a scan over numbers; bools are counted as int32. */
function along(
  name: string,
  x: Tensor,
  axis: number,
  run: (x: Tensor, scan: Scan) => Tensor,
): Tensor {
  requireTensor(name, 'x', x);
  const at = normalizeAxis(name, axis, x.ndim);
  if (x.dtype === 'uint8') {
    throw new DTypeError(
      `${name}: uint8 overflows at 256, got ${x.describe()}; cast(x, 'int32') first`,
    );
  }
  const scan = { axis: at, reverse: false };
  if (x.dtype !== 'bool') return run(x, scan);
  return composed(() => run(cast(x, 'int32'), scan));
}

/**
 * The sums of x along `axis` up to each of its elements, that one included: in x's shape and dtype. Floats
 * are added in double precision, so that the last is as good as `sum`; int32 wraps round, and bools are
 * counted as int32.
 * @throws ShapeError for an axis that x does not have, DTypeError for uint8, which would overflow.
 */
export function cumsum<D extends 'float32' | 'float64' | 'int32'>(
  x: Tensor<D>,
  axis: number,
): Tensor<D>;
export function cumsum(x: Tensor, axis: number): Tensor;
export function cumsum(x: Tensor, axis: number): Tensor {
  if (tracer) return tracer.operation('cumsum', cumsum, { x, axis });
  return along('cumsum', x, axis, cumsumFunction);
}

/**
 * The products of x along `axis` up to each of its elements, that one included: in x's shape and dtype.
 * Floats are multiplied in double precision; int32 wraps round, and bools are counted as int32. The
 * gradient is exact beside zeros, too.
 * @throws ShapeError for an axis that x does not have, DTypeError for uint8, which would overflow.
 */
export function cumprod<D extends 'float32' | 'float64' | 'int32'>(
  x: Tensor<D>,
  axis: number,
): Tensor<D>;
export function cumprod(x: Tensor, axis: number): Tensor;
export function cumprod(x: Tensor, axis: number): Tensor {
  if (tracer) return tracer.operation('cumprod', cumprod, { x, axis });
  return along('cumprod', x, axis, cumprodFunction);
}
