import { signal } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import type { Experiment } from '../../playground/src/spec/experiment.js';
import { draftOf, dropDraft, editDraft, isEdited } from '../../playground/src/state/draft.js';
import type { Run } from '../../playground/src/state/runs.js';

const EXPERIMENT: Experiment = {
  network: [{ kind: 'flatten' }, { kind: 'linear', features: 10 }],
  optimizer: { kind: 'adam', lr: 1e-3, weightDecay: 0 },
  batchSize: 64,
  augmentation: 'none',
  seed: 1,
  strict: false,
};

/** What drafts ask of a run. */
function runOf(first: Experiment): { run: Run; begin: (experiment: Experiment) => void } {
  const experiment = signal(first);
  const run: Pick<Run, 'name' | 'experiment'> = { name: 'A', experiment };
  return { run: run as Run, begin: (next) => (experiment.value = next) };
}

describe('the draft of a run', () => {
  it('is what the run has, until it is changed', () => {
    const { run } = runOf(EXPERIMENT);
    expect(draftOf(run)).toBe(EXPERIMENT);
    expect(isEdited(run)).toBe(false);

    editDraft(run, { seed: 2 });
    editDraft(run, { batchSize: 32 });
    expect(draftOf(run)).toEqual({ ...EXPERIMENT, seed: 2, batchSize: 32 });
    expect(isEdited(run)).toBe(true);
    expect(run.experiment.value).toBe(EXPERIMENT);
  });

  it('that says the same again is no change, whatever the order of its fields', () => {
    const { run } = runOf(EXPERIMENT);
    editDraft(run, { network: [{ kind: 'flatten' }, { features: 10, kind: 'linear' }] });
    expect(isEdited(run)).toBe(false);
    editDraft(run, { network: [{ kind: 'flatten' }, { features: 11, kind: 'linear' }] });
    expect(isEdited(run)).toBe(true);
    editDraft(run, { network: [{ kind: 'flatten' }] });
    expect(isEdited(run)).toBe(true);
  });

  it('can be dropped, and is dropped when the run begins anew with something else', () => {
    const { run, begin } = runOf(EXPERIMENT);
    editDraft(run, { seed: 2 });
    dropDraft(run);
    expect(draftOf(run)).toBe(EXPERIMENT);

    editDraft(run, { seed: 3 });
    const linked = { ...EXPERIMENT, seed: 99 };
    begin(linked);
    expect(draftOf(run)).toBe(linked);
    expect(isEdited(run)).toBe(false);
  });

  it('is the run’s own', () => {
    const [a, b] = [runOf(EXPERIMENT).run, runOf(EXPERIMENT).run];
    editDraft(a, { seed: 2 });
    expect(draftOf(b).seed).toBe(1);
  });
});
