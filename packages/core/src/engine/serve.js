/*
 * A thread of the pool, in Node and in browsers. Plain JavaScript, because Node 20 cannot start a
 * thread from TypeScript. Each function stands for itself, without anything of this file or of
 * another: where a bundler has lost the worker's script, their text takes its place.
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

/**
 * Serves, in a worker of a page, with the first message that comes.
 * @param {typeof serve} serveWith
 */
export function serveMessage(serveWith) {
  addEventListener(
    'message',
    ({ data }) => {
      serveWith(data, () => postMessage('ready'));
      postMessage('left');
    },
    { once: true },
  );
}
