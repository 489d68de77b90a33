import { EngineError } from '../../errors.js';
import type { NumericArray } from '../contract.js';
import type { Row } from '../table/kernels.js';
import { parseOperand } from '../table/layout.js';
import { cutOf } from './cut.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import type { Write } from './parameters.js';

/** A kernel of the contract, its operands and options still to be told apart. */
export type Launcher = (...args: never[]) => void;

/** What a part of a walk keeps in its scratch: assembly/walk.ts, for 64 axes and 3 operands. */
const WALK_BYTES = 320;

/**
 * The kernel of this number, whose row the table cuts: it has addresses and parameters written into
 * the frame's block, and the parts done. There is one function for each number of operands, so that a
 * call allocates nothing and looks nothing up.
 */
export function launcherOf(
  kernel: number,
  row: Row,
  write: Write,
  frame: Frame,
  jobs: Jobs,
): Launcher {
  const outputs = row.operands.filter((text) => parseOperand(text).role !== 'in').length;
  const scratchBytes = row.cut === 'walk' ? WALK_BYTES : 0;
  const cut = cutOf(row);

  /** What follows `frame.enter`. */
  const launch = (options: never, n: number) => {
    try {
      write(frame, options, n);
      jobs.run(kernel, frame.blockAddress, cut(frame.block), scratchBytes);
    } finally {
      frame.leave();
    }
  };

  type A = NumericArray;
  switch (row.operands.length) {
    case 1:
      return (a: A, options: never) => {
        const n = a.length;
        frame.enter(outputs, a);
        launch(options, n);
      };
    case 2:
      return (a: A, b: A, options: never) => {
        const n = a.length;
        frame.enter(outputs, a, b);
        launch(options, n);
      };
    case 3:
      return (a: A, b: A, c: A, options: never) => {
        const n = a.length;
        frame.enter(outputs, a, b, c);
        launch(options, n);
      };
    case 4:
      return (a: A, b: A, c: A, d: A, options: never) => {
        const n = a.length;
        frame.enter(outputs, a, b, c, d);
        launch(options, n);
      };
    case 5:
      return (a: A, b: A, c: A, d: A, e: A, options: never) => {
        const n = a.length;
        frame.enter(outputs, a, b, c, d, e);
        launch(options, n);
      };
    default:
      throw new EngineError('engine: a kernel has 1 to 5 operands');
  }
}
