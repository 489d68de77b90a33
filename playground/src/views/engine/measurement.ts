import { signal } from '@preact/signals';
import { wrap } from 'comlink';
import type { EngineTiming, Lab } from '../../lab/protocol.js';
import type { Experiment } from '../../spec/experiment.js';
import type { Candidate } from './candidates.js';

/** What came of measuring an engine. */
export type Outcome =
  | { readonly state: 'waiting' | 'measuring' | 'cancelled' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'done'; readonly timing: EngineTiming };

/** The last measurement, which stays when another view is shown; null before the first. */
export interface Measurement {
  readonly experiment: Experiment;
  readonly rows: readonly { readonly candidate: Candidate; readonly outcome: Outcome }[];
}

export const measurement = signal<Measurement | null>(null);

/** Ends the measurement in hand; null while there is none. */
let stop: (() => void) | null = null;

export const isMeasuring = (): boolean =>
  measurement.value?.rows.some(({ outcome }) => isOpen(outcome)) === true;

const isOpen = ({ state }: Outcome): boolean => state === 'waiting' || state === 'measuring';

/**
 * Measures the engines one after another, each in a worker of its own, which has nothing of the one before.
 * @param told Is called when one is done.
 * @returns Whether it came to its end.
 */
export async function measure(
  experiment: Experiment,
  candidates: readonly Candidate[],
  told: (done: number) => void,
): Promise<boolean> {
  cancel();
  let isCancelled = false;
  let worker: Worker | null = null;
  const own = (): void => {
    isCancelled = true;
    worker?.terminate();
  };
  stop = own;
  const rows = candidates.map((candidate) => ({ candidate, outcome: WAITING }));
  measurement.value = { experiment, rows };
  for (const [at, candidate] of candidates.entries()) {
    put(at, { state: 'measuring' });
    worker = startWorker();
    const outcome = await outcomeOf(worker, experiment, candidate);
    worker.terminate();
    if (isCancelled) return false;
    put(at, outcome);
    told(at + 1);
  }
  stop = null;
  return true;
}

const WAITING: Outcome = { state: 'waiting' };

/** Ends the measurement in hand, if there is one; what was measured stays. */
export function cancel(): void {
  stop?.();
  stop = null;
  const current = measurement.value;
  if (!current) return;
  const rows = current.rows.map(({ candidate, outcome }) =>
    isOpen(outcome)
      ? { candidate, outcome: { state: 'cancelled' } as const }
      : { candidate, outcome },
  );
  measurement.value = { ...current, rows };
}

function put(at: number, outcome: Outcome): void {
  const current = measurement.value;
  if (!current) return;
  const rows = current.rows.map((row, i) => (i === at ? { ...row, outcome } : row));
  measurement.value = { ...current, rows };
}

const startWorker = (): Worker =>
  new Worker(new URL('../../lab/worker.ts', import.meta.url), { type: 'module' });

/** Never settles for a worker that is ended meanwhile. */
function outcomeOf(
  worker: Worker,
  experiment: Experiment,
  { choice, strict, steps }: Candidate,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const fail = (reason: string): void => resolve({ state: 'failed', reason });
    worker.addEventListener('error', (event) => fail(event.message));
    wrap<Lab>(worker)
      .time({ ...experiment, strict }, choice, steps)
      .then(
        (timing) => resolve({ state: 'done', timing }),
        (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
      );
  });
}
