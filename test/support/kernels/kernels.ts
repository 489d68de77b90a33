import type {
  BroadcastGeometry,
  KernelName,
  WindowGeometry,
} from '../../../packages/core/src/kernels/contract.js';
import { NAMES, ROWS } from './all-kernels.js';

type Rows = typeof ROWS;

/** What a kernel's row says, but for the file that it is in. */
type Family<K extends KernelName> = Omit<Rows[K], 'source'>;

/** The kernels whose row says the same as that of `K`: its family. */
export type KernelLike<K extends KernelName> = {
  [Name in KernelName]: [Family<Name>, Family<K>] extends [Family<K>, Family<Name>] ? Name : never;
}[KernelName];

/** Their names. */
export function kernelsLike<K extends KernelName>(like: K): KernelLike<K>[] {
  const text = familyOf(like);
  return NAMES.filter((name): name is KernelLike<K> => familyOf(name) === text);
}

function familyOf(name: KernelName): string {
  return JSON.stringify({ ...ROWS[name], source: '' });
}

/** A seeded source of uniform numbers in [0, 1): mulberry32, by T. Ettinger. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The geometry of two operands that are not broadcast, `n` elements each. */
export function flat(n: number): BroadcastGeometry {
  return { shape: [n], aStrides: [1], bStrides: [1] };
}

export interface WindowSpec {
  readonly C?: number;
  readonly image: readonly [H: number, W: number];
  readonly kernel: readonly [KH: number, KW: number];
  readonly stride?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly dilation?: readonly [number, number];
}

/** out = floor((in + 2·padding - dilation·(kernel - 1) - 1) / stride) + 1, per axis. */
export function windowGeometry({
  C = 1,
  image: [H, W],
  kernel: [KH, KW],
  stride: [strideH, strideW] = [1, 1],
  padding: [padTop, padLeft] = [0, 0],
  dilation: [dilationH, dilationW] = [1, 1],
}: WindowSpec): WindowGeometry {
  const OH = Math.floor((H + 2 * padTop - dilationH * (KH - 1) - 1) / strideH) + 1;
  const OW = Math.floor((W + 2 * padLeft - dilationW * (KW - 1) - 1) / strideW) + 1;
  return { C, H, W, KH, KW, OH, OW, strideH, strideW, padTop, padLeft, dilationH, dilationW };
}
