import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isStale } from '../../assembly/build.js';
import { EngineError } from '../errors.js';
import type { BinaryName, MoreBinaryName } from '../kernels/wasm/instantiate.js';
import { withOwnMemory } from './rewrite.js';

const ASSEMBLY = new URL('../../assembly/', import.meta.url);

let checked = false;

/**
 * The compiled kernels, in a checkout: compiled first if they are missing or older than their
 * sources.
 * @throws EngineError if they cannot be compiled.
 */
export function loadBinary(name: BinaryName | MoreBinaryName): Uint8Array {
  if (name.includes('-local-')) return withOwnMemory(read(name.replace('-local-', '-shared-')));
  return read(name);
}

function read(name: string): Uint8Array {
  if (!checked && isStale()) compile();
  checked = true;
  return readFileSync(new URL(`build/${name}.wasm`, ASSEMBLY));
}

/** A process of its own, because the compiler is asynchronous and the first operation is not. */
function compile(): void {
  const script = fileURLToPath(new URL('build.js', ASSEMBLY));
  try {
    execFileSync(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    throw new EngineError(`engine: ${script} failed; its message is above`, { cause: error });
  }
}
