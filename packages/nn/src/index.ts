export {
  GELU,
  Identity,
  LeakyReLU,
  LogSoftmax,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
  type LeakyReLUOptions,
} from './activations.js';
export type { MultiheadAttentionMasks } from './attention/masks.js';
export {
  MultiheadAttention,
  type MultiheadAttentionCallOptions,
  type MultiheadAttentionOptions,
} from './attention/multihead.js';
export { PositionalEncoding, type PositionalEncodingOptions } from './attention/positions.js';
export {
  scaledDotProductAttention,
  type AttentionOptions,
} from './attention/scaled-dot-product.js';
export {
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerEncoderCallOptions,
  type TransformerEncoderLayerCallOptions,
  type TransformerEncoderLayerOptions,
  type TransformerEncoderOptions,
} from './attention/transformer.js';
export {
  AdaptiveAvgPool2d,
  adaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  adaptiveMaxPool2d,
} from './adaptive-pooling.js';
export { AvgPool2d, avgPool2d, type AvgPool2dOptions } from './average-pooling.js';
export {
  ModuleDict,
  ModuleList,
  Sequential,
  type Layer,
  type ModulesByName,
} from './containers.js';
export { Conv1d, conv1d, type Conv1dLayerOptions, type Conv1dOptions } from './conv1d/conv1d.js';
export {
  ConvTranspose1d,
  convTranspose1d,
  type ConvTranspose1dLayerOptions,
  type ConvTranspose1dOptions,
} from './conv1d/transpose.js';
export { conv2d } from './conv2d/conv2d.js';
export { outputSize, type Conv2dOptions, type Size2d } from './conv2d/geometry.js';
export { Conv2d, type Conv2dLayerOptions } from './conv2d/layer.js';
export type { PaddingMode } from './conv2d/padding-mode.js';
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
export {
  ELU,
  elu,
  Mish,
  mish,
  SELU,
  selu,
  Softplus,
  softplus,
  type ELUOptions,
  type SoftplusOptions,
} from './exponential-units.js';
export * as init from './init.js';
export {
  interpolate,
  Upsample,
  type InterpolateMode,
  type InterpolateOptions,
} from './interpolate.js';
export { Flatten, linear, Linear, MaxPool2d, ReLU, type LinearOptions } from './layers.js';
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
  l1Loss,
  L1Loss,
  mseLoss,
  MSELoss,
  smoothL1,
  SmoothL1Loss,
  type HuberOptions,
  type SmoothL1Options,
} from './losses/distances.js';
export {
  cosineEmbedding,
  CosineEmbeddingLoss,
  cosineSimilarity,
  hingeEmbedding,
  HingeEmbeddingLoss,
  marginRanking,
  MarginRankingLoss,
  tripletMargin,
  TripletMarginLoss,
  type CosineSimilarityOptions,
  type MarginOptions,
  type TripletMarginOptions,
} from './losses/margins.js';
export { bce, BCELoss, klDiv, KLDivLoss, type KLDivOptions } from './losses/probabilities.js';
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
export { BatchNorm, BatchNorm1d, BatchNorm2d } from './norm/batch-norm-layers.js';
export type { BatchNormLayerOptions } from './norm/channel-norm.js';
export {
  GroupNorm,
  groupNorm,
  type GroupNormLayerOptions,
  type GroupNormOptions,
} from './norm/group-norm.js';
export {
  InstanceNorm1d,
  InstanceNorm2d,
  instanceNorm,
  type InstanceNormLayerOptions,
  type InstanceNormOptions,
} from './norm/instance-norm.js';
export {
  LayerNorm,
  layerNorm,
  type LayerNormLayerOptions,
  type LayerNormOptions,
} from './norm/layer-norm.js';
export {
  RMSNorm,
  rmsNorm,
  type RMSNormLayerOptions,
  type RMSNormOptions,
} from './norm/rms-norm.js';
export { Hardsigmoid, hardsigmoid, Hardswish, hardswish, ReLU6, relu6 } from './piecewise.js';
export { PixelShuffle, pixelShuffle, PixelUnshuffle, pixelUnshuffle } from './pixel-shuffle.js';
export {
  CircularPad2d,
  ReflectionPad2d,
  ReplicationPad2d,
  ZeroPad2d,
  type ImagePadding,
} from './padding.js';
export {
  AdaptiveAvgPool1d,
  adaptiveAvgPool1d,
  AvgPool1d,
  avgPool1d,
  MaxPool1d,
  maxPool1d,
  type AvgPool1dOptions,
  type MaxPool1dOptions,
} from './pooling-1d.js';
export { maxPool2d, type MaxPool2dOptions } from './pooling.js';
export { PReLU, prelu, type PReLUOptions } from './prelu.js';
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
export { Unflatten, unflatten } from './unflatten.js';
