import { gather } from './build/tiles';
import { Conv, MAX_ROWS, Split, Tables } from './conv2d';
import { Epilogue } from './conv2d-epilogue';
import { OneChannel } from './conv2d-one-channel';
import { Planes, Weave } from './conv2d-planes';
import { Winograd } from './conv2d-winograd';
import { WinogradForward } from './conv2d-winograd-forward';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * out[o, pixel] = Σ_k weight[o, k]·x[pixel + tap(k)] + bias[o]: output channels are a tile's rows,
 * windows its columns. The weights are packed as [group][tile][k][row], so that a tile reads them in
 * one run, which stays in the cache while the tile goes over the image. (Cutting k into blocks, as a
 * matrix product does, gains nothing: even 4,608 taps stream well from the second-level cache.)
 *
 * The bias comes last, lest a large one round small products away one by one. It is one tap more,
 * under which lies a plane of ones: what is added behind a tile's loop costs half its speed, as
 * tiles.js says. The way from an image to that plane differs from image to image, so each part has a
 * table of taps of its own.
 */

const MAX_PARTS: i32 = 32;
/** With fewer parts than this by images, output channels are shared out, too. */
const ENOUGH_PARTS: i32 = 8;
const MAX_IMAGES: i32 = 8;
/** With fewer products to a float that is written, weaving costs more than it brings. */
const WEAVE_TAPS: i32 = 64;
const WEAVE_CHANNELS: i32 = 8;
/** Woven planes fit the second-level cache. */
const WOVEN_BYTES: i32 = 3 << 18;

class Forward {
  static layOut(block: usize): Conv {
    const g = changetype<Conv>(block);
    if (Winograd.isCheaper(g)) {
      WinogradForward.layOut(g);
      return g;
    }
    g.flatten();
    g.vectors = TileWidth.vectors(g.groupOC);
    // A row's last run overlaps the one before, if it is as long as a run at all.
    g.layOut(max(g.OW, g.run));
    if (g.strideH != 1 || g.strideW != 1) return g;
    if (g.k < WEAVE_TAPS || g.groupOC < WEAVE_CHANNELS) return g;
    let best = 1;
    let fewest = g.N * g.pairs;
    for (let images = 2; images <= min(MAX_IMAGES, g.N); images <<= 1) {
      g.layOut(g.OW, images);
      const fits = g.OW * images >= g.run && g.C * g.planeFloats <= WOVEN_BYTES >> 2;
      const pairs = Split.up(g.N, images) * g.pairs;
      if (!fits || pairs >= fewest) continue;
      best = images;
      fewest = pairs;
    }
    g.layOut(best == 1 ? max(g.OW, g.run) : g.OW, best);
    return g;
  }

  /** Bytes of what tiles write where that is not yet out. */
  static wideBytes(g: Conv): usize {
    const isWide = g.images > 1 || g.columns != g.OW;
    const floats = isWide ? min(g.groupOC, MAX_ROWS) * g.OH * g.columns * g.images : 0;
    return (<usize>floats) << 2;
  }

  /** Times that g.images images are taken. */
  @inline static turns(g: Conv): i32 {
    return Split.up(g.N, g.images);
  }

  static parts(g: Conv): i32 {
    return Forward.imageParts(g) * Forward.slices(g);
  }

  /** Parts by images. */
  @inline static imageParts(g: Conv): i32 {
    return min(Forward.turns(g), Split.worthwhile(g, MAX_PARTS));
  }

  /** Parts of each of these, by tiles of output channels. */
  static slices(g: Conv): i32 {
    const imageParts = Forward.imageParts(g);
    if (imageParts == 0 || g.groups > 1) return 1;
    const most = min(ENOUGH_PARTS, Split.worthwhile(g, MAX_PARTS));
    return min(Split.tiles(g.groupOC), Split.up(most, imageParts));
  }

  @inline static taps(g: Conv): usize {
    return g.shared + ((<usize>g.pairs) << 4);
  }

  /** Taps of a window, and the bias if there is one. */
  @inline static allTaps(g: Conv): i32 {
    return g.bias ? g.k + 1 : g.k;
  }

  /** A table of taps, with the entry more that a tile reads. */
  @inline static tableBytes(g: Conv): usize {
    return (<usize>(Forward.allTaps(g) + 1)) << 2;
  }

  /** The plane of ones. */
  @inline static ones(g: Conv): usize {
    return Forward.taps(g) + Forward.tableBytes(g);
  }

  @inline static weights(g: Conv): usize {
    return Forward.ones(g) + (g.bias ? (<usize>g.planeFloats) << 2 : 0);
  }

  /** Floats from the packed weights of one output channel to the next. */
  @inline static packedStep(g: Conv): usize {
    return <usize>Forward.allTaps(g);
  }

  static packWeights(to: usize, g: Conv): void {
    const groupOC = g.groupOC;
    const tiles = Split.tiles(groupOC);
    let from = g.weight;
    let bias = g.bias;
    for (let group = 0; group < g.groups; group++) {
      for (let tile = 0; tile < tiles; tile++) {
        const rows =
          Split.firstRow(tile + 1, tiles, groupOC) - Split.firstRow(tile, tiles, groupOC);
        const step = (<usize>rows) << 2;
        for (let row = 0; row < rows; row++) {
          let at = to + (row << 2);
          for (let tap = g.k; tap > 0; tap--, from += 4, at += step) {
            store<f32>(at, load<f32>(from));
          }
          if (bias) {
            store<f32>(at, load<f32>(bias));
            bias += 4;
          }
        }
        to += Forward.packedStep(g) * step;
      }
    }
  }

  /**
   * Some tiles of output channels of one group, for g.images images from `image` on. `wide` is
   * where they go if what the tiles write is not yet out; `taps` a table of this part's own; `held`
   * is Epilogue's scratch; `isAgain` as of Planes.of.
   */
  static images(
    g: Conv,
    image: i32,
    group: i32,
    fromTile: i32,
    toTile: i32,
    planes: usize,
    wide: usize,
    taps: usize,
    held: usize,
    isAgain: bool,
  ): void {
    const isWoven = g.images > 1;
    const count = min(g.images, g.N - image);
    let x = g.input(image, group);
    if (isWoven) {
      Planes.woven(planes, x, g.input(1, 0) - g.x, count, g);
      x = planes;
    } else x = Planes.of(x, planes, g, isAgain);
    const isWide = isWoven || g.columns != g.OW;
    const isHeld = Epilogue.isHeld(g);
    const finishes = Epilogue.isOn(g);
    const out = g.output(image, group);
    const outStep = (<usize>(g.OH * g.columns * g.images)) << 2;
    const groupOC = g.groupOC;
    const tiles = Split.tiles(groupOC);
    const pairs = g.pairs;
    const atOnce = g.pairsAtOnce;
    const packedStep = Forward.packedStep(g);
    const weights = Forward.weights(g) + ((<usize>(group * groupOC) * packedStep) << 2);
    if (g.bias) store<usize>(taps + ((<usize>g.k) << 2), Forward.ones(g) - x);
    for (let tile = fromTile; tile < toTile; tile++) {
      const row = Split.firstRow(tile, tiles, groupOC);
      const rows = Split.firstRow(tile + 1, tiles, groupOC) - row;
      const rowOut = isHeld ? held : out + ((<usize>row * <usize>g.p) << 2);
      if (OneChannel.isIt(g)) {
        OneChannel.channels(rowOut, x, group * groupOC + row, rows, g);
        if (finishes) Epilogue.planes(rowOut, rows, image, group * groupOC + row, held, g);
        continue;
      }
      for (let pair = 0; pair < pairs; pair += atOnce) {
        gather(
          rows,
          g.vectors,
          isWide ? wide : rowOut,
          outStep,
          x,
          g.shared + (pair << 4),
          atOnce,
          taps,
          Forward.allTaps(g),
          weights + ((<usize>row * packedStep) << 2),
        );
      }
      const imageStep = isHeld ? (<usize>rows * <usize>g.p) << 2 : g.output(1, 0) - g.out;
      if (isWoven) Forward.unweave(rowOut, imageStep, wide, rows, count, g);
      else if (isWide) Forward.narrow(rowOut, wide, rows, g);
      for (let i = 0; finishes && i < count; i++) {
        const planes = rowOut + <usize>i * imageStep;
        Epilogue.planes(planes, rows, image + i, group * groupOC + row, held, g);
      }
    }
  }

  /** Output channels of woven images to where they belong. */
  static unweave(out: usize, imageStep: usize, wide: usize, rows: i32, count: i32, g: Conv): void {
    const p = g.p;
    for (; rows > 0; rows--, out += (<usize>p) << 2, wide += (<usize>(p * g.images)) << 2) {
      Weave.apart(out, imageStep, count, wide, g.images, p);
    }
  }

  /** Drops what the rows of `wide` have more than out's. */
  static narrow(out: usize, wide: usize, rows: i32, g: Conv): void {
    for (let row = rows * g.OH; row > 0; row--) {
      Lanes.copy(out, wide, g.OW);
      out += g.OW << 2;
      wide += g.columns << 2;
    }
  }
}

/** Bytes of the parameters, with what is set behind those that the caller writes. */
export function conv2dParametersBytes(): usize {
  return offsetof<Conv>();
}

export function conv2dForwardParts(block: usize): i32 {
  const g = Forward.layOut(block);
  return Winograd.isCheaper(g) ? WinogradForward.parts(g) : Forward.parts(g);
}

/** Bytes of the area that all parts read. */
export function conv2dForwardSharedBytes(block: usize): usize {
  const g = Forward.layOut(block);
  if (Winograd.isCheaper(g)) return WinogradForward.sharedBytes(g);
  return Forward.weights(g) - g.shared + ((<usize>g.OC * Forward.packedStep(g)) << 2);
}

/** Bytes of scratch that one part at a time needs. */
export function conv2dForwardScratchBytes(block: usize): usize {
  const g = Forward.layOut(block);
  if (Winograd.isCheaper(g)) return WinogradForward.scratchBytes(g);
  const own = g.planesBytes + Forward.wideBytes(g) + Forward.tableBytes(g);
  return own + Epilogue.scratchBytes(g);
}

/** Whether parts hold what the pooling behind it needs: whole planes, or whole windows of them. */
export function conv2dForwardCanPool(block: usize): bool {
  const g = Forward.layOut(block);
  return !Winograd.isCheaper(g) || WinogradForward.canPool(g);
}

export function conv2dForwardPrepare(block: usize): void {
  const g = Forward.layOut(block);
  if (Winograd.isCheaper(g)) {
    WinogradForward.prepare(g);
    return;
  }
  Tables.runs(g.shared, g);
  Tables.taps(Forward.taps(g), g);
  if (g.bias) Lanes.fill(Forward.ones(g), 1, g.planeFloats);
}

/** Parts that pack the weights, after `Prepare`. */
export function conv2dForwardPackParts(block: usize): i32 {
  const g = changetype<Conv>(block);
  return Winograd.isCheaper(g) ? WinogradForward.packParts(g) : 1;
}

export function conv2dForwardPackPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  if (Winograd.isCheaper(g)) WinogradForward.packPart(g, part, scratch);
  else Forward.packWeights(Forward.weights(g), g);
}

export function conv2dForwardPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  if (Winograd.isCheaper(g)) {
    WinogradForward.part(g, part, scratch);
    return;
  }
  const slices = Forward.slices(g);
  const slice = part % slices;
  const tiles = Split.tiles(g.groupOC);
  const fromTile = Split.first(slice, slices, tiles);
  const toTile = Split.first(slice + 1, slices, tiles);
  const wide = scratch + g.planesBytes;
  const taps = wide + Forward.wideBytes(g);
  const held = taps + Forward.tableBytes(g);
  memory.copy(taps, Forward.taps(g), Forward.tableBytes(g));
  const turns = Forward.turns(g);
  const imageParts = Forward.imageParts(g);
  const end = Split.first(part / slices + 1, imageParts, turns);
  const first = Split.first(part / slices, imageParts, turns);
  for (let turn = first; turn < end; turn++) {
    const image = turn * g.images;
    for (let group = 0; group < g.groups; group++) {
      const isAgain = turn != first || group != 0;
      Forward.images(g, image, group, fromTile, toTile, scratch, wide, taps, held, isAgain);
    }
  }
}
