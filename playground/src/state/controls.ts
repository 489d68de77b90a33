import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { fixed, grouped, percent } from '@unfold/monitor/internal/browser';
import { type Experiment, faultOfExperiment } from '../spec/experiment.js';
import { TRAIN_TEXTS } from '../texts/train.js';
import { announce } from './announcement.js';
import { draftOf, isEdited } from './draft.js';
import { engineChoice } from './engine-choice.js';
import { recentMean } from './history.js';
import { ofRun } from './of-run.js';
import { type Run, runs, startRun, stepOf } from './runs.js';
import { isTakingOver } from './takeover.js';
import { until } from './until.js';

/*
 * What the page's buttons and keys do to runs. A run gets its network when something is first asked of it, and
 * before its first step an edited network is taken without a reset.
 */

/** Whether it trains, or is going to as soon as it can. */
export const isWanted = (run: Run): boolean =>
  wantedOf(run).value || (run.state.value === 'running' && run.progress.value?.fault === null);

/** Whether nothing was trained yet, so that a start may as well take the draft. */
export const isFresh = (run: Run): boolean => stepOf(run) === 0;

/** Why a draft can't be trained; null if it can. */
export const faultOfDraft = (run: Run): string | null => faultOfExperiment(draftOf(run));

/** Why training can't begin or go on; null if it can. */
export const faultOfStart = (run: Run): string | null => (isFresh(run) ? faultOfDraft(run) : null);

/** What buttons and keys ask for. */
export type Action = 'toggle' | 'step' | 'epoch' | 'reset' | 'validate';

/** Does it to the runs that the controls act on, or to others, and tells what came of it. */
export async function act(action: Action, on: readonly Run[] = targets.value): Promise<void> {
  const isPause = action === 'toggle' && on.some(isWanted);
  const acts: Readonly<Record<Action, (run: Run) => Promise<boolean>>> = {
    toggle: isPause ? pause : start,
    step,
    epoch: finishEpoch,
    reset,
    validate,
  };
  await Promise.all(
    on.map(async (run) => {
      try {
        const isDone = await acts[action](run);
        if (isDone || run.fault.value !== null) announce(saidOf(action, isPause, run));
      } catch (error) {
        run.blame(error);
        announce(TRAIN_TEXTS.said.failed(run.fault.value ?? ''));
      }
    }),
  );
}

function saidOf(action: Action, isPause: boolean, run: Run): string {
  const { said, bar } = TRAIN_TEXTS;
  const { losses, accuracies } = run.history.value;
  const at = grouped(stepOf(run));
  const last = recentMean(losses, 1);
  const loss = last === null ? bar.none : fixed(last);
  if (run.fault.value !== null) return said.failed(run.fault.value);
  switch (action) {
    case 'toggle':
      return isPause ? said.paused(at, loss) : said.started;
    case 'step':
      return said.stepped(at, loss);
    case 'epoch':
      return said.epoch(at, percent(recentMean(accuracies, RECENT) ?? 0));
    case 'reset':
      return said.reset;
    case 'validate':
      return said.validated(percent(run.validation.value?.accuracy ?? 0));
  }
}

/** Figures of the moment are means of so many batches, as single ones scatter. */
export const RECENT = 50;

/*
 * What follows returns whether it came to that: a network that can't be built, or something else that was asked
 * for meanwhile, takes its place.
 */

/** Trains until it is paused. */
async function start(run: Run): Promise<boolean> {
  wantedOf(run).value = true;
  try {
    if (!(await prepare(run)) || !wantedOf(run).value) return false;
    await run.lab.start();
    // Its report comes by another way than the answer, and perhaps after it.
    await until(run.state, (state) => state !== 'paused');
    return wantedOf(run).value;
  } finally {
    wantedOf(run).value = false;
  }
}

async function pause(run: Run): Promise<boolean> {
  const isStarting = wantedOf(run).value;
  const state = run.state.value;
  wantedOf(run).value = false;
  // A start may be on its way to the worker, whose report is not here yet: the worker takes one after the other.
  if (state === 'running' || (state === 'paused' && isStarting)) {
    await run.lab.pause();
    await run.validate();
  }
  return true;
}

/** One step, then a pause. */
async function step(run: Run): Promise<boolean> {
  if (!(await prepare(run))) return false;
  await run.lab.advance(1);
  return true;
}

/** To the end of the epoch, then a pause. */
async function finishEpoch(run: Run): Promise<boolean> {
  if (!(await prepare(run))) return false;
  await run.lab.finishEpoch();
  return true;
}

async function validate(run: Run): Promise<boolean> {
  if (!(await prepare(run))) return false;
  await run.validate();
  return true;
}

/** Begins anew, with the draft. */
async function reset(run: Run): Promise<boolean> {
  wantedOf(run).value = false;
  if (faultOfDraft(run) !== null) return false;
  return run.create(draftOf(run), engineChoice.value);
}

/** Sees to it that the run has its network. @returns Whether it has. */
export async function prepare(run: Run): Promise<boolean> {
  if (isTakingOver.value) await until(isTakingOver, (isSo) => !isSo);
  const state = run.state.value;
  // What is being prepared may not be the draft.
  if (state === 'preparing') {
    const next = await until(run.state, (now) => now !== 'preparing');
    return next !== 'failed' && prepare(run);
  }
  const isMissing = state === 'new' || state === 'failed';
  if (!isMissing && !(isFresh(run) && isEdited(run))) return true;
  if (faultOfDraft(run) !== null) return false;
  return run.create(draftOf(run), engineChoice.value);
}

const wantedOf = ofRun(false);

/** What the controls act on: one run by its name, or all of them. */
export const target = signal<'all' | 'A' | 'B'>('all');

export const targets: ReadonlySignal<readonly Run[]> = computed(() => {
  const chosen = runs.value.filter(({ name }) => name === target.value);
  return chosen.length > 0 ? chosen : runs.value;
});

/** Begins a second run beside the first: the same but for its seed. */
export function addSecondRun(): void {
  const [first] = runs.value;
  if (!first || runs.value.length > 1) return;
  const draft = draftOf(first);
  const experiment: Experiment = { ...draft, seed: (draft.seed + 1) % 2 ** 32 };
  runs.value = [first, startRun('B', experiment)];
}

/** Ends the second run. */
export function removeSecondRun(): void {
  const [first, ...others] = runs.value;
  for (const run of others) run.close();
  runs.value = first ? [first] : [];
}
