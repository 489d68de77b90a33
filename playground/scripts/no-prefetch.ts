import type { Plugin } from 'vite';

const THREAD = '#prefetch-thread';
const STAND_IN = `\0${THREAD}`;

/**
 * Leaves out the worker that prefetches batches for a DataLoader. The page makes its batches itself; the program
 * that it writes for PyTorch only asks whether something is a DataLoader, and a script that is never started would
 * be kept for offline use.
 */
export const noPrefetch = (): Plugin => ({
  name: 'no-prefetch',
  enforce: 'pre',
  resolveId: (id) => (id === THREAD ? STAND_IN : null),
  // A loader that can't start a thread makes the same batches without one.
  load: (id) =>
    id === STAND_IN
      ? `export const startThread = () => { throw new Error('the page has no such thread'); };`
      : null,
});
