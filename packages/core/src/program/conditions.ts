import { viewOver } from '../dtype.js';
import { heap } from '../engine/engine.js';
import type { Tensor } from '../tensor.js';
import type { Recording } from './recording.js';

/** Whether a recording can't be done again: memory is gone that it works on, or a tensor was frozen. */
export function isStale({ slots, outside }: Recording): boolean {
  for (const { kind, storage, isOwn } of slots) {
    // Gradients come and go: a program holds their memory.
    if (kind === 'outside' && !isOwn && storage?.references === 0) return true;
  }
  for (const { tensor, requiresGrad } of outside) {
    if (tensor.isDisposed || tensor.requiresGrad !== requiresGrad) return true;
  }
  return false;
}

/**
 * Whether a recording is for these inputs, of the right shapes, and for the gradients of now.
 * @throws What a decision of the function throws.
 */
export function accepts({ gradients, decisions }: Recording, inputs: readonly Tensor[]): boolean {
  for (const { leaf, before } of gradients) {
    if (before === 'any') continue;
    const { grad } = leaf;
    const storage = grad === null || grad.isDisposed ? null : grad.storage;
    // Another tensor may be a name for the same memory.
    if (storage !== (before === null ? null : before.storage)) return false;
  }
  for (const { operands, decide, outcome } of decisions) {
    const elements = operands.map(({ slot, dtype, size }) => {
      const storage = slot.input < 0 ? slot.storage : inputs[slot.input].storage;
      if (storage) return viewOver(dtype, heap.buffer, storage.address, size);
      return viewOver(dtype, (slot.initial ?? new Uint8Array()).buffer, 0, size);
    });
    if (!Object.is(decide(...elements), outcome)) return false;
  }
  return true;
}
