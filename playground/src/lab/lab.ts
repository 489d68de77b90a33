import type { Lab } from './protocol.js';

export function createLab(): Lab {
  throw new Error('not built yet');
}
