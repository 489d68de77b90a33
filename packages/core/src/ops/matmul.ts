import { defineFunction, type Context } from '../autograd/function.js';
import type { DType } from '../dtype.js';
import { zeros } from '../creation.js';
import { kernelsFor } from '../engine/engine.js';
import { ShapeError } from '../errors.js';
import { tracer } from '../graph/tracer.js';
import { checkOptions, flag, type OptionRules } from '../options.js';
import { broadcastShapes, formatShape, sameShape, sizeOf, type Shape } from '../shape.js';
import { empty, requireTensor, type Tensor } from '../tensor.js';
import { add } from './arithmetic.js';
import { reshape } from './movement.js';
import { composed, requireFloat, sameDType } from './support.js';

/** How `matmul` reads its operands. */
export interface MatmulOptions {
  /** Whether a's last two axes are swapped: it is `[…, K, M]`. Nothing is copied. */
  readonly transposeA?: boolean;
  /** Whether b's last two axes are swapped: it is `[…, N, K]`. Nothing is copied. */
  readonly transposeB?: boolean;
}

type Flags = Required<MatmulOptions>;

const MATMUL_OPTIONS: OptionRules<MatmulOptions> = { transposeA: flag, transposeB: flag };

const matmulFunction = defineFunction('matmul', {
  forward(ctx: Context<Flags & { a: Tensor; b: Tensor }>, a: Tensor, b: Tensor, flags: Flags) {
    const { transposeA, transposeB } = flags;
    ctx.save({ a, b, ...flags });
    const [aRows, aColumns] = matrixOf(a);
    const [bRows, bColumns] = matrixOf(b);
    const [M, K] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const N = transposeB ? bRows : bColumns;
    if (a.ndim === 2 && b.ndim === 2) {
      const out = empty([M, N], a.dtype, 'matmul');
      const single = { batch: 1, aBatchStride: 0, bBatchStride: 0 };
      const geometry = { M, N, K, transposeA, transposeB, accumulate: false, ...single };
      kernelsFor(a.dtype).matmul(out.buffer, a.buffer, b.buffer, geometry);
      return out;
    }
    const aBatch = a.shape.slice(0, -2);
    const bBatch = b.shape.slice(0, -2);
    const batchShape = broadcastShapes('matmul', aBatch, bBatch);
    const out = empty([...batchShape, M, N], a.dtype, 'matmul');
    const left = batchOperand(a, aBatch, batchShape);
    const right = batchOperand(b, bBatch, batchShape);
    kernelsFor(a.dtype).matmul(out.buffer, left.x.buffer, right.x.buffer, {
      M,
      N,
      K,
      transposeA,
      transposeB,
      accumulate: false,
      batch: sizeOf(batchShape),
      aBatchStride: left.stride,
      bBatchStride: right.stride,
    });
    return out;
  },
  backward(ctx, dOut) {
    // C = A·B gives dA = dC·Bᵀ and dB = Aᵀ·dC; a transposed operand's gradient is transposed.
    const { a, b, transposeA, transposeB } = ctx.saved;
    const dA = (): Tensor =>
      transposeA
        ? matmul(b, dOut, { transposeA: transposeB, transposeB: true })
        : matmul(dOut, b, { transposeB: !transposeB });
    const dB = (): Tensor =>
      transposeB
        ? matmul(dOut, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, dOut, { transposeA: !transposeA });
    return [ctx.needsInputGrad[0] ? dA() : null, ctx.needsInputGrad[1] ? dB() : null];
  },
});

/** Rows and columns: the last two axes. */
function matrixOf({ shape }: Tensor): [rows: number, columns: number] {
  return [shape.at(-2) ?? 0, shape.at(-1) ?? 0];
}

/** An operand and its stride through the batch: 0 where one matrix serves the whole batch. */
function batchOperand(x: Tensor, own: Shape, batch: Shape): { x: Tensor; stride: number } {
  const matrix = sizeOf(x.shape.slice(-2));
  if (sizeOf(own) === 1) return { x, stride: 0 };
  if (sameShape(own, batch)) return { x, stride: matrix };
  // The batch axes are stretched unevenly: write the operand out.
  return { x: add(x, zeros([...batch, 1, 1], { dtype: x.dtype })), stride: matrix };
}

/** The product where one of the operands is a vector: that one as a row or a column, which goes again. */
function ofVectors(a: Tensor, b: Tensor, { transposeA, transposeB }: Flags): Tensor {
  const isTransposed = (a.ndim === 1 && transposeA) || (b.ndim === 1 && transposeB);
  if (a.ndim === 0 || b.ndim === 0 || isTransposed) {
    throw new ShapeError(
      `matmul: expected operands with dimensions, and of two at least to transpose, got ` +
        `${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ` +
        `${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''}; mul(a, b) multiplies by a scalar`,
    );
  }
  const [K] = a.ndim === 1 ? a.shape : b.shape;
  const other =
    a.ndim === 1
      ? b.shape.at(transposeB ? -1 : b.ndim === 1 ? 0 : -2)
      : a.shape.at(transposeA ? -2 : -1);
  if (K !== other) {
    throw new ShapeError(
      `matmul: the inner dimensions of ${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ` +
        `${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''} are ${a.ndim === 1 ? K : other} and ` +
        `${a.ndim === 1 ? other : K}; they must agree`,
    );
  }
  return composed(() => {
    const left = a.ndim === 1 ? reshape(a, [1, a.size]) : a;
    const right = b.ndim === 1 ? reshape(b, [b.size, 1]) : b;
    const out = matmul(left, right, { transposeA, transposeB });
    const shape = [
      ...out.shape.slice(0, -2),
      ...(a.ndim === 1 ? [] : out.shape.slice(-2, -1)),
      ...(b.ndim === 1 ? [] : out.shape.slice(-1)),
    ];
    return reshape(out, shape);
  });
}

/**
 * The matrix product a·b of `[…, M, K]` and `[…, K, N]`; leading axes are a batch and broadcast. A vector
 * on the left is a row and on the right a column, whose axis of size 1 the result lacks, as of
 * `torch.matmul`: two vectors give a scalar, a matrix and a vector a vector.
 * @throws ShapeError if an operand is a scalar, a vector is to be transposed or the inner dimensions
 * disagree, DTypeError for integers or mixed dtypes.
 */
export function matmul<D extends DType>(
  a: Tensor<D>,
  b: Tensor<D>,
  options?: MatmulOptions,
): Tensor<D>;
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  requireTensor('matmul', 'a', a);
  requireTensor('matmul', 'b', b);
  checkOptions('matmul', options, MATMUL_OPTIONS);
  const { transposeA = false, transposeB = false } = options;
  if (tracer) {
    const options = { transposeA, transposeB };
    return tracer.operation('matmul', matmul, { a, b, options });
  }
  requireFloat('matmul', a);
  sameDType('matmul', a, b);
  if (a.ndim < 2 || b.ndim < 2) return ofVectors(a, b, { transposeA, transposeB });
  const aInner = a.shape.at(transposeA ? -2 : -1);
  const bInner = b.shape.at(transposeB ? -1 : -2);
  if (aInner !== bInner) {
    throw new ShapeError(
      `matmul: the inner dimensions of ${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ` +
        `${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''} are ${aInner} and ${bInner}; they must ` +
        'agree',
    );
  }
  if (a.ndim > 2 && b.ndim === 2 && !transposeA && a.size > 0) {
    // One matrix for all rows: a single product, and dB needs no sum over the batch.
    return composed(() => {
      const rows = reshape(a, [-1, a.shape.at(-1) ?? 1]);
      const out = matmulFunction(rows, b, { transposeA, transposeB });
      return reshape(out, [...a.shape.slice(0, -1), out.shape[1]]);
    });
  }
  return matmulFunction(a, b, { transposeA, transposeB });
}
