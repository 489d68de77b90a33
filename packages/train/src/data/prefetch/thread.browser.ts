import type { StartThread } from './thread.js';

export const startThread: StartThread = ({ onAnswer, onEnd }) => {
  // Bundlers find the worker's script by this very form.
  const worker = new Worker(new URL('./prefetch-worker.browser.js', import.meta.url), {
    type: 'module',
  });
  worker.addEventListener('message', ({ data }) => onAnswer(data));
  worker.addEventListener('error', ({ message }) =>
    // A script that can't be loaded gives an event without a word.
    onEnd(message || "the worker's script cannot be loaded"),
  );
  worker.addEventListener('messageerror', () => onEnd('a message cannot be read'));
  return {
    send: (message, transfer) => worker.postMessage(message, { transfer }),
    terminate: () => worker.terminate(),
  };
};
