/*
 * The surroundings, as the engine asks them. `#platform` is platform.node.ts or, in a bundle for
 * browsers, platform.browser.ts: the package's `imports` choose.
 */

export interface Platform {
  /** Processor cores that may be used. */
  availableCores(): number;
  /** The missing condition for handing shared memory to other threads; null if there is none. */
  sharingNeeds(): string | null;
  /** Whether this thread may sleep until another wakes it; the main thread of a page may not. */
  maySleep(): boolean;
  /** Whether this is a page's main thread, which has to answer whoever looks at the page. */
  servesPage(): boolean;
  /** A variable of the environment; undefined if it is not set, or empty, or there is none. */
  environment(name: string): string | undefined;
  /** Whether the JavaScript engine was told to join 128-bit vectors to 256-bit ones, and can. */
  vectorsMayJoin(): boolean;
  /** Tells whoever runs the program, on its console. */
  warn(message: string): void;
  /**
   * Starts a thread that serves a pool.
   * @param entry The script to run instead of the worker's own.
   * @throws Whatever the system says if there can't be one.
   */
  startThread(setup: WorkerSetup, onEnd: (reason: string) => void, entry?: URL): Thread;
}

/** A worker thread, seen from the one that started it. */
export interface Thread {
  /** Fulfilled when it can work, rejected if it ends before. */
  readonly started: Promise<void>;
  /** Fulfilled when it has ended by itself. */
  readonly left: Promise<void>;
  /** Whether it keeps the process from ending, as it does at first. */
  keepProcess(keep: boolean): void;
  /** Ends it, wherever it is. */
  terminate(): Promise<unknown> | void;
}

/** @internal What a worker is given; see serve.js. */
export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the words that say where the second binary lies: see WasmInstance. */
  readonly more: number;
  /** Address of the control block. */
  readonly control: number;
  readonly thread: number;
  readonly spins: number;
  readonly tileWidth: number;
  readonly message: { readonly address: number; readonly bytes: number };
}
