import { serve, serveMessage } from './serve.js';
import type { Platform, Thread, WorkerSetup } from './platform.js';

/**
 * Names that a page or its worker may have, and may lack: old browsers do, and so do other programs that
 * take packages under the condition `browser` (Jest with jsdom, Node, Deno).
 */
const host: {
  readonly crossOriginIsolated?: boolean;
  readonly document?: unknown;
  readonly navigator?: { readonly hardwareConcurrency?: number };
} = globalThis;

export const platform: Platform = {
  availableCores: () => host.navigator?.hardwareConcurrency ?? 1,
  sharingNeeds() {
    if (host.crossOriginIsolated !== true) return 'a page has to be cross-origin isolated';
    return typeof SharedArrayBuffer === 'undefined'
      ? 'this browser has no SharedArrayBuffer'
      : null;
  },
  maySleep() {
    try {
      // The value is not the expected one, so that this returns at once where it is allowed.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
      return true;
    } catch {
      return false;
    }
  },
  servesPage: () => host.document !== undefined,
  environment: () => undefined,
  vectorsMayJoin: () => false,
  // oxlint-disable-next-line eslint/no-console
  warn: (message) => console.warn(message),
  startThread,
};

const NOT_LOADED = "the worker's script cannot be loaded";

function startThread(setup: WorkerSetup, onEnd: (reason: string) => void, entry?: URL): Thread {
  const file = entry ? new Worker(entry, { type: 'module' }) : workerOfFile();
  let worker = file ?? workerOfText();
  let mayReplace = worker === file && entry === undefined;
  let settleLeft = () => {};
  const left = new Promise<void>((resolve) => (settleLeft = resolve));
  const started = new Promise<void>((resolve, reject) => {
    const end = (reason: string) => {
      onEnd(reason);
      reject(new Error(reason));
      settleLeft();
    };
    const begin = () => {
      worker.addEventListener('message', ({ data }) => {
        if (data === 'left') end('it left');
        else resolve();
      });
      worker.addEventListener('error', ({ message }) => {
        // A script that can't be loaded gives an event without a word.
        if (message || !mayReplace) return end(message || NOT_LOADED);
        mayReplace = false;
        try {
          worker = workerOfText();
        } catch (error) {
          return end(`${NOT_LOADED}, nor its text (${String(error)})`);
        }
        begin();
      });
      // A worker has no origin.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage(setup);
    };
    begin();
  });
  // A page doesn't wait for its workers.
  return { started, left, keepProcess() {}, terminate: () => worker.terminate() };
}

/** A worker of the script that is its own; null where that can't be named, or is another site's. */
function workerOfFile(): Worker | null {
  try {
    // Bundlers find the worker's script by this very form.
    return new Worker(new URL('./worker.browser.js', import.meta.url), { type: 'module' });
  } catch {
    return null;
  }
}

/** The address of the worker's script as text. */
let text: string | undefined;

/**
 * For bundles that lack the worker's script.
 * @throws what the browser says where the page's content security policy refuses it, if not later.
 */
function workerOfText(): Worker {
  const script = `(${serveMessage})(${serve});`;
  text ??= URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(text);
}
