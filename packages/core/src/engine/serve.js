/*
 * A thread of the pool, in Node and in browsers. Plain JavaScript, because Node 20 cannot start a
 * thread from TypeScript.
 */

/**
 * Does parts of jobs until the pool is closed.
 * @param {import('./platform.js').WorkerSetup} setup
 * @param {() => void} onReady Called when the thread can work.
 */
export function serve({ module, memory, control, thread, spins, tileWidth, message }, onReady) {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = /** @type {import('../kernels/wasm/exports.js').WasmExports} */ (
    /** @type {unknown} */ (instance.exports)
  );
  kernels.setTileWidth(tileWidth);
  onReady();
  try {
    kernels.serve(control, thread, spins);
  } catch (error) {
    // The main thread may be waiting, deaf to events: what it looks at is the memory.
    const text = new TextEncoder().encode(String(error)).subarray(0, message.bytes);
    new Uint8Array(memory.buffer, message.address, message.bytes).fill(0);
    new Uint8Array(memory.buffer, message.address, message.bytes).set(text);
    kernels.fail(control);
  }
}
