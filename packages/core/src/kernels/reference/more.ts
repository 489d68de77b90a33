import type { ArrayKernels, MoreKernels } from '../contract.js';
import { MORE_KERNELS } from '../table/more-kernels.js';
import { adamStep } from './adam.js';
import * as along from './along.js';
import * as comparisons from './comparisons.js';
import * as extremes from './extremes.js';
import * as functions from './functions.js';
import * as indexing from './indexing.js';
import { lerp } from './lerp.js';
import * as logic from './logic.js';
import * as loss from './loss.js';
import * as normalisation from './normalisation.js';
import * as order from './order.js';
import { overViews } from './over-views.js';
import * as pointwise from './pointwise.js';
import { pow } from './power.js';
import { prod } from './products.js';
import * as quotients from './quotients.js';
import { drawMask } from './random.js';
import * as resampling from './resampling.js';
import * as recurrent from './recurrent.js';
import * as scans from './scans.js';
import { sgdStep } from './sgd.js';
import * as softmax from './softmax.js';
import { sumOfSquares } from './squares.js';
import * as units from './units.js';

/**
 * The definition of the kernels of the second table, as index.ts has that of the first. Of these abs,
 * sign, clamp, remainder, floorDivide, maximum, minimum, the comparisons, prod, indexSelect, indexAdd, gatherAlong, scatterAlong, scatterAddAlong, cumsum, cumprod, recurrence
 * and sortRows work on whole numbers, too: sums and products are exact while their values stay within
 * ±2⁵³.
 */
export const moreReferenceKernels: Pick<ArrayKernels, keyof typeof MORE_KERNELS> = {
  ...functions,
  ...units,
  ...pointwise,
  pow,
  ...quotients,
  ...extremes,
  ...comparisons,
  ...logic,
  prod,
  ...indexing,
  ...resampling,
  ...along,
  ...scans,
  ...order,
  sumOfSquares,
  ...softmax,
  ...normalisation,
  ...recurrent,
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
