import type { EngineOptions } from '@unfold/core';
import { decoded, refusals } from './files.js';
import { train, type Report } from './train.js';

declare global {
  interface Window {
    train(options: EngineOptions | null): Promise<Report>;
    trainInWorker(options: EngineOptions | null): Promise<Report>;
    refusals(): Promise<Record<string, string>>;
    decoded(png: readonly number[]): Record<string, number[]>;
  }
}

window.train = train;
window.refusals = refusals;
window.decoded = decoded;

window.trainInWorker = (options) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Report>) => resolve(data));
    worker.addEventListener('error', ({ message }) => reject(new Error(message)));
    // A worker has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    worker.postMessage(options);
  });
