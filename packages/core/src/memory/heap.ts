import { EngineError } from '../errors.js';

/** Bytes of a WebAssembly page. */
const PAGE = 65536;
/** Blocks start and end on a cache line, so that two threads never share one. */
const ALIGNMENT = 64;
/** Low memory left to the binaries' own constants. */
export const RESERVED_BYTES = 65536;

/** All that 32 bits can address. */
const LIMIT = 65536 * PAGE;
/** A system that reserves the maximum at once may refuse it and grant less: so often is it halved. */
const HALVINGS = 3;

interface HeapOptions {
  /**
   * Whether to take shared memory where it can be had. Threads need it, and its views stay as they
   * are when it grows. A page that isn't isolated may have it, too, and only can't hand it on.
   */
  readonly shared: boolean;
  /** Upper limit in bytes, rounded down to whole pages. Default and maximum: 4 GiB. */
  readonly maximumBytes?: number;
}

/**
 * Memory that kernels in WebAssembly can't reach. What it held before it grew becomes all ones, so
 * that a view which was left behind reads NaN, and never old numbers.
 */
class PlainMemory {
  buffer = new ArrayBuffer(2 * PAGE);

  grow(pages: number): number {
    const old = new Uint8Array(this.buffer);
    const buffer = new ArrayBuffer(old.length + pages * PAGE);
    new Uint8Array(buffer).set(old);
    old.fill(0xff);
    this.buffer = buffer;
    return old.length / PAGE;
  }
}

/** Memory of at most so many pages, or the reason why there is none. */
function wasmMemory(maximum: number, shared: boolean): WebAssembly.Memory | string {
  try {
    return new WebAssembly.Memory({ initial: 2, maximum, shared });
  } catch (error) {
    // No WebAssembly at all, no threads, an address space that is limited, …
    return String(error);
  }
}

/** Asked by name: a page may have shared memory without the constructor to compare it with. */
function isShared(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

/** Blocks that were freed last and wait for a taker of their size. */
const RECENT = 32;

interface Block {
  readonly start: number;
  readonly bytes: number;
}

/**
 * The one memory that tensors live on and WebAssembly kernels compute in: a best-fit allocator
 * over a `WebAssembly.Memory`. Free neighbours are merged before memory is called short, so what a step
 * returned serves the next step whatever its sizes are. All bookkeeping is on the JavaScript side; a
 * kernel cannot corrupt it.
 *
 * The memory is taken by the first block, or by `open`. Where the system refuses it, the heap asks
 * for less, then for memory that no thread can share, and then lies on an ordinary buffer, which
 * only kernels in TypeScript reach.
 */
export class Heap {
  /** The memory's buffer as it is now; empty at first. Growing replaces it: never hold on to it. */
  buffer: ArrayBufferLike = new ArrayBuffer(0);
  /** The same as 32-bit integers. */
  words: Int32Array = new Int32Array(this.buffer);
  readonly #wantsShared: boolean;
  #memory: WebAssembly.Memory | PlainMemory | undefined;
  #maximumBytes: number;
  #refusal = '';
  readonly #warnings: string[] = [];
  readonly #onGrowth: ((buffer: ArrayBufferLike) => void)[] = [];
  #used = 0;
  #peak = 0;
  /** First byte that was never part of a block. */
  #top = RESERVED_BYTES;
  /** Free blocks: size by start, start by end, and starts by size with the sizes sorted. */
  readonly #sizeByStart = new Map<number, number>();
  readonly #startByEnd = new Map<number, number>();
  readonly #startsBySize = new Map<number, number[]>();
  #sizes: number[] = [];
  /**
   * Blocks that were freed last, at first without a place among the free ones: what a step returns,
   * the next step takes again, size by size. Start and size in turns.
   */
  readonly #recent = new Float64Array(2 * RECENT);
  #recentCount = 0;
  readonly #onShortage: (() => void)[] = [];
  /** Retired blocks, oldest first, from `#nextRetired` on. */
  #retired: Block[] = [];
  #nextRetired = 0;

  constructor({ shared, maximumBytes = LIMIT }: HeapOptions) {
    this.#wantsShared = shared;
    this.#maximumBytes = Math.max(2, Math.floor(maximumBytes / PAGE)) * PAGE;
  }

  /** @internal What kernels in WebAssembly compute in; null if the heap has to do without. */
  get memory(): WebAssembly.Memory | null {
    const memory = this.#open();
    return memory instanceof PlainMemory ? null : memory;
  }

  /** Whether threads may share it. */
  get shared(): boolean {
    return isShared(this.#open().buffer);
  }

  /** The largest that it can become. */
  get maximumBytes(): number {
    this.#open();
    return this.#maximumBytes;
  }

  /** The system's answer to the first wish that it refused; usually empty. */
  get refusal(): string {
    this.#open();
    return this.#refusal;
  }

  /** Says what was wanted and could not be had, and why; usually empty. */
  get warnings(): readonly string[] {
    this.#open();
    return this.#warnings;
  }

  /** Takes the memory, unless that was done before. */
  open(): void {
    this.#open();
  }

  #open(): WebAssembly.Memory | PlainMemory {
    if (!this.#memory) {
      this.#memory = this.#wasmMemory() ?? this.#plainMemory();
      this.#renew(this.#memory);
    }
    return this.#memory;
  }

  /** The best memory for WebAssembly that is granted. */
  #wasmMemory(): WebAssembly.Memory | null {
    const wanted = this.#maximumBytes;
    for (const shared of this.#wantsShared ? [true, false] : [false]) {
      for (let halvings = 0; halvings <= HALVINGS; halvings++) {
        const pages = Math.max(2, Math.floor(wanted / 2 ** halvings / PAGE));
        const memory = wasmMemory(pages, shared);
        if (typeof memory === 'string') {
          this.#refusal ||= memory;
          continue;
        }
        if (pages * PAGE < wanted) {
          this.#warnings.push(
            `the system grants at most ${formatBytes(pages * PAGE)} of memory, not ` +
              `${formatBytes(wanted)} (${this.#refusal})`,
          );
        }
        this.#maximumBytes = pages * PAGE;
        return memory;
      }
    }
    return null;
  }

  #plainMemory(): PlainMemory {
    this.#warnings.push(
      `there is no memory for WebAssembly here (${this.#refusal}), so the reference kernels ` +
        'compute everything, many times slower; Node needs some 12 GiB of address space ' +
        '(ulimit -v) or --disable-wasm-trap-handler, and no --jitless',
    );
    return new PlainMemory();
  }

  /** Calls `renew` now and whenever the memory has grown, for who keeps views of its own blocks. */
  onGrowth(renew: (buffer: ArrayBufferLike) => void): void {
    this.#onGrowth.push(renew);
    renew(this.buffer);
  }

  /** Calls `shed` before an allocation fails, for who keeps blocks that it can do without. */
  onShortage(shed: () => void): void {
    this.#onShortage.push(shed);
  }

  #renew(memory: WebAssembly.Memory | PlainMemory): void {
    // Asked for once: the getter costs as much as a small kernel.
    this.buffer = memory.buffer;
    this.words = new Int32Array(this.buffer);
    for (const renew of this.#onGrowth) renew(this.buffer);
  }

  /** Bytes in blocks that were allocated and not freed. */
  get usedBytes(): number {
    return this.#used;
  }

  /** The largest `usedBytes` so far. */
  get peakBytes(): number {
    return this.#peak;
  }

  /** The largest block that can be had without growing. */
  get largestFreeBytes(): number {
    this.#settle();
    return Math.max(this.#sizes.at(-1) ?? 0, this.buffer.byteLength - this.#top);
  }

  /** The bytes that an allocation of `bytes` really takes. */
  static blockSize(bytes: number): number {
    return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  }

  /**
   * Takes a block of at least `bytes`, aligned to 64, its content undefined.
   * @returns The address of its first byte.
   * @throws EngineError if the heap's limit or the system's memory is reached.
   */
  allocate(bytes: number): number {
    const size = Heap.blockSize(bytes);
    let start = this.#takeRecent(size) ?? this.#takeFree(size);
    if (start === undefined) {
      this.#settle();
      start =
        this.#takeFree(size) ??
        this.#takeTop(size) ??
        this.#takeRetired(size) ??
        this.#extend(size) ??
        this.#takeShed(size);
    }
    this.#used += size;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return start;
  }

  /** Returns the block that `allocate(bytes)` gave. */
  free(start: number, bytes: number): void {
    const size = Heap.blockSize(bytes);
    this.#used -= size;
    if (this.#recentCount === RECENT) this.#settle();
    const at = 2 * this.#recentCount++;
    this.#recent[at] = start;
    this.#recent[at + 1] = size;
  }

  /** Takes a block of just this size that was freed not long ago. */
  #takeRecent(size: number): number | undefined {
    const recent = this.#recent;
    const last = 2 * (this.#recentCount - 1);
    for (let at = last; at >= 0; at -= 2) {
      if (recent[at + 1] !== size) continue;
      const start = recent[at];
      recent[at] = recent[last];
      recent[at + 1] = recent[last + 1];
      this.#recentCount--;
      return start;
    }
    return undefined;
  }

  /** Gives the blocks that were freed last their place among the free ones. */
  #settle(): void {
    const count = this.#recentCount;
    this.#recentCount = 0;
    for (let at = 0; at < 2 * count; at += 2) {
      this.#release(this.#recent[at], this.#recent[at + 1]);
    }
  }

  /**
   * Returns a block that somebody may still look at: its bytes become all ones, which is NaN for
   * floats, and it is used again only when the heap would otherwise have to grow.
   */
  retire(start: number, bytes: number): void {
    this.#used -= Heap.blockSize(bytes);
    new Uint8Array(this.buffer, start, bytes).fill(0xff);
    this.#retired.push({ start, bytes });
  }

  #release(start: number, bytes: number): void {
    let size = Heap.blockSize(bytes);
    const next = this.#sizeByStart.get(start + size);
    if (next !== undefined) {
      this.#unlink(start + size, next);
      size += next;
    }
    const previous = this.#startByEnd.get(start);
    if (previous !== undefined) {
      this.#unlink(previous, start - previous);
      size += start - previous;
      start = previous;
    }
    if (start + size === this.#top) this.#top = start;
    else this.#link(start, size);
  }

  /** Takes what lies above all blocks, without growing. */
  #takeTop(size: number): number | undefined {
    const start = this.#top;
    if (start + size > this.buffer.byteLength) return undefined;
    this.#top = start + size;
    return start;
  }

  /** Frees retired blocks, the oldest first, until one of that size can be taken. */
  #takeRetired(size: number): number | undefined {
    let taken: number | undefined;
    while (taken === undefined && this.#nextRetired < this.#retired.length) {
      const { start, bytes } = this.#retired[this.#nextRetired++];
      this.#release(start, bytes);
      taken = this.#takeFree(size) ?? this.#takeTop(size);
    }
    // Half of the list at most is behind us.
    if (this.#nextRetired * 2 >= this.#retired.length) {
      this.#retired = this.#retired.slice(this.#nextRetired);
      this.#nextRetired = 0;
    }
    return taken;
  }

  #takeFree(size: number): number | undefined {
    const best = this.#sizes[this.#firstSizeFrom(size)];
    if (best === undefined) return undefined;
    const start = this.#startsBySize.get(best)?.at(-1);
    if (start === undefined) throw new EngineError('heap: the free lists disagree');
    this.#unlink(start, best);
    if (best > size) this.#link(start + size, best - size);
    return start;
  }

  /** Takes what others can do without. */
  #takeShed(size: number): number {
    for (const shed of this.#onShortage) shed();
    this.#settle();
    const start = this.#takeFree(size) ?? this.#takeTop(size) ?? this.#extend(size);
    if (start !== undefined) return start;
    throw new EngineError(
      `heap: cannot allocate ${formatBytes(size)}: ${formatBytes(this.#used)} of at most ` +
        `${formatBytes(this.#maximumBytes)} are in use, and ` +
        (this.#top + size > this.#maximumBytes
          ? 'no free piece is larger than ' +
            formatBytes(Math.max(this.largestFreeBytes, this.#maximumBytes - this.#top))
          : 'the system has no more'),
    );
  }

  /** Takes memory from the system, if there is more. */
  #extend(size: number): number | undefined {
    const memory = this.#open();
    const start = this.#top;
    const missing = start + size - this.buffer.byteLength;
    if (missing > 0) {
      // Growing by an eighth keeps the number of growths small without doubling the footprint.
      const wanted = Math.max(missing, this.buffer.byteLength / 8);
      if (!this.#grow(memory, wanted) && !this.#grow(memory, missing)) return undefined;
    }
    this.#top = start + size;
    return start;
  }

  #grow(memory: WebAssembly.Memory | PlainMemory, bytes: number): boolean {
    const pages = Math.ceil(bytes / PAGE);
    if (this.buffer.byteLength + pages * PAGE > this.#maximumBytes) return false;
    try {
      memory.grow(pages);
    } catch {
      return false;
    }
    this.#renew(memory);
    return true;
  }

  #link(start: number, size: number): void {
    this.#sizeByStart.set(start, size);
    this.#startByEnd.set(start + size, start);
    const starts = this.#startsBySize.get(size);
    if (starts) starts.push(start);
    else {
      this.#startsBySize.set(size, [start]);
      this.#sizes.splice(this.#firstSizeFrom(size), 0, size);
    }
  }

  #unlink(start: number, size: number): void {
    this.#sizeByStart.delete(start);
    this.#startByEnd.delete(start + size);
    const starts = this.#startsBySize.get(size) ?? [];
    const at = starts.lastIndexOf(start);
    const last = starts.pop();
    if (last !== undefined && at < starts.length) starts[at] = last;
    if (starts.length === 0) {
      this.#startsBySize.delete(size);
      this.#sizes.splice(this.#firstSizeFrom(size), 1);
    }
  }

  /** Index in `#sizes` of the first that is at least `size`. */
  #firstSizeFrom(size: number): number {
    let low = 0;
    let high = this.#sizes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sizes[middle] < size) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}
