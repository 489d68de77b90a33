// The second binary. As in index.ts, kernels are exported so that they stay functions of their own.
export { runPart } from './build/more-dispatch';
export * from './along';
export * from './comparisons';
export * from './extremes';
export * from './functions';
export * from './indexing';
export * from './logic';
export * from './normalisation';
export * from './order';
export * from './pointwise';
export * from './power';
export * from './products';
export * from './quotients';
export * from './random';
export * from './resampling';
export * from './recurrent';
export * from './scans';
export * from './softmax';
export * from './squares';
export * from './training';
export * from './units';

/** The end of the constants in low memory. */
export function staticEnd(): usize {
  return __heap_base;
}
