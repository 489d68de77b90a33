/** More entries than this are not kept: the layers of a network, for a batch size or two. */
const KEPT = 32;

/** Remembers what was made for the last few keys, which are lists of numbers. */
export class Recent<V extends object> {
  readonly #entries: { readonly key: readonly number[]; readonly value: V }[] = [];
  #oldest = 0;

  /**
   * The value that was made for this key, or else the one that `make` gives, which takes the place
   * of the oldest entry. It is handed out again, so it must be frozen, and only the key may decide
   * what it is. A key with NaN is neither found nor kept, and nothing is kept when `make` throws.
   */
  get(key: readonly number[], make: () => V): V {
    for (const entry of this.#entries) if (isSame(entry.key, key)) return entry.value;
    const value = make();
    if (key.includes(NaN)) return value;
    this.#entries[this.#oldest] = { key, value };
    this.#oldest = (this.#oldest + 1) % KEPT;
    return value;
  }
}

/** NaN equals nothing, itself neither. */
function isSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
