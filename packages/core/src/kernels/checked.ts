import {
  checkConv2d,
  checkConv2dJoined,
  checkIndexed,
  checkLabels,
  checkLength,
  checkMatmul,
  checkPositions,
  checkReduce,
  checkSize,
  checkStrided,
  checkWalk,
  checkWindow,
  product,
} from './check-geometry.js';
import type { DeviceBuffer } from './buffer.js';
import type {
  BroadcastGeometry,
  ChannelsGeometry,
  KernelName,
  Kernels,
  ReduceGeometry,
  RowsGeometry,
  WindowGeometry,
} from './contract.js';
import { KERNELS } from './table/kernels.js';
import { KERNEL_NAMES, parseOperand } from './table/layout.js';
import type { ElementwiseName } from './table/types.js';

type F = DeviceBuffer;

type Select = (out: F, indices: DeviceBuffer<'int32'>, x: F, geometry: ReduceGeometry) => void;

/**
 * The same kernels behind the checks of check-geometry.ts: whatever sizes, strides and indices a
 * call comes with, nothing outside its operands is read or written. A call that has nothing to write
 * is not made at all.
 * @param memory Where the operands lie, for a look at indices.
 * @throws ShapeError if a geometry does not fit its operands or 32 bits, EngineError if a
 * convolution needs more room than there may be.
 */
export function checkedKernels(kernels: Kernels, memory: { readonly words: Int32Array }): Kernels {
  const select = (name: 'max' | 'min'): Select => {
    const run = kernels[name];
    return (out, indices, x, geometry) => {
      const { outer, n, inner } = geometry;
      const count = outer * inner;
      if (count === 0) return;
      checkReduce(name, geometry);
      checkSize(name, 'n - 1', n - 1);
      checkLength(name, 'out', out, count);
      checkLength(name, 'indices', indices, count);
      checkLength(name, 'x', x, count * n);
      run(out, indices, x, geometry);
    };
  };

  const byRows = (name: 'softmax' | 'logSoftmax') => {
    const run = kernels[name];
    return (out: F, x: F, geometry: RowsGeometry) => {
      if (!checkRows(name, geometry, out, x)) return;
      run(out, x, geometry);
    };
  };

  const byRowsBackward = (name: 'softmaxBackward' | 'logSoftmaxBackward') => {
    const run = kernels[name];
    return (dX: F, dOut: F, out: F, geometry: RowsGeometry) => {
      if (!checkRows(name, geometry, dX, dOut)) return;
      checkLength(name, 'out', out, dX.length);
      run(dX, dOut, out, geometry);
    };
  };

  return {
    ...checkedElementwise(kernels),

    where(out, condition, a, b, geometry) {
      const { shape, conditionStrides, aStrides, bStrides } = geometry;
      const count = product(shape);
      if (count === 0) return;
      checkLength('where', 'out', out, count);
      checkWalk('where', 'condition', condition, shape, conditionStrides);
      checkWalk('where', 'a', a, shape, aStrides);
      checkWalk('where', 'b', b, shape, bStrides);
      kernels.where(out, condition, a, b, geometry);
    },

    copyStrided(out, x, geometry) {
      if (product(geometry.shape) === 0) return;
      checkStrided('copyStrided', out, x, geometry);
      kernels.copyStrided(out, x, geometry);
    },

    indexSelect(out, x, index, geometry) {
      const { outer, inner, count } = geometry;
      if (outer * inner * count === 0) return;
      checkIndexed('indexSelect', x, out, index, memory, geometry);
      kernels.indexSelect(out, x, index, geometry);
    },

    indexAdd(dX, dOut, index, geometry) {
      const { outer, inner, count } = geometry;
      if (outer * inner * count === 0) return;
      checkIndexed('indexAdd', dX, dOut, index, memory, geometry);
      kernels.indexAdd(dX, dOut, index, geometry);
    },

    sum(out, x, geometry) {
      const { outer, n, inner } = geometry;
      const count = outer * inner;
      if (count === 0) return;
      checkReduce('sum', geometry);
      checkLength('sum', 'out', out, count);
      checkLength('sum', 'x', x, count * n);
      kernels.sum(out, x, geometry);
    },

    sumOfSquares(sum, x, options) {
      const { n } = options;
      checkSize('sumOfSquares', 'n', n);
      checkLength('sumOfSquares', 'sum', sum, 1);
      checkLength('sumOfSquares', 'x', x, n);
      kernels.sumOfSquares(sum, x, options);
    },

    max: select('max'),
    min: select('min'),

    selectBackward(dX, dOut, indices, geometry) {
      const { outer, n, inner } = geometry;
      const count = outer * inner;
      if (count * n === 0) return;
      checkReduce('selectBackward', geometry);
      checkLength('selectBackward', 'dX', dX, count * n);
      checkLength('selectBackward', 'dOut', dOut, count);
      checkLength('selectBackward', 'indices', indices, count);
      checkPositions('selectBackward', indices, memory, count, n);
      kernels.selectBackward(dX, dOut, indices, geometry);
    },

    softmax: byRows('softmax'),
    logSoftmax: byRows('logSoftmax'),
    softmaxBackward: byRowsBackward('softmaxBackward'),
    logSoftmaxBackward: byRowsBackward('logSoftmaxBackward'),

    moments(statistics, x, geometry) {
      const { channels } = geometry;
      if (channels === 0) return;
      const count = checkChannels('moments', geometry);
      checkLength('moments', 'statistics', statistics, 3 * channels);
      checkLength('moments', 'x', x, count);
      kernels.moments(statistics, x, geometry);
    },

    trackMoments(mean, variance, batches, statistics, options) {
      const { channels, count, counts } = options;
      checkSize('trackMoments', 'channels', channels);
      checkSize('trackMoments', 'count', count);
      checkLength('trackMoments', 'mean', mean, channels);
      checkLength('trackMoments', 'variance', variance, channels);
      checkLength('trackMoments', 'batches', batches, counts ? 1 : 0);
      checkLength('trackMoments', 'statistics', statistics, 3 * channels);
      kernels.trackMoments(mean, variance, batches, statistics, options);
    },

    normalise(out, x, statistics, weight, bias, geometry) {
      const { channels } = geometry;
      const count = checkChannels('normalise', geometry);
      if (count === 0) return;
      checkLength('normalise', 'out', out, count);
      checkLength('normalise', 'x', x, count);
      checkLength('normalise', 'statistics', statistics, 3 * channels);
      checkLength('normalise', 'weight', weight, channels);
      checkLength('normalise', 'bias', bias, channels);
      kernels.normalise(out, x, statistics, weight, bias, geometry);
    },

    normaliseSums(dWeight, dBias, factors, dOut, x, statistics, weight, geometry) {
      const { channels } = geometry;
      if (channels === 0) return;
      const count = checkChannels('normaliseSums', geometry);
      checkLength('normaliseSums', 'dWeight', dWeight, channels);
      checkLength('normaliseSums', 'dBias', dBias, channels);
      checkLength('normaliseSums', 'factors', factors, 3 * channels);
      checkLength('normaliseSums', 'dOut', dOut, count);
      checkLength('normaliseSums', 'x', x, count);
      checkLength('normaliseSums', 'statistics', statistics, 3 * channels);
      checkLength('normaliseSums', 'weight', weight, channels);
      kernels.normaliseSums(dWeight, dBias, factors, dOut, x, statistics, weight, geometry);
    },

    normaliseBackward(dX, dOut, x, statistics, factors, geometry) {
      const { channels } = geometry;
      const count = checkChannels('normaliseBackward', geometry);
      if (count === 0) return;
      checkLength('normaliseBackward', 'dX', dX, count);
      checkLength('normaliseBackward', 'dOut', dOut, count);
      checkLength('normaliseBackward', 'x', x, count);
      checkLength('normaliseBackward', 'statistics', statistics, 3 * channels);
      checkLength('normaliseBackward', 'factors', factors, 3 * channels);
      kernels.normaliseBackward(dX, dOut, x, statistics, factors, geometry);
    },

    layerNorm(out, statistics, x, weight, bias, geometry) {
      const { rows, n } = geometry;
      if (!checkRows('layerNorm', geometry, out, x)) return;
      checkLength('layerNorm', 'statistics', statistics, 3 * rows);
      checkLength('layerNorm', 'weight', weight, n);
      checkLength('layerNorm', 'bias', bias, n);
      kernels.layerNorm(out, statistics, x, weight, bias, geometry);
    },

    layerNormBackward(dX, dOut, x, statistics, weight, geometry) {
      const { rows, n } = geometry;
      if (!checkRows('layerNormBackward', geometry, dX, x)) return;
      checkLength('layerNormBackward', 'dOut', dOut, rows * n);
      checkLength('layerNormBackward', 'statistics', statistics, 3 * rows);
      checkLength('layerNormBackward', 'weight', weight, n);
      kernels.layerNormBackward(dX, dOut, x, statistics, weight, geometry);
    },

    layerNormSums(dWeight, dBias, dOut, x, statistics, geometry) {
      const { rows, n } = geometry;
      if (n === 0) return;
      checkSize('layerNormSums', 'rows', rows);
      checkSize('layerNormSums', 'n', n);
      checkLength('layerNormSums', 'dWeight', dWeight, n);
      checkLength('layerNormSums', 'dBias', dBias, n);
      checkLength('layerNormSums', 'dOut', dOut, rows * n);
      checkLength('layerNormSums', 'x', x, rows * n);
      checkLength('layerNormSums', 'statistics', statistics, 3 * rows);
      kernels.layerNormSums(dWeight, dBias, dOut, x, statistics, geometry);
    },

    matmul(out, a, b, geometry) {
      const { M, N, batch } = geometry;
      if (M * N * batch === 0) return;
      checkMatmul('matmul', out, a, b, geometry);
      kernels.matmul(out, a, b, geometry);
    },

    matmulJoined(out, a, b, bias, geometry) {
      const { M, N, batch } = geometry;
      if (M * N * batch === 0) return;
      checkMatmul('matmulJoined', out, a, b, geometry);
      if (bias) checkLength('matmulJoined', 'bias', bias, N);
      kernels.matmulJoined(out, a, b, bias, geometry);
    },

    unfold(out, x, geometry) {
      const { C, H, W, KH, KW, OH, OW } = geometry;
      const count = C * KH * KW * OH * OW;
      if (count === 0) return;
      checkWindow('unfold', geometry);
      checkLength('unfold', 'out', out, count);
      checkLength('unfold', 'x', x, C * H * W);
      kernels.unfold(out, x, geometry);
    },

    fold(dX, columns, geometry) {
      const { C, H, W, KH, KW, OH, OW } = geometry;
      const count = C * KH * KW * OH * OW;
      if (count === 0) return;
      checkWindow('fold', geometry);
      checkLength('fold', 'dX', dX, C * H * W);
      checkLength('fold', 'columns', columns, count);
      kernels.fold(dX, columns, geometry);
    },

    maxPool2d(out, indices, x, geometry) {
      const { C, H, W, OH, OW } = geometry;
      const count = C * OH * OW;
      if (count === 0) return;
      checkWindow('maxPool2d', geometry);
      checkLength('maxPool2d', 'out', out, count);
      checkLength('maxPool2d', 'indices', indices, count);
      checkLength('maxPool2d', 'x', x, C * H * W);
      kernels.maxPool2d(out, indices, x, geometry);
    },

    maxPool2dBackward(dX, dOut, indices, geometry) {
      if (!checkUnpooling('maxPool2dBackward', geometry, dX, dOut, indices)) return;
      kernels.maxPool2dBackward(dX, dOut, indices, geometry);
    },

    maxPool2dReluBackward(dX, dOut, indices, pooled, geometry) {
      if (!checkUnpooling('maxPool2dReluBackward', geometry, dX, dOut, indices)) return;
      const { C, OH, OW } = geometry;
      checkLength('maxPool2dReluBackward', 'pooled', pooled, C * OH * OW);
      kernels.maxPool2dReluBackward(dX, dOut, indices, pooled, geometry);
    },

    conv2d(out, x, weight, bias, geometry) {
      const { N, OC, window } = geometry;
      if (N * OC * window.OH * window.OW === 0) return;
      checkConv2d('conv2d', geometry, out, x, weight, bias);
      kernels.conv2d(out, x, weight, bias, geometry);
    },

    conv2dJoined(out, pooled, indices, x, weight, bias, geometry) {
      const { N, OC, window } = geometry;
      if (N * OC * window.OH * window.OW === 0) return;
      checkConv2dJoined(geometry, out, pooled, indices, x, weight, bias);
      kernels.conv2dJoined(out, pooled, indices, x, weight, bias, geometry);
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      const { N, groups, window } = geometry;
      if (N * groups * window.C * window.H * window.W === 0) return;
      checkConv2d('conv2dBackwardInput', geometry, dOut, dX, weight, null);
      kernels.conv2dBackwardInput(dX, dOut, weight, geometry);
    },

    conv2dBackwardInputRelu(dX, dOut, weight, saved, geometry) {
      const { N, groups, window } = geometry;
      const count = N * groups * window.C * window.H * window.W;
      if (count === 0) return;
      checkConv2d(
        'conv2dBackwardInput',
        geometry,
        dOut,
        dX,
        weight,
        null,
        'conv2dBackwardInputRelu',
      );
      checkLength('conv2dBackwardInputRelu', 'saved', saved, count);
      kernels.conv2dBackwardInputRelu(dX, dOut, weight, saved, geometry);
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      if (geometry.OC === 0) return;
      checkConv2d('conv2dBackwardWeight', geometry, dOut, x, dWeight, dBias);
      kernels.conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry);
    },

    crossEntropy(out, logProbs, labels, geometry) {
      const { N, C } = geometry;
      checkLabels('crossEntropy', labels, memory, geometry);
      checkLength('crossEntropy', 'out', out, N);
      checkLength('crossEntropy', 'logProbs', logProbs, N * C);
      kernels.crossEntropy(out, logProbs, labels, geometry);
    },

    crossEntropyBackward(dX, dOut, logProbs, labels, geometry) {
      const { N, C } = geometry;
      checkLabels('crossEntropyBackward', labels, memory, geometry);
      checkLength('crossEntropyBackward', 'dX', dX, N * C);
      checkLength('crossEntropyBackward', 'dOut', dOut, N);
      checkLength('crossEntropyBackward', 'logProbs', logProbs, N * C);
      kernels.crossEntropyBackward(dX, dOut, logProbs, labels, geometry);
    },

    drawMask(mask, state, options) {
      if (mask.length === 0) return;
      checkLength('drawMask', 'state', state, 4);
      kernels.drawMask(mask, state, options);
    },

    sgdStep(param, velocity, grad, options) {
      checkLength('sgdStep', 'grad', grad, param.length);
      if (options.momentum !== 0) checkLength('sgdStep', 'velocity', velocity, param.length);
      kernels.sgdStep(param, velocity, grad, options);
    },

    adamStep(param, expAvg, expAvgSq, maxExpAvgSq, grad, options) {
      const n = param.length;
      checkLength('adamStep', 'expAvg', expAvg, n);
      checkLength('adamStep', 'expAvgSq', expAvgSq, n);
      if (options.amsgrad) checkLength('adamStep', 'maxExpAvgSq', maxExpAvgSq, n);
      checkLength('adamStep', 'grad', grad, n);
      kernels.adamStep(param, expAvg, expAvgSq, maxExpAvgSq, grad, options);
    },
  };
}

type Elementwise = ElementwiseName<typeof KERNELS>;

/** Any of their calls; declared as a method is, so that all of them pass. */
type Call = { call(...operandsAndOptions: unknown[]): void }['call'];

/**
 * The kernels that treat each element for itself: their operands are as long as the first one, or
 * walked at the strides of a broadcast.
 */
function checkedElementwise(kernels: Kernels): Pick<Kernels, Elementwise> {
  const checked = KERNEL_NAMES.filter(isElementwise).map((name): [string, Call] => {
    const run: Call = kernels[name];
    const { parameters, operands } = KERNELS[name];
    if (parameters === 'broadcast') return [name, checkedBroadcast(name, run)];
    return [name, checkedLengths(name, operands, run)];
  });
  return Object.fromEntries(checked) as Pick<Kernels, Elementwise>;
}

function isElementwise(name: KernelName): name is Elementwise {
  const { parameters } = KERNELS[name];
  return typeof parameters === 'object' || parameters === 'broadcast';
}

function checkedLengths(kernel: string, operands: readonly string[], run: Call): Call {
  const [, second = '', third] = operands.map((text) => parseOperand(text).name);
  if (operands.length === 1) return run;
  if (third === undefined) {
    return (out: F, x: F, options: unknown) => {
      checkLength(kernel, second, x, out.length);
      run(out, x, options);
    };
  }
  return (out: F, a: F, b: F, options: unknown) => {
    checkLength(kernel, second, a, out.length);
    checkLength(kernel, third, b, out.length);
    run(out, a, b, options);
  };
}

function checkedBroadcast(kernel: string, run: Call): Call {
  return (out: F, a: F, b: F, geometry: BroadcastGeometry) => {
    const { shape, aStrides, bStrides } = geometry;
    const count = product(shape);
    if (count === 0) return;
    checkLength(kernel, 'out', out, count);
    checkWalk(kernel, 'a', a, shape, aStrides);
    checkWalk(kernel, 'b', b, shape, bStrides);
    run(out, a, b, geometry);
  };
}

/** The elements of all channels. @throws ShapeError for a number that does not fit. */
function checkChannels(kernel: string, { outer, channels, inner }: ChannelsGeometry): number {
  checkSize(kernel, 'outer', outer);
  checkSize(kernel, 'channels', channels);
  checkSize(kernel, 'inner', inner);
  return outer * channels * inner;
}

/** Whether a pooling's gradient has pixels. @throws ShapeError for a geometry that does not fit. */
function checkUnpooling(
  kernel: string,
  geometry: WindowGeometry,
  dX: F,
  dOut: F,
  indices: DeviceBuffer<'int32'>,
): boolean {
  const { C, H, W, OH, OW } = geometry;
  if (C * H * W === 0) return false;
  checkWindow(kernel, geometry);
  checkLength(kernel, 'dX', dX, C * H * W);
  checkLength(kernel, 'dOut', dOut, C * OH * OW);
  checkLength(kernel, 'indices', indices, C * OH * OW);
  return true;
}

/** Whether rows hold anything. @throws ShapeError for a number that does not fit. */
function checkRows(kernel: string, { rows, n }: RowsGeometry, out: F, x: F): boolean {
  const count = rows * n;
  if (count === 0) return false;
  checkSize(kernel, 'rows', rows);
  checkSize(kernel, 'n', n);
  checkLength(kernel, 'out', out, count);
  checkLength(kernel, 'x', x, count);
  return true;
}
