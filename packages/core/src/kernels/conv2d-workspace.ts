import type { Conv2dGeometry, Conv2dJoinedGeometry, WindowGeometry } from './contract.js';

/*
 * How much memory the convolution kernels work in, besides their operands: upper bounds in exact
 * arithmetic of what the sources in `assembly/` lay out with 32 bits (conv2d.ts says what planes,
 * runs and taps are). A test holds the bounds to what the binaries ask for.
 */

/** The three products that a convolution and its gradients are. */
export type Conv2dKernel = 'conv2d' | 'conv2dBackwardInput' | 'conv2dBackwardWeight';

/** Bytes, at most: `sharedBytes` for all parts of a call, `scratchBytes` for each thread. */
interface Workspace {
  readonly sharedBytes: number;
  readonly scratchBytes: number;
}

/** The reach of an address in the work space, a signed 32-bit offset. */
const MAX_BYTES = 2 ** 31 - 2 ** 16;
/** As many positions fit into 32 bits, whatever a kernel adds for whole tiles and runs. */
const MAX_POSITION = 2 ** 31 - 2 ** 16;
/** Planes up to this size are taken without a look at what else would do. */
const CHEAP_BYTES = 2 ** 26;
/** Larger ones are refused where they hold more than so many times the elements of the unfold. */
const UNFOLDS = 4;
/** More images than this are never interwoven. */
const WOVEN_IMAGES = 8;
/** Interwoven planes stay below so many floats. */
const WOVEN_FLOATS = 3 * 2 ** 16;
/** Rows are made longer by less than this, to be whole tiles and runs. */
const LONGER = 16;
/** Rows of the highest tile. */
const TILE_ROWS = 8;
/** Floats of transformed tiles in a block of the Winograd kernels, where a row has not more. */
const BLOCK_FLOATS = 2 ** 20;
/** Elements of a transformed tile. */
const ELEMENTS = 16;
/** Sums of the weight's gradient: lanes of each, parts in any case, at most, and bytes for more. */
const LANES = 8;
const SUM_PARTS = 4;
const MAX_SUM_PARTS = 8;
const SUM_BYTES = 2 ** 23;
/** Bytes of a sum of the bias's gradient, a double. */
const BIAS_BYTES = 8;
/** The same over transformed tiles: parts at most, and floats for more than one. */
const TILE_SUM_PARTS = 8;
const TILE_SUM_FLOATS = 2 ** 21;

/** Floats of the planes of one channel of one image. */
function planeFloats(w: WindowGeometry, rows: number, columns: number): number {
  const reachH = (w.KH - 1) * w.dilationH;
  const reachW = (w.KW - 1) * w.dilationW;
  const phases = Math.min(w.KH, w.strideH) * Math.min(w.KW, w.strideW);
  return (
    phases *
    (rows + 1 + Math.floor(reachH / w.strideH)) *
    (columns + LONGER + Math.floor(reachW / w.strideW))
  );
}

function isPlain3x3({ groups, window: w }: Conv2dGeometry): boolean {
  const is3x3 = groups === 1 && w.KH === 3 && w.KW === 3;
  return is3x3 && w.strideH * w.strideW === 1 && w.dilationH * w.dilationW === 1;
}

/** Floats of a block of transformed tiles of so many channels: some, or a row of them. */
function blockFloats(channels: number, columns: number): number {
  return BLOCK_FLOATS + ELEMENTS * (channels + TILE_ROWS) * (columns / 2 + 3 * LONGER);
}

function forward(geometry: Conv2dGeometry): Workspace {
  const { OC, groups, window: w } = geometry;
  // The bias is a tap more, under which lies a plane of ones; a table of taps has an entry more.
  const taps = w.C * w.KH * w.KW + 1;
  const table = taps + 1;
  const row = w.OW + LONGER;
  const ones = planeFloats(w, w.OH, w.OW) + WOVEN_FLOATS;
  const planes = w.C * planeFloats(w, w.OH, w.OW) + WOVEN_FLOATS;
  const wide = Math.min(OC / groups, TILE_ROWS) * (w.OH * row + WOVEN_FLOATS);
  const block = isPlain3x3(geometry) ? blockFloats(w.C, w.OW) : 0;
  const transformed = isPlain3x3(geometry) ? ELEMENTS * w.C * OC : 0;
  const runs = 4 * (w.OH * row + WOVEN_FLOATS);
  return {
    sharedBytes: 4 * (runs + table + ones + Math.max(OC * taps, transformed)),
    scratchBytes: 4 * (planes + wide + table + block),
  };
}

/**
 * Bytes more for each thread where parts pool: planes of one tile, places of their pixels, and a row,
 * which may be a whole plane.
 */
export function poolingBytes({ OC, groups, window: w, pool }: Conv2dJoinedGeometry): number {
  if (pool === null) return 0;
  const rows = Math.min(OC / groups, TILE_ROWS);
  return 4 * (rows * (w.OH * w.OW + WOVEN_FLOATS + pool.OH * pool.OW) + LONGER + w.OH * w.OW);
}

/** The convolution that the gradient by x is with stride 1. */
function mirrored({ N, OC, groups, window: w }: Conv2dGeometry): Conv2dGeometry {
  const window = { ...w, C: OC / groups, H: w.OH, W: w.OW, OH: w.H, OW: w.W };
  return { N, OC: groups * w.C, groups, window };
}

function backwardInput(geometry: Conv2dGeometry): Workspace {
  const { OC, groups, window: w } = geometry;
  const k = w.C * w.KH * w.KW;
  const panels = (OC / groups) * (w.OH * (w.OW + LONGER) + LONGER);
  let sharedBytes = 4 * (4 * w.OH * (w.OW + LONGER) + k + OC * k);
  let scratchBytes = 4 * (w.C * planeFloats(w, w.OH, w.OW) + panels);
  if (w.strideH === 1 && w.strideW === 1) {
    const mirror = forward(mirrored(geometry));
    sharedBytes = Math.max(sharedBytes, mirror.sharedBytes + 4 * OC * k);
    scratchBytes = Math.max(scratchBytes, mirror.scratchBytes);
  }
  return { sharedBytes, scratchBytes };
}

/** Bytes of the sums of all parts over transformed tiles, with output channels in whole tiles. */
function tileSumBytes(C: number, OC: number): number {
  const parts = Math.max(1, Math.min(TILE_SUM_PARTS, TILE_SUM_FLOATS / (ELEMENTS * C * OC)));
  return parts * (4 * ELEMENTS * (C * (OC + LONGER) + 2 * LONGER) + BIAS_BYTES * OC);
}

function backwardWeight(geometry: Conv2dGeometry): Workspace {
  const { OC, groups, window: w } = geometry;
  const groupOC = OC / groups;
  const k = w.C * w.KH * w.KW;
  const row = w.OW + LONGER;
  // By dot products for few output channels, else by outer products with channels in whole tiles.
  const lanes = groupOC < 2 * LANES ? groupOC * LANES : groupOC + LONGER;
  const plainSums = 4 * groups * k * Math.max(lanes, LONGER);
  const biasSums = BIAS_BYTES * OC;
  // Long sums have totals besides.
  const sums = Math.max(
    2 * SUM_BYTES + MAX_SUM_PARTS * biasSums,
    SUM_PARTS * (2 * plainSums + biasSums),
  );
  const tileSums = isPlain3x3(geometry) ? tileSumBytes(w.C, OC) : 0;
  const transposed = Math.max(LONGER, Math.min(groupOC, 2 * LANES)) * w.OH * row;
  const block = isPlain3x3(geometry)
    ? blockFloats(w.C + OC + LONGER, w.OW) + 2 * LONGER * (w.OH + 2) * row
    : 0;
  return {
    sharedBytes: Math.max(sums, tileSums) + 4 * (w.OH * row + k),
    scratchBytes: 4 * (w.C * planeFloats(w, w.OH, w.OW) + transposed + block),
  };
}

const WORKSPACES = {
  conv2d: forward,
  conv2dBackwardInput: backwardInput,
  conv2dBackwardWeight: backwardWeight,
};

/** The room that a convolution kernel works in, at most. */
export function conv2dWorkspace(kernel: Conv2dKernel, geometry: Conv2dGeometry): Workspace {
  return WORKSPACES[kernel](geometry);
}

/** Whether there is room for the pooling of a convolution that `fitsConv2d` takes. */
export function fitsPooling(geometry: Conv2dJoinedGeometry): boolean {
  const { scratchBytes } = conv2dWorkspace('conv2d', geometry);
  return scratchBytes + poolingBytes(geometry) <= MAX_BYTES;
}

/**
 * Whether a convolution kernel takes this geometry: what it counts fits into 32 bits, and no
 * dilation or padding far beyond the images blows its planes up to more than their unfold. Whoever
 * calls the kernel asks first; unfold and matmul do what it refuses. Of numbers that `checkWindow`
 * let through.
 */
export function fitsConv2d(kernel: Conv2dKernel, geometry: Conv2dGeometry): boolean {
  const known = verdicts[kernel].get(geometry);
  if (known !== undefined) return known;
  const fits = findFit(kernel, geometry);
  // What may still be changed is looked at every time.
  if (Object.isFrozen(geometry) && Object.isFrozen(geometry.window)) {
    verdicts[kernel].set(geometry, fits);
  }
  return fits;
}

/** The answers of `fitsConv2d` for geometries that nobody can change. */
const verdicts: Readonly<Record<Conv2dKernel, WeakMap<Conv2dGeometry, boolean>>> = {
  conv2d: new WeakMap(),
  conv2dBackwardInput: new WeakMap(),
  conv2dBackwardWeight: new WeakMap(),
};

function findFit(kernel: Conv2dKernel, geometry: Conv2dGeometry): boolean {
  const { strideH, strideW } = geometry.window;
  if (!fitsPlanes(geometry)) return false;
  const mayMirror = kernel === 'conv2dBackwardInput' && strideH === 1 && strideW === 1;
  if (mayMirror && !fitsPlanes(mirrored(geometry))) return false;
  const { sharedBytes, scratchBytes } = conv2dWorkspace(kernel, geometry);
  return sharedBytes <= MAX_BYTES && scratchBytes <= MAX_BYTES;
}

function fitsPlanes({ N, window: w }: Conv2dGeometry): boolean {
  const lowest = w.H + w.padTop + (w.OH + LONGER) * w.strideH + (w.KH - 1) * w.dilationH;
  const rightmost = w.W + w.padLeft + (w.OW + LONGER) * w.strideW + (w.KW - 1) * w.dilationW;
  if (lowest > MAX_POSITION || rightmost > MAX_POSITION) return false;
  const plane = planeFloats(w, w.OH, w.OW);
  // How many images to interweave is found by trying.
  const images = w.strideH === 1 && w.strideW === 1 ? Math.min(N, WOVEN_IMAGES) : 1;
  if (w.C * plane * images > MAX_POSITION) return false;
  return 4 * w.C * plane <= CHEAP_BYTES || plane <= UNFOLDS * w.KH * w.KW * w.OH * w.OW;
}
