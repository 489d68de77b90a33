import { isPeak, type System } from './systems.js';
import type { Digests, Worker } from './worker.js';
import type { Task } from './tasks.js';

/** A system whose process runs. */
export interface RunningSystem {
  readonly system: System;
  readonly worker: Worker;
}

/** How much time a measurement may take. */
export interface Effort {
  readonly rounds: number;
  /** Of one system in one round, milliseconds. */
  readonly turnMs: number;
  /** Before the first round, so that code is compiled and caches are warm. */
  readonly warmMs: number;
  /** Of one system in all rounds of one task: the slow ones get fewer runs. */
  readonly budgetMs: number;
}

export const THOROUGH: Effort = { rounds: 6, turnMs: 250, warmMs: 1000, budgetMs: 8_000 };
export const QUICK: Effort = { rounds: 3, turnMs: 60, warmMs: 160, budgetMs: 2_000 };
/** The register peak varies little, so it gets this share of a turn. */
const PEAK_SHARE = 0.1;

/** The runs of one system on one task, in milliseconds. */
export interface Timing {
  readonly system: System;
  readonly samples: readonly number[];
  /** The results of the first run. */
  readonly digests: Digests;
}

/** A system that could not do the task. */
export interface Failure {
  readonly system: System;
  readonly reason: string;
}

export interface TaskTimings {
  readonly timings: readonly Timing[];
  readonly failures: readonly Failure[];
}

interface Entrant extends RunningSystem {
  readonly digests: Digests;
  readonly samples: number[];
  spentMs: number;
  /** Milliseconds that a run is expected to take. */
  typicalMs: number;
}

/**
 * Times a task on all systems in turn, round after round, so that what else the machine does falls
 * on all alike.
 */
export async function timeTask(
  task: Task,
  arrays: string,
  systems: readonly RunningSystem[],
  effort: Effort,
): Promise<TaskTimings> {
  const entrants: Entrant[] = [];
  const failures: Failure[] = [];
  for (const running of systems) {
    try {
      entrants.push(await enter(running, task, arrays, effortFor(running.system, effort)));
    } catch (error) {
      failures.push({ system: running.system, reason: String((error as Error).message) });
    }
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const entrant of entrants) await turn(entrant, effortFor(entrant.system, effort));
  }
  return { timings: entrants, failures };
}

function effortFor(system: System, effort: Effort): Effort {
  if (!isPeak(system)) return effort;
  const { turnMs, warmMs } = effort;
  return { ...effort, turnMs: PEAK_SHARE * turnMs, warmMs: PEAK_SHARE * warmMs };
}

/** The first run, whose results are looked at; then some more to warm up. */
async function enter(
  { system, worker }: RunningSystem,
  task: Task,
  arrays: string,
  { warmMs, budgetMs }: Effort,
): Promise<Entrant> {
  await worker.prepare(task, arrays);
  const [firstMs = NaN] = await worker.run(1);
  const digests = await worker.digests();
  const entrant = { system, worker, digests, samples: [], spentMs: firstMs, typicalMs: firstMs };
  // Too slow for a second run: the first has to do.
  if (firstMs > budgetMs / 2) return { ...entrant, samples: [firstMs] };
  for (let warmedMs = firstMs; warmedMs < warmMs;) {
    const times = Math.max(1, Math.min(100, Math.floor(warmMs / 4 / entrant.typicalMs)));
    const runs = await worker.run(times);
    entrant.typicalMs = Math.max(1e-3, Math.min(...runs));
    warmedMs += runs.reduce((sum, ms) => sum + ms, 0);
  }
  return entrant;
}

async function turn(entrant: Entrant, { rounds, turnMs, budgetMs }: Effort): Promise<void> {
  const { worker, samples } = entrant;
  if (entrant.spentMs + entrant.typicalMs > budgetMs) return;
  const times = Math.max(1, Math.min(1000, Math.round(turnMs / entrant.typicalMs)));
  // The first run of a turn finds the caches full of the others' data: where there is time, it is
  // not counted.
  const spare = entrant.typicalMs < budgetMs / (2 * rounds) ? 1 : 0;
  const runs = await worker.run(times + spare);
  samples.push(...runs.slice(spare));
  entrant.spentMs += runs.reduce((sum, ms) => sum + ms, 0);
}
