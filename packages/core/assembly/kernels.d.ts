/**
 * A binary for shared memory with fused multiply-add, as text of `src/engine/binary-text.js`: the first
 * or the second. `build.js` writes the modules.
 */
export declare const kernels: string;
