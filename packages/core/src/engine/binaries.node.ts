import { readFileSync } from 'node:fs';
import { EngineError } from '../errors.js';
import type { BinaryName } from '../kernels/wasm/instantiate.js';
import { withOwnMemory } from './rewrite.js';

/**
 * The compiled kernels as the package ships them.
 * @throws EngineError if the file is missing.
 */
export function loadBinary(name: BinaryName): Uint8Array {
  if (name === 'unfold-local-plain') return withOwnMemory(loadBinary('unfold-shared-plain'));
  if (name === 'unfold-local-fused') return withOwnMemory(loadBinary('unfold-shared-fused'));
  const file = new URL(`../../assembly/build/${name}.wasm`, import.meta.url);
  try {
    return readFileSync(file);
  } catch (error) {
    throw new EngineError(
      `engine: cannot read the kernels at ${file.href}; reinstall the package`,
      {
        cause: error,
      },
    );
  }
}
