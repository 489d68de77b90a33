/*
 * Kernels and tiles are exported so that the compiler keeps them functions of their own (index.ts), and
 * nobody calls them by their names. Without the names a binary is smaller by some hundred bytes, even
 * compressed. https://webassembly.github.io/spec/core/binary/modules.html
 */

/** The magic number and the version. */
const HEADER_BYTES = 8;
const EXPORT_SECTION = 7;

/**
 * The binary with those of its exports only whose names are called.
 * @param {Uint8Array} binary
 * @param {RegExp} called
 */
export function withExports(binary, called) {
  const reader = new Reader(binary, HEADER_BYTES);
  const parts = [binary.subarray(0, HEADER_BYTES)];
  while (reader.at < binary.length) {
    const start = reader.at;
    const id = reader.integer();
    const end = reader.integer() + reader.at;
    if (id === EXPORT_SECTION) parts.push(exportSection(reader, called));
    else parts.push(binary.subarray(start, end));
    reader.at = end;
  }
  return Buffer.concat(parts);
}

/**
 * @param {Reader} reader
 * @param {RegExp} called
 */
function exportSection(reader, called) {
  /** @type {Uint8Array[]} */
  const kept = [];
  for (let left = reader.integer(); left > 0; left--) {
    const start = reader.at;
    const length = reader.integer();
    const name = Buffer.from(reader.bytes.subarray(reader.at, reader.at + length)).toString();
    // The name, what kind of thing it is, and its number.
    reader.at += length + 1;
    reader.integer();
    if (called.test(name)) kept.push(reader.bytes.subarray(start, reader.at));
  }
  const content = Buffer.concat([integer(kept.length), ...kept]);
  return Buffer.concat([Buffer.from([EXPORT_SECTION]), integer(content.length), content]);
}

/** Reads the integers of a binary, in LEB128. */
class Reader {
  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   */
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  integer() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/** @param {number} value */
function integer(value) {
  const bytes = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
