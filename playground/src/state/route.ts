import { computed, signal } from '@preact/signals';
import { parseRoute } from '../spec/route.js';

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

/** Where the page is; the browser's back and forward buttons change it. */
export const route = computed(() => parseRoute(hash.value));
