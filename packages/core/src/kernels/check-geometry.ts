import { EngineError, ShapeError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { DeviceBuffer } from './buffer.js';
import type {
  Conv2dGeometry,
  Conv2dJoinedGeometry,
  IndexGeometry,
  MatmulGeometry,
  StridedGeometry,
  WindowGeometry,
} from './contract.js';
import {
  conv2dWorkspace,
  fitsConv2d,
  fitsPooling,
  poolingBytes,
  type Conv2dKernel,
} from './conv2d-workspace.js';

/*
 * The conditions that a launch must meet before it is made. A WebAssembly kernel counts and
 * addresses with 32 bits and sees the whole heap: a number that is cut, or a product that wraps
 * round, would let it write into tensors that are none of its own. So every number is checked here
 * in the exact arithmetic of JavaScript's numbers: what a kernel takes as an integer is one of 32
 * bits, and each element that it reads or writes lies in the operand that was handed over. Products
 * of two such integers may be rounded, but far beyond any operand's length, and never to below it.
 */

/** The largest integer that kernels count with. */
const MAX_INTEGER = 2 ** 31 - 1;

/** Where operands lie, as 32-bit integers. */
interface Memory {
  readonly words: Int32Array;
}

interface Sized {
  readonly length: number;
}

/** @throws ShapeError unless n is an integer of 0 … 2³¹ - 1. */
export function checkSize(kernel: string, name: string, n: number): void {
  if ((n | 0) !== n || n < 0) {
    throw new ShapeError(
      `${kernel}: expected integers of 0 … 2^31 - 1, got ${name} = ${n}; use smaller sizes`,
    );
  }
}

/** @throws ShapeError unless `array` has the elements that a launch reads or writes. */
export function checkLength(kernel: string, name: string, array: Sized, needed: number): void {
  if (!(array.length >= needed)) {
    throw new ShapeError(
      `${kernel}: its geometry takes ${needed} elements of '${name}', got ${array.length}; the ` +
        'geometry and the arrays must agree',
    );
  }
}

/**
 * @throws ShapeError unless the first `count` of `index` are positions in 0 … limit - 1. Ops check
 * the indices that they are given, but their memory can be written before a gradient reads it again.
 */
export function checkPositions(
  kernel: string,
  index: DeviceBuffer<'int32'>,
  { words }: Memory,
  count: number,
  limit: number,
): void {
  const first = index.address >>> 2;
  const last = limit - 1;
  // The sign of either is set where one is outside.
  let outside = 0;
  for (let i = 0; i < count; i++) {
    const position = words[first + i];
    outside |= position | (last - position);
  }
  if (outside >= 0) return;
  const positions = words.subarray(first, first + count);
  const at = positions.findIndex((position) => position < 0 || position > last);
  throw new ShapeError(
    `${kernel}: expected positions of 0 … ${last}, got ${positions[at]} at element ${at}; were the ` +
      'indices changed since the operation that checked them?',
  );
}

/** Elements of a shape, or of what a walk visits. */
export function product(sizes: readonly number[]): number {
  let count = 1;
  for (let i = 0; i < sizes.length; i++) count *= sizes[i];
  return count;
}

/**
 * One operand of a walk over `shape`, which has no axis of size 0. Strides along an axis of size 1
 * are never taken, so they may be anything.
 * @throws ShapeError if a number does not fit, or the walk leaves the operand.
 */
export function checkWalk(
  kernel: string,
  name: string,
  array: Sized,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): void {
  let first = offset;
  let last = offset;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis];
    checkSize(kernel, 'shape', size);
    if (size < 2) continue;
    const stride = strides[axis];
    checkSize(kernel, `a stride of '${name}'`, Math.abs(stride));
    if (stride < 0) first += (size - 1) * stride;
    else last += (size - 1) * stride;
  }
  if (!(first >= 0 && last < array.length && Number.isInteger(offset))) {
    throw new ShapeError(
      `${kernel}: shape ${formatShape(shape)} with strides ${formatShape(strides)} and offset ` +
        `${offset} takes elements ${first} … ${last} of '${name}', which has ${array.length}; the ` +
        'geometry and the arrays must agree',
    );
  }
}

/** Both operands of a strided copy, which copies something. @throws ShapeError as `checkWalk`. */
export function checkStrided(
  kernel: string,
  out: Sized,
  x: Sized,
  { shape, outStrides, outOffset, xStrides, xOffset }: StridedGeometry,
): void {
  checkWalk(kernel, 'out', out, shape, outStrides, outOffset);
  checkWalk(kernel, 'x', x, shape, xStrides, xOffset);
}

/**
 * The positions, and the operands of `[outer, n, inner]` and `[outer, count, inner]`.
 * @throws ShapeError for a number that does not fit, an operand too short or a position outside.
 */
export function checkIndexed(
  kernel: string,
  whole: Sized,
  selected: Sized,
  index: DeviceBuffer<'int32'>,
  memory: Memory,
  geometry: IndexGeometry,
): void {
  const { outer, n, inner, count } = geometry;
  checkSize(kernel, 'outer', outer);
  checkSize(kernel, 'n', n);
  checkSize(kernel, 'inner', inner);
  checkSize(kernel, 'count', count);
  checkLength(kernel, 'index', index, count);
  checkLength(kernel, 'the whole', whole, outer * n * inner);
  checkLength(kernel, 'the selection', selected, outer * count * inner);
  checkPositions(kernel, index, memory, count, n);
}

/** @throws ShapeError for a number that does not fit, or an operand that is too short. */
export function checkMatmul(
  kernel: string,
  out: Sized,
  a: Sized,
  b: Sized,
  { M, N, K, batch, aBatchStride, bBatchStride }: MatmulGeometry,
): void {
  checkSize(kernel, 'M', M);
  checkSize(kernel, 'N', N);
  checkSize(kernel, 'K', K);
  checkSize(kernel, 'batch', batch);
  checkSize(kernel, 'aBatchStride', aBatchStride);
  checkSize(kernel, 'bBatchStride', bBatchStride);
  checkLength(kernel, 'out', out, batch * M * N);
  checkLength(kernel, 'a', a, (batch - 1) * aBatchStride + M * K);
  checkLength(kernel, 'b', b, (batch - 1) * bBatchStride + K * N);
}

/**
 * The numbers of a window that slides over images, and the positions that it comes to.
 * @throws ShapeError if one does not fit into 32 bits.
 */
export function checkWindow(operation: string, window: WindowGeometry): void {
  if (soundWindows.has(window)) return;
  checkWindowNumbers(operation, window);
  // What may still be changed is checked every time.
  if (Object.isFrozen(window)) soundWindows.add(window);
}

/** Windows that were checked, and that nobody can change. */
const soundWindows = new WeakSet<WindowGeometry>();

function checkWindowNumbers(operation: string, window: WindowGeometry): void {
  const { C, H, W, KH, KW, OH, OW } = window;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW } = window;
  checkSize(operation, 'C', C);
  checkSize(operation, 'H', H);
  checkSize(operation, 'W', W);
  checkSize(operation, 'KH', KH);
  checkSize(operation, 'KW', KW);
  checkSize(operation, 'OH', OH);
  checkSize(operation, 'OW', OW);
  checkSize(operation, 'the stride', strideH);
  checkSize(operation, 'the stride', strideW);
  checkSize(operation, 'the padding', padTop);
  checkSize(operation, 'the padding', padLeft);
  checkSize(operation, 'the dilation', dilationH);
  checkSize(operation, 'the dilation', dilationW);
  const isEmpty = KH < 1 || KW < 1 || strideH < 1 || strideW < 1 || dilationH < 1 || dilationW < 1;
  // Kernels count from the padded image's corner to one step behind the last window's last element.
  const rows = H + padTop + OH * strideH + (KH - 1) * dilationH;
  const columns = W + padLeft + OW * strideW + (KW - 1) * dilationW;
  if (isEmpty || rows > MAX_INTEGER || columns > MAX_INTEGER) {
    throw new ShapeError(
      `${operation}: expected windows whose positions stay below 2^31, got kernel ` +
        `${formatShape([KH, KW])}, stride ${formatShape([strideH, strideW])}, padding ` +
        `${formatShape([padTop, padLeft])} and dilation ${formatShape([dilationH, dilationW])} over ` +
        `images of ${formatShape([H, W])}; use smaller ones`,
    );
  }
}

/**
 * The operands of one of the convolution kernels, by the roles that they have in the convolution,
 * and the room that it works in.
 * @throws ShapeError for a number that does not fit or an operand that is too short, EngineError
 * if the kernel would need more room than `fitsConv2d` grants.
 */
export function checkConv2d(
  kernel: Conv2dKernel,
  geometry: Conv2dGeometry,
  out: Sized | null,
  x: Sized,
  weight: Sized,
  bias: Sized | null,
  operation: string = kernel,
): void {
  const { N, OC, groups, window } = geometry;
  const { C, H, W, KH, KW, OH, OW } = window;
  checkSize(operation, 'N', N);
  checkSize(operation, 'OC', OC);
  checkSize(operation, 'groups', groups);
  checkWindow(operation, window);
  if (groups < 1 || OC % groups !== 0) {
    throw new ShapeError(`${operation}: ${OC} output channels do not divide into ${groups} groups`);
  }
  if (out) checkLength(operation, 'out', out, N * OC * OH * OW);
  checkLength(operation, 'x', x, N * groups * C * H * W);
  checkLength(operation, 'weight', weight, OC * C * KH * KW);
  if (bias) checkLength(operation, 'bias', bias, OC);
  if (!fitsConv2d(kernel, geometry)) {
    const { sharedBytes, scratchBytes } = conv2dWorkspace(kernel, geometry);
    throw new EngineError(
      `${operation}: a window with stride ${formatShape([window.strideH, window.strideW])}, padding ` +
        `${formatShape([window.padTop, window.padLeft])} and dilation ` +
        `${formatShape([window.dilationH, window.dilationW])} takes up to ` +
        `${sharedBytes + scratchBytes} bytes of work space, which is more than there may be; use ` +
        'unfold and matmul',
    );
  }
}

/**
 * The operands of conv2dJoined.
 * @throws ShapeError and EngineError as `checkConv2d` does, ShapeError if the pooling and what it
 * writes don't go together, or it is one of other planes.
 */
export function checkConv2dJoined(
  geometry: Conv2dJoinedGeometry,
  out: Sized | null,
  pooled: Sized | null,
  indices: Sized | null,
  x: Sized,
  weight: Sized,
  bias: Sized | null,
): void {
  const { N, OC, window, pool } = geometry;
  checkConv2d('conv2d', geometry, out, x, weight, bias, 'conv2dJoined');
  const isComplete = pool ? pooled !== null : out !== null && pooled === null && indices === null;
  if (!isComplete) {
    const given = Object.entries({ out, pooled, indices }).filter(([, array]) => array !== null);
    throw new ShapeError(
      `conv2dJoined: expected ${pool ? "'pooled' at least" : "'out' alone"} to be written ` +
        `${pool ? 'with' : 'without'} a pooling, got ` +
        `${given.length === 0 ? 'null' : given.map(([name]) => `'${name}'`).join(' and ')}; the ` +
        'geometry and the arrays must agree',
    );
  }
  if (!pool || !pooled) return;
  checkWindow('conv2dJoined', pool);
  if (pool.H !== window.OH || pool.W !== window.OW) {
    throw new ShapeError(
      `conv2dJoined: expected a pooling of planes of ${formatShape([window.OH, window.OW])}, got ` +
        `${formatShape([pool.H, pool.W])}; it pools what the convolution writes`,
    );
  }
  const count = N * OC * pool.OH * pool.OW;
  checkLength('conv2dJoined', 'pooled', pooled, count);
  if (indices) checkLength('conv2dJoined', 'indices', indices, count);
  if (!fitsPooling(geometry)) {
    throw new EngineError(
      `conv2dJoined: the pooling takes up to ${poolingBytes(geometry)} bytes of work space beside ` +
        'the convolution, which is more than there may be; pool by a kernel of its own',
    );
  }
}
