/** More entries than this are not kept: the layers of a network, for a batch size or two. */
const KEPT = 32;

/**
 * Remembers what was made for the last few keys, which are lists of numbers. What it keeps is handed
 * out again, so it must be frozen. NaN equals nothing: a key with one is never found.
 */
export class Recent<V> {
  readonly #entries: { readonly key: readonly number[]; readonly value: V }[] = [];
  #oldest = 0;

  /** What was kept for this key. */
  find(key: readonly number[]): V | undefined {
    for (const entry of this.#entries) if (isSame(entry.key, key)) return entry.value;
    return undefined;
  }

  /** Keeps `value` in the place of the oldest entry. */
  keep(key: readonly number[], value: V): V {
    this.#entries[this.#oldest] = { key, value };
    this.#oldest = (this.#oldest + 1) % KEPT;
    return value;
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
