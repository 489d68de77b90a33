import { ShapeError } from '../errors.js';

/** How the elements of a buffer are stored; a `bool` tensor's are bytes. */
export type ElementType = 'float32' | 'float64' | 'int32' | 'uint8';

const BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint8: 1,
};

/** A value that follows from some bytes and is kept beside them. */
export interface Dependant {
  /** Frees it: the bytes are about to change, or to be freed. */
  drop(): void;
}

/** Whose bytes a buffer names, as far as a kernel must know that keeps what follows from them. */
export interface BufferSource {
  /** How often the bytes were written, where that is noticed: everywhere but through views. */
  readonly writes: number;
  /** Whether somebody was given a view, through which they can be written unnoticed. */
  readonly isViewed: boolean;
  /** The value that is kept; whoever replaces it drops it first. */
  dependant: Dependant | null;
  /** To be called before the bytes are written. */
  noteWrite(): void;
}

/**
 * A run of elements in a device's memory, as kernels take them: it names bytes and does not show
 * them, so it stays what it is when the memory grows. It holds nothing: when its tensor is freed, the
 * bytes may be another's. `bufferOf` gives a tensor's.
 */
export class DeviceBuffer<Element extends ElementType = ElementType> {
  /** How the elements are stored. */
  readonly dtype: Element;
  /** Where the first one is: a byte address on the heap. */
  readonly address: number;
  /** The number of elements. */
  readonly length: number;
  /** @internal Whose bytes they are; null where nobody keeps count of writes. */
  readonly source: BufferSource | null;

  /** @hidden Buffers come from `bufferOf` and `slice`. */
  constructor(dtype: Element, address: number, length: number, source: BufferSource | null = null) {
    this.dtype = dtype;
    this.address = address;
    this.length = length;
    this.source = source;
  }

  /** The number of bytes. */
  get byteLength(): number {
    return this.length * this.bytesPerElement;
  }

  /** The number of bytes of an element. */
  get bytesPerElement(): number {
    return BYTES[this.dtype];
  }

  /** Whether the elements are stored so; tells the compiler, too. */
  isOf<E extends ElementType>(element: E): this is DeviceBuffer<E> {
    const dtype: ElementType = this.dtype;
    return dtype === element;
  }

  /**
   * The elements from `start` to before `end`: the same bytes, not a copy.
   * @throws ShapeError unless 0 ≤ start ≤ end ≤ length, in whole numbers.
   */
  slice(start: number, end: number = this.length): DeviceBuffer<Element> {
    const isInside = start >= 0 && start <= end && end <= this.length;
    if (!isInside || !Number.isInteger(start) || !Number.isInteger(end)) {
      throw new ShapeError(
        `slice: expected integers 0 ≤ start ≤ end ≤ ${this.length}, got ${start} and ${end}; a ` +
          'buffer has no elements outside',
      );
    }
    const address = this.address + start * this.bytesPerElement;
    return new DeviceBuffer(this.dtype, address, end - start, this.source);
  }
}

/** To be called before a kernel writes into the buffer. */
export function noteWrite(buffer: DeviceBuffer): void {
  const { source } = buffer;
  if (source !== null) source.noteWrite();
}
