import type * as WorkerThreads from 'node:worker_threads';

/*
 * What the engine asks of its surroundings. Node's modules are taken by name at run time, so that
 * a bundle for a page needs no stand-in for them; without them there is one thread.
 */

/** What starts threads here, if anything does. */
export function workerThreads(): typeof WorkerThreads | undefined {
  if (typeof process === 'undefined') return undefined;
  return process.getBuiltinModule?.('node:worker_threads');
}

/** Processor cores that this process may use. */
export function availableCores(): number {
  if (typeof process !== 'undefined') {
    return process.getBuiltinModule?.('node:os').availableParallelism() ?? 1;
  }
  return typeof navigator === 'undefined' ? 1 : navigator.hardwareConcurrency;
}

/** Whether memory can be handed to other threads: always in Node, in a page if it is isolated. */
export function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  return typeof crossOriginIsolated === 'undefined' || crossOriginIsolated;
}

/** A variable of the environment; undefined if it is not set, or empty, or there is none. */
export function environment(name: string): string | undefined {
  return (typeof process === 'undefined' ? undefined : process.env[name]) || undefined;
}

let joining = false;

/** Notes that this process was told to join 128-bit vectors to 256-bit ones. */
export function noteJoining(): void {
  joining = true;
}

/** Whether V8 knows how to, and is no older than the first that gains by it. */
export function canJoinVectors(): boolean {
  if (typeof process === 'undefined' || process.arch !== 'x64') return false;
  const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number);
  return major > 13 || (major === 13 && minor >= 6);
}

/** Whether it was told to as well, by a program or on Node's command line. */
export function vectorsMayJoin(): boolean {
  if (!canJoinVectors()) return false;
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
  return joining || given.some((option) => option.includes('wasm-revectorize'));
}
