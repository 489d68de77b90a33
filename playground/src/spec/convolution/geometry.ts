/** What decides where the numbers of a convolution come from; rows and columns share stride, padding, dilation. */
export interface Setting {
  /** Images. */
  readonly N: number;
  /** Input channels, rows, columns. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** Output channels. */
  readonly OC: number;
  readonly KH: number;
  readonly KW: number;
  readonly stride: number;
  /** Zeros on each side. */
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

export interface Geometry extends Setting {
  /** Rows and columns of the padded input. */
  readonly PH: number;
  readonly PW: number;
  readonly OH: number;
  readonly OW: number;
  /** Input and output channels of a group. */
  readonly groupC: number;
  readonly groupOC: number;
  /** Values in a patch of one group, `groupC·KH·KW`. */
  readonly k: number;
  /** Patches in an image, `OH·OW`. */
  readonly p: number;
}

/** Why there is no convolution: the groups don't divide the channels, or the kernel reaches too far. */
export type Misfit = 'groups' | 'reach';

export function misfitOf(setting: Setting): Misfit | null {
  if (setting.C % setting.groups !== 0 || setting.OC % setting.groups !== 0) return 'groups';
  const fits =
    reachOf(setting.KH, setting.dilation) <= setting.H + 2 * setting.padding &&
    reachOf(setting.KW, setting.dilation) <= setting.W + 2 * setting.padding;
  return fits ? null : 'reach';
}

/** How many pixels a kernel of this size reaches over. */
export const reachOf = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/** How many windows of this reach a row of so many pixels has, padding included; below 1 if none fits. */
export const windowsIn = (padded: number, reach: number, stride: number): number =>
  Math.floor((padded - reach) / stride) + 1;

/** @throws RangeError for a setting that has a misfit. */
export function geometryOf(setting: Setting): Geometry {
  const misfit = misfitOf(setting);
  if (misfit !== null) {
    throw new RangeError(`no such convolution (${misfit}): ${JSON.stringify(setting)}`);
  }
  const { C, OC, KH, KW, stride, padding, dilation, groups } = setting;
  const PH = setting.H + 2 * padding;
  const PW = setting.W + 2 * padding;
  const OH = windowsIn(PH, reachOf(KH, dilation), stride);
  const OW = windowsIn(PW, reachOf(KW, dilation), stride);
  const groupC = C / groups;
  return {
    ...setting,
    PH,
    PW,
    OH,
    OW,
    groupC,
    groupOC: OC / groups,
    k: groupC * KH * KW,
    p: OH * OW,
  };
}

/** A pixel of the padded input. */
export interface Pixel {
  readonly c: number;
  /** Row and column, counted from the first row and column of the padding. */
  readonly h: number;
  readonly w: number;
}

/** The kernel element that row `e` of U belongs to; `c` counts all input channels, not those of the group. */
export interface Tap {
  readonly c: number;
  readonly m: number;
  readonly q: number;
}

/**
 * U has a row for each element of a patch in the order channel, kernel row, kernel column. The rows of
 * all groups are counted through, so that `e` is 0 … C·KH·KW − 1.
 */
export function tapOf({ KH, KW }: Geometry, e: number): Tap {
  return {
    c: Math.floor(e / (KH * KW)),
    m: Math.floor(e / KW) % KH,
    q: e % KW,
  };
}

/** The row of U where a kernel element's pixels are. */
export const rowOf = ({ KH, KW }: Geometry, { c, m, q }: Tap): number => (c * KH + m) * KW + q;

/** The pixel that was copied into `U[e, r]`. */
export function pixelOf(geometry: Geometry, e: number, r: number): Pixel {
  const { c, m, q } = tapOf(geometry, e);
  const { stride, dilation, OW } = geometry;
  return {
    c,
    h: Math.floor(r / OW) * stride + m * dilation,
    w: (r % OW) * stride + q * dilation,
  };
}

/** Where a pixel was copied to: row and column of U. */
export interface Copy {
  readonly e: number;
  readonly r: number;
}

/** All copies of a pixel, patch by patch. */
export function copiesOf(geometry: Geometry, { c, h, w }: Pixel): Copy[] {
  const { KH, KW, OH, OW } = geometry;
  const copies: Copy[] = [];
  // A later element of the kernel meets the pixel in an earlier patch.
  for (let m = KH - 1; m >= 0; m--) {
    const i = patchAt(geometry, h, m, OH);
    if (i === null) continue;
    for (let q = KW - 1; q >= 0; q--) {
      const j = patchAt(geometry, w, q, OW);
      if (j !== null) copies.push({ e: rowOf(geometry, { c, m, q }), r: i * OW + j });
    }
  }
  return copies;
}

/** Along one axis: the patch in which an element of the kernel meets a place; null if there is none. */
function patchAt(
  { stride, dilation }: Geometry,
  place: number,
  element: number,
  patches: number,
): number | null {
  const start = place - element * dilation;
  const patch = start / stride;
  return start >= 0 && Number.isInteger(patch) && patch < patches ? patch : null;
}

/** How many patches hold a pixel: 0 for one that the stride leaves unread. */
export const countAt = (geometry: Geometry, pixel: Pixel): number =>
  copiesOf(geometry, pixel).length;

export function isPadding({ padding, H, W }: Geometry, { h, w }: Pixel): boolean {
  return h < padding || w < padding || h >= padding + H || w >= padding + W;
}

/** The pixels of a channel, row by row, without the padding. */
export function pixelsOfChannel({ H, W, padding }: Geometry, c: number): Pixel[] {
  return Array.from({ length: H * W }, (_, i) => ({
    c,
    h: Math.floor(i / W) + padding,
    w: (i % W) + padding,
  }));
}

/** The group that an output channel belongs to. */
export const groupOf = ({ groupOC }: Geometry, o: number): number => Math.floor(o / groupOC);

/** The group that a row of U belongs to. */
export const groupOfRow = ({ k }: Geometry, e: number): number => Math.floor(e / k);
