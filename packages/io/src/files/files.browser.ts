import type { Files } from './files.js';

/** A page has no files. */
export const files: Files | null = null;
