import { readFileSync } from 'node:fs';
import { EngineError } from '../errors.js';
import type { BinaryName, MoreBinaryName } from '../kernels/wasm/instantiate.js';
import { withOwnMemory } from './rewrite.js';

/**
 * The compiled kernels as the package ships them.
 * @throws EngineError if the file is missing: the package is damaged, or a bundler took the script
 * and left the file.
 */
export function loadBinary(name: BinaryName | MoreBinaryName): Uint8Array {
  if (name.includes('-local-')) return withOwnMemory(read(name.replace('-local-', '-shared-')));
  return read(name);
}

function read(name: string): Uint8Array {
  try {
    return readFileSync(new URL(`../../assembly/build/${name}.wasm`, import.meta.url));
  } catch (error) {
    throw new EngineError(
      `engine: cannot read the kernels ${name}.wasm (${String(error)}); in a bundle, let the ` +
        "bundler use the condition 'module' (esbuild --conditions=module) or leave @unfold/core out " +
        '(esbuild --external:@unfold/core); otherwise reinstall @unfold/core',
      { cause: error },
    );
  }
}
