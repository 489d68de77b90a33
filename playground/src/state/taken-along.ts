import { computed, effect } from '@preact/signals';
import type { Experiment } from '../spec/experiment.js';
import { ofRun } from './of-run.js';
import { type Run, runs, stepOf } from './runs.js';

/*
 * A run lives as long as its page: what it has learnt is gone with a reload, unless its weights were taken along.
 */

/** How far a run is. */
export interface Standing {
  /** By identity: a run that begins anew has another one, or is at step 0. */
  readonly experiment: Experiment;
  readonly step: number;
}

export const standingOf = (run: Run): Standing => ({
  experiment: run.experiment.peek(),
  step: run.progress.peek()?.step ?? 0,
});

/** Notes that the weights of a run, as they stood, are in a file of the user's. */
export function noteTaken(run: Run, standing: Standing): void {
  takenOf(run).value = standing;
}

/** Whether leaving the page loses steps of training that are in no file. */
export const losesSteps = computed(() =>
  runs.value.some((run) => {
    const step = stepOf(run);
    const taken = takenOf(run).value;
    return step > 0 && !(taken?.experiment === run.experiment.value && taken.step >= step);
  }),
);

const takenOf = ofRun<Standing | null>(null);

/** How long a reload that was asked for may take to come, such as for a new version to take over. */
const LEAVE_WITHIN_MS = 10_000;

let isAskedFor = false;

/** Notes that the user has asked for a reload by the page's own button, so that they aren't asked once more. */
export function expectLeaving(): void {
  isAskedFor = true;
  // One that doesn't come is none.
  setTimeout(() => {
    isAskedFor = false;
  }, LEAVE_WITHIN_MS);
}

/**
 * Has the browser ask before the page is left, while that loses steps. Only then: a page that listens is kept by
 * some browsers less readily for the way back.
 * @returns What ends it.
 */
export const askBeforeLeaving = (): (() => void) =>
  effect(() => {
    if (!losesSteps.value) return undefined;
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  });

function ask(event: BeforeUnloadEvent): void {
  if (isAskedFor) return;
  event.preventDefault();
  // For browsers of before 2023.
  event.returnValue = true;
}
