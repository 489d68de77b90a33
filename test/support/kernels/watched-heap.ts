import { Heap, RESERVED_BYTES } from '../../../packages/core/src/memory/heap.js';
import type { BinaryName } from '../../../packages/core/src/kernels/wasm/instantiate.js';
import type { ArrayKernels } from '../../../packages/core/src/kernels/contract.js';
import { overArrays } from './array-kernels.js';
import type { KernelArray } from './problem.js';
import { startBinaries } from './all-kernels.js';

/** Bytes behind every block, which nobody may touch. */
const GUARD = 64;
/** NaN as a float, and no index: what is read outside an operand spoils the result. */
const POISON = 0xff;

interface Block {
  readonly start: number;
  readonly bytes: number;
}

/** A heap with guards between its blocks, which remembers what the kernels took to work in. */
class WatchedHeap extends Heap {
  /** Blocks that were the kernels' own at some time since the last look. */
  readonly own = new Set<Block>();
  readonly #live = new Map<number, Block>();

  override allocate(bytes: number): number {
    const start = super.allocate(bytes + GUARD);
    const block = { start, bytes };
    this.#live.set(start, block);
    this.own.add(block);
    return start;
  }

  override free(start: number, bytes: number): void {
    super.free(start, bytes + GUARD);
    this.#live.delete(start);
  }

  /** Forgets blocks that were returned, and those that a test took itself. */
  forget(taken: readonly Block[]): void {
    const live = new Set(this.#live.values());
    for (const block of this.own) {
      const isTaken = taken.some(({ start }) => start === block.start);
      if (isTaken || !live.has(block)) this.own.delete(block);
    }
  }
}

/** Operands by name, and which of them a call may write. */
export interface Operands {
  readonly arrays: Readonly<Record<string, KernelArray>>;
  readonly writes: readonly string[];
}

/** What became of a call. */
export interface Outcome {
  /** What it threw, if it did. */
  readonly error: unknown;
  /** Copies of what it wrote. */
  readonly written: Readonly<Record<string, KernelArray>>;
}

function viewOf(array: KernelArray, buffer: ArrayBufferLike, start: number): KernelArray {
  if (array instanceof Float32Array) return new Float32Array(buffer, start, array.length);
  if (array instanceof Float64Array) return new Float64Array(buffer, start, array.length);
  if (array instanceof Int32Array) return new Int32Array(buffer, start, array.length);
  return new Uint8Array(buffer, start, array.length);
}

/** Kernels on a heap of their own, every byte of which is looked at after a call. */
export class WatchedKernels {
  readonly instance: ReturnType<typeof startBinaries>;
  /** Its kernels, as calls with arrays. */
  readonly kernels: ArrayKernels;
  readonly #heap: WatchedHeap;

  constructor(binary: BinaryName, maximumBytes: number) {
    this.#heap = new WatchedHeap({ shared: binary.includes('shared'), maximumBytes });
    this.instance = startBinaries(binary, this.#heap);
    this.kernels = overArrays(this.instance.kernels, this.#heap);
  }

  /** Room for a block of so many integers, for calls of the binary itself. */
  integers(length: number): { address: number; block: Int32Array } {
    const address = this.#heap.allocate(length * 4);
    return { address, block: new Int32Array(this.#heap.buffer, address, length) };
  }

  /**
   * Makes a call with the operands on the heap, and all else poisoned.
   * @throws Error if a byte changed that lies in no operand that may be written and in no block that
   * the kernels took for themselves; or in any operand, if the call threw.
   */
  call(
    { arrays, writes }: Operands,
    run: (placed: Readonly<Record<string, KernelArray>>) => void,
  ): Outcome {
    const heap = this.#heap;
    const blocks = Object.entries(arrays).map(([name, array]) => {
      // Not every operand begins on a cache line.
      const shift = (name.length % 4) * array.BYTES_PER_ELEMENT;
      const bytes = array.byteLength + shift;
      return { name, array, shift, bytes, start: heap.allocate(bytes) };
    });
    heap.forget(blocks);
    try {
      const memory = new Uint8Array(heap.buffer);
      memory.fill(POISON, RESERVED_BYTES);
      const placed: Record<string, KernelArray> = {};
      for (const { name, array, shift, start } of blocks) {
        const view = viewOf(array, heap.buffer, start + shift);
        view.set(array);
        placed[name] = view;
      }
      const expected = memory.slice();
      let error: unknown = null;
      try {
        run(placed);
      } catch (thrown) {
        error = thrown;
      }
      // The heap may have grown; the new pages hold zeros.
      const after = new Uint8Array(heap.buffer);
      const allowed: Block[] = [...heap.own];
      const written: Record<string, KernelArray> = {};
      for (const { name, array, shift, start } of blocks) {
        if (!writes.includes(name)) continue;
        written[name] = viewOf(array, heap.buffer, start + shift).slice();
        if (!error) allowed.push({ start: start + shift, bytes: array.byteLength });
      }
      const grown = new Uint8Array(after.length);
      grown.set(expected);
      for (const { start, bytes } of allowed) {
        grown.set(after.subarray(start, start + bytes), start);
      }
      if (Buffer.compare(grown, Buffer.from(after.slice().buffer)) !== 0) {
        const at = grown.findIndex((byte, i) => byte !== after[i]);
        const near = blocks.map(({ name, start, bytes }) => `${name} ${start} … ${start + bytes}`);
        throw new Error(`wrote outside its operands, at byte ${at}; ${near.join(', ')}`);
      }
      return { error, written };
    } finally {
      for (const { start, bytes } of blocks) heap.free(start, bytes);
    }
  }
}
