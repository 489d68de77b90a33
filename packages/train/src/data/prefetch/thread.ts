import type { Answer, Order, Setup } from './messages.js';

/*
 * `#prefetch-thread` is thread.node.ts or, in a bundle for browsers, thread.browser.ts: the package's
 * `imports` choose.
 */

/** What the one who started a thread hears of it. */
export interface Listener {
  onAnswer(answer: Answer): void;
  /** It ended, or never began. */
  onEnd(reason: string): void;
}

/** A worker that makes batches, seen from the one that started it. It never keeps the process from ending. */
export interface PrefetchThread {
  /** @param transfer The memory that goes over with the message, and is gone here. */
  send(message: Setup | Order, transfer: ArrayBuffer[]): void;
  /** Ends it, wherever it is. */
  terminate(): void;
}

/** @throws Whatever the system says if there can't be one. */
export type StartThread = (listener: Listener) => PrefetchThread;
