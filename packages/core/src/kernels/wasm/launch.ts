import { EngineError } from '../../errors.js';
import { noteWrite, type DeviceBuffer } from '../buffer.js';
import type { Row } from '../table/kernels.js';
import { SIZE, writesOf } from '../table/layout.js';
import { cutOf } from './cut.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes, typesOf } from './operands.js';
import type { Bindings } from './bindings.js';
import { type Write, writerOf } from './parameters.js';

/** A kernel of the contract, its operands and options still to be told apart. */
export type Launcher = (...args: never[]) => void;

/** The bytes of scratch that a part of a walk takes: assembly/walk.ts, for 64 axes and 3 operands. */
export const WALK_BYTES = 320;

/**
 * The kernels of a table that are cut as their rows say, and in `bindings` what else is known of them.
 * @param numbers The numbers of the table's jobs.
 * @param writers How the groups of the table write their parameters.
 */
export function bindKernels(
  rows: Readonly<Record<string, Row>>,
  numbers: Readonly<Record<string, number>>,
  writers: Readonly<Record<string, Write>>,
  frame: Frame,
  jobs: Jobs,
  bindings: Bindings,
): Record<string, Launcher> {
  const kernels: Record<string, Launcher> = {};
  for (const [name, row] of Object.entries(rows)) {
    if (row.cut === 'own') continue;
    const binding = { row, number: numbers[name], write: writerOf(row, writers) };
    bindings.set(name, binding);
    kernels[name] = launcherOf(name, binding.number, row, binding.write, frame, jobs);
  }
  return kernels;
}

/**
 * The kernel of this number, whose row the table cuts: it has addresses and parameters written into
 * the frame's block, and the parts done. There is one function for each number of operands up to five,
 * so that a call allocates nothing and looks nothing up.
 */
export function launcherOf(
  name: string,
  kernel: number,
  row: Row,
  write: Write,
  frame: Frame,
  jobs: Jobs,
): Launcher {
  const scratchBytes = row.cut === 'walk' ? WALK_BYTES : 0;
  const cut = cutOf(row);
  const types = typesOf(row);
  const [A, B, C, D, E] = types;
  const writes = writesOf(row);
  // The first operand is always written.
  const [, writesB, writesC, writesD, writesE] = writes;

  /** Writes the parameters behind the operands' addresses, and has the parts done. */
  const launch = (options: never, n: number) => {
    write(frame, options, n);
    jobs.run(kernel, frame.blockAddress, cut(frame.block), scratchBytes);
  };

  type Buffer = DeviceBuffer;
  switch (row.operands.length) {
    case 1:
      return (a: Buffer, options: never) => {
        if (a.dtype !== A) refuseTypes(name, row, [a]);
        noteWrite(a);
        frame.block[0] = a.address;
        launch(options, a.length);
      };
    case 2:
      return (a: Buffer, b: Buffer, options: never) => {
        if (a.dtype !== A || b.dtype !== B) refuseTypes(name, row, [a, b]);
        noteWrite(a);
        if (writesB) noteWrite(b);
        const { block } = frame;
        block[0] = a.address;
        block[1] = b.address;
        launch(options, a.length);
      };
    case 3:
      return (a: Buffer, b: Buffer, c: Buffer, options: never) => {
        if (a.dtype !== A || b.dtype !== B || c.dtype !== C) refuseTypes(name, row, [a, b, c]);
        noteWrite(a);
        if (writesB) noteWrite(b);
        if (writesC) noteWrite(c);
        const { block } = frame;
        block[0] = a.address;
        block[1] = b.address;
        block[2] = c.address;
        launch(options, a.length);
      };
    case 4:
      return (a: Buffer, b: Buffer, c: Buffer, d: Buffer, options: never) => {
        if (a.dtype !== A || b.dtype !== B || c.dtype !== C || d.dtype !== D) {
          refuseTypes(name, row, [a, b, c, d]);
        }
        noteWrite(a);
        if (writesB) noteWrite(b);
        if (writesC) noteWrite(c);
        if (writesD) noteWrite(d);
        const { block } = frame;
        block[0] = a.address;
        block[1] = b.address;
        block[2] = c.address;
        block[3] = d.address;
        launch(options, a.length);
      };
    case 5:
      return (a: Buffer, b: Buffer, c: Buffer, d: Buffer, e: Buffer, options: never) => {
        const isRight =
          a.dtype === A && b.dtype === B && c.dtype === C && d.dtype === D && e.dtype === E;
        if (!isRight) refuseTypes(name, row, [a, b, c, d, e]);
        noteWrite(a);
        if (writesB) noteWrite(b);
        if (writesC) noteWrite(c);
        if (writesD) noteWrite(d);
        if (writesE) noteWrite(e);
        const { block } = frame;
        block[0] = a.address;
        block[1] = b.address;
        block[2] = c.address;
        block[3] = d.address;
        block[4] = e.address;
        launch(options, a.length);
      };
    default:
      if (types.length > SIZE) throw new EngineError(`engine: more than ${SIZE} operands`);
      // The few of more operands pay for a list.
      return (...given: (Buffer | never)[]) => {
        const operands = given.slice(0, types.length);
        if (operands.some(({ dtype }, i) => dtype !== types[i])) refuseTypes(name, row, operands);
        operands.forEach((operand, i) => {
          if (writes[i]) noteWrite(operand);
        });
        const { block } = frame;
        operands.forEach(({ address }, i) => (block[i] = address));
        launch(given[types.length] as never, operands[0].length);
      };
  }
}
