import { describe, expect, it, vi } from 'vitest';
import { act, isWanted } from '../../playground/src/state/controls.js';
import { isTakingOver } from '../../playground/src/state/takeover.js';
import { announcement } from '../../playground/src/state/announcement.js';
import { runUnderTest } from './support/run-under-test.js';

// What the page asks the browser for as it loads, which Node 20 hasn't.
vi.hoisted(() => vi.stubGlobal('navigator', { hardwareConcurrency: 2 }));

describe('a pause', () => {
  it('that comes before the start is reported still ends the training', async () => {
    const { run, told, asked, report } = await runUnderTest();
    const started = act('toggle', [run]);
    await expect.poll(() => told).toEqual(['start']);
    expect(run.state.value).toBe('paused');
    const paused = act('toggle', [run]);
    report({});
    report({ state: 'paused' });
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.answer({ step: 0, loss: 1, accuracy: 0.5, predictions: Uint8Array.of(3) });
    await Promise.all([started, paused]);
    expect(told).toEqual(['start', 'pause']);
    expect(announcement.value).toMatch(/^Paused after step 0/);
  });

  it('that comes before the start reaches the worker takes it back, and says nothing of it', async () => {
    const { run, told, asked } = await runUnderTest();
    const started = act('toggle', [run]);
    expect(isWanted(run)).toBe(true);
    const paused = act('toggle', [run]);
    expect(isWanted(run)).toBe(false);
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.answer({ step: 0, loss: 1, accuracy: 0.5, predictions: Uint8Array.of(3) });
    await Promise.all([started, paused]);
    expect(told).toEqual(['pause']);
    expect(announcement.value).toMatch(/^Paused after step 0/);
  });

  it('of a network that is still being built asks its worker for nothing', async () => {
    const { run, told, asked } = await runUnderTest();
    const reset = act('reset', [run]);
    const started = act('toggle', [run]);
    await act('toggle', [run]);
    await Promise.all([reset, started]);
    expect(told).toEqual([]);
    expect(asked).toHaveLength(0);
    expect(isWanted(run)).toBe(false);
  });
});

describe('a start', () => {
  it('waits while a service worker takes over the page', async () => {
    const { run, told } = await runUnderTest();
    isTakingOver.value = true;
    void act('toggle', [run]);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([]);
    expect(isWanted(run)).toBe(true);
    isTakingOver.value = false;
    await expect.poll(() => told).toEqual(['start']);
  });
});
