import {
  type Convolution,
  dOutAt,
  dUAt,
  dWeightAt,
  dXAt,
  outAt,
  rowsOf,
} from '../../spec/convolution/convolution.js';
import { brief } from './numbers.js';

/** How long the numbers of an array are, written, and how large. */
export interface Extent {
  readonly characters: number;
  readonly reach: number;
}

type ArrayName = 'x' | 'weight' | 'U' | 'out' | 'dOut' | 'dWeight' | 'dU' | 'dX';
type Extents = Readonly<Record<ArrayName, Extent>>;

const known = new WeakMap<Convolution, Extents[]>();

/** The extents of what is shown of an image; found once for each convolution. */
export function extents(convolution: Convolution, n: number): Extents {
  const images = known.get(convolution) ?? [];
  const extentsOfImage = (images[n] ??= find(convolution, n));
  known.set(convolution, images);
  return extentsOfImage;
}

function find(convolution: Convolution, n: number): Extents {
  const { C, OC, KH, KW, p, padding, H, W } = convolution.geometry;
  const x = extentOf(convolution.x.length, (i) => convolution.x[i]);
  return {
    x,
    U: x,
    weight: extentOf(convolution.weight.length, (i) => convolution.weight[i]),
    dOut: extentOf(OC * p, (i) => dOutAt(convolution, n, Math.floor(i / p), i % p)),
    out: extentOf(OC * p, (i) => outAt(convolution, n, Math.floor(i / p), i % p)),
    dWeight: extentOf(convolution.weight.length, (i) => {
      const { k } = convolution.geometry;
      const o = Math.floor(i / k);
      return dWeightAt(convolution, o, (rowsOf(convolution.geometry, o)[0] ?? 0) + (i % k));
    }),
    dU: extentOf(C * KH * KW * p, (i) => dUAt(convolution, n, Math.floor(i / p), i % p)),
    dX: extentOf(C * H * W, (i) => {
      const [h, w] = [Math.floor(i / W) % H, i % W];
      const c = Math.floor(i / (H * W));
      return dXAt(convolution, n, { c, h: h + padding, w: w + padding });
    }),
  };
}

/** So many numbers of an array are looked at, evenly spread: of an example all, or nearly. */
const LOOKED_AT = { whole: 1500, others: 200 };

function extentOf(length: number, valueAt: (index: number) => number | undefined): Extent {
  const most = Number.isInteger(valueAt(0)) ? LOOKED_AT.whole : LOOKED_AT.others;
  const step = Math.max(1, Math.ceil(length / most));
  // Where not all are looked at, the longest that a number may become is taken.
  let characters = step > 1 ? 6 : 2;
  let reach = 0;
  for (let i = 0; i < length; i += step) {
    const value = valueAt(i) ?? 0;
    characters = Math.max(characters, brief(value).length);
    reach = Math.max(reach, Math.abs(value));
  }
  return { characters, reach };
}
