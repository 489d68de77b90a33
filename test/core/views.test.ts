import {
  clone,
  add,
  type DType,
  elementsOf,
  heapStats,
  mul,
  type NumericArray,
  Parameter,
  reshape,
  Scope,
  sum,
  Tape,
  tensor,
  zeros,
} from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { heap } from '../../packages/core/src/engine/engine.js';
import { collectGarbage } from '../support/garbage.js';

const DTYPES: DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool'];
/** What bytes of all ones are. */
const GONE: Record<DType, number> = {
  float32: NaN,
  float64: NaN,
  int32: -1,
  uint8: 255,
  bool: 255,
};

describe('a view of a tensor without scope', () => {
  it('shows its numbers as long as it is held, whatever was collected and made meanwhile', async () => {
    const kept: NumericArray[] = [];
    const copies: NumericArray[] = [];
    for (let i = 0; i < 300; i++) {
      // Only the view is left of each.
      kept.push(add(tensor([i, -i, 0.5]), 1).data);
      copies.push(Float32Array.of(i + 1, 1 - i, 1.5));
      if (i % 100 === 0) await collectGarbage();
    }
    expect(kept).toEqual(copies);
  });

  it('lets go of the memory when it is let go', async () => {
    await collectGarbage();
    const before = heapStats().liveTensors;
    let total = 0;
    for (let i = 0; i < 100; i++) total += add(tensor([i]), 1).data[0] as number;
    expect(total).toBe(5050);
    await collectGarbage();
    expect(heapStats().liveTensors).toBe(before);
  });

  it('holds the memory through another shape, and of a tensor that was kept', async () => {
    const views = [
      reshape(tensor([[1, 2]]), [2]).data,
      Scope.run(() => tensor([3, 4]).keep()).data,
      Scope.run(() => tensor([5, 6])).data,
    ];
    await collectGarbage();
    for (let i = 0; i < 50; i++) tensor([7, 7]);
    expect(views.map((view) => [...view])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });
});

describe.each(DTYPES)('a view of a %s tensor whose', (dtype) => {
  const gone = (view: NumericArray): boolean =>
    view.every((value) => Object.is(value, GONE[dtype]));

  it('scope ended reads as all ones, also while others are made', () => {
    const view = closed(() => tensor([1, 0, 1], [3], { dtype }).data);
    expect(gone(view)).toBe(true);
    for (let i = 0; i < 1000; i++) closed(() => tensor([1, 0, 1], [3], { dtype }));
    expect(gone(view)).toBe(true);
  });

  it('tensor was disposed of reads as all ones', () => {
    const x = tensor([0, 1], [2], { dtype });
    const view = x.data;
    x.dispose();
    expect(gone(view)).toBe(true);
  });

  it('memory is still in use shows it', () => {
    const x = tensor([0, 1], [2], { dtype });
    const view = x.data;
    const other = x.detach();
    x.dispose();
    expect([...view]).toEqual([0, 1]);
    other.dispose();
    expect(gone(view)).toBe(true);
  });
});

/** What `fn` gives, after the scope that it ran in has ended. */
function closed<T>(fn: () => T): T {
  using _scope = new Scope();
  return fn();
}

describe('views and the heap', () => {
  it('a view is the same array until the heap grows, and shows the same numbers after that', () => {
    const x = tensor([1, 2, 3]);
    const view = x.data;
    expect(x.data).toBe(view);
    const grown = closed(() => zeros([heap.buffer.byteLength / 4 + 1]).size);
    expect(heap.buffer.byteLength).toBeGreaterThan(grown);
    expect([...view]).toEqual([1, 2, 3]);
    expect(x.data).not.toBe(view);
    x.update((data) => (data[0] = 9));
    expect(view[0]).toBe(9);
  });

  it('steps that read .data stay in constant memory', { timeout: 60_000 }, () => {
    const w = new Parameter(tensor([0.5]));
    const step = (i: number): number => {
      using tape = new Tape();
      const loss = sum(mul(w, i % 3));
      w.zeroGrad();
      tape.backward(loss);
      return (loss.data[0] as number) + (w.grad?.data[0] as number);
    };
    for (let i = 0; i < 1000; i++) step(i);
    const before = heapStats();
    let total = 0;
    for (let i = 0; i < 100_000; i++) total += step(i);
    expect(total).toBe(149_998.5);
    expect(heapStats().heapBytes).toBe(before.heapBytes);
    expect(heapStats().usedBytes).toBe(before.usedBytes);
  });

  it('the library takes none for itself: what it reads and writes is freed without a trace', () => {
    const x = tensor([1, 2, 3]);
    const elements = elementsOf(x);
    void sum(x).item();
    void x.toArray();
    void x.toTypedArray();
    void clone(x);
    void String(x);
    void add(x, x);
    x.update((data) => (data[0] = 4));
    x.dispose();
    expect([...elements]).toEqual([4, 2, 3]);
    const y = tensor([1, 2, 3]);
    const view = y.data;
    y.dispose();
    expect([...view]).toEqual([NaN, NaN, NaN]);
  });
});
