import { parentPort, workerData } from 'node:worker_threads';
import { serve } from './serve.js';

// The port of a thread has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
serve(workerData, () => parentPort?.postMessage('ready'));
