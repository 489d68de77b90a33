import { readFileSync } from 'node:fs';
import { EngineError } from '../errors.js';
import type { BinaryName } from '../kernels/wasm/instantiate.js';
import { withOwnMemory } from './rewrite.js';

/**
 * The compiled kernels as the package ships them.
 * @throws EngineError if the file is missing: the package is damaged, or a bundler took the script
 * and left the file.
 */
export function loadBinary(name: BinaryName): Uint8Array {
  if (name === 'unfold-local-plain') return withOwnMemory(loadBinary('unfold-shared-plain'));
  if (name === 'unfold-local-fused') return withOwnMemory(loadBinary('unfold-shared-fused'));
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
