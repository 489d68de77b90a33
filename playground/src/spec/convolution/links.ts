import {
  copiesOf,
  countAt,
  type Geometry,
  groupOf,
  groupOfRow,
  type Pixel,
  pixelOf,
} from './geometry.js';

/** A cell of an image, with rows and columns counted from the padding's first; `folded` is fold(unfold(x)). */
export type PixelPlace = { readonly in: 'x' | 'dX' | 'folded' } & Pixel;

/** A cell that can be pointed at. */
export type Place =
  | PixelPlace
  | { readonly in: 'U' | 'dU'; readonly e: number; readonly r: number }
  /** `e` is the row of U that the weight meets. */
  | { readonly in: 'weight' | 'dWeight'; readonly o: number; readonly e: number }
  | { readonly in: 'out' | 'dOut'; readonly o: number; readonly r: number };

/** How a cell is to the one pointed at: the same, what made it, what it makes, or its number's gradient. */
export type Link = 'self' | 'from' | 'to' | 'twin';

export function linkOf(geometry: Geometry, pointed: Place, other: Place): Link | null {
  if (isSame(pointed, other)) return pointed.in === other.in ? 'self' : 'twin';
  if (isMadeOf(geometry, pointed, other)) return 'from';
  if (isMadeOf(geometry, other, pointed)) return 'to';
  return null;
}

/** Whether a cell belongs to an image, so that it is a pixel. */
export const isPixel = (place: Place): place is PixelPlace =>
  place.in === 'x' || place.in === 'dX' || place.in === 'folded';

/** Whether two cells have the same place in arrays of the same kind, such as x and dX. */
function isSame(a: Place, b: Place): boolean {
  switch (a.in) {
    case 'x':
    case 'dX':
      return (b.in === 'x' || b.in === 'dX') && isSamePixel(a, b);
    case 'folded':
      return b.in === 'folded' && isSamePixel(a, b);
    case 'U':
    case 'dU':
      return (b.in === 'U' || b.in === 'dU') && a.e === b.e && a.r === b.r;
    case 'weight':
    case 'dWeight':
      return (b.in === 'weight' || b.in === 'dWeight') && a.o === b.o && a.e === b.e;
    case 'out':
    case 'dOut':
      return (b.in === 'out' || b.in === 'dOut') && a.o === b.o && a.r === b.r;
  }
}

const isSamePixel = (a: Pixel, b: Pixel): boolean => a.c === b.c && a.h === b.h && a.w === b.w;

/** Whether a cell of the image shown is computed from another one, directly or by steps between. */
export function isMadeOf(geometry: Geometry, made: Place, part: Place): boolean {
  switch (made.in) {
    case 'U':
      return part.in === 'x' && isSamePixel(pixelOf(geometry, made.e, made.r), part);
    case 'out':
      if (part.in === 'weight') return part.o === made.o;
      if (part.in === 'U') return part.r === made.r && sharesGroup(geometry, made.o, part.e);
      if (part.in !== 'x') return false;
      return copiesOf(geometry, part).some(
        ({ e, r }) => r === made.r && sharesGroup(geometry, made.o, e),
      );
    case 'dWeight':
      if (part.in === 'dOut') return part.o === made.o;
      if (part.in === 'U') return part.e === made.e;
      return part.in === 'x' && copiesOf(geometry, part).some(({ e }) => e === made.e);
    case 'dU':
      if (part.in === 'weight') return part.e === made.e;
      return part.in === 'dOut' && part.r === made.r && sharesGroup(geometry, part.o, made.e);
    case 'dX':
      if (part.in === 'dU') return isSamePixel(pixelOf(geometry, part.e, part.r), made);
      if (part.in === 'weight') return copiesOf(geometry, made).some(({ e }) => e === part.e);
      if (part.in !== 'dOut') return false;
      return copiesOf(geometry, made).some(
        ({ e, r }) => r === part.r && sharesGroup(geometry, part.o, e),
      );
    case 'folded':
      if (part.in === 'U') return isSamePixel(pixelOf(geometry, part.e, part.r), made);
      // A pixel that no patch holds is in none of the copies that are added.
      return part.in === 'x' && isSamePixel(part, made) && countAt(geometry, made) > 0;
    case 'x':
    case 'weight':
    case 'dOut':
      return false;
  }
}

const sharesGroup = (geometry: Geometry, o: number, e: number): boolean =>
  groupOf(geometry, o) === groupOfRow(geometry, e);
