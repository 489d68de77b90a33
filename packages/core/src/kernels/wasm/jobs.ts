import type { Heap } from '../../memory/heap.js';
import { EngineError } from '../../errors.js';
import type { WasmExports } from './exports.js';
import { Plans } from './plans.js';

/** An area that grew beyond this is given back after the call that needed it. */
const KEPT_BYTES = 2 ** 26;
/** With more scratch than this for all threads together, the caller does the parts alone. */
const SCRATCH_BYTES = 2 ** 30;

/** Threads that do a job's parts together with the caller. */
export interface ThreadPool {
  /** How many, the caller included. */
  readonly threads: number;
  /**
   * Returns when all parts are done. Thread t may write the `stride` bytes at scratch + t·stride.
   * @throws EngineError if a thread broke down.
   */
  run(kernel: number, block: number, parts: number, scratch: number, stride: number): void;
  /**
   * Does the launches `from` … `to` - 1 of a list (assembly/parallel.ts), one after another.
   * @throws EngineError if a thread broke down.
   */
  runLaunches(list: number, from: number, to: number, scratch: number, stride: number): void;
}

/**
 * Runs kernels that are cut into parts, and owns the memory that they work in besides their
 * operands. How many parts a job has depends on sizes only, so its result is the same whoever
 * does them.
 */
export class Jobs {
  readonly #wasm: WasmExports;
  #threadPool: ThreadPool | null = null;
  readonly #scratch: Area;
  readonly #workspace: Area;
  /** The plans and packed weights that are kept from call to call. */
  readonly plans: Plans;

  constructor(wasm: WasmExports, heap: Heap) {
    this.#wasm = wasm;
    this.#scratch = new Area(heap);
    this.#workspace = new Area(heap);
    this.plans = new Plans(heap);
  }

  /** The threads that help; null for none. */
  get threadPool(): ThreadPool | null {
    return this.#threadPool;
  }

  set threadPool(pool: ThreadPool | null) {
    this.#threadPool = pool;
    // The areas are as large as the last pool needed them.
    this.#scratch.free();
    this.#workspace.free();
  }

  /**
   * Does all parts of a job, alone where scratch for every thread would take too much memory.
   * `kernel` is its number in the table (JOB), `block` the address of its arguments.
   * @param scratchBytes What one part needs to work in, of undefined content.
   * @throws EngineError if there is no memory for scratch, or a thread broke down.
   */
  run(kernel: number, block: number, parts: number, scratchBytes = 0): void {
    const pool = this.#threadPool;
    const stride = Math.ceil(scratchBytes / 64) * 64;
    if (pool === null || parts < 2 || stride * pool.threads > SCRATCH_BYTES) {
      this.#wasm.runParts(kernel, block, parts, this.#scratch.atLeast(stride));
    } else {
      const scratch = this.#scratch.atLeast(stride * pool.threads);
      pool.run(kernel, block, parts, scratch, stride);
    }
  }

  /**
   * Does the launches `from` … `to` - 1 of a list, whose kernels, blocks and parts lie at `list` as
   * assembly/parallel.ts reads them.
   * @param scratchBytes The most that a part of one of them needs to work in.
   * @throws EngineError as `run`.
   */
  runLaunches(list: number, from: number, to: number, scratchBytes: number): void {
    const pool = this.#threadPool;
    const stride = Math.ceil(scratchBytes / 64) * 64;
    if (pool === null || stride * pool.threads > SCRATCH_BYTES) {
      this.#wasm.runLaunches(0, list, from, to, this.#scratch.atLeast(stride), 0, 0);
    } else {
      const scratch = this.#scratch.atLeast(stride * pool.threads);
      pool.runLaunches(list, from, to, scratch, stride);
    }
  }

  /** Frees what only an unusually large call needs; to be called after each that took memory. */
  giveBack(): void {
    this.#scratch.shrink();
    this.#workspace.shrink();
  }

  /**
   * Memory that all threads see, of undefined content, until the next call.
   * @returns Its address, on a cache line.
   * @throws EngineError if there is no memory.
   */
  workspace(bytes: number): number {
    return this.#workspace.atLeast(bytes);
  }
}

/** A block of the heap that grows when it is too small. */
class Area {
  readonly #heap: Heap;
  #address = 0;
  #bytes = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** The address of at least so many bytes; what they held is lost when the area grows. */
  atLeast(bytes: number): number {
    if (bytes > this.#bytes) {
      this.free();
      this.#address = this.#allocate(bytes);
      this.#bytes = bytes;
    }
    return this.#address;
  }

  shrink(): void {
    if (this.#bytes > KEPT_BYTES) this.free();
  }

  free(): void {
    if (this.#bytes > 0) this.#heap.free(this.#address, this.#bytes);
    this.#bytes = 0;
  }

  #allocate(bytes: number): number {
    try {
      return this.#heap.allocate(bytes);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(
        `work space of a convolution or product: ${error.message}; smaller images or fewer ` +
          'channels need less',
      );
    }
  }
}
