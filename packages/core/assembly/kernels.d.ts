/**
 * The binary for shared memory with fused multiply-add, as text of `src/engine/binary-text.js`.
 * `build.js` writes the module.
 */
export declare const kernels: string;
