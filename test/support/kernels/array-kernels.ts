import { dtypeOf, viewOver } from '../../../packages/core/src/dtype.js';
import { heap as engineHeap } from '../../../packages/core/src/engine/engine.js';
import type { Heap } from '../../../packages/core/src/memory/heap.js';
import { DeviceBuffer, type ElementType } from '../../../packages/core/src/kernels/buffer.js';
import type {
  ArrayKernels,
  KernelName,
  Kernels,
  NumericArray,
} from '../../../packages/core/src/kernels/contract.js';
import { NAMES, ROWS, kernelsFor } from './all-kernels.js';

/** Any kernel's call; declared as a method is, so that all of them pass. */
type Call = { call(...operandsAndOptions: unknown[]): void }['call'];

/**
 * The kernels as calls with arrays: one that lies on the heap is handed over where it is, any other is
 * copied there, and back if the kernel writes it.
 */
export function overArrays(kernels: Kernels, heap: Heap): ArrayKernels {
  const calls: Partial<Record<KernelName, Call>> = {};
  for (const name of NAMES) {
    const run: Call = kernels[name];
    const outputs = ROWS[name].operands.filter((text) => !text.startsWith('in ')).length;
    calls[name] = (...given) => onHeap(heap, given, outputs, run);
  }
  return calls as ArrayKernels;
}

/** The float32 kernels of the engine that runs, as calls with arrays. */
export function engineKernels(): ArrayKernels {
  return overArrays(kernelsFor('float32'), engineHeap);
}

function onHeap(heap: Heap, given: readonly unknown[], outputs: number, run: Call): void {
  const buffers = new Map<NumericArray, DeviceBuffer>();
  const copied: NumericArray[] = [];
  const arrays = given.filter(isArray);
  // First those on the heap, while their views are valid.
  for (const array of arrays) {
    if (array.buffer !== heap.buffer) continue;
    buffers.set(array, new DeviceBuffer(elementOf(array), array.byteOffset, array.length));
  }
  const viewOf = ({ dtype, address, length }: DeviceBuffer) =>
    viewOver(dtype, heap.buffer, address, length);
  try {
    for (const array of arrays) {
      if (buffers.has(array)) continue;
      const buffer = new DeviceBuffer(
        elementOf(array),
        heap.allocate(array.byteLength),
        array.length,
      );
      buffers.set(array, buffer);
      copied.push(array);
      viewOf(buffer).set(array);
    }
    run(...given.map((operand) => (isArray(operand) ? buffers.get(operand) : operand)));
    for (const array of copied) {
      const buffer = buffers.get(array);
      if (buffer && arrays.indexOf(array) < outputs) array.set(viewOf(buffer));
    }
  } finally {
    for (const array of copied) {
      const buffer = buffers.get(array);
      if (buffer) heap.free(buffer.address, buffer.byteLength);
    }
  }
}

function elementOf(array: NumericArray): ElementType {
  const dtype = dtypeOf(array);
  return dtype === 'bool' ? 'uint8' : dtype;
}

function isArray(value: unknown): value is NumericArray {
  return ArrayBuffer.isView(value);
}
