import {
  checkConv2d,
  checkConv2dJoined,
  checkIndexed,
  checkLength,
  checkMatmul,
  checkPositions,
  checkSize,
  checkStrided,
  checkWalk,
  checkWindow,
  product,
} from './check-geometry.js';
import type { DeviceBuffer } from './buffer.js';
import type {
  BroadcastGeometry,
  CrossEntropyGeometry,
  IndexGeometry,
  KernelName,
  Kernels,
  ReduceGeometry,
  WindowGeometry,
} from './contract.js';
import { KERNELS, type Row } from './table/kernels.js';
import { KERNEL_NAMES, parametersOf, parseOperand } from './table/layout.js';
import type { ElementwiseName } from './table/types.js';

type F = DeviceBuffer;
type I = DeviceBuffer<'int32'>;

type Along = (out: F, other: F, index: I, geometry: IndexGeometry) => void;
type Select = (out: F, indices: I, x: F, geometry: ReduceGeometry) => void;

/**
 * The same kernels behind the checks of check-geometry.ts: whatever sizes, strides and indices a
 * call comes with, nothing outside its operands is read or written. A call that has nothing to write
 * is not made at all.
 * @param memory Where the operands lie, for a look at indices.
 * @throws ShapeError if a geometry does not fit its operands or 32 bits, EngineError if a
 * convolution needs more room than there may be.
 */
export function checkedKernels(kernels: Kernels, memory: { readonly words: Int32Array }): Kernels {
  const select = (name: 'max' | 'min'): Select =>
    checkedByRow(name, (out: F, indices: I, x: F, geometry: ReduceGeometry) => {
      checkSize(name, 'n - 1', geometry.n - 1);
      kernels[name](out, indices, x, geometry);
    });

  const along = (name: 'gatherAlong' | 'scatterAlong' | 'scatterAddAlong'): Along =>
    checkedByRow(name, (out: F, other: F, index: I, geometry: IndexGeometry) => {
      const { outer, n, inner, count } = geometry;
      checkPositions(name, index, memory, outer * inner * count, n);
      kernels[name](out, other, index, geometry);
    });

  return {
    ...checkedElementwise(kernels),
    ...checkedCounted(kernels),

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

    gatherAlong: along('gatherAlong'),
    scatterAlong: along('scatterAlong'),
    scatterAddAlong: along('scatterAddAlong'),

    max: select('max'),
    min: select('min'),

    selectBackward: checkedByRow(
      'selectBackward',
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

    crossEntropy: checkedByRow(
      'crossEntropy',
      (out: F, logProbs: F, labels: I, geometry: CrossEntropyGeometry) => {
        checkPositions('crossEntropy', labels, memory, geometry.N, geometry.C);
        kernels.crossEntropy(out, logProbs, labels, geometry);
      },
    ),

    crossEntropyBackward: checkedByRow(
      'crossEntropyBackward',
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

/** The groups whose numbers alone say how long each operand is, by its dimensions. */
const COUNTED = [
  'channels',
  'layerNorm',
  'moments',
  'order',
  'reduce',
  'rows',
  'running',
  'scan',
  'squares',
  'window',
] as const;

type Counted = {
  [K in KernelName]: (typeof KERNELS)[K]['parameters'] extends (typeof COUNTED)[number] ? K : never;
}[KernelName];

/** Their kernels, each checked by its row; a call whose first operand is empty is not made. */
function checkedCounted(kernels: Kernels): Pick<Kernels, Counted> {
  const checked = KERNEL_NAMES.filter(isCounted).map((name) => [
    name,
    checkedByRow(name, kernels[name]),
  ]);
  return Object.fromEntries(checked) as Pick<Kernels, Counted>;
}

function isCounted(name: KernelName): name is Counted {
  return (COUNTED as readonly unknown[]).includes(KERNELS[name].parameters);
}

function checkedByRow(name: KernelName, run: Call): Call {
  const row: Row = KERNELS[name];
  const operands = row.operands.map(parseOperand);
  const isWindow = row.parameters === 'window';
  const sizes = Object.entries(parametersOf(row)).flatMap(([key, type]) =>
    type === 'i32' ? [key] : [],
  );
  return (...given) => {
    const options = given[operands.length] as Readonly<Record<string, number>> & WindowGeometry;
    // Of a window that is frozen, the verdict is kept.
    if (isWindow) checkWindow(name, options);
    else for (const size of sizes) checkSize(name, size, options[size]);
    for (let i = 0; i < operands.length; i++) {
      let count = 1;
      for (const size of operands[i].dimensions) count *= options[size] ?? Number(size);
      if (i === 0 && count === 0) return;
      checkLength(name, operands[i].name, given[i] as F, count);
    }
    run(...given);
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
