import type { Geometry } from '../../spec/convolution/geometry.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';

const texts = INSIDE_TEXTS.shapes;

const listed = (...sizes: readonly number[]): string => `[${sizes.join(', ')}]`;

/** The shape of each array, as its panel says it; a gradient has that of what it is the gradient of. */
export function shapesOf(
  geometry: Geometry,
): Readonly<Record<keyof typeof INSIDE_TEXTS.panels, string>> {
  const { N, C, H, W, PH, PW, OC, KH, KW, OH, OW, groups, groupC, groupOC, k, p } = geometry;
  const x = listed(N, C, H, W);
  const weight = listed(OC, groupC, KH, KW);
  const out = listed(N, OC, OH, OW);
  const ofGroup = (shape: string): string => (groups === 1 ? shape : texts.groups(groups, shape));
  const U = ofGroup(listed(k, p));
  return {
    x: geometry.padding > 0 ? texts.padded(x, listed(N, C, PH, PW)) : x,
    weight,
    U,
    product: ofGroup(listed(groupOC, p)),
    out,
    dOut: out,
    dWeight: weight,
    dU: U,
    dX: x,
  };
}
