import {
  bufferOf,
  ConfigError,
  defineFunction,
  DTypeError,
  elementsOf,
  empty,
  formatShape,
  indexSelect,
  kernelsFor,
  moreKernelsFor,
  reshape,
  ShapeError,
  where,
  zeros,
  type Context,
  type DType,
  type OptionRules,
  type Parameter,
  type Shape,
  type Tensor,
} from '@unfold/core';
import {
  checkedInUse,
  checkOptions,
  defineGradient,
  fills,
  hostCall,
  int32Of,
  reads,
  requireFloat,
  requireTensor,
  valueText,
  tracer,
} from '@unfold/core/internal';
import { floatDType, requireSizes } from './checks.js';
import { part } from './buffers.js';
import { normal } from './init.js';
import { Module } from './module.js';
import { emptyParameter } from './parameter.js';
import { formatOptions } from './tree.js';

/** Options of `embedding`, named as PyTorch's. */
export interface EmbeddingOptions {
  /**
   * The row that stands for padding: it gets no gradient. Negative ones count from the back.
   * Default: none.
   */
  readonly paddingIdx?: number | null;
}

const EMBEDDING_OPTIONS: OptionRules<EmbeddingOptions> = { paddingIdx: checkedInUse };

interface Saved {
  readonly indices: Tensor;
  readonly rows: number;
  readonly padding: number | null;
}

const embeddingFunction = defineFunction('embedding', {
  forward(ctx: Context<Saved>, weight: Tensor, x: Tensor, { padding }: { padding: number | null }) {
    const [rows, size] = weight.shape;
    const out = empty([...x.shape, size], weight.dtype, 'embedding');
    const geometry = { outer: 1, n: rows, inner: size, count: x.size };
    // A copy, as a loader may reuse x before backward.
    const indices = empty([x.size], 'int32', 'embedding');
    hostCall('embedding', [fills(indices), reads(x)], (copy, given) => copy.set(given));
    const at = int32Of('embedding', indices);
    moreKernelsFor(weight.dtype).indexSelect(bufferOf(out), bufferOf(weight), at, geometry);
    ctx.save({ indices, rows, padding });
    return out;
  },
  backward: (ctx, dOut) => [addRowsFunction(dOut, ctx.saved), null],
});

/** The gradient by weight: each vector is added to the row that it came from, unless it is padding. */
const addRowsFunction = defineGradient('embeddingBackward', {
  forward(ctx: Context<Saved & { shape: Shape }>, dOut: Tensor, { indices, rows, padding }: Saved) {
    ctx.save({ indices, rows, padding, shape: dOut.shape });
    const size = dOut.shape.at(-1) ?? 0;
    const dWeight = zeros([rows, size], { dtype: dOut.dtype });
    const geometry = { outer: 1, n: rows, inner: size, count: indices.size };
    const at = int32Of('embedding', indices);
    moreKernelsFor(dOut.dtype).indexAdd(bufferOf(dWeight), bufferOf(dOut), at, geometry);
    if (padding !== null) {
      kernelsFor(dOut.dtype).fill(part(dWeight, padding, size), { value: 0 });
    }
    return dWeight;
  },
  backward(ctx, d) {
    const { indices, rows, padding, shape } = ctx.saved;
    const isPadding = empty([rows, 1], 'bool', 'embedding');
    hostCall('embedding', [fills(isPadding)], (to) => {
      to.fill(0);
      if (padding !== null) to[padding] = 1;
    });
    const given = padding === null ? d : where(isPadding, 0, d);
    return reshape(indexSelect(given, 0, indices), shape);
  },
});

/**
 * The rows of `weight` at the indices, as `torch.nn.functional.embedding`. A row that comes
 * several times gets the sum of the gradients.
 * @param x Indices in 0 … rows-1, int32 or uint8, of any shape.
 * @param weight `[rows, size]`
 * @returns `[...x.shape, size]`
 * @throws DTypeError unless the indices are integers, ShapeError unless weight is a matrix and has
 * the rows, ConfigError for a paddingIdx that it has not.
 */
export function embedding(x: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  requireTensor('embedding', 'x', x);
  requireTensor('embedding', 'weight', weight);
  checkOptions('embedding', options, EMBEDDING_OPTIONS);
  requireFloat('embedding', weight);
  if (tracer) {
    const { paddingIdx = null } = options;
    return tracer.operation('embedding', embedding, { x, weight, options: { paddingIdx } });
  }
  if (x.dtype !== 'int32' && x.dtype !== 'uint8') {
    throw new DTypeError(
      `embedding: expected integer indices (int32 or uint8), got ${x.describe()}; ${wholeNumbers(x)}`,
    );
  }
  if (weight.ndim !== 2) {
    throw new ShapeError(
      `embedding: expected weight [rows,size], got ${formatShape(weight.shape)}`,
    );
  }
  const rows = weight.shape[0];
  const padding = paddingRow('embedding', options.paddingIdx ?? null, rows);
  hostCall('embedding', [reads(x)], (indices) => {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i];
      if (index >= 0 && index < rows) continue;
      throw new ShapeError(
        `embedding: index ${index} at element ${i} is outside 0 … ${rows - 1}, ` +
          `the rows of weight ${formatShape(weight.shape)}`,
      );
    }
  });
  return embeddingFunction(weight, x, { padding });
}

/** The mend for indices of another dtype: a cast would make every index 0 of bytes that a loader scaled. */
function wholeNumbers(x: Tensor): string {
  const values = elementsOf(x);
  if (values.every((value) => Number.isInteger(value))) return "cast(x, 'int32') converts";
  return (
    'they are no whole numbers, which a cast would cut off; a DataLoader scales bytes to 0…1, but ' +
    'takes a Float32Array as given, so keep indices in one, and cast them'
  );
}

/** The padding row counted from the front. @throws ConfigError if there is no such row. */
function paddingRow(operation: string, paddingIdx: number | null, rows: number): number | null {
  if (paddingIdx === null) return null;
  const row = Number.isInteger(paddingIdx) && paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new ConfigError(
      `${operation}: paddingIdx must be an integer in ${-rows} … ${rows - 1}, got ` +
        valueText(paddingIdx),
    );
  }
  return row;
}

/** Options of `Embedding`. */
export interface EmbeddingLayerOptions extends EmbeddingOptions {
  /** Default float32. */
  readonly dtype?: DType;
}

const EMBEDDING_LAYER_OPTIONS: OptionRules<EmbeddingLayerOptions> = {
  ...EMBEDDING_OPTIONS,
  dtype: floatDType,
};

/**
 * A table of vectors that are learnt, as `torch.nn.Embedding`: indices `[…]` → `[…, embeddingDim]`.
 * They start standard normal, from the stream `'init'`; the padding row starts, and stays, 0.
 */
export class Embedding extends Module {
  /** `[numEmbeddings, embeddingDim]` */
  readonly weight: Parameter;
  readonly #padding: number | null;

  /** @throws ConfigError unless both sizes are positive integers and paddingIdx is a row. */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super();
    requireSizes('Embedding', 'positive integers', numEmbeddings, embeddingDim);
    checkOptions('Embedding', options, EMBEDDING_LAYER_OPTIONS);
    const { paddingIdx = null, dtype = 'float32' } = options;
    const padding = paddingRow('Embedding', paddingIdx, numEmbeddings);
    this.weight = emptyParameter([numEmbeddings, embeddingDim], dtype);
    normal(this.weight);
    if (padding !== null) {
      const from = padding * embeddingDim;
      this.weight.update((data) => data.fill(0, from, from + embeddingDim));
    }
    this.#padding = padding;
  }

  /** Indices of any shape, int32 or uint8 → `[...x.shape, embeddingDim]`. */
  forward(x: Tensor): Tensor {
    return embedding(x, this.weight, { paddingIdx: this.#padding });
  }

  /** @hidden */
  override constructedWith(): object {
    const [numEmbeddings, embeddingDim] = this.weight.shape;
    return { numEmbeddings, embeddingDim, paddingIdx: this.#padding ?? undefined };
  }

  override extraRepr(): string {
    return formatOptions(this.constructedWith(), 2);
  }
}
