import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { serve } from './serve.js';
import type { Platform, Thread, WorkerSetup } from './platform.js';

let joining = false;

/** Notes that this process was told to join 128-bit vectors to 256-bit ones. */
export function noteJoining(): void {
  joining = true;
}

/** Whether V8 knows how to, and is no older than the first that gains by it. */
export function canJoinVectors(): boolean {
  if (process.arch !== 'x64') return false;
  const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number);
  return major > 13 || (major === 13 && minor >= 6);
}

export const platform: Platform = {
  availableCores: availableParallelism,
  sharingNeeds: () => null,
  maySleep: () => true,
  servesPage: () => false,
  environment: (name) => process.env[name] || undefined,
  // By a program, or on Node's command line.
  vectorsMayJoin() {
    if (!canJoinVectors()) return false;
    const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
    return joining || given.some((option) => option.includes('wasm-revectorize'));
  },
  warn: (message) => process.emitWarning(message, 'UnfoldWarning'),
  startThread,
};

/** The worker's script; undefined in a bundle, which lacks it and may not even know where it lies. */
function workerFile(): URL | undefined {
  try {
    const file = new URL('./worker.node.js', import.meta.url);
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The same as worker.node.js does, for bundles. */
const WORKER_TEXT = `
  const { parentPort, workerData } = require('node:worker_threads');
  (${serve})(workerData, () => parentPort.postMessage('ready'));
`;

function startThread(
  setup: WorkerSetup,
  onEnd: (reason: string) => void,
  entry = workerFile(),
): Thread {
  const options = {
    workerData: setup,
    name: 'unfold',
    // Loaders and inspectors of the main thread are none of a worker's business.
    execArgv: [],
    // A thread has a page of JavaScript, and V8 would reserve 128 MB for its code: where address
    // space is scarce (ulimit -v), it ends the process if it can't.
    resourceLimits: { codeRangeSizeMb: 16 },
  };
  const worker = entry
    ? new Worker(entry, options)
    : new Worker(WORKER_TEXT, { ...options, eval: true });
  const started = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a thread ended at once')));
  });
  worker.on('error', (error) => onEnd(String(error)));
  worker.on('exit', (code) => onEnd(`exit code ${code}`));
  return {
    started,
    left: new Promise((resolve) => worker.once('exit', () => resolve())),
    keepProcess: (keep) => (keep ? worker.ref() : worker.unref()),
    terminate: () => worker.terminate(),
  };
}
