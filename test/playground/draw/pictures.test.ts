import { describe, expect, it } from 'vitest';
import { channelsOf, rangeOf } from '../../../playground/src/views/draw/channels.js';
import { fittedSize, GreyBands } from '../../../playground/src/views/draw/grey.js';
import { placeIn, placesOf, someOf } from '../../../playground/src/views/draw/sampling.js';
import { stripSize, windowWith } from '../../../playground/src/views/draw/windowing.js';

describe('a photo', () => {
  it('is made smaller to 1024 pixels, in its ratio, and never larger or without a pixel', () => {
    expect(fittedSize(4032, 3024)).toEqual({ width: 1024, height: 768 });
    expect(fittedSize(3, 5)).toEqual({ width: 3, height: 5 });
    expect(fittedSize(20, 30_000)).toEqual({ width: 1, height: 1024 });
  });

  it('is grey by how light its colours are, band by band', () => {
    const bands = new GreyBands(2, 2);
    bands.add(Uint8ClampedArray.of(255, 255, 255, 255, 255, 0, 0, 255));
    bands.add(Uint8ClampedArray.of(0, 255, 0, 255, 0, 0, 255, 255));
    const { width, height, grey, alpha } = bands.picture();
    expect([width, height, alpha]).toEqual([2, 2, null]);
    [1, 0.2126, 0.7152, 0.0722].forEach((level, i) => expect(grey[i]).toBeCloseTo(level, 6));
  });

  it('keeps what is transparent in it', () => {
    const bands = new GreyBands(2, 1);
    bands.add(Uint8ClampedArray.of(0, 0, 0, 255, 0, 0, 0, 51));
    expect(bands.picture().alpha).toEqual(Float32Array.of(1, 0.2));
  });
});

describe('the maps of a layer', () => {
  const values = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i / 4);

  it('are one a channel, with a scale for all of them', () => {
    const maps = channelsOf({ shape: [2, 3, 4], values });
    expect(maps).toMatchObject({ count: 2, isFlat: false, width: 4, height: 3, colours: 'grey' });
    expect([maps.low, maps.high]).toEqual([0, 5.75]);
    expect(maps.valuesOf(1)).toEqual(values.subarray(12));
  });

  it('have colours that are equally strong on both sides of 0 where there are numbers below it', () => {
    const maps = channelsOf({ shape: [2, 3, 4], values: values.map((value) => value - 1) });
    expect(maps).toMatchObject({ colours: 'signed', low: -4.75, high: 4.75 });
  });

  it('are one picture of rows where a layer has no channels', () => {
    const maps = channelsOf({ shape: [24], values });
    expect(maps).toMatchObject({ count: 1, isFlat: true, width: 24, height: 1, size: 24 });
    expect(stripSize(400)).toEqual({ width: 28, height: 15 });
  });

  it('have a range and a mean', () => {
    expect(rangeOf(Float32Array.of(-1, 0.5, 2))).toEqual({ least: -1, most: 2, mean: 0.5 });
    expect(rangeOf(new Float32Array(0))).toEqual({ least: 0, most: 0, mean: 0 });
  });
});

describe('a window on many maps', () => {
  it('shows so many, the rest at the end, and is never beyond it', () => {
    expect(windowWith(0, 64, 12)).toEqual({ first: 0, end: 12 });
    expect(windowWith(60, 64, 12)).toEqual({ first: 60, end: 64 });
    expect(windowWith(60, 16, 12)).toEqual({ first: 12, end: 16 });
    expect(windowWith(-12, 5, 12)).toEqual({ first: 0, end: 5 });
  });
});

describe('digits to choose from', () => {
  const labels = Uint8Array.of(3, 1, 3, 0, 3);

  it('are those of a class, or all', () => {
    expect(placesOf({ labels }, 3)).toEqual([0, 2, 4]);
    expect(placesOf({ labels }, 7)).toEqual([]);
    expect(placesOf({ labels }, null)).toEqual([0, 1, 2, 3, 4]);
  });

  it('are drawn by chance, each at most once', () => {
    expect(someOf([4, 5, 6, 7], 3, () => 0.5)).toEqual([6, 5, 7]);
    expect(someOf([4, 5], 9, () => 0.99)).toEqual([5, 4]);
  });

  it('are known again by their pixels', () => {
    const images = new Uint8Array(784 * 3);
    images[784 * 2 + 700] = 9;
    const set = { images, labels: Uint8Array.of(1, 2, 3) };
    const same = new Uint8Array(784);
    same[700] = 9;
    expect(placeIn(set, same)).toBe(2);
    same[701] = 9;
    expect(placeIn(set, same)).toBeNull();
  });
});
