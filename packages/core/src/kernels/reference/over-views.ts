import { viewOver } from '../../dtype.js';
import { DTypeError } from '../../errors.js';
import { DeviceBuffer, noteWrite } from '../buffer.js';
import type { Row } from '../table/kernels.js';
import { writesOf } from '../table/layout.js';

/** Any kernel's call; declared as a method is, so that all of them pass. */
type Call = { call(...operandsAndOptions: unknown[]): void }['call'];

/**
 * Loops as calls with buffers in a memory that JavaScript reaches: the one place that makes views for
 * kernels, for the length of a call.
 * @param rows A row for each of the loops.
 */
export function overViews<Name extends string>(
  rows: Readonly<Record<Name, Row>>,
  loops: { readonly [N in Name]: Call },
  memory: { readonly buffer: ArrayBufferLike },
): Readonly<Record<Name, Call>> {
  const names = Object.keys(rows) as Name[];
  const calls = names.map((name) => [name, overView(name, rows[name], loops[name], memory)]);
  return Object.fromEntries(calls) as Readonly<Record<Name, Call>>;
}

function overView(
  name: string,
  row: Row,
  run: Call,
  memory: { readonly buffer: ArrayBufferLike },
): Call {
  const writes = writesOf(row);
  return (...given) => {
    const views = given.map((operand, i) => {
      if (ArrayBuffer.isView(operand)) {
        throw new DTypeError(
          `${name}: expected buffers, got an array; bufferOf(x) gives a tensor's`,
        );
      }
      if (!(operand instanceof DeviceBuffer)) return operand;
      if (writes[i]) noteWrite(operand);
      return viewOver(operand.dtype, memory.buffer, operand.address, operand.length);
    });
    run(...views);
  };
}
