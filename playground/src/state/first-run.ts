import { DEFAULT_EXPERIMENT } from '../spec/experiment.js';
import { prepare } from './controls.js';
import { runs, startRun } from './runs.js';

/**
 * Begins the page's first run; its digits and its network come when the page is idle, so that what is first
 * seen doesn't wait for them. Who saves data gets them when training is first asked for.
 */
export function openFirstRun(): void {
  const run = startRun('A', DEFAULT_EXPERIMENT);
  runs.value = [run];
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  if (connection?.saveData) return;
  const whenIdle: (then: () => void) => void =
    'requestIdleCallback' in window
      ? (then) => void requestIdleCallback(then, { timeout: 3000 })
      : (then) => void setTimeout(then, 1000);
  addEventListener('load', () => whenIdle(() => void prepare(run)), { once: true });
}
