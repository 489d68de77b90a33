import { DTypeError } from '../../errors.js';
import { DeviceBuffer, type ElementType } from '../buffer.js';
import type { Row } from '../table/kernels.js';
import { parseOperand } from '../table/layout.js';

const ELEMENTS = { f32: 'float32', f64: 'float64', i32: 'int32', u8: 'uint8' } as const;

/** The element types of a row's operands, in their order. */
export function typesOf(row: Row): readonly ElementType[] {
  return row.operands.map((text) => ELEMENTS[parseOperand(text).dtype]);
}

/**
 * Says what is wrong with operands that don't have a row's types. Null passes.
 * @throws DTypeError, always.
 */
export function refuseTypes(
  kernel: string,
  row: Row,
  operands: readonly (DeviceBuffer | null)[],
): never {
  const types = typesOf(row);
  const wrong = operands.findIndex((operand, i) => operand !== null && operand.dtype !== types[i]);
  const operand: unknown = operands[wrong];
  const { name } = parseOperand(row.operands[wrong]);
  throw new DTypeError(
    `${kernel}: expected a ${types[wrong]} buffer as '${name}', got ` +
      (operand instanceof DeviceBuffer ? operand.dtype : Object.prototype.toString.call(operand)) +
      "; bufferOf(x) gives a tensor's",
  );
}
