import { checkIndexed, checkLength, checkPositions } from './check-geometry.js';
import type { DeviceBuffer } from './buffer.js';
import { checkedByRow, checkedCounted, checkedElementwise } from './checked-rows.js';
import type { CrossEntropyGeometry, IndexGeometry, MoreKernels } from './contract.js';
import { MORE_KERNELS } from './table/more-kernels.js';

type F = DeviceBuffer;
type I = DeviceBuffer<'int32'>;
type Resampling = (out: F, other: F, index: I, shares: F, geometry: IndexGeometry) => void;
type Along = (out: F, other: F, index: I, geometry: IndexGeometry) => void;

/** The kernels of the second table behind the checks that checked.ts puts before those of the first. */
export function checkedMoreKernels(
  kernels: MoreKernels,
  memory: { readonly words: Int32Array },
): MoreKernels {
  const along = (name: 'gatherAlong' | 'scatterAlong' | 'scatterAddAlong'): Along =>
    checkedByRow(
      name,
      MORE_KERNELS[name],
      (out: F, other: F, index: I, geometry: IndexGeometry) => {
        const { outer, n, inner, count } = geometry;
        checkPositions(name, index, memory, outer * inner * count, n);
        kernels[name](out, other, index, geometry);
      },
    );

  const resampling = (name: 'resample' | 'resampleBackward'): Resampling =>
    checkedByRow(
      name,
      MORE_KERNELS[name],
      (out: F, other: F, index: I, shares: F, geometry: IndexGeometry) => {
        checkPositions(name, index, memory, 2 * geometry.count, geometry.n);
        kernels[name](out, other, index, shares, geometry);
      },
    );

  return {
    ...checkedElementwise(MORE_KERNELS, kernels),
    ...checkedCounted(MORE_KERNELS, kernels),

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

    resample: resampling('resample'),
    resampleBackward: resampling('resampleBackward'),

    gatherAlong: along('gatherAlong'),
    scatterAlong: along('scatterAlong'),
    scatterAddAlong: along('scatterAddAlong'),

    crossEntropy: checkedByRow(
      'crossEntropy',
      MORE_KERNELS.crossEntropy,
      (out: F, logProbs: F, labels: I, geometry: CrossEntropyGeometry) => {
        checkPositions('crossEntropy', labels, memory, geometry.N, geometry.C);
        kernels.crossEntropy(out, logProbs, labels, geometry);
      },
    ),

    crossEntropyBackward: checkedByRow(
      'crossEntropyBackward',
      MORE_KERNELS.crossEntropyBackward,
      (dX: F, dOut: F, logProbs: F, labels: I, geometry: CrossEntropyGeometry) => {
        checkPositions('crossEntropyBackward', labels, memory, geometry.N, geometry.C);
        kernels.crossEntropyBackward(dX, dOut, logProbs, labels, geometry);
      },
    ),

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
