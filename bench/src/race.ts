import { writeFileSync } from 'node:fs';
import { ArrayFiles, parametersOf, uniformSource } from './arrays.js';
import { bestSettings } from './lineup.js';
import type { NamedArray } from './named-array.js';
import { ratio } from './numbers.js';
import { parseRaceOptions } from './options.js';
import { buildPackages, nodeOfMajor } from './prepare.js';
import { allSystems, labelOf, THIS_NODE, type System, type SystemName } from './systems.js';
import { median } from './statistics.js';
import { alignColumns } from './table.js';
import type { RaceTask } from './tasks.js';
import { UnavailableError, Worker } from './worker.js';

/**
 * From the start of the process to 98.5 % on MNIST's test set: the same net, initial weights,
 * batches, learning rate and schedule for all, so that only time differs.
 */

const GOAL = 0.985;
/** Few, so that the learning rate is low when the goal comes near, and chance has little say. */
const EPOCHS = 2;
const BATCH = 64;
/** Those that can train a net in a minute. */
const RACERS: readonly SystemName[] = ['unfold', 'pytorch', 'pytorch-channels-last', 'tfjs-node'];

/** A look at the test set. */
interface Point {
  readonly step: number;
  /** Since the process was started, evaluations included. */
  readonly seconds: number;
  readonly accuracy: number;
}

interface Run {
  readonly seed: number;
  readonly system: System;
  readonly points: readonly Point[];
}

/** The digits, the order of the training images, and the weights to start from. */
async function prepareRace(
  files: ArrayFiles,
  seed: number,
): Promise<{ task: RaceTask; arrays: string }> {
  const { mnist, normalizationOf } = await import('@unfold/train');
  const { train, test } = await mnist();
  const random = uniformSource(seed);
  const stepsPerEpoch = Math.floor(train.length / BATCH);
  const order = new Int32Array(EPOCHS * stepsPerEpoch * BATCH);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const permutation = permute(train.length, random).subarray(0, stepsPerEpoch * BATCH);
    order.set(permutation, epoch * permutation.length);
  }
  const images = (name: string, { images, length }: typeof train): NamedArray => {
    if (!(images instanceof Uint8Array)) throw new Error(`MNIST's ${name} are no bytes`);
    return { name, shape: [length, 1, 28, 28], data: images };
  };
  const {
    mean: [mean = 0],
    std: [std = 1],
  } = normalizationOf(train);
  const arrays = files.writeArrays('race', [
    images('trainImages', train),
    { name: 'trainLabels', shape: [train.length], data: train.labels },
    images('testImages', test),
    { name: 'testLabels', shape: [test.length], data: test.labels },
    { name: 'order', shape: [order.length], data: order },
    ...parametersOf('lenet', random),
  ]);
  const training = { net: 'lenet', batch: BATCH, lr: 0.05, momentum: 0.9 } as const;
  const schedule = { steps: EPOCHS * stepsPerEpoch, stepsPerRun: 100 };
  return { task: { name: 'race', kind: 'race', ...training, ...schedule, mean, std }, arrays };
}

/** 0 … n-1 in random order, after Fisher and Yates. */
function permute(n: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const moved = order[i] as number;
    order[i] = order[j] as number;
    order[j] = moved;
  }
  return order;
}

/** Trains until the goal is reached or the schedule ends. */
async function race(system: System, task: RaceTask, arrays: string): Promise<Omit<Run, 'seed'>> {
  const begin = performance.now();
  const worker = await Worker.start(system.launch);
  try {
    await worker.prepare(task, arrays);
    const points: Point[] = [];
    for (let step = task.stepsPerRun; step <= task.steps; step += task.stepsPerRun) {
      await worker.run(1);
      const { accuracy: [accuracy = NaN] = [] } = await worker.outputs();
      points.push({ step, seconds: (performance.now() - begin) / 1000, accuracy });
      if (accuracy >= GOAL) break;
    }
    return { system, points };
  } finally {
    worker.stop();
  }
}

/** All curves side by side, a line for each look at the test set. */
function describeCurves(runs: readonly Run[]): string {
  const header = ['step', ...runs.map(({ system }) => labelOf(system))];
  const longest = Math.max(...runs.map(({ points }) => points.length));
  const rows = Array.from({ length: longest }, (_, i) => {
    const cells = runs.map(({ points }) => {
      const point = points[i];
      return point ? `${point.seconds.toFixed(2)} s  ${(100 * point.accuracy).toFixed(2)} %` : '';
    });
    return [String(runs.find(({ points }) => points[i])?.points[i]?.step ?? ''), ...cells];
  });
  return alignColumns([header, ...rows]);
}

/** Seconds to the goal, if it was reached. */
function timeOf({ points }: Run): number | undefined {
  const last = points.at(-1);
  return last && last.accuracy >= GOAL ? last.seconds : undefined;
}

async function main(): Promise<void> {
  const options = parseRaceOptions(process.argv.slice(2));
  buildPackages();
  const node = options.node === undefined ? THIS_NODE : nodeOfMajor(options.node);
  console.log(`lenet on MNIST to ${100 * GOAL} %; Unfold on Node ${node.version}`);
  const absent = new Set<System>();
  const systems = bestSettings(
    allSystems(node, [options.threads], true).filter(({ name }) =>
      RACERS.some((racer) => racer === name),
    ),
  );
  const runs: Run[] = [];
  for (let seed = 1; seed <= options.races; seed++) {
    using files = new ArrayFiles();
    const { task, arrays } = await prepareRace(files, seed);
    const ofThisSeed: Run[] = [];
    for (const system of systems.filter((candidate) => !absent.has(candidate))) {
      try {
        ofThisSeed.push({ seed, ...(await race(system, task, arrays)) });
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        console.log(`${labelOf(system)}: not here: ${error.message}`);
        absent.add(system);
      }
    }
    console.log(`\nseed ${seed}\n${describeCurves(ofThisSeed)}`);
    runs.push(...ofThisSeed);
  }
  console.log(`\n${describeResult(runs)}`);
  if (options.json !== undefined) {
    const curves = runs.map(({ system: { name, threads, simd }, seed, points }) => ({
      ...{ system: name, threads, simd, seed, points },
    }));
    writeFileSync(options.json, `${JSON.stringify({ node: node.version, curves }, null, 2)}\n`);
  }
}

/** The median over the seeds; a run that did not reach the goal counts as endless. */
function describeResult(runs: readonly Run[]): string {
  const systems = [...new Set(runs.map(({ system }) => system))];
  const seconds = new Map(
    systems.map((system) => {
      const own = runs.filter((run) => run.system === system);
      return [system, median(own.map((run) => timeOf(run) ?? Infinity))];
    }),
  );
  const ours = systems.find(({ name }) => name === 'unfold');
  const ourSeconds = (ours && seconds.get(ours)) ?? NaN;
  return systems
    .map((system) => {
      const own = seconds.get(system) ?? NaN;
      const times = system === ours ? '' : `, ${ratio(own / ourSeconds)} times ours`;
      return `${labelOf(system)}: median ${own.toFixed(2)} s${times}`;
    })
    .join('\n');
}

await main();
