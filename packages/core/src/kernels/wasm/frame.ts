import type { Heap } from '../../memory/heap.js';
import { FIRST_PARAMETER } from '../table/layout.js';

/** Words of the block (table/layout.js): a walk of rank 64 with four operands fits. */
const BLOCK_LENGTH = 512;

/** The words of a block, as integers and as single-precision floats. */
export interface Words {
  readonly block: Int32Array;
  readonly floats: Float32Array;
}

/**
 * The room for one kernel call at a time: a block for its arguments (table/layout.js), which begins
 * with the addresses of its operands.
 *
 *     const { block } = frame;
 *     block[0] = out.address;
 *     block[1] = x.address;
 *     block[places.n] = out.length;
 *     jobs.run(JOB.relu, frame.blockAddress, 1);
 */
export class Frame implements Words {
  /** Where the block lies. */
  readonly blockAddress: number;
  /** Where the parameters begin in it. */
  readonly parametersAddress: number;
  /** Its words. */
  block: Int32Array = new Int32Array();
  /** The same words as single-precision floats. */
  floats: Float32Array = new Float32Array();

  constructor(heap: Heap) {
    this.blockAddress = heap.allocate(BLOCK_LENGTH * 4);
    this.parametersAddress = this.blockAddress + FIRST_PARAMETER * 4;
    heap.onGrowth((buffer) => {
      this.block = new Int32Array(buffer, this.blockAddress, BLOCK_LENGTH);
      this.floats = new Float32Array(buffer, this.blockAddress, BLOCK_LENGTH);
    });
  }
}
