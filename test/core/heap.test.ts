import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heap, RESERVED_BYTES, formatBytes } from '../../packages/core/src/memory/heap.js';
import { EngineError } from '../../packages/core/src/errors.js';
import { refuseMemory, type MemoryDescriptor } from '../support/kernels/web-assembly.js';

const MIB = 2 ** 20;

/** A block that was handed out, and the byte it was filled with. */
interface Block {
  readonly start: number;
  readonly bytes: number;
  readonly mark: number;
}

/** Allocate `bytes`, or free or retire the live block at `index` (modulo their number). */
type Step = { readonly bytes: number } | { readonly index: number; readonly retire: boolean };

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 63, 64, 65, 65536) },
);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: size.map((bytes) => ({ bytes })) },
    { weight: 2, arbitrary: fc.record({ index: fc.nat(1000), retire: fc.boolean() }) },
  ),
  { maxLength: 80 },
);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe.each([
  { name: 'local', shared: false, isWasm: true },
  { name: 'shared', shared: true, isWasm: true },
  { name: 'plain', shared: false, isWasm: false },
])('Heap over $name memory', ({ shared, isWasm }) => {
  beforeEach(() => {
    if (!isWasm) vi.stubGlobal('WebAssembly', undefined);
  });

  it('takes nothing before it is used, and then what is wanted', () => {
    const heap = new Heap({ shared: true, maximumBytes: 64 * MIB });
    expect(heap.buffer.byteLength).toBe(0);
    heap.allocate(10);
    expect(heap.buffer.byteLength).toBe(2 * 65536);
    expect([heap.shared, heap.warnings.length === 0]).toEqual([isWasm, isWasm]);
    expect(heap.maximumBytes).toBe(64 * MIB);
  });

  const blockBytes = (heap: Heap, { start, bytes }: Block) =>
    new Uint8Array(heap.buffer, start, bytes);

  /** Runs the steps, checking every block as it is made; returns those still live. */
  function play(heap: Heap, sequence: readonly Step[]): Block[] {
    const live: Block[] = [];
    let used = 0;
    let peak = heap.peakBytes;
    for (const [i, step] of sequence.entries()) {
      if ('bytes' in step) {
        const start = heap.allocate(step.bytes);
        const block = { start, bytes: step.bytes, mark: i % 255 };
        expect(start % 64).toBe(0);
        expect(start).toBeGreaterThanOrEqual(RESERVED_BYTES);
        const end = start + step.bytes;
        expect(end).toBeLessThanOrEqual(heap.buffer.byteLength);
        // Also empty blocks have a place of their own.
        for (const other of live) {
          expect(start).not.toBe(other.start);
          expect(end <= other.start || start >= other.start + other.bytes).toBe(true);
        }
        blockBytes(heap, block).fill(block.mark);
        live.push(block);
        used += Heap.blockSize(step.bytes);
        peak = Math.max(peak, used);
      } else if (live.length > 0) {
        const [block] = live.splice(step.index % live.length, 1);
        if (!block) throw new Error('no block');
        // Nothing wrote over it while it was live, and growing kept its content.
        expect(blockBytes(heap, block).every((byte) => byte === block.mark)).toBe(true);
        if (step.retire) {
          heap.retire(block.start, block.bytes);
          expect(blockBytes(heap, block).every((byte) => byte === 0xff)).toBe(true);
        } else heap.free(block.start, block.bytes);
        used -= Heap.blockSize(block.bytes);
      }
      expect(heap.usedBytes).toBe(used);
      expect(heap.peakBytes).toBe(peak);
    }
    return live;
  }

  it('gives aligned blocks that do not overlap, and counts them', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        play(new Heap({ shared, maximumBytes: 64 * MIB }), sequence);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('merges what is freed, in any order, into one block', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (sequence, order) => {
        const heap = new Heap({ shared, maximumBytes: 64 * MIB });
        const live = play(heap, sequence);
        while (live.length > 0) {
          const [block] = live.splice(order.next().value % live.length, 1);
          if (block) heap.free(block.start, block.bytes);
        }
        expect(heap.usedBytes).toBe(0);
        heap.open();
        const before = heap.buffer.byteLength;
        expect(heap.allocate(before - RESERVED_BYTES)).toBe(RESERVED_BYTES);
        expect(heap.buffer.byteLength).toBe(before);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it('takes what a step returned again for the next one, in whatever order it was returned', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    const sizes = [128, 4096, 128, 640, 128, 4096, 64];
    const step = () => sizes.map((bytes) => ({ bytes, start: heap.allocate(bytes) }));
    const first = step();
    const footprint = heap.buffer.byteLength;
    const starts = new Set(first.map(({ start }) => start));
    let blocks = first;
    for (const seed of [1, 2, 3, 4]) {
      blocks.sort((a, b) => ((a.start * seed) % 7) - ((b.start * seed) % 7));
      for (const { start, bytes } of blocks) heap.free(start, bytes);
      blocks = step();
      expect(new Set(blocks.map(({ start }) => start))).toEqual(starts);
    }
    // Nothing is lost to them when a larger block is asked for.
    for (const { start, bytes } of blocks) heap.free(start, bytes);
    const whole = heap.allocate(sizes.reduce((sum, bytes) => sum + bytes, 0));
    expect(whole).toBe(Math.min(...starts));
    expect(heap.buffer.byteLength).toBe(footprint);
  });

  it('fits a block into a gap that is just large enough', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    const blocks = [640, 64, 320, 64, 128, 64].map((bytes) => ({
      start: heap.allocate(bytes),
      bytes,
    }));
    const gaps = [blocks[0], blocks[2], blocks[4]];
    for (const gap of gaps) if (gap) heap.free(gap.start, gap.bytes);
    // The smallest gap that holds it, not the first and not the largest.
    expect(heap.allocate(300)).toBe(blocks[2]?.start);
    expect(heap.allocate(128)).toBe(blocks[4]?.start);
    // The rest of a gap stays free.
    expect(heap.allocate(512)).toBe(blocks[0]?.start);
    expect(heap.allocate(128)).toBe((blocks[0]?.start ?? 0) + 512);
  });

  it('uses retired blocks last, the oldest first, and does not grow while there are some', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    heap.open();
    const { byteLength } = heap.buffer;
    const sizes = [640, 64, 640, 64, 640];
    const blocks = sizes.map((bytes) => ({ start: heap.allocate(bytes), bytes }));
    const [a, , b, , c] = blocks;
    if (!a || !b || !c) throw new Error('three blocks');
    for (const { start, bytes } of [b, a]) heap.retire(start, bytes);
    expect(heap.usedBytes).toBe(768);
    // What was never used comes before what somebody may look at.
    expect(heap.allocate(byteLength - c.start - 640)).toBe(c.start + 640);
    heap.free(c.start, c.bytes);
    expect(heap.allocate(640)).toBe(c.start);
    expect(heap.allocate(640)).toBe(b.start);
    expect(heap.allocate(640)).toBe(a.start);
    expect(heap.buffer.byteLength).toBe(byteLength);
    heap.allocate(640);
    expect(heap.buffer.byteLength).toBeGreaterThan(byteLength);
  });

  it('keeps a million retired blocks in the memory of a few', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    heap.open();
    const { byteLength } = heap.buffer;
    for (let i = 0; i < 1_000_000; i++) {
      const bytes = 64 + (i % 7) * 64;
      heap.retire(heap.allocate(bytes), bytes);
    }
    expect(heap.buffer.byteLength).toBe(byteLength);
    expect(heap.usedBytes).toBe(0);
  });

  it('serves a repeated step from the same memory', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    const sizes = [100, 5000, 0, 77_777, 64, 300_000, 12];
    const step = () => {
      const starts = sizes.map((bytes) => heap.allocate(bytes));
      starts.forEach((start, i) => heap.free(start, sizes[i] ?? 0));
    };
    step();
    const { byteLength } = heap.buffer;
    const { peakBytes } = heap;
    for (let i = 0; i < 1000; i++) step();
    expect(heap.buffer.byteLength).toBe(byteLength);
    expect(heap.peakBytes).toBe(peakBytes);
  });

  it('takes what others can do without before it fails, and not before it grows', () => {
    const heap = new Heap({ shared, maximumBytes: 4 * MIB });
    const spare = [heap.allocate(MIB), heap.allocate(MIB / 2)];
    heap.onShortage(() => {
      const start = spare.shift();
      if (start !== undefined) heap.free(start, spare.length > 0 ? MIB : MIB / 2);
    });
    heap.allocate(2 * MIB);
    expect(spare).toHaveLength(2);
    heap.allocate(MIB);
    expect(spare).toHaveLength(1);
    // Half of it is not enough.
    expect(() => heap.allocate(MIB)).toThrow(EngineError);
    expect(spare).toHaveLength(0);
    expect(heap.usedBytes).toBe(3 * MIB);
    heap.allocate(MIB / 2);
  });

  it('is an error that names sizes when the limit is reached, and works on after it', () => {
    const heap = new Heap({ shared, maximumBytes: 4 * MIB + 100 });
    expect(heap.maximumBytes).toBe(4 * MIB);
    const first = heap.allocate(3 * MIB);
    expect(() => heap.allocate(1.5 * MIB)).toThrow(EngineError);
    expect(() => heap.allocate(1.5 * MIB)).toThrow(
      'heap: cannot allocate 1.5 MiB: 3.0 MiB of at most 4.0 MiB are in use',
    );
    expect(heap.usedBytes).toBe(3 * MIB);
    expect(heap.peakBytes).toBe(3 * MIB);
    // The last byte can be had.
    const second = heap.allocate(MIB - RESERVED_BYTES);
    expect(second + MIB - RESERVED_BYTES).toBe(4 * MIB);
    expect(() => heap.allocate(0)).toThrow('cannot allocate 64 bytes');
    heap.free(first, 3 * MIB);
    expect(heap.allocate(2 * MIB)).toBe(first);
  });

  it('keeps what blocks hold when it grows', () => {
    const heap = new Heap({ shared, maximumBytes: 64 * MIB });
    const start = heap.allocate(1000);
    const old = new Uint8Array(heap.buffer, start, 1000).fill(7);
    heap.allocate(10 * MIB);
    expect(new Uint8Array(heap.buffer, start, 1000).every((byte) => byte === 7)).toBe(true);
    // The old view is dead over local memory, and reads NaN over plain memory. Over shared memory it
    // goes on, too short a buffer.
    const left = shared ? [7] : isWasm ? [] : [0xff];
    expect([...new Set(Array.from({ length: old.length }, (_, i) => old[i]))]).toEqual(left);
    expect(old.buffer.byteLength).toBeLessThan(heap.buffer.byteLength);
  });
});

describe('a system that does not grant everything', () => {
  it.each([
    {
      refused: 'shared memory of 2 GiB and more',
      isRefused: ({ maximum = 0, shared }: MemoryDescriptor) => shared === true && maximum >= 32768,
      wishes: ['shared 65536', 'shared 32768', 'shared 16384'],
      heap: { shared: true, maximumBytes: 2 ** 30 },
      warning: 'the system grants at most 1.0 GiB of memory, not 4.0 GiB (RangeError: not so much)',
    },
    {
      refused: 'shared memory, and local memory of 4 GiB',
      isRefused: ({ maximum = 0, shared }: MemoryDescriptor) =>
        shared === true || maximum === 65536,
      wishes: [
        ...[65536, 32768, 16384, 8192].map((n) => `shared ${n}`),
        'local 65536',
        'local 32768',
      ],
      heap: { shared: false, maximumBytes: 2 ** 31 },
      warning: 'the system grants at most 2.0 GiB of memory, not 4.0 GiB (RangeError: not so much)',
    },
    {
      refused: 'everything',
      isRefused: () => true,
      wishes: ['shared', 'local'].flatMap((kind) =>
        [65536, 32768, 16384, 8192].map((n) => `${kind} ${n}`),
      ),
      heap: { shared: false, maximumBytes: 2 ** 32 },
      warning:
        'there is no memory for WebAssembly here (RangeError: not so much), so the reference',
    },
  ])('and refuses $refused', ({ isRefused, wishes, heap: expected, warning }) => {
    const asked = refuseMemory(isRefused);
    const heap = new Heap({ shared: true });
    const start = heap.allocate(100_000);
    expect(asked).toEqual(wishes);
    expect({ shared: heap.shared, maximumBytes: heap.maximumBytes }).toEqual(expected);
    expect(heap.warnings).toEqual([expect.stringContaining(warning)]);
    new Uint8Array(heap.buffer, start, 100_000).fill(1);
  });

  it('is asked for shared memory only where it is wanted', () => {
    const wishes = refuseMemory(() => false);
    new Heap({ shared: false }).open();
    expect(wishes).toEqual(['local 65536']);
  });

  it('and has no more: an error that says so, not that the limit was reached', () => {
    vi.stubGlobal('WebAssembly', undefined);
    const heap = new Heap({ shared: true });
    const first = heap.allocate(MIB);
    vi.stubGlobal('ArrayBuffer', function refuseAll() {
      throw new RangeError('Array buffer allocation failed');
    });
    expect(() => heap.allocate(MIB)).toThrow(EngineError);
    expect(() => heap.allocate(MIB)).toThrow(
      'heap: cannot allocate 1.0 MiB: 1.0 MiB of at most 4.0 GiB are in use, and the system has no more',
    );
    vi.unstubAllGlobals();
    expect(heap.allocate(MIB)).toBe(first + MIB);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1536, '1.5 KiB'],
    [3 * MIB, '3.0 MiB'],
    [5 * 2 ** 30, '5.0 GiB'],
    [4096 * 2 ** 30, '4096.0 GiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
