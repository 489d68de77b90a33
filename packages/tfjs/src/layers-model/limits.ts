import type { Limits } from '@unfold/io';

/** Limits of `loadTfjsLayersModel`. */
export type TfjsLimits = Pick<Limits, 'maxBytes' | 'maxHeaderBytes' | 'maxTensors'>;

export const TFJS_LIMITS: TfjsLimits = {
  maxBytes: 2 ** 31,
  maxHeaderBytes: 2 ** 24,
  // More than any network has.
  maxTensors: 100_000,
};
