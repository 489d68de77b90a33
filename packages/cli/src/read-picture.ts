import { ConfigError } from '@unfold/core';
import { filesFor, openFile, reading } from '@unfold/io/internal';

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
  const handle = await openFile(filesFor('readPicture', 'give the bytes to readPng'), file);
  try {
    const { size } = await reading(file, () => handle.stat());
    if (size > MAX_BYTES) throw tooLarge(file);
    return await reading(file, () => handle.read(0, size));
  } finally {
    await handle.close();
  }
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
