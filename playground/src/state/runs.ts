import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { proxy, type Remote, wrap } from 'comlink';
import type { EngineChoice, EngineInfo, Lab, Progress, Validation } from '../lab/protocol.js';
import type { Experiment } from '../spec/experiment.js';
import { loadDigitSets } from './digit-sets.js';

/** The losses and accuracies of all steps so far; `losses[i]` is step i + 1's. */
export interface History {
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

export type RunState = 'preparing' | 'paused' | 'running' | 'failed';

/** One network in training: a worker, and what is known of it here. */
export interface Run {
  /** `A` or `B`. */
  readonly name: string;
  readonly lab: Remote<Lab>;
  readonly experiment: ReadonlySignal<Experiment>;
  readonly engine: ReadonlySignal<EngineInfo | null>;
  readonly state: ReadonlySignal<RunState>;
  /** The last report; null before the first. */
  readonly progress: ReadonlySignal<Progress | null>;
  readonly history: ReadonlySignal<History>;
  /** Oldest first. */
  readonly validations: ReadonlySignal<readonly Validation[]>;
  /** Why it failed or stopped; null if it didn't. */
  readonly fault: ReadonlySignal<string | null>;
  /** Begins anew, at step 0. @throws nothing: a fault is shown. */
  create(experiment: Experiment, choice: EngineChoice): Promise<void>;
  validate(): Promise<void>;
  /** Ends the worker. */
  close(): void;
}

const EMPTY: History = { losses: [], accuracies: [] };

/** The run of the page, and perhaps a second beside it. Views other than Train use the first. */
export const runs: Signal<readonly Run[]> = signal([]);

/** Starts a worker for a run of this name; it has no network before `create`. */
export function startRun(name: string): Run {
  const worker = new Worker(new URL('../lab/worker.ts', import.meta.url), { type: 'module' });
  const lab = wrap<Lab>(worker);
  const state = signal<RunState>('preparing');
  const progress = signal<Progress | null>(null);
  const history = signal(EMPTY);
  const validations = signal<readonly Validation[]>([]);
  const fault = signal<string | null>(null);
  const engine = signal<EngineInfo | null>(null);
  const experiment = signal<Experiment>(NONE);
  const fail = (reason: unknown): void => {
    batch(() => {
      state.value = 'failed';
      fault.value = reason instanceof Error ? reason.message : String(reason);
    });
  };
  worker.addEventListener('error', (event) => fail(event.message || 'The worker did not start.'));
  let ready: Promise<void> | null = null;

  const hear = (report: Progress): void => {
    batch(() => {
      progress.value = report;
      state.value = report.state;
      fault.value = report.fault;
      if (report.losses.length === 0) return;
      history.value = {
        losses: [...history.value.losses, ...report.losses],
        accuracies: [...history.value.accuracies, ...report.accuracies],
      };
    });
  };
  const prepare = async (): Promise<void> => {
    await lab.setDigits(await loadDigitSets());
    await lab.watch(proxy(hear));
  };

  return {
    name,
    lab,
    experiment,
    engine,
    state,
    progress,
    history,
    validations,
    fault,
    async create(wanted, choice) {
      batch(() => {
        state.value = 'preparing';
        fault.value = null;
        progress.value = null;
        history.value = EMPTY;
        validations.value = [];
        experiment.value = wanted;
      });
      try {
        ready ??= prepare();
        await ready;
        const info = await lab.create(wanted, choice);
        batch(() => {
          engine.value = info;
          state.value = 'paused';
        });
      } catch (error) {
        ready = null;
        fail(error);
      }
    },
    async validate() {
      const validation = await lab.validate();
      validations.value = [...validations.value, validation];
    },
    close: () => worker.terminate(),
  };
}

/** What a run has before its first `create`. */
const NONE: Experiment = {
  network: [],
  optimizer: { kind: 'sgd', lr: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0 },
  batchSize: 64,
  augmentation: 'none',
  seed: 1,
  strict: false,
};
