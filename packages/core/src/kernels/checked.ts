import {
  checkConv2d,
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
import type { BroadcastGeometry, Kernels, ReduceGeometry, RowsGeometry } from './contract.js';

type F = Float32Array;

/** The kernels of one group, by the form of their call. */
type NamesOf<Call> = {
  [Name in keyof Kernels<F>]: Kernels<F>[Name] extends Call ? Name : never;
}[keyof Kernels<F>];

type Binary<Out> = (out: Out, a: F, b: F, geometry: BroadcastGeometry) => void;
type Select = (out: F, indices: Int32Array, x: F, geometry: ReduceGeometry) => void;

/**
 * The same kernels behind the checks of check-geometry.ts: whatever sizes, strides and indices a
 * call comes with, nothing outside its operands is written. A call that has nothing to write is not
 * made at all. What a call took to work in is given back by `afterwards`, however it ends.
 * @throws ShapeError if a geometry does not fit its operands or 32 bits, EngineError if a
 * convolution needs more room than there may be.
 */
export function checkedKernels(kernels: Kernels<F>, afterwards: () => void): Kernels<F> {
  const unary = (name: NamesOf<(out: F, x: F) => void>) => {
    const run = kernels[name];
    return (out: F, x: F) => {
      checkLength(name, 'x', x, out.length);
      run(out, x);
    };
  };

  const unaryBackward = (name: NamesOf<(dX: F, dOut: F, saved: F) => void>) => {
    const run = kernels[name];
    return (dX: F, dOut: F, saved: F) => {
      checkLength(name, 'dOut', dOut, dX.length);
      checkLength(name, 'what was saved', saved, dX.length);
      run(dX, dOut, saved);
    };
  };

  const binary = <Out extends F | Uint8Array>(name: string, run: Binary<Out>): Binary<Out> => {
    return (out, a, b, geometry) => {
      const { shape, aStrides, bStrides } = geometry;
      const count = product(shape);
      if (count === 0) return;
      checkLength(name, 'out', out, count);
      checkWalk(name, 'a', a, shape, aStrides);
      checkWalk(name, 'b', b, shape, bStrides);
      run(out, a, b, geometry);
    };
  };

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
    neg: unary('neg'),
    exp: unary('exp'),
    log: unary('log'),
    sqrt: unary('sqrt'),
    abs: unary('abs'),
    relu: unary('relu'),
    sigmoid: unary('sigmoid'),
    tanh: unary('tanh'),
    gelu: unary('gelu'),

    leakyRelu(out, x, options) {
      checkLength('leakyRelu', 'x', x, out.length);
      kernels.leakyRelu(out, x, options);
    },

    clamp(out, x, options) {
      checkLength('clamp', 'x', x, out.length);
      kernels.clamp(out, x, options);
    },

    reluBackward: unaryBackward('reluBackward'),
    sigmoidBackward: unaryBackward('sigmoidBackward'),
    tanhBackward: unaryBackward('tanhBackward'),
    geluBackward: unaryBackward('geluBackward'),
    absBackward: unaryBackward('absBackward'),
    sqrtBackward: unaryBackward('sqrtBackward'),

    leakyReluBackward(dX, dOut, x, options) {
      checkLength('leakyReluBackward', 'dOut', dOut, dX.length);
      checkLength('leakyReluBackward', 'x', x, dX.length);
      kernels.leakyReluBackward(dX, dOut, x, options);
    },

    clampBackward(dX, dOut, x, options) {
      checkLength('clampBackward', 'dOut', dOut, dX.length);
      checkLength('clampBackward', 'x', x, dX.length);
      kernels.clampBackward(dX, dOut, x, options);
    },

    add: binary('add', kernels.add),
    sub: binary('sub', kernels.sub),
    mul: binary('mul', kernels.mul),
    div: binary('div', kernels.div),
    pow: binary('pow', kernels.pow),
    maximum: binary('maximum', kernels.maximum),
    minimum: binary('minimum', kernels.minimum),
    eq: binary('eq', kernels.eq),
    lt: binary('lt', kernels.lt),
    gt: binary('gt', kernels.gt),

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

    fill: kernels.fill,

    copyStrided(out, x, geometry) {
      if (product(geometry.shape) === 0) return;
      checkStrided('copyStrided', out, x, geometry);
      kernels.copyStrided(out, x, geometry);
    },

    indexSelect(out, x, index, geometry) {
      const { outer, inner, count } = geometry;
      if (outer * inner * count === 0) return;
      checkIndexed('indexSelect', x, out, index, geometry);
      kernels.indexSelect(out, x, index, geometry);
    },

    indexAdd(dX, dOut, index, geometry) {
      const { outer, inner, count } = geometry;
      if (outer * inner * count === 0) return;
      checkIndexed('indexAdd', dX, dOut, index, geometry);
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
      checkPositions('selectBackward', indices, count, n);
      kernels.selectBackward(dX, dOut, indices, geometry);
    },

    softmax: byRows('softmax'),
    logSoftmax: byRows('logSoftmax'),
    softmaxBackward: byRowsBackward('softmaxBackward'),
    logSoftmaxBackward: byRowsBackward('logSoftmaxBackward'),

    matmul(out, a, b, geometry) {
      const { M, N, batch } = geometry;
      if (M * N * batch === 0) return;
      checkMatmul(out, a, b, geometry);
      try {
        kernels.matmul(out, a, b, geometry);
      } finally {
        afterwards();
      }
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
      const { C, H, W, OH, OW } = geometry;
      if (C * H * W === 0) return;
      const count = C * OH * OW;
      checkWindow('maxPool2dBackward', geometry);
      checkLength('maxPool2dBackward', 'dX', dX, C * H * W);
      checkLength('maxPool2dBackward', 'dOut', dOut, count);
      checkLength('maxPool2dBackward', 'indices', indices, count);
      kernels.maxPool2dBackward(dX, dOut, indices, geometry);
    },

    conv2d(out, x, weight, bias, geometry) {
      const { N, OC, window } = geometry;
      if (N * OC * window.OH * window.OW === 0) return;
      checkConv2d('conv2d', geometry, out, x, weight, bias);
      try {
        kernels.conv2d(out, x, weight, bias, geometry);
      } finally {
        afterwards();
      }
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      const { N, groups, window } = geometry;
      if (N * groups * window.C * window.H * window.W === 0) return;
      checkConv2d('conv2dBackwardInput', geometry, dOut, dX, weight, null);
      try {
        kernels.conv2dBackwardInput(dX, dOut, weight, geometry);
      } finally {
        afterwards();
      }
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      if (geometry.OC === 0) return;
      checkConv2d('conv2dBackwardWeight', geometry, dOut, x, dWeight, dBias);
      try {
        kernels.conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry);
      } finally {
        afterwards();
      }
    },

    crossEntropy(out, logProbs, labels, geometry) {
      const { N, C } = geometry;
      checkLabels('crossEntropy', labels, geometry);
      checkLength('crossEntropy', 'out', out, N);
      checkLength('crossEntropy', 'logProbs', logProbs, N * C);
      kernels.crossEntropy(out, logProbs, labels, geometry);
    },

    crossEntropyBackward(dX, dOut, logProbs, labels, geometry) {
      const { N, C } = geometry;
      checkLabels('crossEntropyBackward', labels, geometry);
      checkLength('crossEntropyBackward', 'dX', dX, N * C);
      checkLength('crossEntropyBackward', 'dOut', dOut, N);
      checkLength('crossEntropyBackward', 'logProbs', logProbs, N * C);
      kernels.crossEntropyBackward(dX, dOut, logProbs, labels, geometry);
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
