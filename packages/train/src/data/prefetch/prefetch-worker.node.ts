import { parentPort } from 'node:worker_threads';
import { serveOrders } from './serve.js';

parentPort?.on(
  'message',
  // The port of a thread has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  serveOrders((answer, transfer) => parentPort?.postMessage(answer, transfer)),
);
