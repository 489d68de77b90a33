import { threadOf } from './thread.node.js';
import type { StartThread } from './thread.js';

/** In a checkout, the worker loads the TypeScript sources, as its parent does. */
export const startThread: StartThread = (listener) =>
  threadOf(
    new URL('./prefetch-worker.source.js', import.meta.url),
    ['--conditions=unfold-source'],
    listener,
  );
