import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Validation } from '../../playground/src/lab/protocol.js';
import { TRAIN_TEXTS } from '../../playground/src/texts/train.js';
import { newRunUnderTest, runUnderTest } from './support/run-under-test.js';

const VALIDATION: Validation = { step: 1, loss: 1, accuracy: 0.5, predictions: Uint8Array.of(3) };

describe('the fault of a run', () => {
  it('that a validation after an epoch has stays in sight while training goes on', async () => {
    const { run, asked, report } = await runUnderTest();
    report({ step: 100, epoch: 1 });
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.fail('the heap is full');
    await expect.poll(() => run.fault.value).toBe('the heap is full');
    report({ step: 110, epoch: 1.1 });
    await expect.poll(() => run.progress.value?.step).toBe(110);
    expect(run.fault.value).toBe('the heap is full');
    report({ step: 120, epoch: 1.2, state: 'paused' });
    await expect.poll(() => run.state.value).toBe('paused');
    expect(run.fault.value).toBe('the heap is full');
  });

  it('of a validation is over when one succeeds, or when training begins again', async () => {
    const { run, asked, report } = await runUnderTest();
    run.blame('the heap is full');
    const validated = run.validate();
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.answer(VALIDATION);
    await validated;
    expect(run.fault.value).toBeNull();
    run.blame('the heap is full');
    report({ step: 1 });
    await expect.poll(() => run.state.value).toBe('running');
    expect(run.fault.value).toBeNull();
  });

  it('that stopped it is said whatever else succeeds, until it trains again', async () => {
    const { run, asked, report } = await runUnderTest();
    report({ step: 9, state: 'paused', fault: 'the loss is no number' });
    await expect.poll(() => run.fault.value).toBe('the loss is no number');
    const validated = run.validate();
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.answer(VALIDATION);
    await validated;
    expect(run.fault.value).toBe('the loss is no number');
    report({ step: 9 });
    await expect.poll(() => run.fault.value).toBeNull();
  });

  it('is not that of a network that ended, whose validation holds up none of the next', async () => {
    const { run, asked } = await runUnderTest();
    const first = run.validate();
    await expect.poll(() => asked.length).toBe(1);
    const loaded = run.load(Uint8Array.of(1), 'lenet.safetensors');
    await expect.poll(() => asked.length).toBe(2);
    asked[0]?.fail('the run has ended');
    await first;
    expect(run.fault.value).toBeNull();
    asked[1]?.answer(VALIDATION);
    await loaded;
    expect(run.validation.value).toEqual(VALIDATION);
    expect(run.validations.value).toHaveLength(1);
  });
});

describe('a worker that never answers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is replaced by another, which the run goes on with', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { run, create } = newRunUnderTest({ deaf: 2 });
    const created = create();
    await expect.poll(() => vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    await expect.poll(() => vi.getTimerCount()).toBe(1);
    expect([run.state.value, run.isLoading.value]).toEqual(['preparing', true]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await created).toBe(true);
    expect([run.state.value, run.isLoading.value]).toEqual(['paused', false]);
  });

  it('is a fault that is said, when no other answers either', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { run, create } = newRunUnderTest({ deaf: Infinity });
    const created = create();
    for (const wait of [10_000, 20_000, 30_000]) {
      await expect.poll(() => vi.getTimerCount()).toBe(1);
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(await created).toBe(false);
    expect(run.fault.value).toBe(TRAIN_TEXTS.noWorker);
  });
});
