import type { Heap } from '../../engine/heap.js';
import type { NumericArray } from '../contract.js';

/** Integers that a call can hand over in memory: a walk of rank 64 with three operands fits. */
const BLOCK_LENGTH = 512;

/** An array from outside the heap, and the block that stands in for it during a call. */
interface Guest {
  readonly array: NumericArray;
  readonly address: number;
  readonly bytes: number;
  readonly isOutput: boolean;
}

/**
 * What one kernel call at a time needs: the addresses of its arrays, and a block for its geometry.
 * Arrays on the heap are used where they are, and nothing is allocated; others are copied onto the
 * heap and, if they are outputs, back.
 *
 *     frame.enter(1, out, x);
 *     try {
 *       exports.relu(frame.first, frame.second, n);
 *     } finally {
 *       frame.leave();
 *     }
 *
 * Lengths must be read before `enter`: taking blocks may grow the heap, which detaches the views
 * that lie on it.
 */
export class Frame {
  /** Addresses of the arrays, in the order of `enter`'s arguments. */
  first = 0;
  second = 0;
  third = 0;
  fourth = 0;
  fifth = 0;
  /** The geometry's block: its address, and its content, valid from `enter` to `leave`. */
  readonly blockAddress: number;
  block: Int32Array;
  /** The same words as single-precision floats. */
  floats: Float32Array;
  readonly #heap: Heap;
  #guests: Guest[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
    this.blockAddress = heap.allocate(BLOCK_LENGTH * 4);
    this.block = new Int32Array(heap.buffer, this.blockAddress, BLOCK_LENGTH);
    this.floats = new Float32Array(heap.buffer, this.blockAddress, BLOCK_LENGTH);
  }

  /**
   * Finds the addresses of one to five arrays, the first `outputs` of which the kernel writes.
   * @throws EngineError if the heap has no room for a copy.
   */
  enter(
    outputs: number,
    first: NumericArray,
    second: NumericArray = first,
    third: NumericArray = first,
    fourth: NumericArray = first,
    fifth: NumericArray = first,
  ): void {
    const buffer = this.#heap.buffer;
    if (
      first.buffer === buffer &&
      second.buffer === buffer &&
      third.buffer === buffer &&
      fourth.buffer === buffer &&
      fifth.buffer === buffer
    ) {
      this.first = first.byteOffset;
      this.second = second.byteOffset;
      this.third = third.byteOffset;
      this.fourth = fourth.byteOffset;
      this.fifth = fifth.byteOffset;
    } else this.#invite(outputs, [first, second, third, fourth, fifth]);
    this.renew();
  }

  /** Copies outputs back and returns what `enter` took. */
  leave(): void {
    if (this.#guests.length > 0) this.#dismiss();
  }

  /** The views of the block go stale when the heap grows: after taking memory between the two. */
  renew(): void {
    const { buffer } = this.#heap;
    if (this.block.buffer !== buffer) {
      this.block = new Int32Array(buffer, this.blockAddress, BLOCK_LENGTH);
      this.floats = new Float32Array(buffer, this.blockAddress, BLOCK_LENGTH);
    }
  }

  #invite(outputs: number, arrays: readonly NumericArray[]): void {
    const addresses = new Map<NumericArray, number>();
    // First those on the heap, while their views are valid.
    for (const array of arrays) {
      if (array.buffer === this.#heap.buffer) addresses.set(array, array.byteOffset);
    }
    try {
      arrays.forEach((array, i) => {
        if (addresses.has(array)) return;
        const bytes = array.byteLength;
        const address = this.#heap.allocate(bytes);
        addresses.set(array, address);
        this.#guests.push({ array, address, bytes, isOutput: i < outputs });
        // Outputs too: a kernel may add to them, or write only a part.
        this.#bytesAt(address, bytes).set(bytesOf(array));
      });
    } catch (error) {
      this.#dismiss();
      throw error;
    }
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = arrays.map((array) =>
      addresses.get(array),
    );
    this.first = first;
    this.second = second;
    this.third = third;
    this.fourth = fourth;
    this.fifth = fifth;
  }

  #dismiss(): void {
    const guests = this.#guests;
    this.#guests = [];
    for (const { array, address, bytes, isOutput } of guests) {
      if (isOutput) bytesOf(array).set(this.#bytesAt(address, bytes));
      this.#heap.free(address, bytes);
    }
  }

  #bytesAt(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#heap.buffer, address, bytes);
  }
}

function bytesOf(array: NumericArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
