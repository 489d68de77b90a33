import { ShapeError } from '../../errors.js';
import type { Frame } from './frame.js';

/** With three operands, a walk of this rank fits a frame's block. */
const MAX_RANK = 64;

/**
 * Writes a walk over `shape` into the frame's block, as assembly/walk.ts reads it. Strides are in
 * elements, one list for each operand.
 * @throws ShapeError for more than 64 axes.
 */
export function writeWalk(
  frame: Frame,
  shape: readonly number[],
  first: readonly number[],
  second: readonly number[],
  third?: readonly number[],
): void {
  const rank = shape.length;
  if (rank > MAX_RANK) {
    throw new ShapeError(
      `strided kernel: expected at most ${MAX_RANK} axes that cannot be merged, got ${rank}; ` +
        'copy the tensor into a simpler layout first',
    );
  }
  writeIntegers(frame.block, 0, shape);
  writeIntegers(frame.block, rank, first);
  writeIntegers(frame.block, 2 * rank, second);
  if (third !== undefined) writeIntegers(frame.block, 3 * rank, third);
}

function writeIntegers(block: Int32Array, start: number, values: readonly number[]): void {
  for (let i = 0; i < values.length; i++) block[start + i] = values[i] as number;
}
