import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARAMETERS } from '../../packages/core/src/kernels/table/kernels.js';
import {
  axesOf,
  behindLength,
  isNumber,
  JOB,
  parametersOf,
  parseOperand,
  PART,
  placesOf,
  SIZE,
  workOf,
} from '../../packages/core/src/kernels/table/layout.js';
import { cutOf } from '../../packages/core/src/kernels/wasm/cut.js';
import { NAMES, ROWS } from '../support/kernels/all-kernels.js';

describe('the kernel table', () => {
  it.each(NAMES)('%s counts its elements by parameters that it has', (name) => {
    const row = ROWS[name];
    const places = placesOf(parametersOf(row));
    // Those that are cut in their own way have the operands' addresses among their parameters.
    const addresses = row.operands.map(parseOperand).length;
    if (row.cut !== 'own') expect(addresses).toBeLessThanOrEqual(7);
    if (typeof row.cut === 'string') return;
    expect(axesOf(row).length).toBe(row.cut.length);
    const counted = workOf(row).filter((dimension) => !isNumber(dimension));
    for (const dimension of counted) expect(places).toHaveProperty(dimension);
  });

  it('numbers every job once', () => {
    const numbers = Object.values(JOB);
    expect(numbers).toEqual(numbers.map((_, i) => i));
  });

  it('gives a double two words, and every other parameter one', () => {
    expect(placesOf({ a: 'i32', b: 'f64', c: 'f32' })).toEqual({ a: 8, b: 9, c: 11, end: 12 });
  });

  it('refuses rows that are none', () => {
    const row = { source: 'x', operands: ['out out f32[n]'], parameters: {}, cut: ['n'] };
    expect(() => parseOperand('out f32[n]')).toThrow(
      "kernel table: 'out f32[n]' is not 'role name dtype[dimensions]'",
    );
    expect(() => axesOf({ ...row, cut: ['m'] })).toThrow(
      "kernel table: 'm' counts elements and is no i32 parameter",
    );
    expect(() => axesOf({ ...row, operands: ['out out f32[n, k]'] })).toThrow("'k'");
    expect(() => workOf({ ...row, work: 'y' })).toThrow("'y' is no operand");
  });
});

describe('cutOf', () => {
  const sizes = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200_000 }));

  /** Checks that parts of `size` are whole lines and cover `count` things, none of them in vain. */
  function expectCover(size: number, parts: number, count: number): void {
    if (parts > 1) expect(size % 16).toBe(0);
    expect(size * parts).toBeGreaterThanOrEqual(count);
    if (count > 0) expect(size * (parts - 1)).toBeLessThan(count);
  }

  it('makes one part of a kernel that is not cut, however much it has to do', () => {
    const block = new Int32Array(64);
    block[placesOf(PARAMETERS.running).channels] = 100 * PART;
    expect(cutOf(ROWS.trackMoments)(block)).toBe(1);
  });

  it('cuts a run of elements into parts that cover it', () => {
    const cut = cutOf(ROWS.relu);
    const { n } = placesOf(behindLength(ROWS.relu.parameters));
    fc.assert(
      fc.property(sizes, (length) => {
        const block = new Int32Array(64);
        block[n] = length;
        const parts = cut(block);
        expectCover(block[SIZE] as number, parts, length);
        expect(parts).toBeLessThanOrEqual(Math.max(1, Math.floor(length / PART)));
      }),
    );
  });

  it('cuts a reduction along outer, or along inner where outer is 1', () => {
    const cut = cutOf(ROWS.sum);
    const places = placesOf(PARAMETERS.reduce);
    const cutInto = (outer: number, n: number, inner: number) => {
      const block = new Int32Array(64);
      block[places.outer] = outer;
      block[places.n] = n;
      block[places.inner] = inner;
      return { parts: cut(block), size: block[SIZE] };
    };
    expect(cutInto(100, 1000, 1)).toEqual({ parts: 6, size: 17 });
    expect(cutInto(1, 1000, 100)).toEqual({ parts: 4, size: 32 });
    expect(cutInto(1, 1_000_000, 1).parts).toBe(1);
    expect(cutInto(100, 327, 1)).toEqual({ parts: 1, size: 100 });
    expect(cutInto(0, 1000, 1000)).toEqual({ parts: 1, size: 0 });
  });

  it('cuts a walk into rows, and long rows into stretches', () => {
    const cut = cutOf(ROWS.add);
    const places = placesOf(PARAMETERS.broadcast);
    const cutInto = (...shape: number[]) => {
      const block = new Int32Array(64);
      block[places.rank] = shape.length;
      block.set(shape, places.end);
      const parts = cut(block);
      return { parts, size: block[SIZE], stretches: block[places.stretches] };
    };
    expect(cutInto()).toEqual({ parts: 1, size: 1, stretches: 1 });
    expect(cutInto(0)).toEqual({ parts: 1, size: 1, stretches: 1 });
    expect(cutInto(0, 100_000)).toEqual({ parts: 1, size: 0, stretches: 1 });
    expect(cutInto(10, 1000)).toEqual({ parts: 1, size: 10, stretches: 1 });
    expect(cutInto(7, 10, 1000)).toEqual({ parts: 4, size: 18, stretches: 1 });
    expect(cutInto(3, 40_000)).toEqual({ parts: 6, size: 20_000, stretches: 2 });
    fc.assert(
      fc.property(sizes, (length) => {
        const { parts, size, stretches } = cutInto(2, length);
        if (stretches === 1) return;
        expect(parts).toBe(2 * (stretches as number));
        expectCover(size as number, stretches as number, length);
      }),
    );
  });
});
