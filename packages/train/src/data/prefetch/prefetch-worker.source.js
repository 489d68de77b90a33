import { register } from 'tsx/esm/api';

/* The worker in a checkout: Node 20 cannot start a thread from TypeScript. */

register();
await import('./prefetch-worker.node.js');
