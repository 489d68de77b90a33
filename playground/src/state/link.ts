import { computed, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import type { Experiment } from '../spec/experiment.js';
import { decodeLink, encodeLink, type LinkContent, type LinkedResult } from '../spec/link.js';
import { addressOf } from '../spec/route.js';
import { added } from './added-digits.js';
import { faultOfDraft, isFresh, prepare } from './controls.js';
import { digit } from './digit.js';
import { draftOf, isEdited } from './draft.js';
import { engineChoice } from './engine-choice.js';
import { route } from './route.js';
import { type Run, runs, stepOf } from './runs.js';

/** The link that the page was opened with, or that was put into its address since. */
export type Opened =
  | { readonly state: 'none' }
  | { readonly state: 'reading' }
  | { readonly state: 'refused'; readonly reason: string }
  | { readonly state: 'read'; readonly content: LinkContent };

const current = signal<Opened>({ state: 'none' });
export const opened: ReadonlySignal<Opened> = current;

/**
 * From now on a link in the address is read. Its digit becomes the one at hand, and its network the first run's,
 * unless that run has trained already: what would be lost is for people to decide.
 */
export function followLinks(): void {
  effect(() => {
    const { link } = route.value;
    // An address without one is that of another view of the same page.
    if (link !== '') untracked(() => void read(link));
  });
}

async function read(link: string): Promise<void> {
  const reading: Opened = { state: 'reading' };
  current.value = reading;
  try {
    const content = await decodeLink(link);
    if (current.value !== reading) return;
    current.value = { state: 'read', content };
    if (content.digit) digit.value = content.digit;
    const [run] = runs.value;
    if (run && isFresh(run)) await beginLinked(run, content);
  } catch (error) {
    if (current.value !== reading) return;
    current.value = { state: 'refused', reason: textOf(error) };
    // The page goes on as it does without a link.
    const [run] = runs.value;
    if (run) await prepare(run);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Begins a link's run, and ends what the run was before. @returns Whether it can train now. */
export const beginLinked = (run: Run, { experiment }: LinkContent): Promise<boolean> =>
  run.create(experiment, engineChoice.value);

/** Trains a link's run up to the step of its result. */
export async function trainLinked(run: Run, { steps }: LinkedResult): Promise<void> {
  if (!(await prepare(run))) return;
  const left = steps - stepOf(run);
  if (left > 0) await run.lab.advance(left);
}

/** How a run stands to the link that was opened. */
export type Verdict =
  /** It is another one, or has learnt from other digits too. */
  | 'other'
  /** The link says no result. */
  | 'none'
  /** It has not trained so far yet. */
  | 'before'
  /** It is past that step. */
  | 'after'
  | 'same'
  | 'different';

/** Whether what a link says has come out here. */
export function verdictOf(run: Run, { experiment, result }: LinkContent): Verdict {
  // A run with weights of a file has another experiment, if an equal one.
  if (run.experiment.value !== experiment || added.value.size > 0) return 'other';
  if (!result) return 'none';
  const { step = 0, fingerprint = null } = run.progress.value ?? {};
  if (step < result.steps || (step === result.steps && fingerprint === null)) return 'before';
  if (step > result.steps) return 'after';
  return fingerprint === result.fingerprint ? 'same' : 'different';
}

/** Why a link to a run holds no result. */
export type NoResult = 'notStrict' | 'file' | 'digits' | 'running' | 'untrained';

/** What a run trains, or is going to: before its first step, that is what was edited, if that can be. */
export function experimentAtHand(run: Run): Experiment {
  const isNext = isFresh(run) && isEdited(run) && faultOfDraft(run) === null;
  return isNext ? draftOf(run) : run.experiment.value;
}

/** What a link to a run can say of it: what it came to, or why that can't be said. */
export function resultOf(run: Run): LinkedResult | NoResult {
  if (!experimentAtHand(run).strict) return 'notStrict';
  if (run.file.value) return 'file';
  if (added.value.size > 0) return 'digits';
  const { step = 0, fingerprint = null } = run.progress.value ?? {};
  if (step === 0) return 'untrained';
  return fingerprint === null ? 'running' : { steps: step, fingerprint };
}

/** The whole address of a link. */
export async function addressWith(content: LinkContent): Promise<string> {
  const [page = ''] = location.href.split('#');
  return page + addressOf('take', '', await encodeLink(content));
}

/** The first run's experiment; what a link to it holds. */
export const linkedExperiment: ReadonlySignal<Experiment | null> = computed(() => {
  const [run] = runs.value;
  return run ? { ...experimentAtHand(run), strict: true } : null;
});
