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
export function serve(setup, onReady) {
  const { module, memory, more, control, thread, spins, tileWidth, message } = setup;
  /** Puts the second binary in its place: it came after this thread had begun to serve. */
  const loadMore = () => {
    // Lets this thread see all of the memory, which may have grown meanwhile.
    memory.grow(0);
    const [address = 0, bytes = 0] = new Uint32Array(memory.buffer, more, 2);
    // A copy: WebAssembly takes no bytes that threads share.
    const binary = new Uint8Array(memory.buffer, address, bytes).slice();
    const second = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
    kernels.table.set(0, second.exports.runPart);
  };
  const instance = new WebAssembly.Instance(module, { env: { memory }, more: { loadMore } });
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
