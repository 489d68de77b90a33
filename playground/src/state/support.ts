/** What this browser lacks of what the page needs. `noSimd` alone leaves it working, slowly. */
export type Lack = 'noWorker' | 'noWebAssembly' | 'noSimd';

/**
 * The smallest module with a vector in it: one function that makes one of 16 zeros,
 * https://webassembly.github.io/spec/core/binary.
 */
const VECTOR = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic number and version
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // functions: one of that type
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b], // code: i32.const 0, i8x16.splat, end
);

/** What is missing here; null where all is there. */
export const lack: Lack | null = find();

function find(): Lack | null {
  if (typeof Worker === 'undefined') return 'noWorker';
  if (typeof WebAssembly === 'undefined') return 'noWebAssembly';
  return WebAssembly.validate(VECTOR) ? null : 'noSimd';
}
