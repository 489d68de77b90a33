import { parentPort, workerData } from 'node:worker_threads';

/*
 * A thread of the pool. Plain JavaScript, because Node 20 cannot start a thread from TypeScript.
 */

/** @type {import('./pool.js').WorkerSetup} */
const { module, memory, control, thread, spins, tileWidth, message } = workerData;
const instance = new WebAssembly.Instance(module, { env: { memory } });
const kernels = /** @type {import('../kernels/wasm/exports.js').WasmExports} */ (
  /** @type {unknown} */ (instance.exports)
);
kernels.setTileWidth(tileWidth);
// The port of a thread has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage('ready');
try {
  kernels.serve(control, thread, spins);
} catch (error) {
  // The main thread may be waiting, deaf to events: what it looks at is the memory.
  const text = new TextEncoder().encode(String(error)).subarray(0, message.bytes);
  new Uint8Array(memory.buffer, message.address, message.bytes).fill(0);
  new Uint8Array(memory.buffer, message.address, message.bytes).set(text);
  kernels.fail(control);
}
