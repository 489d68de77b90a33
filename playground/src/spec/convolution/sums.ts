import {
  biasAt,
  channelsOf,
  type Convolution,
  dOutAt,
  dUAt,
  dWeightAt,
  dXAt,
  foldedCopiesAt,
  outAt,
  paddedAt,
  rowsOf,
  unfoldedAt,
  weightAt,
} from './convolution.js';
import { copiesOf } from './geometry.js';
import type { Place } from './links.js';

/** A cell's number as the sum that it is: of products, or of numbers that stand alone. */
export interface Sum {
  /** Each a product's factors; none for a number that is given or copied. */
  readonly terms: readonly (readonly number[])[];
  /** What is added to the products; null if nothing is. */
  readonly bias: number | null;
  readonly total: number;
}

/** How the number of a cell comes about, in image `n`; the weight's gradient in all images. */
export function sumOf(convolution: Convolution, n: number, place: Place): Sum {
  const { geometry } = convolution;
  switch (place.in) {
    case 'x':
      return given(paddedAt(convolution, n, place));
    case 'weight':
      return given(weightAt(convolution, place.o, place.e));
    case 'U':
      return given(unfoldedAt(convolution, n, place.e, place.r));
    case 'dOut':
      return given(dOutAt(convolution, n, place.o, place.r));
    case 'out':
      return {
        terms: rowsOf(geometry, place.o).map((e) => [
          weightAt(convolution, place.o, e),
          unfoldedAt(convolution, n, e, place.r),
        ]),
        bias: convolution.bias && biasAt(convolution, place.o),
        total: outAt(convolution, n, place.o, place.r),
      };
    case 'dWeight':
      return {
        terms: indices(geometry.N).flatMap((image) =>
          indices(geometry.p).map((r) => [
            dOutAt(convolution, image, place.o, r),
            unfoldedAt(convolution, image, place.e, r),
          ]),
        ),
        bias: null,
        total: dWeightAt(convolution, place.o, place.e),
      };
    case 'dU':
      return {
        terms: channelsOf(geometry, place.e).map((o) => [
          weightAt(convolution, o, place.e),
          dOutAt(convolution, n, o, place.r),
        ]),
        bias: null,
        total: dUAt(convolution, n, place.e, place.r),
      };
    case 'dX':
      return {
        terms: copiesOf(geometry, place).map(({ e, r }) => [dUAt(convolution, n, e, r)]),
        bias: null,
        total: dXAt(convolution, n, place),
      };
    case 'folded':
      return {
        terms: copiesOf(geometry, place).map(({ e, r }) => [unfoldedAt(convolution, n, e, r)]),
        bias: null,
        total: foldedCopiesAt(convolution, n, place),
      };
  }
}

const given = (total: number): Sum => ({ terms: [], bias: null, total });

const indices = (length: number): number[] => Array.from({ length }, (_, i) => i);
