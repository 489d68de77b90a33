import type { DeviceBuffer } from './buffer.js';
import type { ACTIVATIONS, KERNELS } from './table/kernels.js';
import type { MORE_KERNELS } from './table/more-kernels.js';
import type { ElementwiseCall, ElementwiseName, OperandTypes } from './table/types.js';

/**
 * How kernels are called. The lists of them are the tables: table/kernels.js has those that every
 * network needs, table/more-kernels.js the others, which are loaded when one of them is wanted. Every
 * kernel exists twice: as plain loops in `reference/` (the definition, for float32 and float64) and as
 * WebAssembly SIMD behind `wasm/` (float32).
 *
 * Kernels take buffers (buffer.ts). The reference is loops over typed arrays; reference/index.ts
 * puts them behind the same calls, and is the only place that makes views for a kernel.
 *
 * Rules that hold for all of them:
 * - `out` comes first, then the inputs, then one object with the geometry or the constants.
 * - Operands are row-major and contiguous; their lengths follow from the geometry. Shapes are checked
 *   once, by the op that calls the kernel, and in its words; checked.ts makes sure once more, in exact
 *   arithmetic, that no kernel leaves its operands: WebAssembly would write into other tensors, plain
 *   loops would read NaN behind the end.
 * - "Writes" means that every element of `out` is overwritten, whatever it held. "Adds" means that
 *   the result is added to what `out` holds. Each kernel says which.
 * - `out` may be the same buffer as an input only where the comment says so.
 * - Nothing outside `out` is written.
 */

/** Element types that the arithmetic kernels know. */
export type FloatArray = Float32Array | Float64Array;

/** Element types of any tensor. */
export type NumericArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/**
 * An elementwise operation on two broadcast operands. `shape` is the shape of `out`; the strides
 * are counted in elements, 0 along a broadcast axis. Neighbouring axes that can be walked as one
 * are already merged, so the rank is usually 0 to 3 (rank 0: one element).
 */
export interface BroadcastGeometry {
  readonly shape: readonly number[];
  readonly aStrides: readonly number[];
  readonly bStrides: readonly number[];
}

/** As `BroadcastGeometry`, with the condition's strides (elements of a Uint8Array). */
export interface WhereGeometry extends BroadcastGeometry {
  readonly conditionStrides: readonly number[];
}

/** A walk over `shape` that reads and writes at strides (in elements; 0 or negative allowed). */
export interface StridedGeometry {
  readonly shape: readonly number[];
  readonly outStrides: readonly number[];
  readonly outOffset: number;
  readonly xStrides: readonly number[];
  readonly xOffset: number;
}

/** `x` seen as `[outer, n, inner]`, reduced over `n` to `[outer, inner]`. */
export interface ReduceGeometry {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** As `ReduceGeometry`, walked along `n`: from its end with `reverse`, else from its beginning. */
export interface ScanGeometry extends ReduceGeometry {
  readonly reverse: boolean;
}

/** `x` seen as `[rows, n]`, each row on its own. */
export interface RowsGeometry {
  readonly rows: number;
  readonly n: number;
}

/** As `RowsGeometry`; each row is put in order, the largest first with `descending`. */
export interface OrderGeometry extends RowsGeometry {
  readonly descending: boolean;
}

/** `x` seen as `[outer, channels, inner]`, each channel on its own. */
export interface ChannelsGeometry {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** As `ChannelsGeometry`; `eps` is added to each variance under the root. */
export interface MomentsGeometry extends ChannelsGeometry {
  readonly eps: number;
}

/** How the statistics of batches become running ones. */
export interface RunningOptions {
  readonly channels: number;
  /** The values of a channel in the batch, at least 2. */
  readonly count: number;
  /** The batch's share; null is 1/n for the n-th batch. */
  readonly momentum: number | null;
}

/** As `RowsGeometry`; `eps` is added to each variance under the root. */
export interface LayerNormGeometry extends RowsGeometry {
  readonly eps: number;
}

/**
 * `x` seen as `[outer, n, inner]`; `index` holds positions in 0 … n-1, `count` of them or, of kernels with
 * a position for each element, `[outer, count, inner]`.
 */
export interface IndexGeometry extends ReduceGeometry {
  readonly count: number;
}

/**
 * `out[b] = op(a[b]) · op(b[b])`: `out` is `[batch, M, N]`. `a` is `[M, K]`, or `[K, M]` with
 * `transposeA`; `b` is `[K, N]`, or `[N, K]` with `transposeB`. The batch strides are in elements,
 * 0 where one operand serves the whole batch.
 */
export interface MatmulGeometry {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** True: add to what `out` holds; false: overwrite it. */
  readonly accumulate: boolean;
  readonly batch: number;
  readonly aBatchStride: number;
  readonly bBatchStride: number;
}

/** What a product does with each of its results before it writes it. */
export interface Epilogue {
  readonly activation: keyof typeof ACTIVATIONS;
  /** The slope of leakyRelu; of no meaning for the others. */
  readonly slope: number;
}

/** As `MatmulGeometry`, with what is done with the product plus its bias. */
export interface MatmulJoinedGeometry extends MatmulGeometry, Epilogue {}

/** A window that slides over `[C, H, W]`; `OH` and `OW` are already known. */
export interface WindowGeometry {
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly KH: number;
  readonly KW: number;
  readonly OH: number;
  readonly OW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** Rows of zeros above the image; those below follow from `OH`. */
  readonly padTop: number;
  /** Columns of zeros left of the image; those to the right follow from `OW`. */
  readonly padLeft: number;
  readonly dilationH: number;
  readonly dilationW: number;
}

/** A convolution of a whole batch: everything that follows from shapes and options. */
export interface Conv2dGeometry {
  readonly N: number;
  readonly OC: number;
  readonly groups: number;
  /** The window that slides over one group of one image: `C` counts the group's channels. */
  readonly window: WindowGeometry;
}

/** As `Conv2dGeometry`, with what is done with the convolution's results. */
export interface Conv2dJoinedGeometry extends Conv2dGeometry, Epilogue {
  /**
   * The pooling behind the activation, or null for none. Its H and W are the convolution's OH and
   * OW; C says nothing, there are N·OC planes.
   */
  readonly pool: WindowGeometry | null;
}

/** `logProbs` is `[N, C]`, `labels` holds N classes in 0 … C-1. */
export interface CrossEntropyGeometry {
  readonly N: number;
  readonly C: number;
  /** ε in 0 … 1: the target is (1-ε) at the label, plus ε/C everywhere. */
  readonly labelSmoothing: number;
}

/** How a mask is drawn. */
export interface MaskOptions {
  /** The probability of a 0, above 0 and at most 1. */
  readonly p: number;
}

/** Constants of one SGD update, named as in `torch.optim.SGD`. */
export interface SgdOptions {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  /** The first update of this parameter: the buffer becomes the gradient, undamped. */
  readonly firstStep: boolean;
}

/** Constants of one update of Adam or AdamW, named as in `torch.optim.Adam`. */
export interface AdamStepOptions {
  readonly lr: number;
  /** In 0 … 1, below 1, as `beta2`. */
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** AdamW: the parameter shrinks by lr·weightDecay, and the gradient stays as it is. */
  readonly decoupled: boolean;
  /** Divide by the largest second moment so far. */
  readonly amsgrad: boolean;
  /** Which update of this parameter it is, from 1. */
  readonly step: number;
}

/** The rows of both tables. */
type Rows = typeof KERNELS & typeof MORE_KERNELS;

/**
 * The kernels that treat each element for itself, with one input, with two broadcast ones, and the
 * gradients: as their rows in the table say, where each is described.
 */
type ElementwiseKernels<Types extends OperandTypes> = {
  [K in keyof Rows as Extract<K, ElementwiseName<Rows>>]: ElementwiseCall<
    Types,
    BroadcastGeometry,
    Rows[K]
  >;
};

/**
 * The kernels, over any kind of operands: `F` holds the elements that are computed with, `I` indices
 * and labels (int32), `B` conditions (bytes), `D` sums that stay doubles.
 * @hidden
 */
export interface KernelCalls<F, I, B, D> extends ElementwiseKernels<{
  f32: F;
  f64: D;
  i32: I;
  u8: B;
}> {
  /** a where the condition is not 0, else b. Writes. */
  where(out: F, condition: B, a: F, b: F, geometry: WhereGeometry): void;

  // --- Movement ---
  /**
   * Copies the addressed elements of `x` to the addressed ones of `out`, no two of which are the
   * same; leaves the others.
   */
  copyStrided(out: F, x: F, geometry: StridedGeometry): void;
  /** Writes `[outer, count, inner]`: out[o, j, i] = x[o, index[j], i]. */
  indexSelect(out: F, x: F, index: I, geometry: IndexGeometry): void;
  /** Adds to `[outer, n, inner]`: dX[o, index[j], i] += dOut[o, j, i], j ascending. */
  indexAdd(dX: F, dOut: F, index: I, geometry: IndexGeometry): void;
  /** Two elements of x for each of out; `index` and `shares` are `[2, count]`. */
  resample(out: F, x: F, index: I, shares: F, geometry: IndexGeometry): void;
  /** Adds to dX what is there already included. */
  resampleBackward(dX: F, dOut: F, index: I, shares: F, geometry: IndexGeometry): void;
  /** Writes `[outer, count, inner]`: out[o, j, i] = x[o, index[o, j, i], i]. */
  gatherAlong(out: F, x: F, index: I, geometry: IndexGeometry): void;
  /**
   * Writes into `[outer, n, inner]`: out[o, index[o, j, i], i] = src[o, j, i], j ascending, so that of
   * several for one place the last stays; leaves the others.
   */
  scatterAlong(out: F, src: F, index: I, geometry: IndexGeometry): void;
  /** Adds to `[outer, n, inner]`: out[o, index[o, j, i], i] += src[o, j, i], j ascending. */
  scatterAddAlong(out: F, src: F, index: I, geometry: IndexGeometry): void;

  // --- Reductions. Write. ---
  /** An empty sum (n = 0) is 0. */
  sum(out: F, x: F, geometry: ReduceGeometry): void;
  /**
   * The sum of n squares in double precision, as four sums, of every fourth value each, which are added
   * up in the end; those behind the last whole four go to the first.
   */
  sumOfSquares(sum: D, x: F, options: { readonly n: number }): void;
  /** Values and the position of the first largest along `n` ≥ 1; NaN counts as the largest. */
  max(out: F, indices: I, x: F, geometry: ReduceGeometry): void;
  min(out: F, indices: I, x: F, geometry: ReduceGeometry): void;
  /** The gradient of max or min: writes dX `[outer, n, inner]`, dOut at `indices`, else 0. */
  selectBackward(dX: F, dOut: F, indices: I, geometry: ReduceGeometry): void;
  /** The product, in double precision; an empty one (n = 0) is 1. */
  prod(out: F, x: F, geometry: ReduceGeometry): void;
  /** The sum of bytes, modulo 2³²; an empty sum is 0. */
  sumBytes(out: I, x: B, geometry: ReduceGeometry): void;
  /** exp(x - max) / Σ exp(x - max), row by row. `out` may be `x`. */
  softmax(out: F, x: F, geometry: RowsGeometry): void;
  /** x - max - log Σ exp(x - max), row by row. `out` may be `x`. */
  logSoftmax(out: F, x: F, geometry: RowsGeometry): void;
  /**
   * out·(dOut - Σ dOut·out), row by row, `out` being softmax's result. A row whose dOut is all 0 gets
   * zeros, whatever out holds: what is masked out afterwards must not pass its NaN on.
   */
  softmaxBackward(dX: F, dOut: F, out: F, geometry: RowsGeometry): void;
  /**
   * dOut - exp(out)·Σ dOut, row by row, `out` being logSoftmax's result; zeros for a row whose dOut is
   * all 0, as of softmaxBackward.
   */
  logSoftmaxBackward(dX: F, dOut: F, out: F, geometry: RowsGeometry): void;

  // --- Scans and order. Write. ---
  // Scans go along n of `[outer, n, inner]`, in double precision, each result rounded once.
  /** out[j] = x[0] + … + x[j]; with reverse x[j] + … + x[n-1]. `out` may be `x`. */
  cumsum(out: F, x: F, geometry: ScanGeometry): void;
  /** out[j] = x[0] · … · x[j]; with reverse x[j] · … · x[n-1]. `out` may be `x`. */
  cumprod(out: F, x: F, geometry: ScanGeometry): void;
  /**
   * out[j] = factor[j]·out[j-1] + x[j], the first being x[0], whatever factor[0] is; with reverse
   * out[j] = factor[j]·out[j+1] + x[j], from x[n-1]. `out` may be `factor` or `x`.
   */
  recurrence(out: F, factor: F, x: F, geometry: ScanGeometry): void;
  /**
   * The values of each row in order, and where they stood. NaN counts as the largest; equals, -0 and 0
   * among them, keep their order, also where the largest are first.
   */
  sortRows(values: F, indices: I, x: F, geometry: OrderGeometry): void;

  // --- Normalisation. Write. ---
  // A channel of x `[outer, channels, inner]`, or a row of `[rows, n]`, is normalised by what stands of
  // it in `statistics`, `[3, channels]` or `[3, rows]`: its mean, its variance (the sum of squares
  // divided by their count) and 1/√(variance + eps). `normal` is (x - mean)/√(variance + eps). Where
  // squares are too large or too small for the element type, the values are reckoned again in such a
  // way that they aren't; a NaN or an infinity makes NaN of its channel or row.
  /** The statistics of each channel, in two passes; NaN for channels of no values. */
  moments(statistics: F, x: F, geometry: MomentsGeometry): void;
  /**
   * Adds 1 to `batches`, and moves running statistics towards those of the batch: running =
   * (1 - share)·running + share·batch, the variance times count/(count - 1), in double precision.
   */
  trackMoments(batches: I, mean: F, variance: F, statistics: F, options: RunningOptions): void;
  /** out = normal·weight + bias, one of each to a channel. */
  normalise(out: F, x: F, statistics: F, weight: F, bias: F, geometry: ChannelsGeometry): void;
  /**
   * For each channel dWeight = Σ dOut·normal and dBias = Σ dOut, and the `factors` that
   * normaliseBackward takes: weight, weight·dBias/count and weight·dWeight/count.
   */
  normaliseSums(
    dWeight: F,
    dBias: F,
    factors: F,
    dOut: F,
    x: F,
    statistics: F,
    weight: F,
    geometry: ChannelsGeometry,
  ): void;
  /**
   * dX = (g - mean(g) - normal·mean(g·normal))/√(variance + eps) with g = dOut·weight; `factors` holds
   * weight, mean(g) and mean(g·normal) of each channel, `[3, channels]`.
   */
  normaliseBackward(
    dX: F,
    dOut: F,
    x: F,
    statistics: F,
    factors: F,
    geometry: ChannelsGeometry,
  ): void;
  /** Statistics of each row, and out = normal·weight + bias, one of each to a place in a row. */
  layerNorm(out: F, statistics: F, x: F, weight: F, bias: F, geometry: LayerNormGeometry): void;
  /** As normaliseBackward for each row, with one weight to a place; the means are found here. */
  layerNormBackward(dX: F, dOut: F, x: F, statistics: F, weight: F, geometry: RowsGeometry): void;
  /** For each place of a row dWeight = Σ dOut·normal and dBias = Σ dOut over the rows. */
  layerNormSums(dWeight: F, dBias: F, dOut: F, x: F, statistics: F, geometry: RowsGeometry): void;

  // --- Recurrent cells. Write. ---
  // `fromX` and `fromH` are the products of the input and of the old state, bias included: the gates of
  // a row one behind the other, n values each, in PyTorch's order. σ is the sigmoid.
  /**
   * With the gates r, z and m: r = σ(fromX + fromH), z likewise, m = tanh(fromX + r·fromH), and
   * h = m + z·(before - m). `gates` gets r, z, m and m's part of fromH.
   */
  gruCell(h: F, gates: F, fromX: F, fromH: F, before: F, geometry: RowsGeometry): void;
  /** Its gradients; to `dBefore` only h's own part z·dH is added. */
  gruCellBackward(
    dFromX: F,
    dFromH: F,
    dBefore: F,
    dH: F,
    gates: F,
    before: F,
    geometry: RowsGeometry,
  ): void;
  /**
   * With the gates i, f, m and o: σ(fromX + fromH), for m tanh, c = f·before + i·m, h = o·tanh(c).
   * `gates` gets them; `before` is the old c.
   */
  lstmCell(h: F, c: F, gates: F, fromX: F, fromH: F, before: F, geometry: RowsGeometry): void;
  /** Its gradients, alike for fromX and fromH; `dC` holds that of c, and gets that of `before`. */
  lstmCellBackward(
    dGates: F,
    dC: F,
    dH: F,
    gates: F,
    c: F,
    before: F,
    geometry: RowsGeometry,
  ): void;

  // --- Linear algebra ---
  /** Writes, or adds the whole sum with `accumulate`. K = 0 gives zeros. */
  matmul(out: F, a: F, b: F, geometry: MatmulGeometry): void;
  /**
   * matmul, `bias` (N values) added to each row, and the activation: the bits of the three kernels one
   * after another.
   */
  matmulJoined(out: F, a: F, b: F, bias: F | null, geometry: MatmulJoinedGeometry): void;

  // --- Windows over one image ---
  /**
   * Copies each patch of x `[C, H, W]` into a column of out `[C·KH·KW, OH·OW]`; padding reads 0.
   * Writes.
   */
  unfold(out: F, x: F, geometry: WindowGeometry): void;
  /**
   * The adjoint of unfold: adds each column of `columns` `[C·KH·KW, OH·OW]` into the pixels of dX
   * `[C, H, W]` that it was copied from; what fell on padding is dropped. Adds.
   */
  fold(dX: F, columns: F, geometry: WindowGeometry): void;
  /**
   * The largest value of each window, for each of the C planes: out `[C, OH, OW]`, and in
   * `indices` its place h·W + w in the plane, the first at a tie. Padding never wins; NaN counts
   * as the largest. Every window holds at least one pixel. Writes both.
   */
  maxPool2d(out: F, indices: I, x: F, geometry: WindowGeometry): void;
  /**
   * Writes dX `[C, H, W]`: zeros, plus each dOut `[C, OH, OW]` added at its index, if that is one of
   * the plane's.
   */
  maxPool2dBackward(dX: F, dOut: F, indices: I, geometry: WindowGeometry): void;
  /**
   * The gradient of a pooling of relu's result: as maxPool2dBackward, without the windows whose value
   * in `pooled`, which is what the pooling gave, is ≤ 0. The bits are those of maxPool2dBackward and
   * reluBackward behind it. Writes.
   */
  maxPool2dReluBackward(dX: F, dOut: F, indices: I, pooled: F, geometry: WindowGeometry): void;

  // --- Convolution of a whole batch. Write. ---
  // x is `[N, groups·C, H, W]`, weight `[OC, C, KH, KW]`, out `[N, OC, OH, OW]`, bias `[OC]`; a
  // group's output channels see its own input channels only. Sums may take in zeros that padding, or
  // the kernel for its own ends, puts beside the numbers: where an infinity or NaN of the other
  // factor meets one, the result is NaN. Otherwise an infinity, a NaN or a large number reaches what
  // is summed over it and nothing else, whichever way a kernel goes.
  /** out[n, o, i, j] = Σ weight[o, c, kh, kw]·x[n, c, h, w] + bias[o], added last; padding reads 0. */
  conv2d(out: F, x: F, weight: F, bias: F | null, geometry: Conv2dGeometry): void;
  /**
   * conv2d, an activation and maxPool2d: the bits of the three kernels one after another. With a
   * pooling `pooled` and, unless it is null, `indices` are written, and `out` may be null, too, where
   * nobody needs what was pooled; without one `pooled` and `indices` are null.
   */
  conv2dJoined(
    out: F | null,
    pooled: F | null,
    indices: I | null,
    x: F,
    weight: F,
    bias: F | null,
    geometry: Conv2dJoinedGeometry,
  ): void;
  /** dX[n, c, h, w] = Σ weight[o, c, kh, kw]·dOut[n, o, i, j] over all windows on that pixel. */
  conv2dBackwardInput(dX: F, dOut: F, weight: F, geometry: Conv2dGeometry): void;
  /**
   * The same where x was relu's result, `saved`: the bits of conv2dBackwardInput, and of reluBackward
   * behind it.
   */
  conv2dBackwardInputRelu(dX: F, dOut: F, weight: F, saved: F, geometry: Conv2dGeometry): void;
  /**
   * dWeight[o, c, kh, kw] = Σ dOut[n, o, i, j]·x[n, c, h, w] and dBias[o] = Σ dOut[n, o, i, j];
   * with null instead of dBias only the first.
   */
  conv2dBackwardWeight(dWeight: F, dBias: F | null, x: F, dOut: F, geometry: Conv2dGeometry): void;

  // --- Random numbers ---
  /**
   * Writes 0 with probability p and else 1, by the generator whose words are `state`, which move on. A
   * byte decides, four to a drawn word; only the one byte value that the probability divides needs
   * another word.
   */
  drawMask(mask: B, state: I, options: MaskOptions): void;

  // --- Loss and update ---
  /** Writes N losses: -(1-ε)·logProbs[label] - ε/C·Σ logProbs. */
  crossEntropy(out: F, logProbs: F, labels: I, geometry: CrossEntropyGeometry): void;
  /**
   * The gradient of crossEntropy ∘ logSoftmax with respect to the logits: writes dX `[N, C]`,
   * dX[i, c] = dOut[i]·(exp(logProbs[i, c]) - target[i, c]); `dOut` holds N values. A row whose dOut
   * is 0 gets zeros, as of softmaxBackward.
   */
  crossEntropyBackward(
    dX: F,
    dOut: F,
    logProbs: F,
    labels: I,
    geometry: CrossEntropyGeometry,
  ): void;
  /**
   * One SGD update in place of `param` and of `velocity` (left alone, and may be of length 0, when
   * momentum is 0): g = grad + weightDecay·param; velocity = momentum·velocity + (1-dampening)·g
   * (= g on the first step); param -= lr·(nesterov ? g + momentum·velocity : velocity).
   */
  sgdStep(param: F, velocity: F, grad: F, options: SgdOptions): void;
  /**
   * One update of Adam or AdamW in place of `param`, of the moments, and of `maxExpAvgSq` (left
   * alone, and may be of length 0, without amsgrad): g = grad + weightDecay·param, or grad if
   * decoupled; expAvg = beta1·expAvg + (1-beta1)·g; expAvgSq = beta2·expAvgSq + (1-beta2)·g²;
   * param -= lr·(expAvg / (1-beta1ˢᵗᵉᵖ)) / (√(expAvgSq / (1-beta2ˢᵗᵉᵖ)) + eps), and if decoupled
   * lr·weightDecay·param as well. With amsgrad maxExpAvgSq, the larger of itself and expAvgSq,
   * stands under the root.
   */
  adamStep(
    param: F,
    expAvg: F,
    expAvgSq: F,
    maxExpAvgSq: F,
    grad: F,
    options: AdamStepOptions,
  ): void;
}

/** The kernels of both tables, as they compute tensors of one dtype. */
export type Kernels = KernelCalls<
  DeviceBuffer,
  DeviceBuffer<'int32'>,
  DeviceBuffer<'uint8'>,
  DeviceBuffer<'float64'>
>;

/** The loops of the reference. `F` is the array that they compute on. */
export type ArrayKernels<F extends NumericArray = NumericArray> = KernelCalls<
  F,
  Int32Array,
  Uint8Array,
  Float64Array
>;

/** The name of a kernel. */
export type KernelName = keyof Kernels;

/**
 * The names of the first table.
 * @hidden
 */
export type CoreKernelName = keyof typeof KERNELS;

/**
 * The names of the second table.
 * @hidden
 */
export type MoreKernelName = keyof typeof MORE_KERNELS;

/** The kernels that every network needs, those of `kernelsFor`. */
export type CoreKernels = Pick<Kernels, CoreKernelName>;

/** The others, those of `moreKernelsFor`. */
export type MoreKernels = Pick<Kernels, MoreKernelName>;
