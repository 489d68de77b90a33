import {
  checkConv2d,
  checkConv2dJoined,
  checkLength,
  checkMatmul,
  checkPositions,
  checkSize,
  checkStrided,
  checkWalk,
  product,
} from './check-geometry.js';
import type { DeviceBuffer } from './buffer.js';
import type { CoreKernels, ReduceGeometry } from './contract.js';
import { checkedByRow, checkedCounted, checkedElementwise } from './checked-rows.js';
import { KERNELS } from './table/kernels.js';

type F = DeviceBuffer;
type I = DeviceBuffer<'int32'>;

type Select = (out: F, indices: I, x: F, geometry: ReduceGeometry) => void;

/**
 * The same kernels behind the checks of check-geometry.ts: whatever sizes, strides and indices a
 * call comes with, nothing outside its operands is read or written. A call that has nothing to write
 * is not made at all.
 * @param memory Where the operands lie, for a look at indices.
 * @throws ShapeError if a geometry does not fit its operands or 32 bits, EngineError if a
 * convolution needs more room than there may be.
 */
export function checkedKernels(
  kernels: CoreKernels,
  memory: { readonly words: Int32Array },
): CoreKernels {
  const select = (name: 'max' | 'min'): Select =>
    checkedByRow(name, KERNELS[name], (out: F, indices: I, x: F, geometry: ReduceGeometry) => {
      checkSize(name, 'n - 1', geometry.n - 1);
      kernels[name](out, indices, x, geometry);
    });

  return {
    ...checkedElementwise(KERNELS, kernels),
    ...checkedCounted(KERNELS, kernels),

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

    max: select('max'),
    min: select('min'),

    selectBackward: checkedByRow(
      'selectBackward',
      KERNELS.selectBackward,
      (dX: F, dOut: F, indices: I, geometry: ReduceGeometry) => {
        const { outer, n, inner } = geometry;
        checkPositions('selectBackward', indices, memory, outer * inner, n);
        kernels.selectBackward(dX, dOut, indices, geometry);
      },
    ),

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
  };
}
