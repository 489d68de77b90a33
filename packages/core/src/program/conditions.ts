import { viewOver } from '../dtype.js';
import { heap } from '../engine/engine.js';
import type { Storage } from '../memory/storage.js';
import { Parameter, Tensor } from '../tensor.js';
import { outsideOf, tensorOf, type Recording } from './recording.js';

/** What must hold of the world for a recording to be done again. */
export class Conditions {
  readonly #recording: Recording;
  /** The memory of tensors that were there before. */
  readonly #storages: readonly Storage[];
  /** For each input whose memory the function may use by another name too, that memory. */
  readonly #tied: readonly (Storage | null)[];
  /** Memory that the function uses by other names than those of inputs. */
  readonly #foreign: ReadonlySet<Storage>;

  /**
   * @param inputs Those of the call that was recorded.
   * @param held What modules hold, or a function is known to use otherwise; tensors among other things.
   */
  constructor(recording: Recording, inputs: readonly Tensor[], held: readonly unknown[]) {
    this.#recording = recording;
    const known = new Set(held.flatMap((one) => (one instanceof Tensor ? one.storage : [])));
    this.#tied = inputs.map((input) =>
      input instanceof Parameter || known.has(input.storage) ? input.storage : null,
    );
    const outside = recording.slots.filter(({ kind }) => kind === 'outside');
    this.#foreign = new Set([...outside.map(outsideOf), ...known]);
    // Gradients come and go: a program holds their memory.
    this.#storages = outside.filter(({ isOwn }) => !isOwn).map(outsideOf);
  }

  /** Whether it can't be done again: memory is gone that it works on, or a tensor was frozen. */
  get isStale(): boolean {
    for (const { references } of this.#storages) if (references === 0) return true;
    for (const { tensor, requiresGrad } of this.#recording.outside) {
      if (tensor.isDisposed || tensor.requiresGrad !== requiresGrad) return true;
    }
    return false;
  }

  /**
   * Whether the recording is for these inputs, of the right shapes, and for the gradients of now.
   * @throws What a decision of the function throws.
   */
  accepts(inputs: readonly Tensor[]): boolean {
    const { gradients, decisions } = this.#recording;
    // A program knows two names of one memory apart only if they were so when it was recorded.
    for (let i = 0; i < inputs.length; i++) {
      const { storage } = inputs[i];
      const tied = this.#tied[i];
      if (tied === null ? this.#foreign.has(storage) : storage !== tied) return false;
    }
    const present: Storage[] = [];
    for (const { leaf, before } of gradients) {
      if (before === 'any') continue;
      const { grad } = typeof leaf === 'number' ? inputs[leaf] : leaf;
      const storage = grad === null || grad.isDisposed ? null : grad.storage;
      if (before === 'some') {
        if (storage === null) return false;
        present.push(storage);
        continue;
      }
      // Another tensor may be a name for the same memory.
      if (storage !== (before === null ? null : before.storage)) return false;
    }
    // A run adds to them in memory that is nothing else's.
    for (const storage of present) {
      if (present.lastIndexOf(storage) !== present.indexOf(storage)) return false;
      if (inputs.some((input) => input.storage === storage)) return false;
    }
    for (const { operands, decide, outcome } of decisions) {
      const elements = operands.map(({ slot, dtype, size }) => {
        const storage = slot.kind === 'input' ? tensorOf(slot, inputs).storage : slot.storage;
        if (storage) return viewOver(dtype, heap.buffer, storage.address, size);
        return viewOver(dtype, (slot.initial ?? new Uint8Array()).buffer, 0, size);
      });
      if (!Object.is(decide(...elements), outcome)) return false;
    }
    return true;
  }
}
