import type { ArrayKernels, MoreKernels } from '../contract.js';
import { MORE_KERNELS } from '../table/more-kernels.js';
import { adamStep } from './adam.js';
import * as functions from './functions.js';
import * as indexing from './indexing.js';
import { lerp } from './lerp.js';
import * as loss from './loss.js';
import * as normalisation from './normalisation.js';
import { overViews } from './over-views.js';
import { pow } from './power.js';
import { drawMask } from './random.js';
import { sgdStep } from './sgd.js';
import * as softmax from './softmax.js';
import { sumOfSquares } from './squares.js';

/**
 * The definition of the kernels of the second table, as index.ts has that of the first. Of these abs,
 * clamp, indexSelect and indexAdd work on whole numbers, too.
 */
export const moreReferenceKernels: Pick<ArrayKernels, keyof typeof MORE_KERNELS> = {
  ...functions,
  pow,
  ...indexing,
  sumOfSquares,
  ...softmax,
  ...normalisation,
  drawMask,
  ...loss,
  sgdStep,
  lerp,
  adamStep,
};

/** The same kernels over buffers, as `referenceOver` has the others. */
export function moreReferenceOver(memory: { readonly buffer: ArrayBufferLike }): MoreKernels {
  return overViews(MORE_KERNELS, moreReferenceKernels, memory) as MoreKernels;
}
