import type { RunningSystem } from './rounds.js';
import { labelOf, type System } from './systems.js';
import { UnavailableError, Worker } from './worker.js';

/** Starts a process for each system; says which are there, and why others are not. */
export async function startAll(systems: readonly System[]): Promise<RunningSystem[]> {
  const running: RunningSystem[] = [];
  const absences = new Set<string>();
  for (const system of systems) {
    try {
      const worker = await Worker.start(system.launch);
      running.push({ system, worker });
      console.log(`${labelOf(system)}: ${worker.hello.version}`);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      // A peer that isn't installed is absent in all of its settings: one line says so.
      const who = system.simd === null ? system.name : labelOf(system);
      const absence = `${who}: not here: ${error.message}`;
      if (!absences.has(absence)) console.log(absence);
      absences.add(absence);
    }
  }
  return running;
}

/** Of each system the setting that it is at its best in: most threads, then widest vectors. */
export function bestSettings(systems: readonly System[]): System[] {
  const best = new Map<System['name'], System>();
  for (const system of systems) {
    const known = best.get(system.name);
    if (!known || rank(system) > rank(known)) best.set(system.name, system);
  }
  return [...best.values()];
}

const rank = ({ threads, simd }: System) => 1000 * threads + (simd ?? 0);
