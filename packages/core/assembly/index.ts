// For no caller, but so that they stay functions of their own: tiles (see conv2d-tiles.js), and the
// kernels, which the compiler would else put into the one function that picks them, and a
// JavaScript engine compiles that as a whole.
export {
  channelColumns1,
  channelColumns2,
  channelDots1,
  channelDots2,
  correlate,
  dots,
  gather,
  scatter,
} from './build/tiles';
export * from './broadcast';
export * from './bytes';
export * from './conv2d-backward-input';
export * from './conv2d-backward-weight';
export * from './conv2d-forward';
export * from './elementwise';
export * from './matmul';
export * from './movement';
export * from './parallel';
export * from './reductions';
export { setTileWidth } from './tile-width';
export {
  fold,
  maxPool2d,
  maxPool2dBackward,
  maxPool2dReluBackward,
  maxPool2x2,
  maxPool2x2Backward,
  maxPool2x2OfRelu,
  maxPool2x2ReluBackward,
  maxPool2x2ValuesOfRelu,
  maxPoolRow,
  maxPoolValuesOfRelu,
  maxPoolRowBySeconds,
  maxPoolRowByStep,
  unfold,
} from './window';

/** The end of the constants in low memory; the heap begins behind them. */
export function staticEnd(): usize {
  return __heap_base;
}
