import { signal } from '@preact/signals';

/**
 * Whether a service worker is taking over the page: Firefox now and then never answers an `import()` that a worker makes
 * in that moment, so that a run waits with what makes it load something.
 */
export const isTakingOver = signal(false);
