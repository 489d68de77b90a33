import { ArrayFiles } from './arrays.js';
import { milliseconds } from './numbers.js';
import { median } from './statistics.js';
import { isSlow, labelOf, type System } from './systems.js';
import { alignColumns } from './table.js';
import { netTask, type NetTask } from './tasks.js';
import { Worker } from './worker.js';

/** What a system costs before and beside its speed. */
export interface Footprint {
  readonly system: System;
  /** From the start of the process to the end of the first `lenet` step. */
  readonly startMs: number;
  /** The most memory that the process held during 50 `cnn` steps; null if those take too long. */
  readonly peakBytes: number | null;
}

const FIRST_STEP = netTask('step', 'lenet', 64);
const MEMORY_STEP = netTask('step', 'cnn', 64);
const MEMORY_STEPS = 50;
/** Starts of each system, of which the median counts; the slow ones are started once. */
const STARTS = 5;

/** Each system in fresh processes, one at a time. Those that cannot train are left out. */
export async function measureFootprints(systems: readonly System[]): Promise<Footprint[]> {
  using files = new ArrayFiles();
  const arrays = { first: files.write(FIRST_STEP), memory: files.write(MEMORY_STEP) };
  const starts = new Map<System, number[]>(systems.map((system) => [system, []]));
  for (let i = 0; i < STARTS; i++) {
    for (const [system, samples] of starts) {
      if (isSlow(system) && samples.length > 0) continue;
      const ms = await startMs(system, arrays.first);
      if (ms === undefined) starts.delete(system);
      else samples.push(ms);
    }
  }
  const footprints: Footprint[] = [];
  for (const [system, samples] of starts) {
    const peakBytes = isSlow(system) ? null : await peakBytesOf(system, arrays.memory);
    footprints.push({ system, startMs: median(samples), peakBytes });
  }
  return footprints;
}

/** Runs `body` with the task prepared in a new process; undefined if the system cannot do it. */
async function inFreshProcess<T>(
  { launch }: System,
  task: NetTask,
  arrays: string,
  body: (worker: Worker) => Promise<T>,
): Promise<T | undefined> {
  let worker: Worker | undefined;
  try {
    worker = await Worker.start(launch);
    await worker.prepare(task, arrays);
    return await body(worker);
  } catch {
    return undefined;
  } finally {
    worker?.stop();
  }
}

async function startMs(system: System, arrays: string): Promise<number | undefined> {
  const begin = performance.now();
  return inFreshProcess(system, FIRST_STEP, arrays, async (worker) => {
    await worker.run(1);
    return performance.now() - begin;
  });
}

async function peakBytesOf(system: System, arrays: string): Promise<number | null> {
  const bytes = await inFreshProcess(system, MEMORY_STEP, arrays, async (worker) => {
    await worker.run(MEMORY_STEPS);
    return worker.peakMemoryBytes();
  });
  return bytes ?? null;
}

/** The table, for people. */
export function describeFootprints(footprints: readonly Footprint[]): string {
  const rows = footprints.map(({ system, startMs, peakBytes }) => [
    `  ${labelOf(system)}`,
    milliseconds(startMs),
    peakBytes === null ? 'too slow' : (peakBytes / 2 ** 20).toFixed(0),
  ]);
  return alignColumns([['', 'start to first step, ms', 'peak of 50 cnn steps, MiB'], ...rows]);
}
