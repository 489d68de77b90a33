import { ArrayFiles } from './arrays.js';
import type { RunningSystem } from './rounds.js';
import { isOurs, type System } from './systems.js';
import {
  convTask,
  gruTask,
  layerNormTask,
  matmulTask,
  netTask,
  transformerTask,
  type Task,
} from './tasks.js';
import { Worker, type Outputs } from './worker.js';

/** Odd shapes: nothing divides by a vector's or a tile's width, and edges are everywhere. */
const PROBLEMS: Readonly<Record<string, readonly Task[]>> = {
  matmul: [matmulTask(1), matmulTask(7, 13), matmulTask(61, 130), matmulTask(130, 301)],
  conv: [
    convTask('1', 3, { inChannels: 3, outChannels: 5, size: 9 }),
    convTask('2', 2, { inChannels: 5, outChannels: 13, size: 11, kernel: 4, padding: 2 }),
    convTask('3', 3, { inChannels: 3, outChannels: 9, size: 15, stride: 2, padding: 1 }),
    convTask('4', 2, { inChannels: 7, size: 13, groups: 7 }),
    convTask('5', 2, { inChannels: 6, outChannels: 9, size: 10, groups: 3, padding: 0 }),
    convTask('6', 3, { inChannels: 17, outChannels: 19, size: 7, kernel: 1 }),
    convTask('7', 2, { inChannels: 3, outChannels: 7, size: 13, kernel: 5, dilation: 2 }),
    convTask('8', 1, { inChannels: 33, outChannels: 35, size: 5 }),
  ],
  'lenet step': [netTask('step', 'lenet', 3)],
  'lenet forward': [netTask('forward', 'lenet', 1), netTask('forward', 'lenet', 3)],
  'lenet-bn step': [netTask('step', 'lenet-bn', 3)],
  'cnn step': [netTask('step', 'cnn', 1)],
  'cnn forward': [netTask('forward', 'cnn', 1)],
  'resnet step': [netTask('step', 'resnet', 3)],
  'layer-norm': [layerNormTask(13, 7), layerNormTask(5, 67)],
  'transformer sequence': [
    transformerTask({ batch: 3, length: 7, width: 10, heads: 2, feedForward: 13, layers: 2 }),
  ],
  'gru sequence': [
    gruTask({ batch: 3, length: 5, width: 7 }),
    gruTask({ batch: 13, length: 2, width: 37 }),
  ],
};

/** The problems that a task's kernels have to solve before it is timed. */
const groupOf = (task: Task) => ('net' in task ? `${task.net} ${task.kind}` : task.kind);

/** The last of them counts: of what is compiled, the first ones only record. */
const RUNS = 5;

/** Largest difference that passes, relative to the largest value of the result. */
const TOLERANCE = 2e-5;

/** Which of our systems have failed on which kind of task, and how. */
export class Parity {
  readonly #wrong = new Map<RunningSystem, Map<string, string>>();

  /** What is wrong with the kernels that `running` does `task` with, if anything. */
  problemOf(running: RunningSystem, task: Task): string | undefined {
    return this.#wrong.get(running)?.get(groupOf(task));
  }

  /** Compares `running` with the reference on the problems behind `tasks`. */
  async check(
    running: RunningSystem,
    reference: RunningSystem,
    tasks: readonly Task[],
  ): Promise<void> {
    const wrong = new Map<string, string>();
    this.#wrong.set(running, wrong);
    for (const group of new Set(tasks.map(groupOf))) {
      for (const problem of PROBLEMS[group] ?? []) {
        // Names repeat with other sizes, so each problem has files of its own.
        using files = new ArrayFiles();
        const arrays = files.write(problem);
        const expected = await solve(reference, problem, arrays);
        const difference = await solve(running, problem, arrays).then(
          (actual) => compare(actual, expected),
          (error: Error) => error.message,
        );
        if (difference) wrong.set(group, `fails parity: ${describe(problem)}: ${difference}`);
      }
    }
  }
}

async function solve({ worker }: RunningSystem, task: Task, arrays: string): Promise<Outputs> {
  // All runs of a step are the same where no weight moves.
  await worker.prepare('lr' in task ? { ...task, lr: 0 } : task, arrays);
  await worker.run(RUNS);
  return worker.outputs();
}

/** What differs, if anything. */
function compare(actual: Outputs, expected: Outputs): string | undefined {
  for (const [name, values] of Object.entries(expected)) {
    const others = actual[name] ?? [];
    if (others.length !== values.length) {
      return `${name} has ${others.length} values instead of ${values.length}`;
    }
    const bound = TOLERANCE * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Written so that a NaN is found too.
    const at = values.findIndex((value, i) => !(Math.abs((others[i] as number) - value) <= bound));
    if (at >= 0) return `${name}[${at}] is ${others[at]} instead of ${values[at]}`;
  }
  return undefined;
}

function describe(task: Task): string {
  if (task.kind === 'matmul') return `matmul ${task.size}×${task.inner}×${task.size}`;
  if (task.kind === 'conv') return `conv2d ${JSON.stringify(task.layer)}`;
  if (task.kind === 'layer-norm') return `layer norm [${task.rows}, ${task.n}]`;
  return `${task.net} ${task.kind} of ${task.batch}`;
}

/** All of ours but the reference itself, compared with it. */
export async function checkParity(
  running: readonly RunningSystem[],
  reference: System,
  tasks: readonly Task[],
): Promise<Parity> {
  const parity = new Parity();
  const candidates = running.filter(
    ({ system }) => isOurs(system) || system.name === 'unfold-before',
  );
  if (candidates.length === 0) return parity;
  const worker = await Worker.start(reference.launch);
  try {
    for (const candidate of candidates) {
      await parity.check(candidate, { system: reference, worker }, tasks);
    }
  } finally {
    worker.stop();
  }
  return parity;
}
