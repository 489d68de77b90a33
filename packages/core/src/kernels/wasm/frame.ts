import type { Heap } from '../../memory/heap.js';
import type { NumericArray } from '../contract.js';
import { FIRST_PARAMETER } from '../table/layout.js';

/** Words of the block (table/layout.js): a walk of rank 64 with four operands fits. */
const BLOCK_LENGTH = 512;

/** An array from outside the heap, and the block that stands in for it during a call. */
interface Guest {
  readonly array: NumericArray;
  readonly address: number;
  readonly bytes: number;
  readonly isOutput: boolean;
}

/**
 * What one kernel call at a time needs: a block for its arguments (table/layout.js), which begins with
 * the addresses of its arrays. Arrays on the heap are used where they are, and nothing is allocated;
 * others are copied onto the heap and, if they are outputs, back.
 *
 *     const n = out.length;
 *     frame.enter(1, out, x);
 *     try {
 *       frame.block[places.n] = n;
 *       jobs.run(JOB.relu, frame.blockAddress, 1);
 *     } finally {
 *       frame.leave();
 *     }
 *
 * Lengths must be read before `enter`: taking blocks may grow the heap, which detaches the views
 * that lie on it.
 */
export class Frame {
  /** The block: its address, and its content, valid from `enter` to `leave`. */
  readonly blockAddress: number;
  /** Where the parameters begin in it. */
  readonly parametersAddress: number;
  block: Int32Array;
  /** The same words as single-precision floats. */
  floats: Float32Array;
  readonly #heap: Heap;
  #guests: Guest[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
    this.blockAddress = heap.allocate(BLOCK_LENGTH * 4);
    this.parametersAddress = this.blockAddress + FIRST_PARAMETER * 4;
    this.block = new Int32Array(heap.buffer, this.blockAddress, BLOCK_LENGTH);
    this.floats = new Float32Array(heap.buffer, this.blockAddress, BLOCK_LENGTH);
  }

  /**
   * Writes the addresses of one to five arrays into the block, the first `outputs` of which the kernel
   * writes.
   * @throws EngineError if the heap has no room for a copy.
   */
  enter(
    outputs: number,
    first: NumericArray,
    second?: NumericArray,
    third?: NumericArray,
    fourth?: NumericArray,
    fifth?: NumericArray,
  ): void {
    const buffer = this.#heap.buffer;
    if (
      first.buffer === buffer &&
      (second === undefined || second.buffer === buffer) &&
      (third === undefined || third.buffer === buffer) &&
      (fourth === undefined || fourth.buffer === buffer) &&
      (fifth === undefined || fifth.buffer === buffer)
    ) {
      this.renew();
      const { block } = this;
      block[0] = first.byteOffset;
      if (second !== undefined) block[1] = second.byteOffset;
      if (third !== undefined) block[2] = third.byteOffset;
      if (fourth !== undefined) block[3] = fourth.byteOffset;
      if (fifth !== undefined) block[4] = fifth.byteOffset;
    } else {
      const all = [first, second, third, fourth, fifth];
      this.#invite(
        outputs,
        all.filter((array) => array !== undefined),
      );
    }
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
    this.renew();
    arrays.forEach((array, i) => {
      this.block[i] = addresses.get(array) as number;
    });
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
