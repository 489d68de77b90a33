import { DeviceBuffer } from '../kernels/buffer.js';
import type { Heap } from '../memory/heap.js';

type F = Float32Array;

/** Operands that a check has on the heap. */
export class Operands {
  readonly #heap: Heap;
  readonly #buffers: DeviceBuffer[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** A copy of these numbers on the heap. */
  place(values: F): DeviceBuffer {
    const address = this.#heap.allocate(values.byteLength);
    const buffer = new DeviceBuffer('float32', address, values.length);
    this.#buffers.push(buffer);
    this.#view(buffer).set(values);
    return buffer;
  }

  /** The numbers that a buffer holds now. */
  read(buffer: DeviceBuffer): F {
    return this.#view(buffer).slice();
  }

  #view({ address, length }: DeviceBuffer): F {
    return new Float32Array(this.#heap.buffer, address, length);
  }

  free(): void {
    for (const { address, byteLength } of this.#buffers) this.#heap.free(address, byteLength);
  }
}

/** float32 keeps 24 bits; the sums here are short. */
const TOLERANCE = 2e-5;

/** Numbers between -1 and 1, always the same. */
export function sequence(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Whether an element is further off than rounding explains. NaN is. */
export function differs(out: F, expected: Float64Array): boolean {
  return out.some((value, i) => {
    const right = expected[i];
    return !(Math.abs(value - right) <= TOLERANCE * Math.max(1, Math.abs(right)));
  });
}
