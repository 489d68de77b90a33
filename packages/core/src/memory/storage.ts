import { heap } from '../engine/engine.js';
import { probe } from '../engine/probe.js';
import { DTypeError, EngineError } from '../errors.js';
import { formatBytes } from './heap.js';
import type { BufferSource, Dependant } from '../kernels/buffer.js';
import { requireFunction } from '../options.js';

/** Bytes and number of live storages, by the operation that made them. */
const holdings = new Map<string, { bytes: number; count: number }>();
let observer: ((storage: Storage) => void) | undefined;

/** Copying reads the property, which throws. One object for all. */
const NOT_CLONEABLE = {
  get memory(): never {
    throw new DTypeError(
      "structuredClone: expected plain data, got a tensor, which can't be copied or sent to a " +
        'worker; copy or send x.toTypedArray() and x.shape, and make it again by tensor(data, shape)',
    );
  },
};

/** A block of the heap that one tensor or several (a tensor and its reshapes) live in. */
export class Storage implements BufferSource {
  readonly address: number;
  readonly bytes: number;
  /** The operation that made it. */
  readonly origin: string;
  /** Counts changes in place, so that the tape notices when a saved tensor was overwritten. */
  version = 0;
  /** Counts what `version` counts, and every write by a kernel. */
  writes = 0;
  /** The value that kernels keep and that follows from the bytes. */
  dependant: Dependant | null = null;
  #isViewed = false;
  /** `structuredClone` and `postMessage` would copy the address without what lies there. */
  readonly notCloneable = NOT_CLONEABLE;
  #references = 1;

  /**
   * @param isTensor Whether tensors live in it, which are counted, and looked for by who seeks leaks or
   * writes a program down; false for what stays for good.
   * @throws EngineError when the heap is full, naming what holds it.
   */
  constructor(bytes: number, origin: string, isTensor = true) {
    try {
      this.address = heap.allocate(bytes);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(`${origin}: ${error.message}. ${describeHoldings()}`);
    }
    this.bytes = bytes;
    this.origin = origin;
    if (!isTensor) return;
    const held = holdings.get(origin);
    if (held) {
      held.bytes += bytes;
      held.count++;
    } else holdings.set(origin, { bytes, count: 1 });
    observer?.(this);
    probe?.made?.(this);
  }

  /** Whether somebody was given a view of it, who may hold it for longer than the storage lives. */
  get isViewed(): boolean {
    return this.#isViewed;
  }

  /** To be called before a view of it is handed out: what it shows may change at any time. */
  noteView(): void {
    this.#isViewed = true;
    this.noteWrite();
  }

  /** To be called before the bytes are written. */
  noteWrite(): void {
    this.writes++;
    this.dependant?.drop();
  }

  /** How many tensors share it; 0 once it is freed. */
  get references(): number {
    return this.#references;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references > 0) return;
    this.dependant?.drop();
    if (this.isViewed) heap.retire(this.address, this.bytes);
    else heap.free(this.address, this.bytes);
    const held = holdings.get(this.origin);
    if (held) {
      held.bytes -= this.bytes;
      held.count--;
    }
  }
}

/** The operations that hold the most memory, largest first. */
function largestHoldings(limit: number): { origin: string; bytes: number; count: number }[] {
  return [...holdings]
    .map(([origin, held]) => ({ origin, ...held }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, limit);
}

function describeHoldings(): string {
  const held = largestHoldings(3).map(
    ({ origin, bytes, count }) => `${origin} (${count} tensors, ${formatBytes(bytes)})`,
  );
  if (held.length === 0) return 'No tensor holds any of it';
  return (
    `Most is held by ${held.join(', ')}. Tensors made in a loop need a scope around its body: ` +
    '`using tape = new Tape()` or `using scope = new Scope()`'
  );
}

/** The contents of the heap at this moment, in numbers. */
export interface HeapStats {
  /**
   * Bytes of live tensors, rounded up to whole cache lines, of the kernels' work space, and of the
   * weights that kernels keep as they want them.
   */
  readonly usedBytes: number;
  /** The largest `usedBytes` so far. */
  readonly peakBytes: number;
  /** Bytes taken from the system; never shrinks. */
  readonly heapBytes: number;
  /** Live blocks of tensors. */
  readonly liveTensors: number;
  /** The operations whose tensors hold the most, largest first. */
  readonly largest: readonly { origin: string; bytes: number; count: number }[];
}

/** How much of the heap is used at this moment, and by what. */
export function heapStats(): HeapStats {
  let liveTensors = 0;
  for (const { count } of holdings.values()) liveTensors += count;
  return {
    usedBytes: heap.usedBytes,
    peakBytes: heap.peakBytes,
    heapBytes: heap.buffer.byteLength,
    liveTensors,
    largest: largestHoldings(5),
  };
}

/** A block that outlived the code that made it. */
export interface Leak {
  /** The operation that made it. */
  readonly origin: string;
  /** Its size. */
  readonly bytes: number;
  /** The call stack of its making. */
  readonly stack: string;
}

/**
 * Runs `fn` and reports the tensors that it made and that are still alive when it is done: in a
 * training step that should be none but the parameters' gradients and the optimiser's state, made
 * once. Slow, because it notes a call stack for each tensor: for debugging only.
 */
export async function findLeaks(fn: () => void | Promise<void>): Promise<Leak[]> {
  requireFunction('findLeaks', fn);
  const made: { storage: Storage; stack: string }[] = [];
  const outer = observer;
  observer = (storage) => {
    const stack = new Error(`made by ${storage.origin}`).stack ?? '';
    made.push({ storage, stack });
  };
  try {
    await fn();
  } finally {
    observer = outer;
  }
  return made
    .filter(({ storage }) => storage.references > 0)
    .map(({ storage, stack }) => ({ origin: storage.origin, bytes: storage.bytes, stack }));
}
