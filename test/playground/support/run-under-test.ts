import { expose } from 'comlink';
import { expect, onTestFinished, vi } from 'vitest';
import type { EngineChoice, Progress, Validation } from '../../../playground/src/lab/protocol.js';
import { DEFAULT_EXPERIMENT } from '../../../playground/src/spec/experiment.js';
import { type Run, startRun } from '../../../playground/src/state/runs.js';

const CHOICE: EngineChoice = { kernels: 'wasm', threads: 1, compiled: true };

/** A validation that was asked for, and is answered by the test. */
interface Asked {
  answer(validation: Validation): void;
  fail(reason: string): void;
}

export interface RunUnderTest {
  readonly run: Run;
  readonly asked: readonly Asked[];
  /** What its worker was told to do with the training, in order. */
  readonly told: readonly string[];
  /** Sends what the worker reports. */
  report(progress: Partial<Progress>): void;
}

/** A run with its network, whose worker is made of what the page asks of it, and of nothing that computes. */
export async function runUnderTest(): Promise<RunUnderTest> {
  const made = newRunUnderTest();
  expect(await made.create()).toBe(true);
  return made;
}

/**
 * A run without a network.
 * @param deaf So many workers, from the first on, never answer.
 */
export function newRunUnderTest({ deaf = 0 } = {}): RunUnderTest & { create(): Promise<boolean> } {
  let workers = 0;
  const asked: Asked[] = [];
  const told: string[] = [];
  let report: (progress: Progress) => void = () => {};
  const lab = {
    greet() {},
    setDigits() {},
    watch(heard: (progress: Progress) => void) {
      report = heard;
    },
    create: () => ({ description: 'none', threads: 1, warnings: [] }),
    start: () => void told.push('start'),
    pause: () => void told.push('pause'),
    validate: () =>
      new Promise<Validation>((answer, reject) => {
        asked.push({ answer, fail: (reason) => reject(new Error(reason)) });
      }),
    load: () => ({ network: DEFAULT_EXPERIMENT.network, model: 'lenet' }),
  };
  vi.stubGlobal('Worker', function () {
    const { port1, port2 } = new MessageChannel();
    if (workers++ >= deaf) expose(lab, port2);
    return Object.assign(port1, { terminate: () => port1.close() });
  });
  vi.stubGlobal('fetch', async (address: string) => new Response(digitsAt(address)));
  const run = startRun('A', DEFAULT_EXPERIMENT);
  onTestFinished(() => {
    run.close();
    vi.unstubAllGlobals();
  });
  return {
    run,
    asked,
    told,
    report: (progress) => report({ ...RUNNING, ...progress }),
    create: () => run.create(DEFAULT_EXPERIMENT, CHOICE),
  };
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
