import type { OptionRule, OptionRules } from '@unfold/core';
import { completeOptions } from '@unfold/core/internal';

/*
 * A file is somebody else's, and a small one can ask for much: by what it claims, or by what it
 * unpacks to. So every loader knows how much it takes at most, and refuses the rest before memory is
 * spent on it. Whoever trusts a larger file raises the limit by name.
 */

/** Limits of what a loader takes from a file; `Infinity` lifts one. Each loader has its own of these. */
export interface Limits {
  /** Bytes of the contents, unpacked: numbers of tensors, elements, samples of pixels. */
  readonly maxBytes: number;
  /**
   * Bytes that one byte of the file unpacks to, on the average. Contents of up to 64 MiB may be packed
   * as tightly as they like.
   */
  readonly maxRatio: number;
  /** Bytes of the header: the JSON of safetensors, a model.json, the header of each array of an .npz. */
  readonly maxHeaderBytes: number;
  /** Tensors in the file. */
  readonly maxTensors: number;
  /** Width times height of an image. */
  readonly maxPixels: number;
  /** Chunks of a PNG. */
  readonly maxChunks: number;
}

/** Limits of `readPng`. */
export type PngLimits = Pick<Limits, 'maxBytes' | 'maxRatio' | 'maxPixels' | 'maxChunks'>;
/** Limits of `readIdx`. */
export type IdxLimits = Pick<Limits, 'maxBytes' | 'maxRatio'>;
/** Limits of what reads safetensors and .npz: `loadWeights`, `loadCheckpoint`, `decodeNpz`, … */
export type WeightsLimits = Pick<Limits, 'maxBytes' | 'maxRatio' | 'maxHeaderBytes' | 'maxTensors'>;

/** A packed byte makes at most this many; deflate could make 1032. */
const RATIO = 200;
/** More tensors than any network has in one file. */
const TENSORS = 100_000;

export const PNG_LIMITS: PngLimits = {
  maxBytes: 2 ** 28,
  maxRatio: RATIO,
  maxPixels: 2 ** 26,
  // At 8 KiB each, as libpng writes them, they are more than maxBytes.
  maxChunks: 2 ** 16,
};
export const IDX_LIMITS: IdxLimits = { maxBytes: 2 ** 30, maxRatio: RATIO };
/** Nothing of safetensors is packed, so that its tensors take what the file has. */
export const SAFETENSORS_LIMITS: WeightsLimits = {
  maxBytes: Infinity,
  maxRatio: RATIO,
  maxHeaderBytes: 2 ** 25,
  maxTensors: TENSORS,
};
export const NPZ_LIMITS: WeightsLimits = {
  maxBytes: 2 ** 31,
  maxRatio: RATIO,
  // Headers of plain arrays have about a hundred bytes.
  maxHeaderBytes: 2 ** 16,
  maxTensors: TENSORS,
};

/** Contents up to here may come from however little. */
const FREE_BYTES = 2 ** 26;

/** Whether contents come from so few bytes that they are more likely a bomb. */
export function isTooDense(
  { unpacked, packed }: { readonly unpacked: number; readonly packed: number },
  maxRatio: number,
): boolean {
  return unpacked > FREE_BYTES && unpacked > packed * maxRatio;
}

/** The end of a message about a limit: how to raise it. */
export function raise(limit: keyof Limits, needed: number): string {
  const value = Math.ceil(needed);
  const shown = Number.isSafeInteger(value) ? value : Infinity;
  return `if you trust the file, pass limits: { ${limit}: ${shown} }`;
}

const limit: OptionRule = {
  expected: 'an integer from 1, or Infinity',
  accepts: (value) => value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 1),
};

/**
 * The limits with the loader's defaults.
 * @param where The function, for errors.
 * @throws ConfigError for a limit that the loader doesn't have, or a value that is none.
 */
export function completeLimits<L extends Partial<Limits>>(
  where: string,
  defaults: L,
  given: Partial<L> | undefined,
): L {
  if (given === undefined) return defaults;
  // A loader's defaults name all of its limits.
  const rules = Object.fromEntries(Object.keys(defaults).map((name) => [name, limit]));
  const checked = completeOptions(`${where}: limits`, rules as OptionRules<L>, defaults, given);
  return { ...defaults, ...checked };
}
