import { currentScope, type Scope, type Scoped } from './memory/scope.js';
import { disposeSymbol } from './dispose-symbol.js';
import {
  bytesPerElement,
  checkDType,
  isFloat,
  newArray,
  viewOver,
  type ArrayTypes,
  type DType,
} from './dtype.js';
import { heap } from './engine/engine.js';
import { probe } from './engine/probe.js';
import { ConfigError, DisposedError, DTypeError, ShapeError, TapeError } from './errors.js';
import { recordedWalk } from './autograd/recorded-walk.js';
import { tracer } from './graph/tracer.js';
import { DeviceBuffer } from './kernels/buffer.js';
import type { NumericArray } from './kernels/contract.js';
import { requireFunction, valueText } from './options.js';
import { checkShape, formatShape, sameShape, sizeOf, type Shape } from './shape.js';
import { Storage } from './memory/storage.js';

/** Numbers, nested to any depth: what `toArray` gives. */
export type NestedArray<T extends number | boolean = number | boolean> =
  T | readonly NestedArray<T>[];

/**
 * Frees the memory of tensors that belong to no scope and were forgotten. A net for strays only:
 * finalisers do not run while a loop never lets go of the thread.
 */
const strays = new FinalizationRegistry<Storage>((storage) => storage.release());

/**
 * The tensor of each view that `data` gave. As long as a view is held, so is its tensor: the memory
 * of one that belongs to no scope can't be used again under the view.
 */
const viewed = new WeakMap<NumericArray, Tensor>();

/**
 * A contiguous, row-major, n-dimensional array on the engine's heap. Tensors come from the
 * creation functions (`tensor`, `zeros`, …) and from operations, not from this constructor.
 */
export class Tensor<D extends DType = DType> implements Scoped {
  /** The dimensions, outermost first; `[]` for a scalar. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: D;
  /** The number of elements. */
  readonly size: number;
  /** The operation that made it, as error messages name it. */
  readonly origin: string;
  /** @internal The recorded operation that gave this tensor, while its tape is open. */
  recordedBy: { readonly tape: Scope } | null = null;

  /** @internal */
  readonly storage: Storage;
  #elements: ArrayTypes[D] | undefined;
  #buffer: DeviceBuffer | undefined;
  #grad: Tensor<D> | null = null;
  #disposed = false;
  #reason = '';
  #requiresGrad = false;
  #owner: Scope | null = null;
  #isStray = false;
  #refusesViews = false;

  /** @internal */
  constructor(storage: Storage, shape: Shape, dtype: D, origin: string) {
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.origin = origin;
    const scope = currentScope();
    if (scope) scope.adopt(this);
    else this.owner = null;
    if (tracer) tracer.made(this);
  }

  /** The number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Whether the memory was freed: by `dispose`, or at the end of the tensor's scope. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** @internal */
  get owner(): Scope | null {
    return this.#owner;
  }

  set owner(scope: Scope | null) {
    this.#owner = scope;
    if (this.#isStray === (scope === null)) return;
    this.#isStray = scope === null;
    if (this.#isStray) strays.register(this, this.storage, this);
    else strays.unregister(this);
  }

  /**
   * Whether `backward` computes a gradient for this tensor. Settable on a leaf, a tensor that no
   * operation on a tape gave: an input, or a parameter that is to be frozen.
   * @throws TapeError when set on a recorded result, DTypeError when set on integers.
   */
  get requiresGrad(): boolean {
    return this.#requiresGrad || this.recordedBy !== null;
  }

  set requiresGrad(value: boolean) {
    if (this.recordedBy) {
      throw new TapeError(
        `requiresGrad: ${this.describe()} is a recorded result; detach() it first`,
      );
    }
    if (value && !isFloat(this.dtype)) {
      throw new DTypeError(
        `requiresGrad: only float tensors have gradients, got ${this.describe()}`,
      );
    }
    probe?.marked?.(this);
    this.#requiresGrad = value;
  }

  /** Whether no operation on an open tape gave this tensor: an input, a parameter, or a constant. */
  get isLeaf(): boolean {
    return this.recordedBy === null;
  }

  /**
   * The gradient that `backward` added up so far; null before the first and after `zeroGrad`. What
   * is assigned is not copied: `backward` adds to it, `zeroGrad` frees it, and so does the end of
   * its scope, unless it was kept.
   * @throws when set, ShapeError or DTypeError unless the gradient has this tensor's shape and
   * dtype, DisposedError if it was freed.
   */
  get grad(): Tensor<D> | null {
    probe?.graded?.(this, 'use', this.#grad);
    return this.#grad;
  }

  set grad(gradient: Tensor<D> | null) {
    if (gradient) this.#checkGrad(gradient);
    probe?.graded?.(this, 'set', this.#grad, gradient);
    this.#grad = gradient;
  }

  #checkGrad(gradient: Tensor<D>): void {
    requireTensor('grad', 'the gradient', gradient);
    gradient.assertAlive();
    if (!sameShape(gradient.shape, this.shape)) {
      throw new ShapeError(
        `grad: expected a gradient of shape ${formatShape(this.shape)}, as its tensor, got ` +
          `${formatShape(gradient.shape)}; sum or reshape it`,
      );
    }
    if (gradient.dtype !== this.dtype) {
      throw new DTypeError(
        `grad: expected a ${this.dtype} gradient, as its tensor, got ${gradient.dtype}; ` +
          `cast(gradient, '${this.dtype}')`,
      );
    }
  }

  /**
   * The elements, as a live view of the heap, for use at once; `toTypedArray` copies. What becomes
   * of a view that is kept:
   *
   * - It holds the memory of a tensor that belongs to no scope, so it shows this tensor's numbers
   *   for as long as it is held. A `subarray` of it is another array and holds nothing.
   * - When the tensor is disposed of or its scope ends, the bytes become all ones (NaN, or -1, or
   *   255) and are the last on the heap to be used again: **a view must not leave its scope.**
   * - Where memory can't be shared with threads, a view is empty once the heap has grown.
   *
   * Nobody notices a write through the view. Between an operation and `backward` it makes the
   * gradient that of the new numbers, without an error, if the operation saved the tensor. `update`
   * and all that uses it (`loadStateDict`, optimisers, initialisers) are noticed. A convolution keeps
   * nothing of a weight whose view was handed out, and takes longer with it for one image.
   * @throws DisposedError if the tensor's scope has ended, or its memory is used again (`compile`
   * with `reuse`).
   */
  get data(): ArrayTypes[D] {
    noteRead('data', this);
    if (this.#refusesViews) {
      throw new DisposedError(
        `data: ${this.describe()} is a result of a program with { reuse: true }, whose memory holds the ` +
          'next one soon; item() and toTypedArray() copy',
      );
    }
    const view = this.elements;
    if (!viewed.has(view)) {
      viewed.set(view, this);
      this.storage.noteView();
    }
    return view;
  }

  /** @internal From here on `data` throws: somebody else writes into the memory. */
  refuseViews(): void {
    this.#refusesViews = true;
  }

  /** @internal What `bufferOf` gives. */
  get buffer(): DeviceBuffer {
    this.assertAlive();
    if (this.#buffer === undefined) {
      const dtype: DType = this.dtype;
      const element = dtype === 'bool' ? 'uint8' : dtype;
      this.#buffer = new DeviceBuffer(element, this.storage.address, this.size, this.storage);
    }
    return this.#buffer;
  }

  /** @internal A view of the heap for reading, or for filling what was just made. */
  get elements(): ArrayTypes[D] {
    this.assertAlive();
    probe?.looked?.(this.storage);
    const buffer = heap.buffer;
    if (this.#elements?.buffer !== buffer) {
      this.#elements = viewOver(this.dtype, buffer, this.storage.address, this.size);
    }
    return this.#elements;
  }

  /**
   * Changes the elements in place. The change is counted: `backward` refuses to use a saved tensor
   * that was updated after it was saved. The array that `change` is given is valid until it returns.
   * @throws DisposedError if the tensor's scope has ended.
   */
  update(change: (data: ArrayTypes[D]) => void): void {
    requireFunction('update', change);
    const { elements } = this;
    if (tracer) tracer.changes('update', this, () => this.update(change));
    this.storage.version++;
    this.storage.noteWrite();
    change(elements);
  }

  /**
   * As `update`, for kernels: `change` is given the buffer to write into.
   * @throws DisposedError if the tensor's scope has ended.
   */
  updateBuffer(change: (buffer: DeviceBuffer) => void): void {
    requireFunction('updateBuffer', change);
    const { buffer } = this;
    if (tracer) tracer.changes('updateBuffer', this, () => this.updateBuffer(change));
    this.storage.version++;
    this.storage.noteWrite();
    change(buffer);
  }

  /** @internal How often the elements were changed in place. */
  get version(): number {
    return this.storage.version;
  }

  /** @internal Whether another tensor lives in the same memory. */
  get isShared(): boolean {
    return this.storage.references > 1;
  }

  /** The only element of a tensor of size 1. @throws ShapeError for any other size. */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(
        `item: expected a tensor with one element, got ${this.describe()}; use toArray()`,
      );
    }
    noteRead('item', this);
    return this.elements[0];
  }

  /** A copy of the elements, off the heap. */
  toTypedArray(): ArrayTypes[D] {
    noteRead('toTypedArray', this);
    const copy = newArray(this.dtype, this.size);
    copy.set(this.elements);
    return copy;
  }

  /** A copy of the elements as nested arrays; numbers, or booleans for dtype bool. */
  toArray(): NestedArray {
    noteRead('toArray', this);
    const data = this.elements;
    const isBool = this.dtype === 'bool';
    let next = 0;
    const build = (axis: number): NestedArray => {
      if (axis === this.ndim) {
        const value = data[next++];
        return isBool ? value !== 0 : value;
      }
      return Array.from({ length: this.shape[axis] }, () => build(axis + 1));
    };
    return build(0);
  }

  /** The same memory under a new tensor that no gradient flows through. */
  detach(): Tensor<D> {
    if (tracer) return tracer.operation('detach', detached<D>, { x: this });
    return this.view(this.shape, 'detach');
  }

  /** @internal The same memory under another shape of the same size. */
  view(shape: Shape, origin: string): Tensor<D> {
    this.assertAlive();
    return new Tensor(this.storage.retain(), shape, this.dtype, origin);
  }

  /**
   * Takes the tensor out of every scope: it is the caller's to dispose of from here on. When the
   * tape that recorded it closes, it becomes a constant.
   */
  keep(): this {
    this.assertAlive();
    this.owner = null;
    return this;
  }

  /**
   * Frees the memory, and the gradient's, now. Harmless when done twice.
   * @param reason What a later read is told: who disposed of it, why, and the mend.
   */
  dispose(
    reason = 'its scope ended or it was disposed of; keep() takes a tensor out of its scope',
  ): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#reason = reason;
    this.#elements = undefined;
    if (this.#isStray) strays.unregister(this);
    this.storage.release();
    this.zeroGrad();
  }

  /** Drops the gradient. One that a tape recorded, under `createGraph`, stays the tape's. */
  zeroGrad(): void {
    if (!this.#disposed) probe?.graded?.(this, 'drop', this.#grad);
    if (!this.#grad?.recordedBy) this.#grad?.dispose();
    this.#grad = null;
  }

  /** Frees the memory: `using` calls this at the end of the block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /** @internal */
  assertAlive(): void {
    if (this.#disposed) {
      throw new DisposedError(
        `${this.describe()} made by ${this.origin} was read after ${this.#reason}`,
      );
    }
  }

  /** `float32 tensor [2,3]`. */
  describe(): string {
    return `${this.dtype} tensor ${formatShape(this.shape)}`;
  }

  toString(): string {
    if (this.#disposed) return `Tensor(${formatShape(this.shape)} ${this.dtype}, disposed)`;
    const shown = Array.from(this.elements.subarray(0, 8), (value) =>
      this.dtype === 'bool' ? String(value !== 0) : String(Number(value.toPrecision(5))),
    );
    const more = this.size > shown.length ? ', …' : '';
    const grad = this.requiresGrad ? ', requiresGrad' : '';
    const values = this.size > 0 ? `: ${shown.join(', ')}${more}` : '';
    return `Tensor(${formatShape(this.shape)} ${this.dtype}${grad}${values})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * Text for a template, as `toString`. JavaScript's operators know no tensors: `x * 2` would be
   * NaN and `x == 2` false without a word.
   * @throws DTypeError where an operator wants a number.
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new DTypeError(
      `operator: expected numbers, got ${this.describe()}, which JavaScript's operators can't ` +
        'reckon with; use add(x, 2), mul(x, 2), eq(x, 2) …, x.item() for the number of a tensor ' +
        'with one element, and `${x}` for text',
    );
  }

  /**
   * The tensor as `JSON.stringify` writes it. JSON has no NaN and no infinities: these are the words
   * 'NaN', 'Infinity' and '-Infinity', so `tensor(data.map(Number), shape, { dtype })` makes the
   * tensor again.
   */
  toJSON(): { dtype: DType; shape: Shape; data: (number | string)[] } {
    noteRead('toJSON', this);
    const data = Array.from(this.elements, (value) =>
      Number.isFinite(value) ? value : String(value),
    );
    return { dtype: this.dtype, shape: this.shape, data };
  }
}

/** To be called before the numbers of a tensor are handed out. */
function noteRead(name: string, x: Tensor): void {
  if (tracer) tracer.reads(name, x);
  if (recordedWalk) recordedWalk.reads(name, x);
}

/** `detach` as a function, as graphs call it. */
function detached<D extends DType>(x: Tensor<D>): Tensor<D> {
  return x.detach();
}

/**
 * A tensor that training changes: a leaf with `requiresGrad` true that belongs to no scope. It
 * shares the memory of the tensor that it is made from.
 */
export class Parameter<D extends DType = DType> extends Tensor<D> {
  /** @throws DTypeError unless `initial` holds floats. */
  constructor(initial: Tensor<D>) {
    requireTensor('Parameter', 'initial', initial);
    initial.assertAlive();
    if (!isFloat(initial.dtype)) {
      throw new DTypeError(`Parameter: expected a float tensor, got ${initial.describe()}`);
    }
    super(initial.storage.retain(), initial.shape, initial.dtype, 'Parameter');
    this.owner = null;
    this.requiresGrad = true;
  }
}

/**
 * @param name What the operation calls it.
 * @throws DTypeError unless `value` is a tensor.
 */
export function requireTensor(
  operation: string,
  name: string,
  value: unknown,
): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw noTensor(operation, `a tensor for ${name}`, value);
}

/** The error for what should have been a tensor, with how to make one. */
export function noTensor(operation: string, expected: string, value: unknown): DTypeError {
  const isData =
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    Array.isArray(value) ||
    ArrayBuffer.isView(value);
  const mend = isData
    ? `; tensor(${ArrayBuffer.isView(value) ? 'data, shape' : 'data'}) makes one`
    : '';
  return new DTypeError(`${operation}: expected ${expected}, got ${valueText(value)}${mend}`);
}

/** A tensor of undefined content. */
export function empty<D extends DType = 'float32'>(
  shape: Shape,
  dtype?: D,
  origin?: string,
): Tensor<D>;
export function empty(shape: Shape, dtype: DType = 'float32', origin = 'empty'): Tensor {
  if (typeof origin !== 'string') {
    throw new ConfigError(`empty: expected a name for the origin, got ${valueText(origin)}`);
  }
  return emptyOfSize(shape, checkShape(origin, shape), dtype, origin);
}

/**
 * As `empty`, for a shape that was checked.
 * @param size What `checkShape` gave for it.
 */
export function emptyOfSize<D extends DType>(
  shape: Shape,
  size: number,
  dtype: D,
  origin: string,
): Tensor<D> {
  checkDType(origin, dtype);
  const storage = new Storage(size * bytesPerElement(dtype), origin);
  return new Tensor(storage, [...shape], dtype, origin);
}

/**
 * The elements of `x`, as kernels take them. What is written through a buffer isn't counted as
 * `update` counts it: write into what you just made, or use `updateBuffer`.
 * @throws DisposedError if the tensor's scope has ended.
 */
export function bufferOf(x: Tensor): DeviceBuffer {
  requireTensor('bufferOf', 'x', x);
  noteRead('bufferOf', x);
  return x.buffer;
}

/**
 * A view of the elements of `x`, to be read or filled at once, before anything else is allocated.
 * Nobody keeps count of it, as is done for those that `Tensor.data` gives, so it must not be handed
 * on: once the tensor is gone it shows others' numbers.
 * @throws DisposedError if the tensor's scope has ended.
 */
export function elementsOf<D extends DType>(x: Tensor<D>): ArrayTypes[D] {
  requireTensor('elementsOf', 'x', x);
  noteRead('elementsOf', x);
  x.storage.noteWrite();
  return x.elements;
}
