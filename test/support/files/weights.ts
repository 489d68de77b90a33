import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@unfold/core';

/** The path of a file in test/fixtures/weights. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/weights/${name}`, import.meta.url));
}

/** The bytes of a file in test/fixtures/weights. */
export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

/** What can be compared of a state. */
export function contents(state: ReadonlyMap<string, Tensor>): unknown[] {
  return [...state].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]]);
}

/** The bytes of a safetensors file with this header, exactly as given, and these data. */
export function safetensorsOf(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return new Uint8Array(Buffer.concat([length, text, data]));
}
