import { viewOver } from '../dtype.js';
import { heap } from '../engine/engine.js';
import { EngineError } from '../errors.js';
import { DeviceBuffer } from '../kernels/buffer.js';
import type { NumericArray } from '../kernels/contract.js';
import { RESERVED_BYTES } from '../memory/heap.js';
import type { Derived } from './derived.js';
import { planMemory } from './memory-plan.js';
import {
  outsideOf,
  type HostOperand,
  type Operand,
  type Recording,
  type Slot,
  type Step,
} from './recording.js';

/** Where operands seem to lie that are somewhere else in each run. */
const NOWHERE = RESERVED_BYTES;

/** A word that holds an address which changes from run to run. */
interface Patch {
  readonly word: number;
  readonly offset: number;
}

/** Where the slots of a program lie, and the memory that it holds for them and for its launches. */
export class Layout {
  /** The slots that share places. */
  readonly #planned = new Set<Slot>();
  /** Where each slot lies; those of inputs and results are set by each run. */
  readonly #addresses = new Map<Slot, number>();
  readonly #patches = new Map<Slot, Patch[]>();
  /** What JavaScript filled memory with that kernels then change. */
  readonly #initial: Slot[] = [];
  readonly #kept: { address: number; bytes: number }[] = [];
  #keptBytes = 0;

  /** The bytes that were taken so far. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /**
   * Finds a place for every slot that has one.
   * @param results Slots that each run gives a place to.
   * @returns The bytes of those that share theirs.
   * @throws EngineError if there is no memory for them; what was taken until then is to be freed.
   */
  placeAll({ slots, steps }: Recording, results: ReadonlySet<Slot>, derived: Derived): number {
    const uses = usesOf(steps);
    for (const slot of slots) {
      if (slot.kind === 'outside') {
        this.#addresses.set(slot, outsideOf(slot).address);
        if (slot.initial) this.#initial.push(slot);
      }
      if (slot.kind === 'made' || results.has(slot)) {
        if (slot.initial) this.#initial.push(slot);
        if (results.has(slot)) this.#patches.set(slot, []);
        else if (derived.has(slot)) this.#addresses.set(slot, this.keep(slot.bytes));
        else if (uses.has(slot)) this.#planned.add(slot);
      } else if (slot.kind === 'constant' && uses.has(slot)) {
        const address = this.keep(slot.bytes);
        this.#addresses.set(slot, address);
        new Uint8Array(heap.buffer, address, slot.bytes).set(initialOf(slot));
      } else if (slot.kind === 'input') this.#patches.set(slot, []);
    }
    const planned = [...this.#planned];
    const plan = planMemory(
      planned.map((slot) => {
        const { from, to } = uses.get(slot) ?? { from: 0, to: 0 };
        // Filled before the run begins.
        return { bytes: slot.bytes, from: slot.initial ? 0 : from, to };
      }),
    );
    const arena = plan.bytes > 0 ? this.keep(plan.bytes) : 0;
    planned.forEach((slot, i) => this.#addresses.set(slot, arena + plan.offsets[i]));
    return plan.bytes;
  }

  /**
   * Takes memory until `free`.
   * @throws EngineError if there is none.
   */
  keep(bytes: number): number {
    const address = heap.allocate(bytes);
    this.#kept.push({ address, bytes });
    this.#keptBytes += bytes;
    return address;
  }

  /** Has a word of the heap hold the address in a slot, wherever a run places it. */
  patch(slot: Slot, patch: Patch): void {
    this.#patches.get(slot)?.push(patch);
  }

  /** Says where a slot lies in this run. */
  place(slot: Slot, address: number): void {
    this.#addresses.set(slot, address);
    const { words } = heap;
    for (const { word, offset } of this.#patches.get(slot) ?? []) words[word] = address + offset;
  }

  /** Fills what kernels change with what JavaScript had filled it with. */
  fill(): void {
    for (const slot of this.#initial) {
      new Uint8Array(heap.buffer, this.#addressOf(slot), slot.bytes).set(initialOf(slot));
    }
  }

  /** Where a slot lies that shares its place with others; null for one that doesn't. */
  sharedPlaceOf(slot: Slot): number | null {
    return this.#planned.has(slot) ? this.#addressOf(slot) : null;
  }

  /** An operand where it lies in this run, for kernels. */
  bufferOf({ slot, offset, dtype, length }: Operand): DeviceBuffer {
    return new DeviceBuffer(dtype, this.#addressOf(slot) + offset, length);
  }

  /** An operand where it lies in this run, for JavaScript. */
  elementsOf({ slot, dtype, size }: HostOperand): NumericArray {
    return viewOver(dtype, heap.buffer, this.#addressOf(slot), size);
  }

  /** Frees what was taken. Harmless when done twice. */
  free(): void {
    for (const { address, bytes } of this.#kept.splice(0)) heap.free(address, bytes);
  }

  #addressOf(slot: Slot): number {
    return this.#addresses.get(slot) ?? NOWHERE;
  }
}

/** The first and the last step that uses each slot. */
function usesOf(steps: readonly Step[]): Map<Slot, { from: number; to: number }> {
  const uses = new Map<Slot, { from: number; to: number }>();
  steps.forEach((step, i) => {
    if (step.kind === 'action') return;
    for (const operand of step.operands) {
      if (!operand) continue;
      const use = uses.get(operand.slot);
      if (use) use.to = i;
      else uses.set(operand.slot, { from: i, to: i });
    }
  });
  return uses;
}

function initialOf({ initial }: Slot): Uint8Array {
  if (initial === null) throw new EngineError('program: a constant has no content');
  return initial;
}
