import { setFlagsFromString } from 'node:v8';

/**
 * Lets this process's WebAssembly use relaxed SIMD, whose fused multiply-add makes the kernels
 * faster, where Node has it behind a flag (Node 20). It changes the whole process, so programs
 * call it, before their first tensor; importing the library never does.
 */
export function enableRelaxedSimd(): void {
  const v8Major = Number(process.versions.v8.split('.')[0]);
  // From V8 12 on it is there without a flag; an unknown flag would be reported on the console.
  if (v8Major === 11) setFlagsFromString('--experimental-wasm-relaxed-simd');
}
