import { describe, expect, it } from 'vitest';
import { placeAfter } from '../../playground/src/parts/roving.js';

/** Seven cells in rows of three. */
const go = (key: string, place: number, isWhole = false): number | null =>
  placeAfter(key, place, { count: 7, columns: 3, isWhole });

describe('a key in a grid', () => {
  it.each([
    ['ArrowRight', 1, 2],
    ['ArrowRight', 2, 3],
    ['ArrowLeft', 3, 2],
    ['ArrowDown', 1, 4],
    ['ArrowUp', 4, 1],
    ['Home', 5, 3],
    ['End', 3, 5],
    ['End', 6, 6],
    ['PageUp', 6, 0],
    ['PageDown', 1, 4],
    ['PageDown', 0, 6],
  ])('%s goes from %d to %d', (key, from, to) => {
    expect(go(key, from)).toBe(to);
  });

  it.each([
    ['ArrowRight', 6],
    ['ArrowLeft', 0],
    ['ArrowUp', 2],
    ['ArrowDown', 5],
  ])('%s stays at %d, where the grid ends', (key, place) => {
    expect(go(key, place)).toBe(place);
  });

  it('Home and End go to the ends of the whole grid with Ctrl', () => {
    expect(go('Home', 5, true)).toBe(0);
    expect(go('End', 1, true)).toBe(6);
  });

  it('that is none of these is left to others', () => {
    expect(go('a', 1)).toBeNull();
    expect(go('Tab', 1)).toBeNull();
  });
});
