import { FileFormatError, formatShape, sizeOf } from '@unfold/core';
import { encodingOf, type Encoding } from '../model/elements.js';
import { elementName, lookUp, type OnnxTensor } from '../model/model.js';
import { Known } from './call.js';

/** Bytes of the files that lie beside a model, by the names that it gives them. */
export type ExternalFiles = Readonly<Record<string, Uint8Array>>;

/** Calls a stored tensor by its name in messages. */
const placeOf = ({ name }: OnnxTensor, file: string): string => `${file}: ${name || 'a constant'}`;

/** How it is encoded. @throws FileFormatError unless its type is read, and its bytes are those of its sizes. */
function checked(stored: OnnxTensor, raw: Uint8Array, where: string): Encoding {
  const { dims, elementType } = stored;
  const encoding = encodingOf(elementType);
  const type = elementName(elementType);
  if (!encoding) throw new FileFormatError(`${where}: the element type ${type} is not supported`);
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new FileFormatError(`${where}: expected sizes of at least 0, got ${formatShape(dims)}`);
  }
  const bytes = sizeOf(dims) * encoding.width;
  if (bytes !== raw.length) {
    throw new FileFormatError(
      `${where}: expected ${bytes} bytes for ${type} ${formatShape(dims)}, got ${raw.length}`,
    );
  }
  return encoding;
}

/** @throws FileFormatError for a tensor of a node whose bytes are not those of its sizes. */
export function requireWhole(stored: OnnxTensor, file: string): void {
  const where = placeOf(stored, file);
  // What has a type that is not read is refused where it is used.
  if (encodingOf(stored.elementType)) checked(stored, bytesOf(stored, where, {}), where);
}

/**
 * The numbers of a stored tensor, whose size is checked against its bytes before they are read.
 * @throws FileFormatError for what is damaged, missing, or of a type that is not read.
 */
export function storedNumbers(
  stored: OnnxTensor,
  file: string,
  external: ExternalFiles = {},
): Known {
  const where = placeOf(stored, file);
  const raw = bytesOf(stored, where, external);
  const { dtype, decode } = checked(stored, raw, where);
  // A view needs whole elements at a multiple of their size; slice() of a Buffer of Node's is no copy.
  return new Known(dtype, stored.dims, decode(new Uint8Array(raw).buffer));
}

function bytesOf(
  { raw, external: place }: OnnxTensor,
  where: string,
  external: ExternalFiles,
): Uint8Array {
  if (!place) return raw;
  const { location, offset, length } = place;
  const bytes = lookUp(external, location);
  if (!bytes) {
    throw new FileFormatError(
      `${where}: its numbers are in the file ${location}; { external: { '${location}': bytes } } gives them`,
    );
  }
  const end = length === null ? bytes.length : offset + length;
  if (end > bytes.length) {
    throw new FileFormatError(
      `${where}: expected bytes ${offset} to ${end} of ${location}, which has ${bytes.length}`,
    );
  }
  return bytes.subarray(offset, end);
}
