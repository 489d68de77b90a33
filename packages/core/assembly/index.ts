export * from './broadcast';
export * from './elementwise';
export * from './matmul';
export * from './movement';
export * from './reductions';
export * from './training';
export * from './window';

/** The end of the constants in low memory; the heap begins behind them. */
export function staticEnd(): usize {
  return __heap_base;
}
