import { alignColumns } from './columns.js';
import { probe, setProbe, type Probe } from './engine/probe.js';
import { formatBytes } from './memory/heap.js';
import { TapeError } from './errors.js';
import { DeviceBuffer } from './kernels/buffer.js';
import type { Conv2dGeometry, MatmulGeometry } from './kernels/contract.js';
import { conv2dFlops, matmulFlops } from './kernels/flops.js';
import { formatShape } from './shape.js';
import { Tensor } from './tensor.js';
import { requireFunction } from './options.js';

/** One operation on inputs of one shape. */
export interface ProfileRow {
  /** Its name, with `backward` behind it for its gradients. */
  readonly op: string;
  /** The inputs' shapes, `[64,1,28,28] [8,1,5,5]`. */
  readonly shape: string;
  /** How often it ran. */
  readonly calls: number;
  /** In all calls together, with the operations that it is made of. */
  readonly milliseconds: number;
  /** Part of the whole time, 0 … 1. */
  readonly share: number;
  /** Multiplications and additions of products and convolutions per nanosecond; null for others. */
  readonly gflops: number | null;
  /** The bytes that its kernels read and wrote. */
  readonly bytes: number;
}

/** Where the time went. */
export interface Profile {
  /** The whole time. */
  readonly milliseconds: number;
  /** Largest first; the last one is what no operation accounts for. */
  readonly rows: readonly ProfileRow[];
  /** A table for people. */
  toString(): string;
}

/**
 * Runs `fn` and says where its time went: in which operations, on which shapes, how fast.
 *
 * ```ts
 * console.log(String(await profile(() => trainOneStep())));
 * ```
 *
 * @throws TapeError if a profile is being taken already; what `fn` throws.
 */
export async function profile(fn: () => void | Promise<void>): Promise<Profile> {
  requireFunction('profile', fn);
  if (probe) throw new TapeError('profile: one is being taken already; they cannot be nested');
  const recorder = new Recorder();
  const begin = performance.now();
  setProbe(recorder);
  try {
    await fn();
  } finally {
    setProbe(null);
  }
  return summarise(recorder.entries, performance.now() - begin);
}

/** The record of an operation while the profile is taken. */
interface Entry {
  readonly op: string;
  readonly shape: string;
  calls: number;
  milliseconds: number;
  flops: number;
  bytes: number;
}

class Recorder implements Probe {
  readonly #entries = new Map<string, Entry>();
  /** The operation that runs now. Those that it is made of count as its own. */
  #running: Entry | null = null;

  get entries(): Entry[] {
    return [...this.#entries.values()];
  }

  operation<T>(name: string, inputs: readonly unknown[], run: () => T): T {
    if (this.#running) return run();
    const shapes = inputs.filter((input) => input instanceof Tensor).map(({ shape }) => shape);
    return this.#time(this.#entry(name, shapes.map(formatShape).join(' ')), run);
  }

  kernels<K extends object>(kernels: K): K {
    return new Proxy(kernels, {
      get: (all, name) => this.#watch(String(name), Reflect.get(all, name)),
    });
  }

  #watch(name: string, kernel: unknown): unknown {
    if (typeof kernel !== 'function') return kernel;
    return (...args: unknown[]) => {
      // A kernel that no operation called, an optimiser's, has a row of its own.
      const entry = this.#running ?? this.#entry(name, lengths(args));
      for (const buffer of buffersOf(args)) entry.bytes += buffer.byteLength;
      entry.flops += flopsOf(name, args.at(-1));
      if (this.#running) Reflect.apply(kernel, undefined, args);
      else this.#time(entry, () => Reflect.apply(kernel, undefined, args));
    };
  }

  #entry(op: string, shape: string): Entry {
    const key = `${op} ${shape}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { op, shape, calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #time<T>(entry: Entry, run: () => T): T {
    this.#running = entry;
    const begin = performance.now();
    try {
      return run();
    } finally {
      entry.milliseconds += performance.now() - begin;
      entry.calls++;
      this.#running = null;
    }
  }
}

/** The lengths of a kernel's operands, in the place of shapes. */
function lengths(args: readonly unknown[]): string {
  return buffersOf(args)
    .map(({ length }) => `[${length}]`)
    .join(' ');
}

function buffersOf(args: readonly unknown[]): DeviceBuffer[] {
  return args.filter((arg) => arg instanceof DeviceBuffer);
}

/** Multiplications and additions of a kernel call, if that is what it is about. */
function flopsOf(name: string, geometry: unknown): number {
  if (name === 'matmul') return matmulFlops(geometry as MatmulGeometry);
  if (name.startsWith('conv2d')) return conv2dFlops(geometry as Conv2dGeometry);
  return 0;
}

function summarise(entries: Entry[], milliseconds: number): Profile {
  const rows: ProfileRow[] = entries
    .sort((a, b) => b.milliseconds - a.milliseconds)
    .map(({ op, shape, calls, milliseconds: own, flops, bytes }) => ({
      op,
      shape,
      calls,
      milliseconds: own,
      share: own / milliseconds,
      gflops: flops > 0 ? flops / own / 1e6 : null,
      bytes,
    }));
  const rest = milliseconds - rows.reduce((sum, row) => sum + row.milliseconds, 0);
  rows.push({
    op: 'elsewhere',
    shape: '',
    calls: 1,
    milliseconds: rest,
    share: rest / milliseconds,
    gflops: null,
    bytes: 0,
  });
  return { milliseconds, rows, toString: () => table(rows, milliseconds) };
}

function table(rows: readonly ProfileRow[], milliseconds: number): string {
  const lines = [
    ['op', 'shape', 'calls', 'ms', 'share', 'GFLOP/s', 'memory'],
    ...rows.map((row) => [
      row.op,
      row.shape,
      String(row.calls),
      row.milliseconds.toFixed(2),
      `${(100 * row.share).toFixed(1)} %`,
      row.gflops === null ? '' : row.gflops.toFixed(1),
      row.bytes === 0 ? '' : formatBytes(row.bytes),
    ]),
    ['in all', '', '', milliseconds.toFixed(2), '', '', ''],
  ];
  return alignColumns(lines).join('\n');
}
