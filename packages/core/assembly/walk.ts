/**
 * A walk over the rows (runs along the last axis) of several operands that share one shape and
 * differ in their strides: a part of a call's walk, kept in the part's scratch. What the whole call
 * is about is handed over by the caller, in 32-bit integers:
 *
 *     rank  stretches  shape[rank]  strides of operand 0 [rank]  strides of operand 1 [rank]  …
 *
 * A part is `size` whole rows, or where a row is cut into several stretches, one stretch of `size`
 * elements. Strides and positions are counted in elements. Rank 0 is one row of one element.
 */
@unmanaged
export class Walk {
  /** Where the shape lies, and behind it the strides. */
  shape: usize;
  rank: i32;
  operands: i32;
  /** Rows, and elements in each. */
  rows: i32;
  n: i32;
  /** Elements of the whole walk that lie before this part. */
  first: usize;
  // Behind these fields: counters[rank] positions[operands].

  /** Goes to the first row of a part. */
  static over(at: usize, block: usize, operands: i32, part: i32, size: i32): Walk {
    const walk = changetype<Walk>(at);
    const rank = load<i32>(block);
    const stretches = load<i32>(block, 4);
    const shape = block + 8;
    const length = rank == 0 ? 1 : load<i32>(shape + ((rank - 1) << 2));
    let rows = 1;
    for (let axis = 0; axis < rank - 1; axis++) rows *= load<i32>(shape + (axis << 2));
    const isStretch = stretches != 1;
    let row = isStretch ? part / stretches : part * size;
    const column = isStretch ? (part % stretches) * size : 0;
    walk.shape = shape;
    walk.rank = rank;
    walk.operands = operands;
    walk.rows = isStretch ? 1 : min(size, rows - row);
    walk.n = isStretch ? min(size, length - column) : length;
    walk.first = <usize>row * <usize>length + <usize>column;
    const counters = walk.counters;
    const positions = walk.positions;
    for (let operand = 0; operand < operands; operand++) {
      store<i32>(positions + (operand << 2), column * walk.step(operand));
    }
    for (let axis = rank - 2; axis >= 0; axis--) {
      const size = load<i32>(shape + (axis << 2));
      // Most walks are one part, which begins at the first row; and there may be none.
      const count = row == 0 ? 0 : row % size;
      store<i32>(counters + (axis << 2), count);
      if (row == 0) continue;
      row /= size;
      for (let operand = 0; operand < operands; operand++) {
        const at = positions + (operand << 2);
        store<i32>(at, load<i32>(at) + count * walk.stride(operand, axis));
      }
    }
    return walk;
  }

  @inline get counters(): usize {
    return changetype<usize>(this) + offsetof<Walk>();
  }

  @inline get positions(): usize {
    return this.counters + (this.rank << 2);
  }

  @inline stride(operand: i32, axis: i32): i32 {
    return load<i32>(this.shape + (((operand + 1) * this.rank + axis) << 2));
  }

  /** The step of `operand` from one element of a row to the next. */
  @inline step(operand: i32): i32 {
    return this.rank == 0 ? 0 : this.stride(operand, this.rank - 1);
  }

  /** Where the current row of `operand` begins. */
  @inline position(operand: i32): i32 {
    return load<i32>(this.positions + (operand << 2));
  }

  /** Goes to the next row. */
  next(): void {
    const counters = this.counters;
    const positions = this.positions;
    const operands = this.operands;
    for (let axis = this.rank - 2; axis >= 0; axis--) {
      const size = load<i32>(this.shape + (axis << 2));
      const count = load<i32>(counters + (axis << 2)) + 1;
      // A full axis goes back to its start and hands the step on to the axis before it.
      const full = count == size;
      store<i32>(counters + (axis << 2), full ? 0 : count);
      for (let operand = 0; operand < operands; operand++) {
        const stride = this.stride(operand, axis);
        const at = positions + (operand << 2);
        store<i32>(at, load<i32>(at) + (full ? stride * (1 - size) : stride));
      }
      if (!full) return;
    }
  }
}
