import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** The garbage collector, whatever flags this process was started with. */
export const collect = runInNewContext('gc') as () => void;

/**
 * Collects garbage, and lets finalisers run, several times over. What other tests left behind is gone
 * then, and does not go while memory is measured.
 */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    // Finalisers run in a task of their own, some time after the collection.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
