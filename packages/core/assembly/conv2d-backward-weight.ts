import { Conv, Split, Tables } from './conv2d';
import { Bias } from './conv2d-bias';
import { DotRoute, RUN } from './conv2d-dots';
import { OuterRoute } from './conv2d-outer';
import { Winograd } from './conv2d-winograd';
import { WinogradWeight } from './conv2d-winograd-weight';
import { Lanes } from './lanes';

/*
 * dWeight[o, k] = Σ over images and pixels of dOut[o, pixel]·x[pixel + tap(k)], on one of two
 * routes: by outer products, or for few output channels by dot products.
 *
 * Each part adds up its own images; `Finish` adds the parts in their order. So the number of
 * threads never shows in the bits. A part's sums go to its totals every LANE_TERMS terms, as a sum of
 * very many in single precision loses the last ones.
 */

const MAX_PARTS: i32 = 8;
const FEW_PARTS: i32 = 4;
/** Terms that one lane adds up before they go to the totals, or an image's if they are more. */
const LANE_TERMS: i32 = 512;
/** All parts' sums together: a larger layer is cut in fewer parts, down to FEW_PARTS. */
const SUMS_BYTES: usize = 1 << 23;

class BackwardWeight {
  static layOut(block: usize): Conv {
    const g = changetype<Conv>(block);
    if (Winograd.isCheaper(g)) {
      WinogradWeight.layOut(g);
      return g;
    }
    g.flatten();
    g.layOut(DotRoute.isCheaper(g) ? Split.up(g.OW, 8) * 8 : g.OW);
    return g;
  }

  /** Floats of one group's sums. */
  static groupFloats(g: Conv): usize {
    return DotRoute.isCheaper(g) ? DotRoute.sumFloats(g) : OuterRoute.sumFloats(g);
  }

  /** Floats that one part sums for the weights of all groups. */
  static sumFloats(g: Conv): usize {
    return <usize>g.groups * BackwardWeight.groupFloats(g);
  }

  /** Whether a part sums so much that it has totals besides. */
  static isLong(g: Conv): bool {
    const images = Split.up(g.N, max(1, BackwardWeight.parts(g)));
    return <i64>images * g.p > BackwardWeight.blockTerms(g);
  }

  /** Bytes of one part's sums, and of their totals. */
  static weightBytes(g: Conv): usize {
    return BackwardWeight.sumFloats(g) << (BackwardWeight.isLong(g) ? 3 : 2);
  }

  /** Bytes of one part: those, and the bias. */
  static partBytes(g: Conv): usize {
    return BackwardWeight.weightBytes(g) + Bias.bytes(g);
  }

  /** Terms, over all lanes, after which sums go to the totals. */
  @inline static blockTerms(g: Conv): i32 {
    return DotRoute.isCheaper(g) ? LANE_TERMS * RUN : LANE_TERMS;
  }

  static parts(g: Conv): i32 {
    const fitting = <i32>(SUMS_BYTES / max(1, BackwardWeight.sumFloats(g) << 2));
    return Split.parts(g, min(MAX_PARTS, max(FEW_PARTS, fitting)));
  }

  /** The routes' own table begins the shared area. */
  @inline static taps(g: Conv): usize {
    const entries = DotRoute.isCheaper(g) ? DotRoute.runCount(g) : OuterRoute.stepCount(g);
    return g.shared + ((<usize>entries) << 2);
  }

  /** The sums of one part. */
  static sums(g: Conv, part: i32): usize {
    const tapBytes = (<usize>g.k) << 2;
    return BackwardWeight.taps(g) + tapBytes + <usize>part * BackwardWeight.partBytes(g);
  }

  /** Their totals: the sums themselves, if they are short. */
  static totals(g: Conv, part: i32): usize {
    const sums = BackwardWeight.sums(g, part);
    return BackwardWeight.isLong(g) ? sums + (BackwardWeight.sumFloats(g) << 2) : sums;
  }

  @inline static biasSums(g: Conv, part: i32): usize {
    return BackwardWeight.sums(g, part) + BackwardWeight.weightBytes(g);
  }
}

export function conv2dBackwardWeightParts(block: usize): i32 {
  const g = BackwardWeight.layOut(block);
  return Winograd.isCheaper(g) ? WinogradWeight.parts(g) : BackwardWeight.parts(g);
}

/** Bytes of the area that holds the tables and the parts' sums. */
export function conv2dBackwardWeightSharedBytes(block: usize): usize {
  const g = BackwardWeight.layOut(block);
  if (Winograd.isCheaper(g)) return WinogradWeight.sharedBytes(g);
  return BackwardWeight.sums(g, BackwardWeight.parts(g)) - g.shared;
}

/** Bytes of scratch that one part at a time needs. */
export function conv2dBackwardWeightScratchBytes(block: usize): usize {
  const g = BackwardWeight.layOut(block);
  if (Winograd.isCheaper(g)) return WinogradWeight.scratchBytes(g);
  return DotRoute.isCheaper(g) ? DotRoute.scratchBytes(g) : OuterRoute.scratchBytes(g);
}

export function conv2dBackwardWeightPrepare(block: usize): void {
  const g = BackwardWeight.layOut(block);
  if (Winograd.isCheaper(g)) {
    WinogradWeight.prepare(g);
    return;
  }
  if (DotRoute.isCheaper(g)) DotRoute.runTable(g.shared, g);
  else OuterRoute.steps(g.shared, g);
  Tables.taps(BackwardWeight.taps(g), g);
}

export function conv2dBackwardWeightPart(block: usize, part: i32, scratch: usize): void {
  const g = changetype<Conv>(block);
  if (Winograd.isCheaper(g)) {
    WinogradWeight.part(g, part, scratch);
    return;
  }
  const parts = BackwardWeight.parts(g);
  const sums = BackwardWeight.sums(g, part);
  const groupBytes = BackwardWeight.groupFloats(g) << 2;
  const totals = BackwardWeight.totals(g, part);
  const sumFloats = BackwardWeight.sumFloats(g);
  const biasSums = BackwardWeight.biasSums(g, part);
  const blockTerms = BackwardWeight.blockTerms(g);
  const isLong = BackwardWeight.isLong(g);
  const byDots = DotRoute.isCheaper(g);
  const taps = BackwardWeight.taps(g);
  memory.fill(sums, 0, BackwardWeight.partBytes(g));
  let terms = 0;
  const first = Split.first(part, parts, g.N);
  const end = Split.first(part + 1, parts, g.N);
  for (let image = first; image < end; image++) {
    for (let group = 0; group < g.groups; group++) {
      const isAgain = image != first || group != 0;
      const x = g.input(image, group);
      const dOut = g.output(image, group);
      const to = sums + <usize>group * groupBytes;
      if (byDots) DotRoute.image(g, x, dOut, to, taps, g.shared, scratch, isAgain);
      else OuterRoute.image(g, x, dOut, to, taps, g.shared, scratch, isAgain);
    }
    if (g.bias) Bias.add(g, image, biasSums);
    terms += g.p;
    if (!isLong || (terms < blockTerms && image + 1 < end)) continue;
    Lanes.moveTo(totals, sums, sumFloats);
    terms = 0;
  }
}

/** Parts that add up what the others summed, after them. */
export function conv2dBackwardWeightFinishParts(block: usize): i32 {
  const g = changetype<Conv>(block);
  return Winograd.isCheaper(g) ? WinogradWeight.finishParts(g) : 1;
}

/** Writes dWeight and dBias. */
export function conv2dBackwardWeightFinishPart(block: usize, part: i32): void {
  const g = changetype<Conv>(block);
  if (Winograd.isCheaper(g)) {
    WinogradWeight.finishPart(g, part);
    return;
  }
  const parts = BackwardWeight.parts(g);
  const groupBytes = (<usize>(g.groupOC * g.k)) << 2;
  if (parts == 0) {
    memory.fill(g.weight, 0, <usize>g.groups * groupBytes);
    if (g.bias) memory.fill(g.bias, 0, (<usize>g.OC) << 2);
    return;
  }
  let totals = BackwardWeight.totals(g, 0);
  for (let part = 1; part < parts; part++) {
    Lanes.addTo(totals, BackwardWeight.totals(g, part), BackwardWeight.sumFloats(g));
  }
  const byDots = DotRoute.isCheaper(g);
  for (let group = 0; group < g.groups; group++) {
    const dWeight = g.weight + <usize>group * groupBytes;
    if (byDots) DotRoute.finish(dWeight, totals, g);
    else OuterRoute.finish(dWeight, totals, g);
    totals += BackwardWeight.groupFloats(g) << 2;
  }
  if (!g.bias) return;
  Bias.finish(g, 0, g.OC, BackwardWeight.biasSums(g, 0), parts, BackwardWeight.partBytes(g));
}
