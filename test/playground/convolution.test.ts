import { describe, expect, it } from 'vitest';
import {
  type Convolution,
  dUAt,
  dWeightAt,
  dXAt,
  foldAt,
  foldSoFarAt,
  numberAt,
  outAt,
} from '../../playground/src/spec/convolution/convolution.js';
import {
  type Example,
  EXAMPLES,
  exampleOf,
} from '../../playground/src/spec/convolution/examples.js';
import {
  copiesOf,
  countAt,
  geometryOf,
  misfitOf,
  pixelOf,
} from '../../playground/src/spec/convolution/geometry.js';
import { isMadeOf, linkOf, type Place } from '../../playground/src/spec/convolution/links.js';
import {
  columnByPositions,
  columnOfPatch,
  outputTimesUnfoldedAt,
  writtenAt,
} from '../../playground/src/spec/convolution/mistakes.js';
import { sumOf } from '../../playground/src/spec/convolution/sums.js';
import { drawnConvolutions } from './convolutions/draw.js';
import { compareNumbers, coreNumbers, shownNumbers } from './convolutions/numbers.js';

const DRAWN = drawnConvolutions(200);

function example(name: string): Example {
  const found = EXAMPLES.find((known) => known.name === name);
  if (!found) throw new Error(name);
  return found;
}

const numbersOf = (name: string) => {
  const given = example(name);
  return shownNumbers(exampleOf(given, given.setting, 0));
};

describe('every number that is shown of a convolution', () => {
  it("is core's, over 200 random geometries, forwards and backwards", () => {
    for (const convolution of DRAWN) compareNumbers(convolution);
  });

  it('was drawn from geometries of every kind', () => {
    const geometries = DRAWN.map(({ geometry }) => geometry);
    const counted = (is: (geometry: (typeof geometries)[number]) => boolean): number =>
      geometries.filter(is).length;
    expect(counted(({ groups }) => groups > 1)).toBeGreaterThan(60);
    expect(counted(({ stride, dilation }) => stride > 1 && dilation > 1)).toBeGreaterThan(20);
    expect(counted(({ padding, KH }) => padding > 0 && KH > 1)).toBeGreaterThan(30);
    expect(counted(({ H, KH, KW }) => H > 1 && KH !== KW)).toBeGreaterThan(60);
    const unread = DRAWN.filter(({ geometry }) => shownUnread(geometry).length > 0);
    expect(unread.length).toBeGreaterThan(30);
  });

  it('is that of docs/convolution.md: the 4×4 example', () => {
    const { out, dWeight, dBias, dX, U, flipped, counts } = numbersOf('4x4');
    expect(out).toEqual([44, 54, 64, 84, 94, 104, 124, 134, 144]);
    expect(U.slice(0, 9)).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11]);
    expect(dWeight).toEqual([10, 15, 30, 35]);
    expect(dBias).toEqual([]);
    expect(dX).toEqual([1, 4, 4, 0, 6, 17, 9, -2, 9, 13, -2, -2, 0, -6, -5, 4]);
    expect(flipped).toEqual(dX);
    expect(counts).toEqual([1, 2, 2, 1, 2, 4, 4, 2, 2, 4, 4, 2, 1, 2, 2, 1]);
  });

  it('is that of docs/convolution.md: 5×5 and stride 2, with exact zeros where nothing is read', () => {
    const { out, dWeight, dX } = numbersOf('5x5-stride-2');
    expect(out).toEqual([176, -34, 8, 66]);
    expect(dWeight).toEqual([11, 51, -8, -10]);
    expect(dX).toEqual(
      [
        [8, 4, 8, 4, 0],
        [2, 6, 2, 6, 0],
        [8, 4, 8, 4, 0],
        [2, 6, 2, 6, 0],
        [0, 0, 0, 0, 0],
      ].flat(),
    );
  });

  it('is that of docs/convolution.md: 1 … 49 and stride 2', () => {
    expect(numbersOf('7x7-stride-2').out).toEqual([65, 85, 105, 205, 225, 245, 345, 365, 385]);
  });

  it('is that of docs/convolution.md: the second kernel, and one zero at the bottom and the right', () => {
    const given = example('4x4');
    const two = exampleOf(given, { ...given.setting, OC: 2 }, 0);
    expect(outAt(two, 0, 1, 0)).toBe(1 - 6);
    const padded = exampleOf(given, { ...given.setting, padding: 1 }, 0);
    const { OW } = padded.geometry;
    const row = [1, 2, 3, 4].map((j) => outAt(padded, 0, 0, 4 * OW + j));
    expect(row).toEqual([41, 44, 47, 16]);
  });

  it('of an example of another size counts on, or is drawn, and can be drawn anew', () => {
    const given = example('4x4');
    const setting = { ...given.setting, N: 2, C: 2, H: 5, OC: 4, groups: 2 };
    const counting = exampleOf(given, setting, 0);
    expect(Array.from(counting.x)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(Array.from(counting.weight).slice(0, 8)).toEqual([1, 2, 3, 4, 1, 0, 0, -1]);
    const anew = exampleOf(given, setting, 5);
    expect(anew).toEqual(exampleOf(given, setting, 5));
    expect(anew).not.toEqual(exampleOf(given, setting, 6));
    for (const convolution of [counting, anew]) compareNumbers(convolution);
  });
});

describe('a sum that is written out', () => {
  it('has the products, and the total, of the number that it explains', () => {
    for (const convolution of DRAWN.slice(0, 60)) {
      const core = coreNumbers(convolution);
      for (const place of placesOf(convolution)) {
        const { terms, bias, total } = sumOf(convolution, 0, place);
        const added = terms
          .map((factors) => factors.reduce((product, factor) => product * factor, 1))
          .reduce((sum, product) => sum + product, bias ?? 0);
        if (terms.length > 0) expect(added).toBe(total);
        const { p } = convolution.geometry;
        if (place.in === 'out') expect(total).toBe(core.out[place.o * p + place.r]);
        if (place.in === 'dOut') expect(total).toBe(convolution.dOut[place.o * p + place.r]);
      }
    }
  });

  it('of pixel 6 is 4 + 6 + 6 + 1, patch by patch', () => {
    const given = example('4x4');
    const convolution = exampleOf(given, given.setting, 0);
    const pixel = { c: 0, h: 1, w: 1 };
    expect(sumOf(convolution, 0, { in: 'dX', ...pixel })).toEqual({
      terms: [[4], [6], [6], [1]],
      bias: null,
      total: 17,
    });
    const dU = (e: number, r: number) => dUAt(convolution, 0, e, r);
    const soFar = [0, 1, 2, 3, 4, 5, 9].map((patches) =>
      foldSoFarAt(convolution.geometry, dU, pixel, patches),
    );
    expect(soFar).toEqual([0, 4, 10, 10, 16, 17, 17]);
  });
});

describe('cells are linked', () => {
  it('exactly where a change of the one changes the other', () => {
    for (const convolution of DRAWN.slice(0, 40)) {
      // Numbers that are independent over the rationals, more or less, so that no change cancels.
      const generic = changed(convolution);
      for (const leaf of ['x', 'weight', 'dOut'] as const) {
        const index = generic[leaf].length >> 1;
        const values = Float64Array.from(generic[leaf]);
        values[index] = numberAt(values, index) + 0.37;
        const after = { ...generic, [leaf]: values };
        const part = placeOf(convolution, leaf, index);
        // Of the first image alone are places shown.
        if (part === null) continue;
        for (const place of placesOf(convolution)) {
          if (place.in === leaf) continue;
          const [was, is] = [generic, after].map((given) => sumOf(given, 0, place).total);
          const { geometry } = convolution;
          const linked = isMadeOf(geometry, place, part);
          // A weight that meets zeros of the padding alone is part of the sum, and changes nothing.
          const mayBeZero = geometry.padding > 0 && leaf !== 'x';
          const where = JSON.stringify([geometry, place, part]);
          if (was !== is || !mayBeZero) expect(linked, where).toBe(was !== is);
        }
      }
    }
  });

  it('from what made it, to what it makes, and with its gradient', () => {
    const geometry = geometryOf(example('4x4').setting);
    const six: Place = { in: 'x', c: 0, h: 1, w: 1 };
    expect(linkOf(geometry, six, six)).toBe('self');
    expect(linkOf(geometry, six, { ...six, in: 'dX' })).toBe('twin');
    expect(linkOf(geometry, six, { in: 'U', e: 3, r: 0 })).toBe('to');
    expect(linkOf(geometry, { in: 'U', e: 3, r: 0 }, six)).toBe('from');
    expect(linkOf(geometry, six, { in: 'U', e: 2, r: 0 })).toBe(null);
    expect(copiesOf(geometry, six)).toEqual([
      { e: 3, r: 0 },
      { e: 2, r: 1 },
      { e: 1, r: 3 },
      { e: 0, r: 4 },
    ]);
  });

  it('of fold(unfold(x)) with the pixel and with its copies in U, and with no gradient', () => {
    const geometry = geometryOf(example('4x4').setting);
    const six = { c: 0, h: 1, w: 1 };
    const folded: Place = { in: 'folded', ...six };
    expect(linkOf(geometry, folded, folded)).toBe('self');
    expect(linkOf(geometry, folded, { in: 'x', ...six })).toBe('from');
    expect(linkOf(geometry, { in: 'U', e: 2, r: 1 }, folded)).toBe('to');
    for (const { e, r } of copiesOf(geometry, six)) {
      expect(linkOf(geometry, folded, { in: 'U', e, r })).toBe('from');
    }
    expect(linkOf(geometry, folded, { in: 'U', e: 0, r: 0 })).toBe(null);
    expect(linkOf(geometry, folded, { in: 'dX', ...six })).toBe(null);
    const unread: Place = { in: 'folded', c: 0, h: 4, w: 4 };
    const apart = geometryOf(example('5x5-stride-2').setting);
    expect(linkOf(apart, unread, { ...unread, in: 'x' })).toBe(null);
  });

  it('by copies that are where unfold put them, for every pixel', () => {
    for (const { geometry } of DRAWN.slice(0, 80)) {
      const { C, KH, KW, p, PH, PW } = geometry;
      const copies = new Map<string, { e: number; r: number }[]>();
      for (let r = 0; r < p; r++) {
        for (let e = 0; e < C * KH * KW; e++) {
          const key = JSON.stringify(pixelOf(geometry, e, r));
          copies.set(key, [...(copies.get(key) ?? []), { e, r }]);
        }
      }
      for (let c = 0; c < C; c++) {
        for (let h = 0; h < PH; h++) {
          for (let w = 0; w < PW; w++) {
            const pixel = { c, h, w };
            expect(copiesOf(geometry, pixel)).toEqual(copies.get(JSON.stringify(pixel)) ?? []);
          }
        }
      }
    }
  });
});

describe('the four mistakes', () => {
  it('of the width of the wrong thing: the third patch begins at column 4 of 5, not 0', () => {
    const geometry = geometryOf(example('5x5-stride-2').setting);
    expect(columnByPositions(geometry, 2)).toBe(4);
    expect(columnOfPatch(geometry, 2)).toBe(0);
    expect(pixelOf(geometry, 0, 2).w).toBe(0);
  });

  it('of writing for adding: pixel 6 keeps one of four numbers', () => {
    const given = example('4x4');
    const convolution = exampleOf(given, given.setting, 0);
    const pixel = { c: 0, h: 1, w: 1 };
    expect(writtenAt(convolution, 0, pixel)).toBe(1);
    expect(dXAt(convolution, 0, pixel)).toBe(17);
    // Where patches don't overlap there is no difference.
    const apart = example('5x5-stride-2');
    const other = exampleOf(apart, apart.setting, 0);
    for (const w of [0, 1, 2, 3, 4]) {
      const at = { c: 0, h: 2, w };
      expect(writtenAt(other, 0, at)).toBe(dXAt(other, 0, at));
    }
  });

  it('of the output for its gradient: other numbers altogether', () => {
    const given = example('4x4');
    const convolution = exampleOf(given, given.setting, 0);
    const wrong = [0, 1, 2, 3].map((e) => outputTimesUnfoldedAt(convolution, 0, 0, e));
    const { out } = coreNumbers(convolution);
    const asGradient = { ...convolution, dOut: out };
    expect(wrong).toEqual(coreNumbers(asGradient).dWeight);
    expect(wrong).not.toEqual([0, 1, 2, 3].map((e) => dWeightAt(convolution, 0, e)));
  });
});

it('a setting that is no convolution says why', () => {
  const { setting } = example('4x4');
  expect(misfitOf(setting)).toBe(null);
  expect(misfitOf({ ...setting, C: 3, groups: 2 })).toBe('groups');
  expect(misfitOf({ ...setting, KH: 3, dilation: 2 })).toBe('reach');
  expect(misfitOf({ ...setting, KH: 3, dilation: 2, padding: 1 })).toBe(null);
  expect(() => geometryOf({ ...setting, KW: 5 })).toThrow('no such convolution (reach)');
});

it('fold of ones counts the patches that hold a pixel', () => {
  for (const { geometry } of DRAWN.slice(0, 20)) {
    const pixel = { c: 0, h: 0, w: geometry.PW - 1 };
    expect(foldAt(geometry, () => 1, pixel)).toBe(countAt(geometry, pixel));
  }
});

/** The pixels of the first channel that no patch holds. */
function shownUnread(geometry: Convolution['geometry']) {
  const { H, W, padding } = geometry;
  return Array.from({ length: H * W }, (_, i) => ({
    c: 0,
    h: padding + Math.floor(i / W),
    w: padding + (i % W),
  })).filter((pixel) => countAt(geometry, pixel) === 0);
}

/** Every cell of the first image, in all arrays. */
function placesOf({ geometry }: Convolution): Place[] {
  const { C, KH, KW, OC, PH, PW, k, groupOC, p } = geometry;
  const places: Place[] = [];
  for (let c = 0; c < C; c++) {
    for (let h = 0; h < PH; h++) {
      for (let w = 0; w < PW; w++) {
        const pixel = { c, h, w };
        places.push({ in: 'x', ...pixel }, { in: 'dX', ...pixel }, { in: 'folded', ...pixel });
      }
    }
  }
  for (let r = 0; r < p; r++) {
    for (let e = 0; e < C * KH * KW; e++) places.push({ in: 'U', e, r }, { in: 'dU', e, r });
    for (let o = 0; o < OC; o++) places.push({ in: 'out', o, r }, { in: 'dOut', o, r });
  }
  for (let o = 0; o < OC; o++) {
    for (let i = 0; i < k; i++) {
      const e = Math.floor(o / groupOC) * k + i;
      places.push({ in: 'weight', o, e }, { in: 'dWeight', o, e });
    }
  }
  return places;
}

/** Where a number of x, weight or dOut is shown; null for one of another image than the first. */
function placeOf(
  { geometry }: Convolution,
  leaf: 'x' | 'weight' | 'dOut',
  index: number,
): Place | null {
  const { C, H, W, OC, padding, k, groupOC, p } = geometry;
  if (leaf === 'weight') {
    const o = Math.floor(index / k);
    return { in: 'weight', o, e: Math.floor(o / groupOC) * k + (index % k) };
  }
  if (leaf === 'dOut') {
    return index < OC * p ? { in: 'dOut', o: Math.floor(index / p), r: index % p } : null;
  }
  if (index >= C * H * W) return null;
  const h = (Math.floor(index / W) % H) + padding;
  return { in: 'x', c: Math.floor(index / (H * W)), h, w: (index % W) + padding };
}

/** The same convolution with numbers that are not whole, and nowhere 0. */
function changed(convolution: Convolution): Convolution {
  const generic = (length: number, step: number) =>
    Float64Array.from({ length }, (_, i) => 1 + Math.sqrt(i * step + 2));
  return {
    ...convolution,
    x: generic(convolution.x.length, 3),
    weight: generic(convolution.weight.length, 5),
    dOut: generic(convolution.dOut.length, 7),
  };
}
