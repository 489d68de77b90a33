import { gather } from './build/tiles';
import { Conv, Split, Tables } from './conv2d';
import { Planes } from './conv2d-planes';
import { Lanes } from './lanes';
import { TileWidth } from './tile-width';

/*
 * out[o, pixel] = bias[o] + Σ_k weight[o, k]·x[pixel + tap(k)]: output channels are a tile's rows,
 * windows its columns. The weights are packed as [group][tile][k][row], so that a tile reads them in
 * one run, which stays in the cache while the tile goes over the image. (Cutting k into blocks, as a
 * matrix product does, gains nothing: even 4,608 taps stream well from the second-level cache.)
 */

const MAX_PARTS: i32 = 32;

class Forward {
  static layOut(block: usize): Conv {
    const g = changetype<Conv>(block);
    g.flatten();
    g.vectors = TileWidth.vectors(g.groupOC);
    // A row's last run overlaps the one before, if it is as long as a run at all.
    g.layOut(max(g.OW, g.run));
    return g;
  }

  @inline static taps(g: Conv): usize {
    return g.shared + ((<usize>g.pairs) << 4);
  }

  @inline static bias(g: Conv): usize {
    return Forward.taps(g) + ((<usize>g.k) << 2);
  }

  @inline static weights(g: Conv): usize {
    return Forward.bias(g) + ((<usize>g.OC) << 2);
  }

  static packWeights(to: usize, g: Conv): void {
    const groupOC = g.groupOC;
    const tiles = Split.tiles(groupOC);
    let from = g.weight;
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
        }
        to += <usize>g.k * step;
      }
    }
  }

  /** One group of one image. `wide` is where it goes if its rows are longer than out's. */
  static image(g: Conv, image: i32, group: i32, planes: usize, wide: usize): void {
    const x = Planes.of(g.input(image, group), planes, g);
    const isWide = g.columns != g.OW;
    const to = isWide ? wide : g.output(image, group);
    const outStep = (<usize>(g.OH * g.columns)) << 2;
    const groupOC = g.groupOC;
    const tiles = Split.tiles(groupOC);
    const pairs = g.pairs;
    const atOnce = g.pairsAtOnce;
    const bias = Forward.bias(g) + ((<usize>(group * groupOC)) << 2);
    let weights = Forward.weights(g) + ((<usize>(group * groupOC) * <usize>g.k) << 2);
    for (let tile = 0; tile < tiles; tile++) {
      const row = Split.firstRow(tile, tiles, groupOC);
      const rows = Split.firstRow(tile + 1, tiles, groupOC) - row;
      for (let pair = 0; pair < pairs; pair += atOnce) {
        gather(
          rows,
          g.vectors,
          to + <usize>row * outStep,
          outStep,
          bias + (row << 2),
          x,
          g.shared + (pair << 4),
          atOnce,
          Forward.taps(g),
          g.k,
          weights,
        );
      }
      weights += (<usize>(rows * g.k)) << 2;
    }
    if (isWide) Forward.narrow(g.output(image, group), wide, g);
  }

  /** Drops what the rows of `wide` have more than out's. */
  static narrow(out: usize, wide: usize, g: Conv): void {
    for (let row = g.groupOC * g.OH; row > 0; row--) {
      Lanes.copy(out, wide, g.OW);
      out += g.OW << 2;
      wide += g.columns << 2;
    }
  }
}

export function conv2dForwardParts(block: usize): i32 {
  return Split.parts(changetype<Conv>(block), MAX_PARTS);
}

/** Bytes of the area that all parts read. */
export function conv2dForwardSharedBytes(block: usize): usize {
  const g = Forward.layOut(block);
  return Forward.weights(g) - g.shared + ((<usize>g.OC * <usize>g.k) << 2);
}

/** Bytes of scratch that one part at a time needs. */
export function conv2dForwardScratchBytes(block: usize): usize {
  const g = Forward.layOut(block);
  const wide = g.columns == g.OW ? 0 : g.groupOC * g.OH * g.columns;
  return g.planesBytes + ((<usize>wide) << 2);
}

export function conv2dForwardPrepare(block: usize): void {
  const g = Forward.layOut(block);
  Tables.runs(g.shared, g);
  Tables.taps(Forward.taps(g), g);
  if (g.bias) memory.copy(Forward.bias(g), g.bias, (<usize>g.OC) << 2);
  else memory.fill(Forward.bias(g), 0, (<usize>g.OC) << 2);
  Forward.packWeights(Forward.weights(g), g);
}

export function conv2dForwardPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  const parts = Split.parts(g, MAX_PARTS);
  const end = Split.firstImage(part + 1, parts, g.N);
  for (let image = Split.firstImage(part, parts, g.N); image < end; image++) {
    for (let group = 0; group < g.groups; group++) {
      Forward.image(g, image, group, scratch, scratch + g.planesBytes);
    }
  }
}
