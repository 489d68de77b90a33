import { platform } from '#platform';
import { EngineError } from '../errors.js';
import type { WasmExports } from '../kernels/wasm/exports.js';
import type { ThreadPool } from '../kernels/wasm/jobs.js';
import type { Heap } from '../memory/heap.js';
import type { Thread } from './platform.js';

/** How long an idle worker looks for the next job before it sleeps; waking it takes about as long. */
const WORKER_SPIN_US = 100;
/** How long the main thread looks for the last parts before it sleeps. */
const MAIN_SPIN_US = 100;
/** The main thread wakes as often as this to see whether the others still live. */
const STEP_MS = 50;
/** Without a finished part for so long, a thread is taken for dead. */
const STALL_MS = 10_000;
/** How long to wait for threads to start, or to leave. */
const START_MS = 10_000;
const LEAVE_MS = 1_000;
/** Pauses between two looks where the main thread may not sleep: some microseconds. */
const AWAKE_PAUSES = 200;
/** Words of the control block: see assembly/parallel.ts. */
const DONE = 128 / 4;
const PARTS = 264 / 4;
/** Room for what a broken worker has to say. */
const MESSAGE_BYTES = 256;

export interface PoolOptions {
  readonly heap: Heap;
  readonly module: WebAssembly.Module;
  /** The main thread's instance of the module. */
  readonly wasm: WasmExports;
  /** Address of the words by which workers find the second binary. */
  readonly more: number;
  /** The main thread included; at least 2. */
  readonly threads: number;
  readonly tileWidth: number;
  /** Called once when a thread broke down, after the pool was closed. */
  readonly onFailure: () => void;
  /** Another script for the workers than their own. */
  readonly entry?: URL;
  /** Milliseconds without progress after which a job is given up. */
  readonly stallMs?: number;
}

/**
 * Worker threads that share the heap and do parts of jobs. They never keep the process from
 * ending. What goes wrong in one of them becomes an error in the caller: a worker writes its end
 * into memory, and the caller never waits without looking there, nor for ever.
 */
export class Pool implements ThreadPool {
  readonly threads: number;
  readonly #options: PoolOptions;
  readonly #control: number;
  readonly #controlBytes: number;
  readonly #message: number;
  readonly #mainSpins: number;
  readonly #workers: Thread[] = [];
  readonly #maySleep = platform.maySleep();
  #closing: Promise<void> | undefined;
  /** Why it is of no use any more. */
  #broken: string | undefined;

  /**
   * Starts the workers and waits until they are ready.
   * @throws EngineError if they don't start.
   */
  static async start(options: PoolOptions): Promise<Pool> {
    const pool = new Pool(options);
    try {
      await pool.#startWorkers();
    } catch (error) {
      await pool.close();
      throw new EngineError(`engine: ${options.threads} threads do not start: ${String(error)}`, {
        cause: error,
      });
    }
    return pool;
  }

  private constructor(options: PoolOptions) {
    const { heap, wasm, threads } = options;
    this.threads = threads;
    this.#options = options;
    this.#controlBytes = wasm.controlBytes(threads);
    this.#control = heap.allocate(this.#controlBytes);
    this.#message = heap.allocate(MESSAGE_BYTES);
    new Uint8Array(heap.buffer, this.#control, this.#controlBytes).fill(0);
    new Uint8Array(heap.buffer, this.#message, MESSAGE_BYTES).fill(0);
    this.#mainSpins = Math.ceil(MAIN_SPIN_US / this.#pauseMicroseconds());
  }

  async #startWorkers(): Promise<void> {
    const { heap, module, more, threads, tileWidth, entry } = this.#options;
    const { memory } = heap;
    if (!memory) throw new EngineError('there is no memory to share');
    const spins = Math.ceil((this.#mainSpins * WORKER_SPIN_US) / MAIN_SPIN_US);
    const message = { address: this.#message, bytes: MESSAGE_BYTES };
    for (let thread = 1; thread < threads; thread++) {
      const worker = platform.startThread(
        { module, memory, more, control: this.#control, thread, spins, tileWidth, message },
        (reason) => this.#noteEnd(reason),
        entry,
      );
      this.#workers.push(worker);
      // Should a later thread not even be made, nobody waits for this one.
      worker.started.catch(() => {});
    }
    const late = timer(START_MS);
    const ready = Promise.all(this.#workers.map(({ started }) => started));
    const first = await Promise.race([ready, late.passed]);
    late.clear();
    if (first === 'late') throw new EngineError(`no answer in ${START_MS} ms`);
    for (const worker of this.#workers) worker.keepProcess(false);
  }

  run(kernel: number, block: number, parts: number, scratch: number, stride: number): void {
    this.#requireSound();
    const { wasm } = this.#options;
    let missing;
    try {
      const spins = this.#mainSpins;
      missing = wasm.runJob(this.#control, kernel, block, parts, scratch, stride, spins);
    } catch (error) {
      this.#giveUpOwnPart(error);
    }
    if (missing > 0) this.#await(missing);
  }

  runLaunches(list: number, from: number, to: number, scratch: number, stride: number): void {
    this.#requireSound();
    const { wasm } = this.#options;
    for (let next = from; next < to; next++) {
      try {
        const spins = this.#mainSpins;
        next = wasm.runLaunches(this.#control, list, next, to, scratch, stride, spins);
      } catch (error) {
        this.#giveUpOwnPart(error);
      }
      if (next === to) return;
      // It came back at a launch some of whose parts others still do.
      const missing = this.#awaitFor(0);
      if (missing > 0) this.#await(missing);
    }
  }

  /** @throws EngineError if a thread is gone. */
  #requireSound(): void {
    if (this.#broken !== undefined) this.#giveUp(`it ended between two jobs (${this.#broken})`);
  }

  /** The main thread's own part failed: it counts as broken, too, and the others must let go first. */
  #giveUpOwnPart(error: unknown): never {
    this.#options.wasm.fail(this.#control);
    this.#giveUp(String(error), error);
  }

  /** Waits for the parts that others still do. */
  #await(missing: number): void {
    const { wasm, stallMs = STALL_MS } = this.#options;
    // Counted in waits, not by the clock: a machine that was asleep is no dead thread.
    let idle = 0;
    while (true) {
      const now = this.#awaitFor(STEP_MS);
      if (now === 0) return;
      if (wasm.failures(this.#control) > 0) this.#giveUp(this.#readMessage());
      if (now !== missing) {
        missing = now;
        idle = 0;
      } else {
        idle += STEP_MS;
        if (idle > stallMs) this.#giveUp(`no sign of life for ${stallMs} ms`);
      }
    }
  }

  /**
   * Waits until the job's last part is done, or a thread broke down, or so many milliseconds have
   * passed.
   * @returns How many parts are missing.
   */
  #awaitFor(milliseconds: number): number {
    const { heap, wasm } = this.#options;
    if (this.#maySleep) return wasm.awaitJob(this.#control, milliseconds * 1e6);
    const words = new Int32Array(heap.buffer, this.#control, this.#controlBytes / 4);
    const parts = Atomics.load(words, PARTS);
    const deadline = performance.now() + milliseconds;
    while (true) {
      const missing = parts - Atomics.load(words, DONE);
      if (missing <= 0 || wasm.failures(this.#control) > 0 || performance.now() >= deadline) {
        return missing;
      }
      wasm.pauses(this.#control, AWAKE_PAUSES);
    }
  }

  /**
   * Closes the pool after a failure. Returns to nobody: the result of the job is lost.
   * @throws EngineError
   */
  #giveUp(reason: string, cause?: unknown): never {
    const { wasm, onFailure } = this.#options;
    // Threads that are well finish their part: none may write into memory that is freed meanwhile.
    const deadline = performance.now() + LEAVE_MS;
    while (wasm.abandonJob(this.#control) > 0 && performance.now() < deadline) {
      this.#awaitFor(1);
    }
    void this.close();
    onFailure();
    throw new EngineError(
      `engine: a thread broke down: ${reason}. The operation's result is lost; the engine goes on ` +
        `with one thread, and configureEngine({ threads: ${this.threads} }) starts new ones`,
      { cause },
    );
  }

  #noteEnd(reason: string): void {
    if (this.#closing === undefined) this.#broken ??= reason;
  }

  #readMessage(): string {
    const { heap } = this.#options;
    const bytes = new Uint8Array(heap.buffer, this.#message, MESSAGE_BYTES).slice();
    return new TextDecoder().decode(bytes).replace(/\0+$/, '');
  }

  /** Ends the threads and returns their memory. Harmless when done twice. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    const { heap, wasm } = this.#options;
    wasm.stop(this.#control);
    for (const worker of this.#workers) worker.keepProcess(true);
    const late = timer(LEAVE_MS);
    await Promise.race([Promise.all(this.#workers.map(({ left }) => left)), late.passed]);
    late.clear();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    heap.free(this.#control, this.#controlBytes);
    heap.free(this.#message, MESSAGE_BYTES);
  }

  /** How long one pause of a waiting thread takes. */
  #pauseMicroseconds(): number {
    const { wasm } = this.#options;
    const times = 2000;
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const begin = performance.now();
      wasm.pauses(this.#control, times);
      best = Math.min(best, performance.now() - begin);
    }
    // A coarse clock may see nothing: no machine does it in under half a nanosecond.
    return Math.max((best * 1000) / times, 0.0005);
  }
}

/** A promise that is fulfilled after so many milliseconds, unless it is cleared. */
function timer(milliseconds: number): { passed: Promise<'late'>; clear(): void } {
  let handle: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<'late'>((resolve) => {
    handle = setTimeout(resolve, milliseconds, 'late');
  });
  return { passed, clear: () => clearTimeout(handle) };
}
