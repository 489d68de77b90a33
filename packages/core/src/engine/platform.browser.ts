import type { Platform, Thread, WorkerSetup } from './platform.js';

/**
 * What a page or its worker may have, and may lack: old browsers do, and so do other programs that
 * take packages under the condition `browser` (Jest with jsdom, Node, Deno).
 */
const host: {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
} = globalThis;

export const platform: Platform = {
  availableCores: () => host.navigator?.hardwareConcurrency ?? 1,
  canShareMemory: () => host.crossOriginIsolated === true,
  maySleep() {
    try {
      // The value is not the expected one, so that this returns at once where it is allowed.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
      return true;
    } catch {
      return false;
    }
  },
  environment: () => undefined,
  vectorsMayJoin: () => false,
  // oxlint-disable-next-line eslint/no-console
  warn: (message) => console.warn(message),
  startThread,
};

const NOT_LOADED = "the worker's script cannot be loaded";

function startThread(setup: WorkerSetup, onEnd: (reason: string) => void, entry?: URL): Thread {
  // Bundlers find the worker's script by this very form.
  const worker = entry
    ? new Worker(entry, { type: 'module' })
    : new Worker(new URL('./worker.browser.js', import.meta.url), { type: 'module' });
  let settleLeft = () => {};
  const left = new Promise<void>((resolve) => (settleLeft = resolve));
  const started = new Promise<void>((resolve, reject) => {
    const end = (reason: string) => {
      onEnd(reason);
      reject(new Error(reason));
      settleLeft();
    };
    worker.addEventListener('message', ({ data }) => {
      if (data === 'left') end('it left');
      else resolve();
    });
    // A script that can't be loaded gives an event without a word.
    worker.addEventListener('error', ({ message }) => end(message || NOT_LOADED));
  });
  // A worker has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker.postMessage(setup);
  // A page doesn't wait for its workers.
  return { started, left, keepProcess() {}, terminate: () => worker.terminate() };
}
