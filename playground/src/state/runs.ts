import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Remote } from 'comlink';
import type {
  EngineChoice,
  EngineInfo,
  Lab,
  LoadedWeights,
  Progress,
  Validation,
} from '../lab/protocol.js';
import type { Experiment } from '../spec/experiment.js';
import { TRAIN_TEXTS } from '../texts/train.js';
import { loadDigitSets } from './digit-sets.js';
import { EMPTY_HISTORY, type History, HistoryKeeper } from './history.js';
import { type StartedLab, startLab } from './started-lab.js';

/** `new`: without a network, until `create`; `preparing`: the digits load, or the network is being built. */
export type RunState = 'new' | 'preparing' | 'paused' | 'running' | 'failed';

/** The scores of a validation, without what each digit was taken for. */
export type Scores = Omit<Validation, 'predictions'>;

/** One network in training: a worker, and what is known of it here. */
export interface Run {
  /** `A` or `B`. */
  readonly name: string;
  /** The worker; another one after `create` where the one before didn't start, so it is asked for each time. */
  readonly lab: Remote<Lab>;
  /** What trains, or is going to. */
  readonly experiment: ReadonlySignal<Experiment>;
  readonly engine: ReadonlySignal<EngineInfo | null>;
  readonly state: ReadonlySignal<RunState>;
  /** Whether its worker is on its way. */
  readonly isLoading: ReadonlySignal<boolean>;
  /** The file that its first weights are from; null where they were drawn from the seed. */
  readonly file: ReadonlySignal<LoadedWeights | null>;
  /** The last report; null before the first. */
  readonly progress: ReadonlySignal<Progress | null>;
  readonly history: ReadonlySignal<History>;
  /** Oldest first: after each epoch, and when asked for. */
  readonly validations: ReadonlySignal<readonly Scores[]>;
  /** The last one, whole; null before the first. */
  readonly validation: ReadonlySignal<Validation | null>;
  /**
   * Why it failed or stopped, or why something that was asked of it went wrong, until it begins to train or a
   * validation succeeds; null if nothing is wrong.
   */
  readonly fault: ReadonlySignal<string | null>;
  /** Begins anew, at step 0. @throws nothing: a fault is shown. @returns Whether it can train now. */
  create(experiment: Experiment, choice: EngineChoice): Promise<boolean>;
  /** Does nothing while another validation is on its way. */
  validate(): Promise<void>;
  /** Takes the network and the weights of a file; its curves begin anew. @throws Error with a text for people. */
  load(bytes: Uint8Array, name: string): Promise<LoadedWeights>;
  /** Shows a fault of something that the worker was asked for. */
  blame(fault: unknown): void;
  /** Ends the worker. */
  close(): void;
}

/** The run of the page, and perhaps a second beside it. Views other than Train use the first. */
export const runs: Signal<readonly Run[]> = signal([]);

/** Steps of training that a run has made. */
export const stepOf = (run: Run): number => run.progress.value?.step ?? 0;

/** Milliseconds to wait for a worker, each time: slow networks have brought some of its files by then. */
const WORKER_WAITS = [10_000, 20_000, 30_000];

/** A run of this name; it has no network before `create`. */
export function startRun(name: string, first: Experiment): Run {
  const state = signal<RunState>('new');
  const isLoading = signal(false);
  const progress = signal<Progress | null>(null);
  const history = signal(EMPTY_HISTORY);
  const validations = signal<readonly Scores[]>([]);
  const validation = signal<Validation | null>(null);
  /** Why something that was asked of it failed, which its reports don't know of. */
  const failure = signal<string | null>(null);
  const fault = computed(() => failure.value ?? progress.value?.fault ?? null);
  const file = signal<LoadedWeights | null>(null);
  const engine = signal<EngineInfo | null>(null);
  const experiment = signal(first);
  let keeper = new HistoryKeeper();
  const blame = (reason: unknown): void => {
    failure.value = textOf(reason);
  };
  const fail = (reason: unknown): void => {
    batch(() => {
      state.value = 'failed';
      blame(reason);
    });
  };
  const forget = (): void => {
    keeper = new HistoryKeeper();
    progress.value = null;
    history.value = EMPTY_HISTORY;
    validations.value = [];
    validation.value = null;
    failure.value = null;
    file.value = null;
  };
  let worker: StartedLab | null = null;
  /** The worker, which starts when something is first asked of it: what the page shows first doesn't wait for it. */
  const started = (): StartedLab => {
    // One that died can't be asked again.
    if (worker?.isDead() === false) return worker;
    const one = startLab(fail);
    worker = one;
    isLoading.value = true;
    const end = (): void => {
      if (worker === one) isLoading.value = false;
    };
    one.answer(one.greeted).then(end, end);
    return one;
  };
  /** Counts the networks: what is still on its way from an earlier one is not of this one. */
  let turn = 0;
  let queue: Promise<unknown> = Promise.resolve();
  /** The keeper of the network that is being validated; one that ended needs not be waited for. */
  let validating: HistoryKeeper | null = null;

  const hear = (of: number, report: Progress): void => {
    const isPreparing = state.value === 'preparing';
    // Until the new network is there, what comes from a worker that trains is of the one before.
    if (of !== turn || (isPreparing && report.step > 0)) return;
    const before = progress.value?.epoch ?? 0;
    const isBegin = report.state === 'running' && state.value !== 'running';
    batch(() => {
      progress.value = report;
      if (!isPreparing) state.value = report.state;
      // While a run goes on, its reports leave in sight what failed beside it.
      if (isBegin || report.fault !== null) failure.value = null;
      if (report.losses.length > 0) {
        history.value = keeper.add(report.losses, report.accuracies);
      }
    });
    if (Math.floor(report.epoch) > Math.floor(before)) validate().catch(blame);
  };
  const validate = async (): Promise<void> => {
    if (validating === keeper) return;
    const of = keeper;
    validating = of;
    try {
      const { predictions, ...score } = await started().lab.validate();
      if (of !== keeper) return;
      batch(() => {
        validations.value = [...validations.value, score];
        validation.value = { predictions, ...score };
        failure.value = null;
      });
    } catch (error) {
      // A network that ended meanwhile can't be validated any more, and nobody asks for it.
      if (of === keeper) throw error;
    } finally {
      if (validating === of) validating = null;
    }
  };
  /** A worker that doesn't start is asked for again: now and then a browser loses one of its files. */
  const haveWorker = async (): Promise<StartedLab> => {
    for (const wait of WORKER_WAITS) {
      const one = started();
      if (await Promise.race([one.answer(one.greeted), later(wait)])) return one;
      one.close();
    }
    throw new Error(TRAIN_TEXTS.noWorker);
  };
  const make = async (of: number, wanted: Experiment, choice: EngineChoice): Promise<boolean> => {
    if (of !== turn) return false;
    try {
      const [digits, lab] = await Promise.all([loadDigitSets(), haveWorker()]);
      await lab.prepare(digits, (report) => hear(of, report));
      const info = await lab.answer(lab.lab.create(wanted, choice));
      if (of !== turn) return false;
      batch(() => {
        engine.value = info;
        state.value = 'paused';
      });
      return true;
    } catch (error) {
      if (of === turn) fail(error);
      return false;
    }
  };

  return {
    name,
    get lab() {
      return started().lab;
    },
    experiment,
    engine,
    state,
    isLoading,
    file,
    progress,
    history,
    validations,
    validation,
    fault,
    create(wanted, choice) {
      const of = ++turn;
      batch(() => {
        forget();
        state.value = 'preparing';
        experiment.value = wanted;
      });
      // One after the other, so that the last one wanted is the last one made.
      const made = queue.then(() => make(of, wanted, choice));
      queue = made;
      return made;
    },
    validate,
    async load(bytes, name) {
      const loaded = await started().lab.load(bytes, name);
      // The new run may have said by now how it stands.
      const now = progress.value;
      batch(() => {
        forget();
        if (now?.step === 0) progress.value = now;
        file.value = loaded;
        experiment.value = { ...experiment.value, network: loaded.network };
      });
      await validate();
      return loaded;
    },
    blame,
    close: () => worker?.close(),
  };
}

const textOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message : String(reason);

const later = (wait: number): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), wait));
