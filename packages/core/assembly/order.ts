/*
 * Sorting of rows. Floats become integers in the same order, so that a number and where it stood are one
 * integer of 64 bits: no two are the same, and whatever sorts them keeps the order of equals. The keys lie
 * in the memory of the values until a row is sorted.
 */
class Pairs {
  /** Below this many, elements are put in by moving the others on. */
  static readonly FEW: i32 = 24;

  /** The key and the position of element i, to compare. */
  @inline static at(keys: usize, positions: usize, i: i32): i64 {
    const key = <i64>load<i32>(keys + ((<usize>i) << 2));
    return (key << 32) | (<i64>load<u32>(positions + ((<usize>i) << 2)));
  }

  @inline static put(keys: usize, positions: usize, i: i32, pair: i64): void {
    store<i32>(keys + ((<usize>i) << 2), <i32>(pair >> 32));
    store<i32>(positions + ((<usize>i) << 2), <i32>pair);
  }

  /** Sorts elements `low` … `high` by quicksort, or by a heap where that has cut badly too often. */
  static sort(keys: usize, positions: usize, low: i32, high: i32, cuts: i32): void {
    while (high - low >= Pairs.FEW) {
      if (cuts == 0) {
        Pairs.sortByHeap(
          keys + ((<usize>low) << 2),
          positions + ((<usize>low) << 2),
          high - low + 1,
        );
        return;
      }
      cuts--;
      const pivot = Pairs.middle(keys, positions, low, high);
      let i = low;
      let j = high;
      while (i <= j) {
        let front = Pairs.at(keys, positions, i);
        while (front < pivot) front = Pairs.at(keys, positions, ++i);
        let back = Pairs.at(keys, positions, j);
        while (back > pivot) back = Pairs.at(keys, positions, --j);
        if (i <= j) {
          Pairs.put(keys, positions, i++, back);
          Pairs.put(keys, positions, j--, front);
        }
      }
      // The smaller half by a call, so that calls nest no deeper than the logarithm of n.
      if (j - low < high - i) {
        Pairs.sort(keys, positions, low, j, cuts);
        low = i;
      } else {
        Pairs.sort(keys, positions, i, high, cuts);
        high = j;
      }
    }
    Pairs.sortFew(keys, positions, low, high);
  }

  /** The middle one of three elements. */
  static middle(keys: usize, positions: usize, low: i32, high: i32): i64 {
    const a = Pairs.at(keys, positions, low);
    const b = Pairs.at(keys, positions, low + ((high - low) >> 1));
    const c = Pairs.at(keys, positions, high);
    if (a < b) {
      if (b < c) return b;
      return a < c ? c : a;
    }
    if (a < c) return a;
    return b < c ? c : b;
  }

  static sortFew(keys: usize, positions: usize, low: i32, high: i32): void {
    for (let i = low + 1; i <= high; i++) {
      const pair = Pairs.at(keys, positions, i);
      let j = i;
      for (; j > low; j--) {
        const before = Pairs.at(keys, positions, j - 1);
        if (before < pair) break;
        Pairs.put(keys, positions, j, before);
      }
      Pairs.put(keys, positions, j, pair);
    }
  }

  static sortByHeap(keys: usize, positions: usize, n: i32): void {
    for (let i = (n >> 1) - 1; i >= 0; i--) {
      Pairs.sink(keys, positions, i, n, Pairs.at(keys, positions, i));
    }
    for (let last = n - 1; last > 0; last--) {
      const pair = Pairs.at(keys, positions, last);
      Pairs.put(keys, positions, last, Pairs.at(keys, positions, 0));
      Pairs.sink(keys, positions, 0, last, pair);
    }
  }

  /** Puts a pair at place i of a heap of n, or below it, so that it is larger than what is below. */
  static sink(keys: usize, positions: usize, i: i32, n: i32, pair: i64): void {
    for (;;) {
      // Twice a place may be beyond 31 bits.
      const left = 2 * <i64>i + 1;
      if (left >= <i64>n) break;
      let child = <i32>left;
      let larger = Pairs.at(keys, positions, child);
      if (child + 1 < n) {
        const right = Pairs.at(keys, positions, child + 1);
        if (right > larger) {
          larger = right;
          child++;
        }
      }
      if (larger < pair) break;
      Pairs.put(keys, positions, i, larger);
      i = child;
    }
    Pairs.put(keys, positions, i, pair);
  }

  /** An integer in the order of floats, in which -0 equals 0, and NaN is the largest. */
  @inline static keyOf(value: f32): i32 {
    if (value != value) return i32.MAX_VALUE;
    if (value == 0) return 0;
    const bits = reinterpret<i32>(value);
    return bits ^ ((bits >> 31) & 0x7fffffff);
  }
}

/** The values of each row in order, and where they stood; equals keep their order. */
export function sortRows(
  values: usize,
  indices: usize,
  x: usize,
  rows: usize,
  n: usize,
  descending: bool,
): void {
  const count = <i32>n;
  // Twice the logarithm: so many cuts are enough, unless they are bad ones.
  const cuts = 2 * (32 - clz(count));
  const flips = descending ? -1 : 0;
  for (let row: usize = 0; row < rows; row++) {
    for (let j = 0; j < count; j++) {
      const at = (<usize>j) << 2;
      store<i32>(values + at, Pairs.keyOf(load<f32>(x + at)) ^ flips);
      store<i32>(indices + at, j);
    }
    Pairs.sort(values, indices, 0, count - 1, cuts);
    for (let j = 0; j < count; j++) {
      const at = (<usize>j) << 2;
      store<f32>(values + at, load<f32>(x + ((<usize>load<i32>(indices + at)) << 2)));
    }
    values += n << 2;
    indices += n << 2;
    x += n << 2;
  }
}
