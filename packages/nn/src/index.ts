export {
  GELU,
  Identity,
  LeakyReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  type LeakyReLUOptions,
} from './activations.js';
export {
  AdaptiveAvgPool2d,
  adaptiveAvgPool2d,
  AvgPool2d,
  avgPool2d,
  type AvgPool2dOptions,
} from './average-pooling.js';
export { conv2d } from './conv2d/conv2d.js';
export { outputSize, type Conv2dOptions, type Size2d } from './conv2d/geometry.js';
export { Conv2d, type Conv2dLayerOptions } from './conv2d/layer.js';
export { convTranspose2d } from './conv2d/transpose.js';
export type { ConvTranspose2dOptions } from './conv2d/transpose-geometry.js';
export { ConvTranspose2d, type ConvTranspose2dLayerOptions } from './conv2d/transpose-layer.js';
export { fold, unfold, type UnfoldOptions } from './conv2d/unfold.js';
export { Dropout, dropout, Dropout2d, dropout2d, type DropoutOptions } from './dropout.js';
export {
  Embedding,
  embedding,
  type EmbeddingLayerOptions,
  type EmbeddingOptions,
} from './embedding.js';
export * as init from './init.js';
export { Flatten, linear, Linear, MaxPool2d, ReLU, Sequential } from './layers.js';
export type { Layer, LinearOptions } from './layers.js';
export {
  bceWithLogits,
  BCEWithLogitsLoss,
  type BCEWithLogitsOptions,
} from './losses/bce-with-logits.js';
export {
  crossEntropy,
  CrossEntropyLoss,
  nllLoss,
  NLLLoss,
  type ClassLossOptions,
  type CrossEntropyOptions,
} from './losses/classes.js';
export {
  huber,
  HuberLoss,
  mseLoss,
  MSELoss,
  smoothL1,
  SmoothL1Loss,
  type HuberOptions,
  type SmoothL1Options,
} from './losses/distances.js';
export type { LossOptions, Reduction } from './losses/reduction.js';
export type { RemovableHandle } from './hooks.js';
export {
  Module,
  type ForwardHook,
  type LoadStateDictOptions,
  type ParametersOptions,
  type StateDict,
} from './module.js';
export { batchNorm, type BatchNormOptions } from './norm/batch-norm.js';
export {
  BatchNorm,
  BatchNorm1d,
  BatchNorm2d,
  type BatchNormLayerOptions,
} from './norm/batch-norm-layers.js';
export {
  LayerNorm,
  layerNorm,
  type LayerNormLayerOptions,
  type LayerNormOptions,
} from './norm/layer-norm.js';
export { maxPool2d, type MaxPool2dOptions } from './pooling.js';
export { evaluationMode, watchForward, type ForwardCall } from './modules.js';
export {
  GRUCell,
  LSTMCell,
  RNNCell,
  type RecurrentCellOptions,
  type RNNCellOptions,
} from './recurrent/cell-layers.js';
export { GRU, LSTM, RNN, type RecurrentOptions, type RNNOptions } from './recurrent/layers.js';
export { summary } from './summary.js';
export type { Summary, SummaryOptions, SummaryRow } from './summary.js';
export type { SummaryOperation } from './summary-operations.js';
