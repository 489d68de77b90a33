import {
  cast,
  Generator,
  logSoftmax,
  rand,
  randn,
  reshape,
  softmax,
  tensor,
  type Tensor,
} from '@unfold/core';
import * as nn from '@unfold/nn';
import type { Module } from '@unfold/nn';

/** A layer, and what it is called with: tensors, lists of them, and options. */
export interface LayerCase {
  readonly layer: Module;
  readonly inputs: readonly unknown[];
  /** The call in Python, where it is not `layer(x0, x1, …)`. */
  readonly call?: string;
  /** Whether its results are random in training. */
  readonly isRandom?: boolean;
}

const normal = (seed: number, ...shape: number[]): Tensor =>
  randn(shape, { generator: new Generator(seed) });
const images = normal(1, 2, 4, 7, 6);
const sequences = normal(2, 2, 4, 9);
const rows = normal(3, 5, 4);
const others = normal(4, 5, 4);
const shares = rand([5, 4], { generator: new Generator(5) });
const labels = tensor(Int32Array.of(0, 3, 1, 2, 3));
const bytes = cast(labels, 'uint8');
const signs = tensor(Int32Array.of(1, -1, -1, 1, -1));
const column = reshape(normal(6, 5, 1), [5]);
const double = (x: Tensor): Tensor => cast(x, 'float64');
const float64 = { dtype: 'float64' } as const;
const weight = (): Tensor => tensor([1, 2, 3, 4]);
/** Positions that are left out, of 3 and of 5 by 5, none of them all. */
const padding = tensor(Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1), [3, 5], {
  dtype: 'bool',
});
const band = tensor(
  Array.from({ length: 25 }, (_, i) => Number(Math.abs((i % 5) - Math.floor(i / 5)) > 2)),
  [5, 5],
  { dtype: 'bool' },
);
/** `[L, N, E]` */
const src = normal(7, 5, 3, 4);

const plain =
  (make: () => Module, ...inputs: readonly unknown[]): (() => LayerCase) =>
  () => ({ layer: make(), inputs });

const random =
  (make: () => Module, ...inputs: readonly Tensor[]): (() => LayerCase) =>
  () => ({ layer: make(), inputs, isRandom: true });

/** A layer whose call is written in another way than by its inputs in their order. */
const called =
  (make: () => Module, call: string, ...inputs: readonly unknown[]): (() => LayerCase) =>
  () => ({ layer: make(), inputs, call });

const encoderLayer =
  (options: nn.TransformerEncoderLayerOptions = {}): (() => nn.TransformerEncoderLayer) =>
  () =>
    new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 3, dropout: 0, ...options });

const attention = (): nn.MultiheadAttention => new nn.MultiheadAttention(4, 2);
const ENCODER_LAYER = 'nn.TransformerEncoderLayer(4, 2, dim_feedforward=3, dropout=0)';
const CAUSAL = 'torch.ones(x0.shape[0], x0.shape[0], dtype=torch.bool, device=x0.device).triu(1)';

/** Layers of every class of nn that PyTorch has, by how they are made there. */
export const LAYER_CASES: Readonly<Record<string, () => LayerCase>> = {
  'nn.AdaptiveAvgPool1d(4)': plain(() => new nn.AdaptiveAvgPool1d(4), sequences),
  'nn.AdaptiveAvgPool2d(1)': plain(() => new nn.AdaptiveAvgPool2d(1), images),
  'nn.AdaptiveAvgPool2d((3, 2))': plain(() => new nn.AdaptiveAvgPool2d([3, 2]), images),
  'nn.AdaptiveMaxPool2d((3, 2))': plain(() => new nn.AdaptiveMaxPool2d([3, 2]), images),
  'nn.AvgPool1d(2)': plain(() => new nn.AvgPool1d(2), sequences),
  'nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)': plain(
    () => new nn.AvgPool1d(3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
    sequences,
  ),
  'nn.AvgPool2d(2)': plain(() => new nn.AvgPool2d(2), images),
  'nn.AvgPool2d((3, 2), stride=(1, 2), padding=(1, 0), divisor_override=2)': plain(
    () => new nn.AvgPool2d([3, 2], { stride: [1, 2], padding: [1, 0], divisorOverride: 2 }),
    images,
  ),
  'nn.BatchNorm1d(4)': plain(() => new nn.BatchNorm1d(4), rows),
  'nn.BatchNorm1d(4, momentum=None)': plain(
    () => new nn.BatchNorm1d(4, { momentum: null }),
    sequences,
  ),
  'nn.BatchNorm2d(4)': plain(() => new nn.BatchNorm2d(4), images),
  'nn.BatchNorm2d(4, eps=0.1, momentum=0.5, affine=False)': plain(
    () => new nn.BatchNorm2d(4, { eps: 0.1, momentum: 0.5, affine: false }),
    images,
  ),
  'nn.BatchNorm2d(4, track_running_stats=False)': plain(
    () => new nn.BatchNorm2d(4, { trackRunningStats: false }),
    images,
  ),
  'nn.BatchNorm2d(4, affine=False, dtype=torch.float64)': plain(
    () => new nn.BatchNorm2d(4, { affine: false, ...float64 }),
    double(images),
  ),
  'nn.BCELoss()': plain(() => new nn.BCELoss(), shares, shares),
  'nn.BCEWithLogitsLoss()': plain(() => new nn.BCEWithLogitsLoss(), rows, shares),
  'nn.BCEWithLogitsLoss(reduction="sum", pos_weight=torch.zeros(4))': plain(
    () => new nn.BCEWithLogitsLoss({ reduction: 'sum', posWeight: weight() }),
    rows,
    shares,
  ),
  'nn.CircularPad2d((3, 2, 1, 0))': plain(() => new nn.CircularPad2d([3, 2, 1, 0]), images),
  'nn.Conv1d(4, 6, 3)': plain(() => new nn.Conv1d(4, 6, 3), sequences),
  'nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, padding_mode="reflect")': plain(
    () =>
      new nn.Conv1d(4, 6, 3, {
        stride: 2,
        padding: 1,
        dilation: 2,
        groups: 2,
        paddingMode: 'reflect',
      }),
    sequences,
  ),
  'nn.Conv2d(4, 6, 5, bias=False)': plain(() => new nn.Conv2d(4, 6, 5, { bias: false }), images),
  'nn.Conv2d(4, 6, (3, 2), padding="same")': plain(
    () => new nn.Conv2d(4, 6, [3, 2], { padding: 'same', stride: [1, 1] }),
    images,
  ),
  'nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=2, padding_mode="circular")':
    plain(
      () =>
        new nn.Conv2d(4, 6, [3, 2], {
          stride: [1, 2],
          padding: [1, 0],
          dilation: [2, 1],
          groups: 2,
          paddingMode: 'circular',
        }),
      images,
    ),
  'nn.Conv2d(4, 6, 3, padding=1, dtype=torch.float64)': plain(
    () => new nn.Conv2d(4, 6, 3, { padding: [1, 1], ...float64 }),
    double(images),
  ),
  'nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2)': plain(
    () =>
      new nn.ConvTranspose1d(4, 6, 3, {
        stride: 2,
        padding: 1,
        outputPadding: 1,
        dilation: 2,
        groups: 2,
      }),
    sequences,
  ),
  'nn.ConvTranspose1d(4, 6, 3, stride=2, bias=False)': called(
    () => new nn.ConvTranspose1d(4, 6, 3, { stride: 2, bias: false }),
    'layer(x0, (20,))',
    sequences,
    [20],
  ),
  'nn.ConvTranspose2d(4, 6, (3, 2), stride=(1, 2), output_padding=(0, 1), dilation=(2, 1))': plain(
    () =>
      new nn.ConvTranspose2d(4, 6, [3, 2], {
        stride: [1, 2],
        outputPadding: [0, 1],
        dilation: [2, 1],
      }),
    images,
  ),
  'nn.ConvTranspose2d(4, 6, 3, stride=2)': called(
    () => new nn.ConvTranspose2d(4, 6, 3, { stride: 2 }),
    'layer(x0, (16, 13))',
    images,
    [16, 13],
  ),
  'nn.CosineEmbeddingLoss(margin=0.25, reduction="none")': plain(
    () => new nn.CosineEmbeddingLoss({ margin: 0.25, reduction: 'none' }),
    rows,
    shares,
    signs,
  ),
  'nn.CrossEntropyLoss()': called(
    () => new nn.CrossEntropyLoss(),
    'layer(x0, x1.long())',
    rows,
    labels,
  ),
  'nn.CrossEntropyLoss(reduction="none")': plain(
    () => new nn.CrossEntropyLoss({ reduction: 'none' }),
    rows,
    softmax(others, 1),
  ),
  'nn.CrossEntropyLoss(weight=torch.zeros(4), ignore_index=1, reduction="sum", label_smoothing=0.1)':
    called(
      () =>
        new nn.CrossEntropyLoss({
          weight: weight(),
          ignoreIndex: 1,
          labelSmoothing: 0.1,
          reduction: 'sum',
        }),
      'layer(x0, x1.long())',
      rows,
      bytes,
    ),
  'nn.Dropout(0.5)': random(() => new nn.Dropout(), rows),
  'nn.Dropout2d(0.2)': random(() => new nn.Dropout2d(0.2), images),
  'nn.ELU()': plain(() => new nn.ELU(), rows),
  'nn.ELU(0.5)': plain(() => new nn.ELU({ alpha: 0.5 }), rows),
  'nn.Embedding(4, 3)': plain(() => new nn.Embedding(4, 3), labels),
  'nn.Embedding(4, 3, padding_idx=3, dtype=torch.float64)': called(
    () => new nn.Embedding(4, 3, { paddingIdx: -1, ...float64 }),
    'layer(x0.long())',
    bytes,
  ),
  'nn.Flatten()': plain(() => new nn.Flatten(), images),
  'nn.Flatten(2)': plain(() => new nn.Flatten(2), images),
  'nn.Flatten(1, 2)': plain(() => new nn.Flatten(1, 2), images),
  'nn.GELU()': plain(() => new nn.GELU(), rows),
  'nn.GELU(approximate="tanh")': plain(() => new nn.GELU({ approximate: 'tanh' }), rows),
  'nn.GroupNorm(2, 4)': plain(() => new nn.GroupNorm(2, 4), images),
  'nn.GroupNorm(2, 4, eps=0.1, affine=False)': plain(
    () => new nn.GroupNorm(2, 4, { eps: 0.1, affine: false }),
    images,
  ),
  'nn.GRU(4, 3, batch_first=True)': called(
    () => new nn.GRU(4, 3, { batchFirst: true }),
    'layer(x0, x1)',
    src,
    normal(8, 1, 5, 3),
  ),
  'nn.GRU(4, 3)': called(() => new nn.GRU(4, 3), 'layer(x0)', src, null),
  'nn.GRU(4, 3, num_layers=2, bias=False, dropout=0.5, bidirectional=True)': random(
    () => new nn.GRU(4, 3, { numLayers: 2, bias: false, dropout: 0.5, bidirectional: true }),
    src,
  ),
  'nn.GRUCell(4, 3)': plain(() => new nn.GRUCell(4, 3), rows, normal(8, 5, 3)),
  'nn.Hardsigmoid()': plain(() => new nn.Hardsigmoid(), rows),
  'nn.Hardswish()': plain(() => new nn.Hardswish(), rows),
  'nn.HingeEmbeddingLoss(margin=0.5)': plain(
    () => new nn.HingeEmbeddingLoss({ margin: 0.5 }),
    column,
    signs,
  ),
  'nn.HuberLoss(reduction="none", delta=0.5)': plain(
    () => new nn.HuberLoss({ delta: 0.5, reduction: 'none' }),
    rows,
    others,
  ),
  'nn.Identity()': plain(() => new nn.Identity(), rows),
  'nn.InstanceNorm1d(4)': plain(() => new nn.InstanceNorm1d(4), sequences),
  'nn.InstanceNorm2d(4, eps=0.1, momentum=0.5, affine=True, track_running_stats=True)': plain(
    () =>
      new nn.InstanceNorm2d(4, { eps: 0.1, momentum: 0.5, affine: true, trackRunningStats: true }),
    images,
  ),
  'nn.KLDivLoss(reduction="batchmean", log_target=True)': plain(
    () => new nn.KLDivLoss({ reduction: 'batchmean', logTarget: true }),
    logSoftmax(rows, 1),
    logSoftmax(others, 1),
  ),
  'nn.L1Loss()': plain(() => new nn.L1Loss(), rows, others),
  'nn.LayerNorm(4)': plain(() => new nn.LayerNorm(4), rows),
  'nn.LayerNorm(4, bias=False)': plain(() => new nn.LayerNorm([4], { bias: false }), rows),
  'nn.LayerNorm((7, 6), eps=0.1, elementwise_affine=False)': plain(
    () => new nn.LayerNorm([7, 6], { eps: 0.1, elementwiseAffine: false }),
    images,
  ),
  'nn.LeakyReLU()': plain(() => new nn.LeakyReLU(), rows),
  'nn.LeakyReLU(0.2)': plain(() => new nn.LeakyReLU({ negativeSlope: 0.2 }), rows),
  'nn.Linear(4, 3)': plain(() => new nn.Linear(4, 3), rows),
  'nn.Linear(4, 3, bias=False, dtype=torch.float64)': plain(
    () => new nn.Linear(4, 3, { bias: false, ...float64 }),
    double(rows),
  ),
  'nn.LogSoftmax(dim=1)': plain(() => new nn.LogSoftmax(1), rows),
  'nn.LSTM(4, 3)': plain(() => new nn.LSTM(4, 3), src),
  'nn.LSTM(4, 3, num_layers=2, batch_first=True, bidirectional=True)': called(
    () => new nn.LSTM(4, 3, { numLayers: 2, batchFirst: true, bidirectional: true }),
    'layer(x0, (x1, x2))',
    src,
    [normal(8, 4, 5, 3), normal(9, 4, 5, 3)],
  ),
  'nn.LSTMCell(4, 3, bias=False)': called(
    () => new nn.LSTMCell(4, 3, { bias: false }),
    'layer(x0, (x1, x2))',
    rows,
    [normal(8, 5, 3), normal(9, 5, 3)],
  ),
  'nn.MarginRankingLoss(margin=0.5)': plain(
    () => new nn.MarginRankingLoss({ margin: 0.5 }),
    column,
    reshape(normal(8, 5, 1), [5]),
    signs,
  ),
  'nn.MaxPool1d(3, stride=2, padding=1, dilation=2, ceil_mode=True)': plain(
    () => new nn.MaxPool1d(3, { stride: 2, padding: 1, dilation: 2, ceilMode: true }),
    sequences,
  ),
  'nn.MaxPool2d(2)': plain(() => new nn.MaxPool2d([2, 2], { stride: 2 }), images),
  'nn.MaxPool2d((3, 2), stride=(1, 2), padding=(1, 0))': plain(
    () => new nn.MaxPool2d([3, 2], { stride: [1, 2], padding: [1, 0] }),
    images,
  ),
  'nn.Mish()': plain(() => new nn.Mish(), rows),
  'nn.MSELoss(reduction="sum")': plain(() => new nn.MSELoss({ reduction: 'sum' }), rows, others),
  'nn.MultiheadAttention(4, 2)': plain(attention, src, src, src),
  'nn.MultiheadAttention(4, 2, bias=False, kdim=3, vdim=5, batch_first=True)': plain(
    () => new nn.MultiheadAttention(4, 2, { bias: false, kdim: 3, vdim: 5, batchFirst: true }),
    normal(8, 2, 3, 4),
    normal(9, 2, 5, 3),
    normal(10, 2, 5, 5),
  ),
  'nn.MultiheadAttention(4, 2, dropout=0.5)': random(
    () => new nn.MultiheadAttention(4, 2, { dropout: 0.5 }),
    src,
    src,
    src,
  ),
  'nn.NLLLoss()': called(
    () => new nn.NLLLoss(),
    'layer(x0, x1.long())',
    logSoftmax(rows, 1),
    labels,
  ),
  'nn.PixelShuffle(2)': plain(() => new nn.PixelShuffle(2), images),
  'nn.PixelUnshuffle(3)': plain(() => new nn.PixelUnshuffle(3), normal(8, 2, 1, 6, 9)),
  'nn.PReLU()': plain(() => new nn.PReLU({ init: 0.5 }), rows),
  'nn.PReLU(4)': plain(() => new nn.PReLU({ numParameters: 4 }), rows),
  'nn.ReflectionPad2d((3, 2, 1, 0))': plain(() => new nn.ReflectionPad2d([3, 2, 1, 0]), images),
  'nn.ReLU()': plain(() => new nn.ReLU(), rows),
  'nn.ReLU6()': plain(() => new nn.ReLU6(), rows),
  'nn.ReplicationPad2d(2)': plain(() => new nn.ReplicationPad2d(2), images),
  'nn.RMSNorm(4)': plain(() => new nn.RMSNorm(4), rows),
  'nn.RMSNorm((6, 6), eps=0.1, elementwise_affine=False)': plain(
    () => new nn.RMSNorm([6, 6], { eps: 0.1, elementwiseAffine: false }),
    normal(8, 2, 6, 6),
  ),
  'nn.RNN(4, 3, nonlinearity="relu")': plain(() => new nn.RNN(4, 3, { nonlinearity: 'relu' }), src),
  'nn.RNNCell(4, 3, bias=False, nonlinearity="relu", dtype=torch.float64)': plain(
    () => new nn.RNNCell(4, 3, { nonlinearity: 'relu', bias: false, ...float64 }),
    double(rows),
  ),
  'nn.SELU()': plain(() => new nn.SELU(), rows),
  'nn.Sigmoid()': plain(() => new nn.Sigmoid(), rows),
  'nn.SiLU()': plain(() => new nn.SiLU(), rows),
  'nn.SmoothL1Loss(beta=0.5)': plain(() => new nn.SmoothL1Loss({ beta: 0.5 }), rows, others),
  'nn.Softmax(dim=-1)': plain(() => new nn.Softmax(), images),
  'nn.Softplus()': plain(() => new nn.Softplus(), rows),
  'nn.Softplus(threshold=0.5)': plain(() => new nn.Softplus({ threshold: 0.5 }), rows),
  'nn.Tanh()': plain(() => new nn.Tanh(), rows),
  'nn.TransformerEncoderLayer(4, 2)': random(() => new nn.TransformerEncoderLayer(4, 2), src),
  'nn.TransformerEncoderLayer(4, 2, dim_feedforward=3, dropout=0, activation="gelu", layer_norm_eps=0.1, batch_first=True, norm_first=True, bias=False, dtype=torch.float64)':
    plain(
      encoderLayer({
        activation: 'gelu',
        layerNormEps: 0.1,
        batchFirst: true,
        normFirst: true,
        bias: false,
        ...float64,
      }),
      double(src),
    ),
  [`nn.TransformerEncoder(${ENCODER_LAYER}, 2, enable_nested_tensor=False)`]: called(
    () => new nn.TransformerEncoder(encoderLayer(), 2),
    `layer(x0, mask=${CAUSAL})`,
    src,
    { isCausal: true },
  ),
  'nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, dim_feedforward=3, dropout=0, batch_first=True), 2, norm=nn.LayerNorm(4), enable_nested_tensor=False)':
    called(
      () =>
        new nn.TransformerEncoder(encoderLayer({ batchFirst: true }), 2, {
          norm: new nn.LayerNorm(4),
        }),
      'layer(x0, src_key_padding_mask=x1)',
      normal(8, 3, 5, 4),
      { srcKeyPaddingMask: padding },
    ),
  'nn.TripletMarginLoss(margin=2, p=3, eps=0.5, swap=True)': plain(
    () => new nn.TripletMarginLoss({ margin: 2, p: 3, eps: 0.5, swap: true }),
    rows,
    shares,
    others,
  ),
  'nn.Unflatten(1, (2, 2))': plain(() => new nn.Unflatten(1, [2, 2]), images),
  'nn.Upsample(size=(5, 9))': plain(() => new nn.Upsample({ size: [5, 9] }), images),
  'nn.Upsample(scale_factor=2)': plain(() => new nn.Upsample({ scaleFactor: 2 }), images),
  'nn.Upsample(scale_factor=(2, 1.5), mode="bilinear", align_corners=True)': plain(
    () => new nn.Upsample({ scaleFactor: [2, 1.5], mode: 'bilinear', alignCorners: true }),
    images,
  ),
  'nn.ZeroPad2d(1)': plain(() => new nn.ZeroPad2d(1), images),
};

const batched = (): nn.MultiheadAttention => new nn.MultiheadAttention(4, 2, { batchFirst: true });
const [query, key] = [normal(8, 3, 5, 4), normal(9, 3, 6, 4)];
const CAUSAL_KEYS =
  'torch.ones(x0.shape[-2], x1.shape[-2], dtype=torch.bool, device=x0.device).triu(1)';

/** Calls with masks and flags, by how they are written in Python. */
export const MASKED_CASES: Readonly<Record<string, () => LayerCase>> = {
  'layer(x0, x1, x2, need_weights=False)': plain(attention, src, src, src, { needWeights: false }),
  'layer(x0, x1, x2, key_padding_mask=x3, average_attn_weights=False)': plain(
    attention,
    ...[src, src, src, { keyPaddingMask: padding, averageAttnWeights: false }],
  ),
  'layer(x0, x1, x2, attn_mask=x3)': plain(
    attention,
    ...[src, src, src, { attnMask: normal(11, 6, 5, 5), isCausal: false }],
  ),
  [`layer(x0, x1, x2, attn_mask=${CAUSAL_KEYS})`]: plain(
    batched,
    ...[query, key, key, { isCausal: true, attnMask: null }],
  ),
  [`layer(x0, x1, x2, attn_mask=x3.masked_fill(${CAUSAL_KEYS}, float("-inf")))`]: plain(
    batched,
    ...[query, key, key, { isCausal: true, attnMask: normal(10, 5, 6) }],
  ),
  [`layer(x0, src_mask=x1 | ${CAUSAL}, src_key_padding_mask=x2)`]: plain(
    encoderLayer({ normFirst: true }),
    ...[src, { srcMask: band, srcKeyPaddingMask: padding, isCausal: true }],
  ),
  'layer(x0, src_mask=x1)': plain(encoderLayer(), src, { srcMask: band, isCausal: false }),
};
