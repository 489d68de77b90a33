import {
  type Geometry,
  groupOf,
  isPadding,
  type Pixel,
  tapOf,
} from '../../spec/convolution/geometry.js';
import type { Place } from '../../spec/convolution/links.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';

const { cells } = INSIDE_TEXTS;

/** What a cell is called: `out[0, 0, 1, 1]`, with image `n`. */
export function nameOf(geometry: Geometry, n: number, place: Place): string {
  switch (place.in) {
    case 'x':
    case 'dX':
      return pixelName(geometry, place.in, n, place);
    case 'folded':
      return pixelName(geometry, cells.folded, n, place);
    case 'U':
    case 'dU':
      return cells.matrix(place.in, rowInGroup(geometry, place.e), place.r);
    case 'weight':
    case 'dWeight': {
      const { c, m, q } = tapOf(geometry, place.e);
      return cells.weight(
        place.in,
        place.o,
        c - groupOf(geometry, place.o) * geometry.groupC,
        m,
        q,
      );
    }
    case 'out':
    case 'dOut': {
      const { OW } = geometry;
      return cells.output(place.in, n, place.o, Math.floor(place.r / OW), place.r % OW);
    }
  }
}

function pixelName(geometry: Geometry, array: string, n: number, pixel: Pixel): string {
  const { padding } = geometry;
  return isPadding(geometry, pixel)
    ? cells.padding(pixel.h, pixel.w)
    : cells.pixel(array, n, pixel.c, pixel.h - padding, pixel.w - padding);
}

/** A group's U has rows of its own, counted from 0. */
export const rowInGroup = ({ k }: Geometry, e: number): number => e % k;
