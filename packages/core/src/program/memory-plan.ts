/** Bytes that are needed from one step to another, both included. */
export interface Need {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Where each need lies, in bytes from the beginning, and how many bytes that takes in all. */
export interface MemoryPlan {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Two threads never share a cache line of two tensors. */
const ALIGNMENT = 64;

/**
 * Places memory so that what is needed at the same time doesn't overlap: the largest first, each in
 * the lowest gap that is free for as long as it is needed (greedy by size, Pisarchyk and Lee 2020).
 */
export function planMemory(needs: readonly Need[]): MemoryPlan {
  const offsets = new Array<number>(needs.length).fill(0);
  const order = needs.map((_, i) => i).sort((a, b) => sizeOf(needs[b]) - sizeOf(needs[a]) || a - b);
  const placed: { start: number; end: number; need: Need }[] = [];
  let bytes = 0;
  for (const i of order) {
    const need = needs[i];
    const size = sizeOf(need);
    let start = 0;
    for (const other of placed) {
      if (other.need.to < need.from || need.to < other.need.from) continue;
      if (other.start - start >= size) break;
      start = Math.max(start, other.end);
    }
    offsets[i] = start;
    const end = start + size;
    bytes = Math.max(bytes, end);
    const place = placed.findIndex((other) => other.start > start);
    placed.splice(place < 0 ? placed.length : place, 0, { start, end, need });
  }
  return { offsets, bytes };
}

function sizeOf({ bytes }: Need): number {
  return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
}
