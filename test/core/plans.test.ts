import { describe, expect, it, vi } from 'vitest';
import { DeviceBuffer, type BufferSource } from '../../packages/core/src/kernels/buffer.js';
import type { Conv2dGeometry } from '../../packages/core/src/kernels/contract.js';
import type { Row } from '../../packages/core/src/kernels/table/kernels.js';
import { MORE_KERNELS } from '../../packages/core/src/kernels/table/more-kernels.js';
import { Frame } from '../../packages/core/src/kernels/wasm/frame.js';
import { launcherOf } from '../../packages/core/src/kernels/wasm/launch.js';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { randomSource } from '../support/kernels/kernels.js';
import { startBinaries } from '../support/kernels/all-kernels.js';

// What a caller sees of plans is tested in test/nn/kept-weights.test.ts.

const random = randomSource(8);
const KIB = 1024;

/** N = 1, 5×5, padded: its scratch is some KiB, and so is its plan. */
const GEOMETRY: Conv2dGeometry = Object.freeze({
  N: 1,
  OC: 12,
  groups: 1,
  window: Object.freeze({
    ...{ C: 8, H: 10, W: 11, KH: 5, KW: 5, OH: 10, OW: 11, strideH: 1, strideW: 1 },
    ...{ padTop: 2, padLeft: 2, dilationH: 1, dilationW: 1 },
  }),
});

/** A heap of its own with kernels over it. */
function setUp(maximumBytes: number) {
  const heap = new Heap({ shared: false, maximumBytes });
  const { kernels, jobs } = startBinaries('unfold-local-plain', heap);
  const buffer = (length: number, source: BufferSource | null = null) => {
    const address = heap.allocate(length * 4);
    const elements = new Float32Array(heap.buffer, address, length);
    for (let i = 0; i < length; i++) elements[i] = random() - 0.5;
    return new DeviceBuffer('float32', address, length, source);
  };
  const x = buffer(8 * 10 * 11);
  const out = buffer(12 * 10 * 11);
  /** A weight whose plan is made by the second call. */
  const layer = () => {
    const source: BufferSource = { writes: 0, isViewed: false, dependant: null, noteWrite() {} };
    const weight = buffer(12 * 8 * 25, source);
    const call = () => {
      kernels.conv2d(out, x, weight, null, GEOMETRY);
      return Array.from(new Float32Array(heap.buffer, out.address, out.length));
    };
    return { source, call };
  };
  return { heap, jobs, layer };
}

/** Takes all that is left, but for pieces below a KiB. */
function fill(heap: Heap): void {
  while (heap.largestFreeBytes >= KIB || heap.buffer.byteLength < heap.maximumBytes) {
    heap.allocate(KIB);
  }
}

describe('a launch notes the write', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const cases = names.flatMap((_, i) =>
    Array.from({ length: i }, (_, at) => ({ operands: i + 1, at: at + 1 })),
  );

  it.each(cases)('into operand $at of $operands, and into the first', ({ operands, at }) => {
    const { heap, jobs } = setUp(512 * KIB);
    const texts = names
      .slice(0, operands)
      .map((name, i) => `${i === 0 || i === at ? 'inout' : 'in'} ${name} f32[n]`);
    const row: Row = { ...MORE_KERNELS.sgdStep, operands: texts };
    const noted: string[] = [];
    const given = names.slice(0, operands).map((name) => {
      const noteWrite = (): void => void noted.push(name);
      const source: BufferSource = { writes: 0, isViewed: false, dependant: null, noteWrite };
      return new DeviceBuffer('float32', heap.allocate(64), 16, source);
    });
    vi.spyOn(jobs, 'run').mockImplementation(() => {});
    const launcher = launcherOf('k', 0, row, () => {}, new Frame(heap), jobs);
    const launch = launcher as (...args: object[]) => void;
    launch(...given, {});
    expect(noted).toEqual(['a', names[at]]);
  });
});

describe('plans of convolutions', () => {
  it('are given back when the heap is full, and not made again', () => {
    const { heap, layer } = setUp(512 * KIB);
    const { call } = layer();
    const expected = call();
    const { usedBytes } = heap;
    call();
    expect(heap.usedBytes).toBeGreaterThan(usedBytes + 4 * KIB);
    fill(heap);
    const full = heap.usedBytes;
    const start = heap.allocate(4 * KIB);
    expect(heap.usedBytes).toBeLessThan(full);
    expect(call()).toEqual(expected);
    heap.free(start, 4 * KIB);
    const before = heap.usedBytes;
    for (let i = 0; i < 3; i++) expect(call()).toEqual(expected);
    expect(heap.usedBytes).toBe(before);
  });

  it('stay while they run', () => {
    const { heap, jobs, layer } = setUp(512 * KIB);
    const [one, other] = [layer(), layer()];
    const expected = one.call();
    for (const { call } of [one, other, other]) call();
    // The memory that kernels work in is taken anew, and there is none but that of the other plan.
    jobs.threadPool = null;
    fill(heap);
    const { usedBytes } = heap;
    expect(one.call()).toEqual(expected);
    expect(one.call()).toEqual(expected);
    expect(heap.usedBytes).toBeLessThan(usedBytes + 4 * KIB);
  });

  it('are not made where there is no room', () => {
    const { heap, layer } = setUp(512 * KIB);
    const { call } = layer();
    const expected = call();
    fill(heap);
    const { usedBytes } = heap;
    for (let i = 0; i < 3; i++) expect(call()).toEqual(expected);
    expect(heap.usedBytes).toBe(usedBytes);
  });

  it('of two engines over one weight replace each other', () => {
    const { heap, layer } = setUp(512 * KIB);
    const { source, call } = layer();
    const expected = call();
    let drops = 0;
    source.dependant?.drop();
    source.dependant = { drop: () => void drops++ };
    expect(call()).toEqual(expected);
    expect(drops).toBe(1);
    const { usedBytes } = heap;
    expect(call()).toEqual(expected);
    expect(heap.usedBytes).toBeGreaterThan(usedBytes);
    source.dependant?.drop();
    expect(heap.usedBytes).toBe(usedBytes);
  });
});
