import { describe, expect, it, onTestFinished } from 'vitest';
import { runs } from '../../playground/src/state/runs.js';
import { losesSteps, noteTaken, standingOf } from '../../playground/src/state/taken-along.js';
import { runUnderTest } from './support/run-under-test.js';

/** The page's run, which has made no step. */
async function pageRun() {
  const under = await runUnderTest();
  runs.value = [under.run];
  onTestFinished(() => {
    runs.value = [];
  });
  const stepTo = async (step: number): Promise<void> => {
    under.report({ state: 'paused', step });
    await expect.poll(() => under.run.progress.value?.step).toBe(step);
  };
  return { run: under.run, stepTo };
}

describe('leaving the page', () => {
  it('loses nothing before a step was made, and the steps from then on', async () => {
    const { stepTo } = await pageRun();
    expect(losesSteps.value).toBe(false);
    await stepTo(1);
    expect(losesSteps.value).toBe(true);
  });

  it('loses nothing of a run whose weights were taken along, until it is trained further', async () => {
    const { run, stepTo } = await pageRun();
    await stepTo(5);
    noteTaken(run, standingOf(run));
    expect(losesSteps.value).toBe(false);
    await stepTo(6);
    expect(losesSteps.value).toBe(true);
  });

  it('loses the steps that were made while the file was', async () => {
    const { run, stepTo } = await pageRun();
    await stepTo(5);
    const standing = standingOf(run);
    await stepTo(7);
    noteTaken(run, standing);
    expect(losesSteps.value).toBe(true);
  });

  it('loses a run that began anew after the last was taken along, once it has made a step', async () => {
    const { run, stepTo } = await pageRun();
    await stepTo(5);
    noteTaken(run, standingOf(run));
    const again = { ...run.experiment.value };
    await run.create(again, { kernels: 'wasm', threads: 1, compiled: true });
    expect(losesSteps.value).toBe(false);
    await stepTo(3);
    expect(losesSteps.value).toBe(true);
  });
});
