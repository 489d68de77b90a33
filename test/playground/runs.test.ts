import { expose } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Progress, Validation } from '../../playground/src/lab/protocol.js';
import { DEFAULT_EXPERIMENT } from '../../playground/src/spec/experiment.js';
import { type Run, startRun } from '../../playground/src/state/runs.js';

const CHOICE = { kernels: 'wasm', threads: 1, compiled: true } as const;
const VALIDATION: Validation = { step: 1, loss: 1, accuracy: 0.5, predictions: Uint8Array.of(3) };

/** A validation that was asked for, and is answered by the test. */
interface Asked {
  answer(validation: Validation): void;
  fail(reason: string): void;
}

/** A run whose worker is made of what the page asks of it, and of nothing that computes. */
async function runUnderTest(): Promise<{
  run: Run;
  asked: Asked[];
  report: (progress: Partial<Progress>) => void;
}> {
  const asked: Asked[] = [];
  let report: (progress: Progress) => void = () => {};
  const lab = {
    setDigits() {},
    watch(heard: (progress: Progress) => void) {
      report = heard;
    },
    create: () => ({ description: 'none', threads: 1, warnings: [] }),
    validate: () =>
      new Promise<Validation>((answer, reject) => {
        asked.push({ answer, fail: (reason) => reject(new Error(reason)) });
      }),
    load: () => ({ network: DEFAULT_EXPERIMENT.network, model: 'lenet' }),
  };
  vi.stubGlobal('Worker', function () {
    const { port1, port2 } = new MessageChannel();
    expose(lab, port2);
    return Object.assign(port1, { terminate: () => port1.close() });
  });
  vi.stubGlobal('fetch', async (address: string) => new Response(digitsAt(address)));
  const run = startRun('A', DEFAULT_EXPERIMENT);
  runs.push(run);
  expect(await run.create(DEFAULT_EXPERIMENT, CHOICE)).toBe(true);
  return { run, asked, report: (progress) => report({ ...RUNNING, ...progress }) };
}

const RUNNING: Progress = {
  state: 'running',
  step: 0,
  epoch: 0,
  losses: new Float32Array(0),
  accuracies: new Float32Array(0),
  imagesPerSecond: null,
  fingerprint: null,
  fault: null,
};

/** One digit, or its label, as an IDX file. */
function digitsAt(address: string): Uint8Array<ArrayBuffer> {
  return address.includes('images')
    ? Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28, ...new Uint8Array(784))
    : Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7);
}

const runs: Run[] = [];
afterEach(() => {
  for (const run of runs.splice(0)) run.close();
  vi.unstubAllGlobals();
});

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
