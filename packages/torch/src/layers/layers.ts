import * as nn from '@unfold/nn';
import { callByPlaces, callWithLong, callWithMasks } from './calls.js';
import { construct, type Call, type Construction, type LayerForm } from './construction.js';
import { AS_KERNEL, constructLike, type Signature } from './options.js';

/** A layer of PyTorch that has the name of Unfold's. */
interface Row extends Signature {
  /** Default: all by their places. */
  readonly call?: Call;
}

const DTYPE = { dtype: 'float32' } as const;

const CHANNELS = ['inChannels', 'outChannels', 'kernelSize'];
const CONV = { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true };
const CONVOLUTION: Row = {
  places: CHANNELS,
  defaults: { ...CONV, paddingMode: 'zeros', ...DTYPE },
};
const TRANSPOSED: Row = {
  places: CHANNELS,
  defaults: {
    stride: 1,
    padding: 0,
    outputPadding: 0,
    groups: 1,
    bias: true,
    dilation: 1,
    ...DTYPE,
  },
};

const POOL = { stride: AS_KERNEL, padding: 0 };
const MAX_POOL: Row = {
  places: ['kernelSize'],
  defaults: { ...POOL, dilation: 1, ceilMode: false },
};
const AVG_POOL: Row = {
  places: ['kernelSize'],
  defaults: { ...POOL, ceilMode: false, countIncludePad: true, divisorOverride: null },
};
const ADAPTIVE_POOL: Row = { places: ['outputSize'] };
const PADDING: Row = { places: ['padding'] };
const DROPOUT: Row = { places: ['p'] };
const ALONG_AXIS: Row = { defaults: { axis: null } };

const STATISTICS = { eps: 1e-5, momentum: 0.1 };
const BATCH_NORM: Row = {
  places: ['numFeatures'],
  defaults: { ...STATISTICS, affine: true, trackRunningStats: true, ...DTYPE },
};
const INSTANCE_NORM: Row = {
  places: ['numFeatures'],
  defaults: { ...STATISTICS, affine: false, trackRunningStats: false, ...DTYPE },
};

const WIDTHS = ['inputSize', 'hiddenSize'];
const RECURRENT: Row = {
  places: WIDTHS,
  defaults: {
    numLayers: 1,
    nonlinearity: 'tanh',
    bias: true,
    batchFirst: false,
    dropout: 0,
    bidirectional: false,
    ...DTYPE,
  },
};
const CELL: Row = {
  places: WIDTHS,
  defaults: { bias: true, nonlinearity: 'tanh', ...DTYPE },
};

const REDUCTION = { reduction: 'mean' } as const;
const LOSS: Row = { defaults: REDUCTION };
const LABELS = { weight: null, ignoreIndex: -100, ...REDUCTION };
const withLabels = callWithLong(1, 'int32', 'uint8');

/** What is the same in PyTorch, by the names of the classes. */
const ROWS: Readonly<Partial<Record<keyof typeof nn, Row>>> = {
  AdaptiveAvgPool1d: ADAPTIVE_POOL,
  AdaptiveAvgPool2d: ADAPTIVE_POOL,
  AdaptiveMaxPool2d: ADAPTIVE_POOL,
  AvgPool1d: AVG_POOL,
  AvgPool2d: AVG_POOL,
  BatchNorm1d: BATCH_NORM,
  BatchNorm2d: BATCH_NORM,
  BCELoss: LOSS,
  BCEWithLogitsLoss: { defaults: { ...REDUCTION, posWeight: null } },
  CircularPad2d: PADDING,
  Conv1d: CONVOLUTION,
  Conv2d: CONVOLUTION,
  ConvTranspose1d: TRANSPOSED,
  ConvTranspose2d: TRANSPOSED,
  CosineEmbeddingLoss: { defaults: { margin: 0, ...REDUCTION } },
  CrossEntropyLoss: { defaults: { ...LABELS, labelSmoothing: 0 }, call: withLabels },
  Dropout: DROPOUT,
  Dropout2d: DROPOUT,
  ELU: { places: ['alpha'], defaults: { alpha: 1 } },
  Embedding: {
    places: ['numEmbeddings', 'embeddingDim'],
    defaults: { paddingIdx: null, ...DTYPE },
    call: callWithLong(0, 'uint8'),
  },
  Flatten: { places: ['startDim', 'endDim'], defaults: { startDim: 1, endDim: -1 } },
  GELU: { defaults: { approximate: 'none' } },
  GroupNorm: {
    places: ['numGroups', 'numChannels'],
    defaults: { eps: 1e-5, affine: true, ...DTYPE },
  },
  GRU: RECURRENT,
  GRUCell: CELL,
  Hardsigmoid: {},
  Hardswish: {},
  HingeEmbeddingLoss: { defaults: { margin: 1, ...REDUCTION } },
  HuberLoss: { defaults: { ...REDUCTION, delta: 1 } },
  Identity: {},
  InstanceNorm1d: INSTANCE_NORM,
  InstanceNorm2d: INSTANCE_NORM,
  KLDivLoss: { defaults: { ...REDUCTION, logTarget: false } },
  L1Loss: LOSS,
  LayerNorm: {
    places: ['normalizedShape'],
    defaults: { eps: 1e-5, elementwiseAffine: true, bias: true, ...DTYPE },
  },
  LeakyReLU: { places: ['negativeSlope'], defaults: { negativeSlope: 0.01 } },
  Linear: { places: ['inFeatures', 'outFeatures'], defaults: { bias: true, ...DTYPE } },
  LogSoftmax: ALONG_AXIS,
  LSTM: RECURRENT,
  LSTMCell: CELL,
  MarginRankingLoss: { defaults: { margin: 0, ...REDUCTION } },
  MaxPool1d: MAX_POOL,
  MaxPool2d: MAX_POOL,
  Mish: {},
  MSELoss: LOSS,
  MultiheadAttention: {
    places: ['embedDim', 'numHeads'],
    defaults: { dropout: 0, bias: true, kdim: null, vdim: null, batchFirst: false, ...DTYPE },
    call: callWithMasks('attnMask'),
  },
  NLLLoss: { defaults: LABELS, call: withLabels },
  PixelShuffle: { places: ['upscaleFactor'] },
  PixelUnshuffle: { places: ['downscaleFactor'] },
  PReLU: { places: ['numParameters'], defaults: { numParameters: 1, ...DTYPE } },
  ReflectionPad2d: PADDING,
  ReLU: {},
  ReLU6: {},
  ReplicationPad2d: PADDING,
  RMSNorm: {
    places: ['normalizedShape'],
    defaults: { eps: null, elementwiseAffine: true, ...DTYPE },
  },
  RNN: RECURRENT,
  RNNCell: CELL,
  SELU: {},
  Sigmoid: {},
  SiLU: {},
  SmoothL1Loss: { defaults: { ...REDUCTION, beta: 1 } },
  Softmax: ALONG_AXIS,
  Softplus: { defaults: { beta: 1, threshold: 20 } },
  Tanh: {},
  TransformerEncoderLayer: {
    places: ['dModel', 'nhead'],
    defaults: {
      dimFeedforward: 2048,
      dropout: 0.1,
      activation: 'relu',
      layerNormEps: 1e-5,
      batchFirst: false,
      normFirst: false,
      bias: true,
      ...DTYPE,
    },
    call: callWithMasks('srcMask'),
  },
  TripletMarginLoss: { defaults: { margin: 1, p: 2, eps: 1e-6, swap: false, ...REDUCTION } },
  Unflatten: { places: ['axis', 'unflattenedSize'] },
  Upsample: { defaults: { size: null, scaleFactor: null, mode: 'nearest', alignCorners: null } },
  ZeroPad2d: PADDING,
};

/** The forms by the classes. */
const FORMS = new Map<unknown, LayerForm>(
  Object.entries(ROWS).map(([name, row]) => [
    Reflect.get(nn, name),
    {
      construct: (layer) => constructLike(`nn.${name}`, layer, row),
      call: row.call ?? callByPlaces,
    },
  ]),
);

/**
 * How a layer is written in PyTorch, if it has it. A class that is derived from a layer's may compute
 * something else, and has no form.
 */
export function formOf(module: nn.Module): LayerForm | undefined {
  return module instanceof nn.TransformerEncoder
    ? encoderForm(module)
    : FORMS.get(module.constructor);
}

/** PyTorch's encoder copies one layer: there is a form where all are made alike. */
function encoderForm(encoder: nn.TransformerEncoder): LayerForm | undefined {
  const { layers, norm } = encoder;
  const isPlain =
    encoder.constructor === nn.TransformerEncoder && (norm === null || formOf(norm) !== undefined);
  const made = layers.map((layer) => formOf(layer)?.construct(layer));
  const [first, ...others] = made.map((construction) => JSON.stringify(construction));
  const [encoderLayer] = made;
  if (!isPlain || !encoderLayer || others.some((other) => other !== first)) return undefined;
  return {
    construct: (): Construction =>
      construct(
        'nn.TransformerEncoder',
        { encoder_layer: encoderLayer, num_layers: layers.length },
        // Nested tensors leave out what is padding, also from the results.
        { norm: norm ? formOf(norm)?.construct(norm) : undefined, enable_nested_tensor: false },
      ),
    call: callWithMasks('mask'),
  };
}
