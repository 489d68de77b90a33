/**
 * For programs that run in Node, imported from `@unfold/core/node`.
 * @module node
 */
import { setFlagsFromString } from 'node:v8';
import { canJoinVectors, noteJoining } from './platform.node.js';

/**
 * Lets this process's WebAssembly use what Node still keeps behind flags: relaxed SIMD, whose
 * fused multiply-add makes the kernels faster (Node 20), and the joining of 128-bit vectors to
 * 256-bit ones (Node 24 and later). It changes the whole process, so programs call it, before
 * their first tensor; importing the library never does.
 */
export function enableNodeFlags(): void {
  // An unknown flag would be reported on the console, so the version says what there is. From
  // V8 12 on, relaxed SIMD needs none.
  const v8Major = Number(process.versions.v8.split('.')[0]);
  if (v8Major === 11) setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (canJoinVectors()) {
    setFlagsFromString('--experimental-wasm-revectorize');
    noteJoining();
  }
}
