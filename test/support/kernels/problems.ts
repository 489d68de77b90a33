import type fc from 'fast-check';
import type { KernelName } from '../../../packages/core/src/kernels/contract.js';
import type { Problem } from './problem.js';
import { BROADCAST_PROBLEMS } from './problems-broadcast.js';
import { CONVOLUTION_PROBLEMS } from './problems-convolution.js';
import { ELEMENTWISE_PROBLEMS } from './problems-elementwise.js';
import { MATMUL_PROBLEMS } from './problems-matmul.js';
import { MOVEMENT_PROBLEMS } from './problems-movement.js';
import { NORMALISATION_PROBLEMS } from './problems-normalisation.js';
import { ORDER_PROBLEMS } from './problems-order.js';
import { RECURRENT_PROBLEMS } from './problems-recurrent.js';
import { REDUCTION_PROBLEMS } from './problems-reductions.js';
import { TRAINING_PROBLEMS } from './problems-training.js';
import { WINDOW_PROBLEMS } from './problems-windows.js';

/**
 * Random calls of every kernel, for the test that holds two sets of kernels equal. There is one
 * entry for each name of the contract: a kernel without one does not compile.
 */
export const PROBLEMS: Readonly<Record<KernelName, fc.Arbitrary<Problem>>> = {
  ...ELEMENTWISE_PROBLEMS,
  ...BROADCAST_PROBLEMS,
  ...MOVEMENT_PROBLEMS,
  ...REDUCTION_PROBLEMS,
  ...ORDER_PROBLEMS,
  ...NORMALISATION_PROBLEMS,
  ...RECURRENT_PROBLEMS,
  ...MATMUL_PROBLEMS,
  ...WINDOW_PROBLEMS,
  ...CONVOLUTION_PROBLEMS,
  ...TRAINING_PROBLEMS,
};
