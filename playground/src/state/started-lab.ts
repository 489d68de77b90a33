import { proxy, type Remote, wrap } from 'comlink';
import type { Lab, Progress } from '../lab/protocol.js';
import { TRAIN_TEXTS } from '../texts/train.js';

/** A worker, and what is known of it. */
export interface StartedLab {
  readonly lab: Remote<Lab>;
  /** Whether it failed, or was closed. */
  isDead(): boolean;
  /** Settles when it answers, with true; never where it doesn't start. */
  readonly greeted: Promise<true>;
  /** What was asked of it, or a rejection if it dies before it answers. */
  answer<T>(asked: Promise<T>): Promise<T>;
  /** Hands over the digits, the first time, and has reports sent. */
  prepare(digits: Parameters<Lab['setDigits']>[0], hear: (report: Progress) => void): Promise<void>;
  close(): void;
}

/** @param fail Hears why it didn't start, or ended. */
export function startLab(fail: (reason: string) => void): StartedLab {
  let isDead = false;
  let hasDigits = false;
  // What is asked of a worker that doesn't start is never answered: who waits hears of it here.
  let die: (reason: string) => void = () => {};
  const death = new Promise<never>((_, reject) => {
    die = (reason) => {
      isDead = true;
      fail(reason);
      reject(new Error(reason));
    };
  });
  death.catch(() => undefined);
  const worker = startWorker(die);
  // Where there is no worker, nobody listens.
  const lab = wrap<Lab>(worker ?? new MessageChannel().port1);
  const greeted = lab.greet().then(() => true as const);
  const answer = <T>(asked: Promise<T>): Promise<T> => Promise.race([asked, death]);
  return {
    lab,
    isDead: () => isDead,
    greeted,
    answer,
    async prepare(digits, hear) {
      if (!hasDigits) await answer(lab.setDigits(digits));
      hasDigits = true;
      await lab.watch(proxy(hear));
    },
    close() {
      isDead = true;
      worker?.terminate();
    },
  };
}

/** A worker; null where the browser, or a setting or an extension of it, has none. */
function startWorker(die: (reason: string) => void): Worker | null {
  try {
    const worker = new Worker(new URL('../lab/worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('error', (event) => die(event.message || TRAIN_TEXTS.noWorker));
    return worker;
  } catch {
    // Whoever is to hear of it is not there yet.
    queueMicrotask(() => die(TRAIN_TEXTS.noWorker));
    return null;
  }
}
