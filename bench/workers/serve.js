import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * The worker's side of the conversation that src/worker.ts leads: a line of JSON comes in, a line
 * goes out. What libraries print must not get in between, so the console goes to stderr.
 */

/** @typedef {import('../src/tasks.js').Task | import('../src/tasks.js').RaceTask} Task */
/** @typedef {Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>} TaskArray */
/** @typedef {Readonly<Record<string, { shape: number[], data: TaskArray }>>} Arrays */

/**
 * A task that is ready to run.
 * @typedef {object} Job
 * @property {() => void | Promise<void>} run Does all the work, and keeps the results.
 * @property {() => Record<string, ArrayLike<number>> | Promise<Record<string, ArrayLike<number>>>} outputs
 *   The results of the last run, by name, in PyTorch's layout.
 * @property {() => void} [dispose]
 */

/** What a worker says of itself. @typedef {import('../src/worker.js').Hello} Hello */

/** @param {object} message */
function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** What stands in for a system that does not run here. @param {unknown} reason */
export function unavailable(reason) {
  answer({ unavailable: reason instanceof Error ? reason.message : String(reason) });
}

/**
 * Answers until stdin ends.
 * @param {Hello} hello
 * @param {(task: Task, arrays: Arrays, file: string) => Job | Promise<Job>} prepare
 *   `file`: the path of the task's files, without their endings.
 */
export async function serve(hello, prepare) {
  console.log = console.info = console.warn = console.error;
  answer(hello);
  /** @type {Job | undefined} */
  let job;
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    try {
      if (message.do === 'prepare') {
        job?.dispose?.();
        job = undefined;
        job = await prepare(message.task, readArrays(message.arrays), message.arrays);
        answer({ prepared: true });
      } else if (message.do === 'memory') {
        answer({ bytes: peakMemoryBytes() });
      } else {
        if (!job) throw new Error(`${message.do}: no task is prepared`);
        if (message.do === 'run') answer({ ms: await time(job, message.times) });
        else answer({ outputs: await results(job, message.do === 'digests') });
      }
    } catch (error) {
      answer({ error: error instanceof Error ? error.message : String(error) });
    }
  }
  process.exit(0);
}

/** @param {Job} job @param {number} times @returns {Promise<number[]>} Milliseconds of each run. */
async function time(job, times) {
  const ms = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    const running = job.run();
    if (running) await running;
    ms.push(performance.now() - begin);
  }
  return ms;
}

/** @param {Job} job @param {boolean} asDigests */
async function results(job, asDigests) {
  const outputs = Object.entries(await job.outputs());
  return Object.fromEntries(
    outputs.map(([name, values]) => [name, asDigests ? digest(values) : Array.from(values)]),
  );
}

/**
 * One number for many: Σ wᵢ·xᵢ² with weights from 1 to 2, so that nothing cancels and the order
 * counts. workers/pytorch.py has its twin.
 * @param {ArrayLike<number>} values
 */
function digest(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += (1 + (i % 97) / 97) * Number(values[i]) ** 2;
  }
  return sum;
}

/** The arrays that `src/arrays.ts` wrote. @param {string} file @returns {Arrays} */
export function readArrays(file) {
  const { buffer, byteOffset } = readFileSync(`${file}.bin`);
  /** @type {import('../src/arrays.js').ArrayEntry[]} */
  const entries = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  return Object.fromEntries(
    entries.map(({ name, dtype, shape, offset, length }) => {
      const Type = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array }[dtype];
      const data = new Type(buffer, byteOffset + offset, length);
      return [name, { shape: [...shape], data }];
    }),
  );
}

/** The most memory that the process has held at once, as the system counts it. */
export function peakMemoryBytes() {
  if (process.platform === 'linux') {
    // Unlike getrusage's figure, this one does not start from the parent's.
    const match = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (match) return Number(match[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
