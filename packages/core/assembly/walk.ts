/**
 * A walk over the rows (runs along the last axis) of several operands that share one shape and
 * differ in their strides. Its block is handed over by the caller, in 32-bit integers:
 *
 *     shape[rank]  strides of operand 0 [rank]  strides of operand 1 [rank]  …   set by the caller
 *     counters[rank]  positions[operands]                                        kept by the walk
 *
 * Strides and positions are counted in elements. Rank 0 is one row of one element.
 */
export class Walk {
  /** The number of elements in a row. */
  @inline static rowLength(block: usize, rank: i32): i32 {
    return rank == 0 ? 1 : load<i32>(block + ((rank - 1) << 2));
  }

  /** The step of `operand` from one element of a row to the next. */
  @inline static step(block: usize, rank: i32, operand: i32): i32 {
    return rank == 0 ? 0 : load<i32>(block + (((operand + 2) * rank - 1) << 2));
  }

  /** Where the current row of `operand` begins. */
  @inline static position(block: usize, rank: i32, operands: i32, operand: i32): i32 {
    return load<i32>(block + (((operands + 2) * rank + operand) << 2));
  }

  /** Goes to the first row, and returns the number of rows. */
  static begin(block: usize, rank: i32, operands: i32): i32 {
    const kept = block + (((operands + 1) * rank) << 2);
    for (let i = 0; i < rank + operands; i++) store<i32>(kept + (i << 2), 0);
    let rows = 1;
    for (let axis = 0; axis < rank - 1; axis++) rows *= load<i32>(block + (axis << 2));
    return rows;
  }

  /** Goes to the next row. */
  static next(block: usize, rank: i32, operands: i32): void {
    const counters = block + (((operands + 1) * rank) << 2);
    const positions = counters + (rank << 2);
    for (let axis = rank - 2; axis >= 0; axis--) {
      const size = load<i32>(block + (axis << 2));
      const count = load<i32>(counters + (axis << 2)) + 1;
      // A full axis goes back to its start and hands the step on to the axis before it.
      const full = count == size;
      store<i32>(counters + (axis << 2), full ? 0 : count);
      for (let operand = 0; operand < operands; operand++) {
        const stride = load<i32>(block + (((operand + 1) * rank + axis) << 2));
        const at = positions + (operand << 2);
        store<i32>(at, load<i32>(at) + (full ? stride * (1 - size) : stride));
      }
      if (!full) return;
    }
  }
}
