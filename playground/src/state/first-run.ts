import { effect } from '@preact/signals';
import { DEFAULT_EXPERIMENT } from '../spec/experiment.js';
import { prepare } from './controls.js';
import { digitSets } from './digit-sets.js';
import { route } from './route.js';
import { runs, startRun } from './runs.js';

/**
 * Begins the page's first run; its digits and its network come when the page is idle, so that what is first
 * seen doesn't wait for them. Who saves data gets them when training is first asked for, and a link brings a
 * network of its own.
 */
export function openFirstRun(): void {
  const run = startRun('A', DEFAULT_EXPERIMENT);
  runs.value = [run];
  // Digits that come at a second try bring the run with them.
  effect(() => {
    const isThere = digitSets.value.state === 'ready';
    if (isThere && run.state.peek() === 'failed') void prepare(run);
  });
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  if (connection?.saveData || route.peek().link !== '') return;
  whenIdle(() => void prepare(run));
}

/** Soon after the page has loaded, when it has nothing else to do. */
function whenIdle(then: () => void): void {
  const idle = (): void => {
    // WebKit has no such callback.
    if ('requestIdleCallback' in window) requestIdleCallback(then, { timeout: 3000 });
    else setTimeout(then, 1000);
  };
  if (document.readyState === 'complete') idle();
  else addEventListener('load', idle, { once: true });
}
