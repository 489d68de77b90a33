import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Listener, PrefetchThread, StartThread } from './thread.js';

export const startThread: StartThread = (listener) => {
  // A bundle lacks the script, and one of CommonJS doesn't even know where it would lie.
  const script = new URL('./prefetch-worker.node.js', import.meta.url);
  if (!existsSync(script)) throw new Error(`there is no ${script.pathname}`);
  return threadOf(script, [], listener);
};

/** A thread that runs a script, whose `execArgv` are what Node is told on the command line. */
export function threadOf(
  script: URL,
  execArgv: string[],
  { onAnswer, onEnd }: Listener,
): PrefetchThread {
  const worker = new Worker(script, {
    name: 'unfold-prefetch',
    execArgv,
    // It has little code, and V8 would reserve 128 MB for it: see core's platform.node.ts.
    resourceLimits: { codeRangeSizeMb: 16 },
  });
  worker.on('message', onAnswer);
  worker.on('error', (error) => onEnd(String(error)));
  worker.on('exit', (code) => onEnd(`exit code ${code}`));
  worker.unref();
  return {
    // A worker has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    send: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => void worker.terminate(),
  };
}
