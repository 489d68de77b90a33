import type { Storage } from '../memory/storage.js';
import type { HostStep, Slot, Step } from './recording.js';

/** Memory that something is made of, which need not be made again as long as the bytes there stay. */
export class Sources {
  readonly #sources: readonly { readonly storage: Storage; writes: number }[];
  #isKnown = false;

  constructor(storages: readonly Storage[]) {
    this.#sources = storages.map((storage) => ({ storage, writes: -1 }));
  }

  /** Has the next question answered as if it were the first. */
  forget(): void {
    this.#isKnown = false;
  }

  /** Whether the bytes may be others than when this was asked last; the first time they are. */
  takeChange(): boolean {
    let isChanged = !this.#isKnown;
    this.#isKnown = true;
    for (const source of this.#sources) {
      const { writes, isViewed } = source.storage;
      if (writes !== source.writes || isViewed) isChanged = true;
      source.writes = writes;
    }
    return isChanged;
  }
}

/** What JavaScript makes of tensors that no run changes, and the memory of those. */
export class Derived {
  readonly #derived = new Map<Slot, readonly Storage[]>();

  /** @param results What a caller gets, and may change. */
  constructor(steps: readonly Step[], results: ReadonlySet<Slot>) {
    for (const step of steps) if (step.kind === 'host') this.#note(step, results);
  }

  has(slot: Slot): boolean {
    return this.#derived.has(slot);
  }

  /** What slots follow from, if it is the same memory in every run and no run changes it; else null. */
  sourcesOf(slots: readonly Slot[]): Sources | null {
    const storages = this.#storagesOf(slots);
    return storages && new Sources(storages);
  }

  /**
   * Notes what JavaScript makes of tensors which stays as long as they do: not where it draws numbers,
   * or works on what a run brings.
   */
  #note({ operands }: HostStep, results: ReadonlySet<Slot>): void {
    const made = operands.filter(({ access }) => access !== 'read');
    const read = operands.filter(({ access }) => access === 'read').map(({ slot }) => slot);
    const isOwn = made.every(
      ({ slot, access }) => access === 'fill' && slot.writers === 1 && !results.has(slot),
    );
    if (!isOwn || made.length === 0 || read.length === 0) return;
    const storages = this.#storagesOf(read);
    if (!storages) return;
    for (const { slot } of made) this.#derived.set(slot, storages);
  }

  #storagesOf(slots: readonly Slot[]): Storage[] | null {
    const storages: Storage[] = [];
    for (const slot of slots) {
      const { kind, writers, storage } = slot;
      if (kind === 'constant') continue;
      const derived = this.#derived.get(slot);
      if (derived) storages.push(...derived);
      else if (kind !== 'outside' || writers > 0 || storage === null) return null;
      else storages.push(storage);
    }
    return storages;
  }
}
