import { ConfigError } from '@unfold/core';
import { filesFor, reading, readWhole } from '@unfold/io/internal';

/** The name that stands for standard input. */
export const STANDARD_INPUT = '-';
/** A larger file is no drawing of a digit. */
const MAX_BYTES = 2 ** 28;

/**
 * The bytes of a file, or of standard input.
 * @throws ConfigError if it cannot be read, or is larger than 256 MiB.
 */
export async function readPicture(file: string): Promise<Uint8Array> {
  if (file === STANDARD_INPUT) return reading('standard input', readStandardInput);
  return readWhole(filesFor('readPicture', 'give the bytes to readPng'), file, {
    maxBytes: MAX_BYTES,
    tooLarge: () => tooLarge(file),
  });
}

async function readStandardInput(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) throw tooLarge('standard input');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function tooLarge(name: string): ConfigError {
  return new ConfigError(
    `${name}: expected a picture of at most ${MAX_BYTES / 2 ** 20} MiB; make it smaller`,
  );
}
