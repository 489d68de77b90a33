import { ArrayFiles } from './arrays.js';
import { AgainstError, withBefore, type Before } from './before.js';
import { describeFootprints, measureFootprints, type Footprint } from './footprint.js';
import { describeGoals } from './goals.js';
import { bestSettings, startAll } from './lineup.js';
import { resultOf, type TaskResult } from './measurements.js';
import { parseOptions, type BenchOptions } from './options.js';
import { checkParity, type Parity } from './parity.js';
import { buildPackages, nodeOfMajor } from './prepare.js';
import { writeReport } from './report.js';
import { QUICK, THOROUGH, timeTask, type RunningSystem } from './rounds.js';
import {
  allPeaks,
  allSystems,
  isPeak,
  THIS_NODE,
  unfoldReference,
  type NodeBinary,
  type System,
} from './systems.js';
import { describeTask } from './table.js';
import type { Task } from './tasks.js';

/** Times one task on all systems whose kernels are right. */
async function measure(
  task: Task,
  running: readonly RunningSystem[],
  parity: Parity,
  isQuick: boolean,
): Promise<TaskResult> {
  const refusals = running.flatMap((entry) => {
    const reason = parity.problemOf(entry, task);
    return reason === undefined ? [] : [{ system: entry.system, reason }];
  });
  const admitted = running.filter((entry) => parity.problemOf(entry, task) === undefined);
  using files = new ArrayFiles();
  const effort = isQuick ? QUICK : THOROUGH;
  const { timings, failures } = await timeTask(task, files.write(task), admitted, effort);
  return resultOf(
    task,
    { timings, failures: [...refusals, ...failures] },
    (system) => running.find((entry) => entry.system === system)?.worker.hello.flopsPerRun,
  );
}

interface Timed {
  readonly results: readonly TaskResult[];
  /** The systems that are here. */
  readonly systems: readonly System[];
}

async function timeTasks(
  node: NodeBinary,
  options: BenchOptions,
  before: Before | undefined,
): Promise<Timed> {
  const { only, threads, quick } = options;
  const wanted = allSystems(node, threads, quick, before?.workers).filter(
    ({ name }) => name === 'unfold-before' || options.systems.some((system) => system === name),
  );
  const running = await startAll([...allPeaks(node, threads), ...wanted]);
  try {
    if (before && !running.some(({ system }) => system.name === 'unfold-before')) {
      throw new AgainstError(
        `bench --against: expected a commit that today's worker can run, got ${before.commit}, ` +
          'which lacks something that it needs (above, behind unfold-before); name a later commit',
      );
    }
    const parity = await checkParity(running, unfoldReference(node), only);
    console.log('');
    const results: TaskResult[] = [];
    for (const task of only) {
      const result = await measure(task, running, parity, quick);
      console.log(describeTask(result));
      results.push(result);
    }
    return { results, systems: running.map(({ system }) => system) };
  } finally {
    for (const { worker } of running) worker.stop();
  }
}

async function bench(options: BenchOptions, before?: Before): Promise<void> {
  const node = options.node === undefined ? THIS_NODE : nodeOfMajor(options.node);
  console.log(`Unfold runs on Node ${node.version}, the other JavaScript on ${process.version}`);
  if (before) console.log(`unfold-before is ${before.commit}`);
  const { results, systems } = await timeTasks(node, options, before);
  let footprints: Footprint[] = [];
  if (options.footprint && !options.quick) {
    const candidates = systems.filter((system) => !isPeak(system));
    footprints = await measureFootprints(bestSettings(candidates));
    console.log(`${describeFootprints(footprints)}\n`);
  }
  console.log(describeGoals(results, footprints));
  if (options.json !== undefined) {
    const against = before ? { against: before.commit } : {};
    writeReport(options.json, { node, ...against, results, footprints });
  }
}

const options = parseOptions(process.argv.slice(2));
buildPackages();
try {
  const { against } = options;
  await (against === undefined
    ? bench(options)
    : withBefore(against, (before) => bench(options, before)));
} catch (error) {
  if (!(error instanceof AgainstError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
