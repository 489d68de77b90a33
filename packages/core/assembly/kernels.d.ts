/**
 * The binary for shared memory with fused multiply-add, in hexadecimal digits. `build.js` writes
 * the module. A bundle is sent compressed, and gzip finds in these digits the repetitions that it
 * finds in the bytes: they take 1.15 times as much as the bytes would, base64 takes 1.5 times.
 */
export declare const kernels: string;
