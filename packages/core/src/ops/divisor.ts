import type { Tensor } from '../tensor.js';
import { eq } from './compare.js';
import { where } from './where.js';

/** x with 1 in the place of 0: to divide by, where what is divided is 0 too or counts for nothing. */
export const divisorOf = (x: Tensor): Tensor => where(eq(x, 0), 1, x);
