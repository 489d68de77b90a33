import type { Experiment } from '../spec/experiment.js';
import { isSame } from '../spec/same.js';
import { ofRun } from './of-run.js';
import type { Run } from './runs.js';

/**
 * The experiment that is being edited for a run: what the run has, until it is changed; a run that begins
 * anew, with the draft or with something else, has no other draft then.
 */
export function draftOf(run: Run): Experiment {
  const edited = editedOf(run).value;
  return edited && edited.of === run.experiment.value ? edited.draft : run.experiment.value;
}

/** Changes parts of the draft; the run goes on as it is, until it begins anew. */
export function editDraft(run: Run, change: Partial<Experiment>): void {
  const draft = { ...draftOf(run), ...change };
  editedOf(run).value = { of: run.experiment.value, draft };
}

/** Goes back to what the run has. */
export function dropDraft(run: Run): void {
  editedOf(run).value = null;
}

/** Whether the run would be another with the draft. */
export const isEdited = (run: Run): boolean => !isSame(draftOf(run), run.experiment.value);

interface Edited {
  /** What the run had when this was begun. */
  readonly of: Experiment;
  readonly draft: Experiment;
}

const editedOf = ofRun<Edited | null>(null);
