import {
  copiesOf,
  type Geometry,
  groupOf,
  groupOfRow,
  type Pixel,
  pixelOf,
  tapOf,
} from './geometry.js';
import type { Place } from './links.js';

/** What is looked at where several channels have the same cell. */
export interface Shown {
  readonly o: number;
  readonly c: number;
}

/** The channels to look at so that a cell and what belongs to it are seen; others stay as they are. */
export function shownFor(geometry: Geometry, place: Place, { o, c }: Shown): Shown {
  const { groupC, groupOC } = geometry;
  switch (place.in) {
    case 'x':
    case 'dX':
    case 'folded': {
      const group = Math.floor(place.c / groupC);
      return { c: place.c, o: groupOf(geometry, o) === group ? o : group * groupOC };
    }
    case 'U':
    case 'dU': {
      const group = groupOfRow(geometry, place.e);
      const { c } = tapOf(geometry, place.e);
      return { c, o: groupOf(geometry, o) === group ? o : group * groupOC };
    }
    case 'weight':
    case 'dWeight':
      return { o: place.o, c: tapOf(geometry, place.e).c };
    case 'out':
    case 'dOut': {
      const group = groupOf(geometry, place.o);
      return { o: place.o, c: Math.floor(c / groupC) === group ? c : group * groupC };
    }
  }
}

/** The pixels to hold in sight: what was pointed at, or the corners of its patch. */
export function pixelsOf(geometry: Geometry, place: Place): Pixel[] {
  switch (place.in) {
    case 'x':
    case 'dX':
    case 'folded':
      return [place];
    case 'U':
    case 'dU':
      return [pixelOf(geometry, place.e, place.r)];
    case 'weight':
    case 'dWeight':
      return [];
    case 'out':
    case 'dOut': {
      const first = groupOf(geometry, place.o) * geometry.k;
      return [first, first + geometry.k - 1].map((e) => pixelOf(geometry, e, place.r));
    }
  }
}

/** The patch to hold in sight: the one that the cell belongs to, or the first of several. */
export function patchOf(geometry: Geometry, place: Place): number | null {
  switch (place.in) {
    case 'x':
    case 'dX':
    case 'folded':
      return copiesOf(geometry, place)[0]?.r ?? null;
    case 'weight':
    case 'dWeight':
      return null;
    default:
      return place.r;
  }
}

/** The row of U to hold in sight. */
export function rowToShow(geometry: Geometry, place: Place): number | null {
  switch (place.in) {
    case 'x':
    case 'dX':
    case 'folded':
      return copiesOf(geometry, place)[0]?.e ?? null;
    case 'out':
    case 'dOut':
      return groupOf(geometry, place.o) * geometry.k;
    default:
      return place.e;
  }
}
