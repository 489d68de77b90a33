import {
  biasAt,
  type Convolution,
  dUAt,
  foldSoFarAt,
  paddedAt,
  rowsOf,
} from '../../spec/convolution/convolution.js';
import { copiesOf, groupOfRow, isPadding, pixelOf } from '../../spec/convolution/geometry.js';
import { isPixel, type PixelPlace, type Place } from '../../spec/convolution/links.js';
import { sumOf } from '../../spec/convolution/sums.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { nameOf, rowInGroup } from './names.js';
import { full, WRITTEN, written } from './numbers.js';

const { sentence } = INSIDE_TEXTS;

/**
 * A cell's number with its sum written out, the first `most` products of it: `out[0, 0, 1, 1] = 1·6 + 2·7 + 3·10 + 4·11 = 94`.
 */
export function equationOf(
  convolution: Convolution,
  n: number,
  place: Place,
  most = WRITTEN,
): string {
  const name = nameOf(convolution.geometry, n, place);
  const sum = sumOf(convolution, n, place);
  const total = full(sum.total);
  const isShort = sum.terms.length === 0 || (sum.terms.length === 1 && sum.terms[0]?.length === 1);
  if (isShort && sum.bias === null) return sentence.given(name, total);
  const more = isPixel(place) ? sentence.sum : sentence.products;
  return sentence.equals(name, written(sum, more, most), total);
}

/** What a cell is, what made it and what it makes, in words. */
export function storyOf(convolution: Convolution, n: number, place: Place): string {
  const { geometry } = convolution;
  switch (place.in) {
    case 'x': {
      const copies = copiesOf(geometry, place);
      if (copies.length === 0) return sentence.unread;
      const told = sentence.pixel(copies.length, listed(copies.map(({ r }) => r)));
      return isPadding(geometry, place) ? `${sentence.pad} ${told}` : told;
    }
    case 'U': {
      const pixel = nameOf(geometry, n, { in: 'x', ...pixelOf(geometry, place.e, place.r) });
      const o = groupOfRow(geometry, place.e) * geometry.groupOC;
      const weight = nameOf(geometry, n, { in: 'weight', o, e: place.e });
      return sentence.copy(pixel, weight, place.r);
    }
    case 'weight':
      return sentence.weight(rowInGroup(geometry, place.e), place.o, geometry.p);
    case 'out': {
      const told = sentence.out(place.r, geometry.k);
      const { bias } = convolution;
      return bias ? `${told} ${sentence.bias(full(biasAt(convolution, place.o)))}` : told;
    }
    case 'dOut': {
      const told = sentence.dOut(nameOf(geometry, n, { ...place, in: 'out' }), place.r);
      if (geometry.k > 9) return told;
      const column = rowsOf(geometry, place.o).map((e) => full(dUAt(convolution, n, e, place.r)));
      return told + sentence.column(place.r, column.join(', '));
    }
    case 'dWeight': {
      const weight = nameOf(geometry, n, { ...place, in: 'weight' });
      return sentence.dWeight(weight, rowInGroup(geometry, place.e), geometry.N);
    }
    case 'dU': {
      const pixel = pixelOf(geometry, place.e, place.r);
      if (isPadding(geometry, pixel)) return sentence.dropped;
      return sentence.dU(nameOf(geometry, n, { in: 'dX', ...pixel }), geometry.groupOC);
    }
    case 'dX': {
      const copies = copiesOf(geometry, place);
      if (copies.length === 0) return sentence.unread;
      const told = sentence.dX(
        listed(
          copies.map(({ e, r }) => nameOf(geometry, n, { in: 'dU', e, r })),
          6,
        ),
      );
      return isPadding(geometry, place) ? `${sentence.pad} ${told}` : told;
    }
    case 'folded': {
      const copies = copiesOf(geometry, place);
      if (copies.length === 0) return sentence.lost;
      const value = full(paddedAt(convolution, n, place));
      return sentence.folded(copies.length, listed(copies.map(({ r }) => r)), value);
    }
  }
}

/** Both in one: what a screen reader is told. */
export const sentenceOf = (convolution: Convolution, n: number, place: Place): string =>
  `${equationOf(convolution, n, place)}. ${storyOf(convolution, n, place)}`;

/** A pixel's gradient when the patches 0 to `r` have been added. */
export function soFarOf(convolution: Convolution, n: number, place: PixelPlace, r: number): string {
  const dU = (e: number, patch: number): number => dUAt(convolution, n, e, patch);
  return sentence.soFar(r, full(foldSoFarAt(convolution.geometry, dU, place, r + 1)));
}

/** Some of a list, and how many more there are. */
function listed(items: readonly (string | number)[], most = 12): string {
  const begun = items.slice(0, most).join(', ');
  return items.length > most ? `${begun}, ${sentence.sum(items.length - most)}` : begun;
}
