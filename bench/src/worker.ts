import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Launch } from './systems.js';
import type { RaceTask, Task } from './tasks.js';

/** A worker's first line. */
export interface Hello {
  /** Which version, with which engine: a line for people. */
  readonly version: string;
  /** The multiplications and additions of one run, where the task doesn't say. */
  readonly flopsPerRun?: number;
}

interface Reply {
  readonly error?: string;
  readonly prepared?: boolean;
  readonly ms?: readonly number[];
  readonly outputs?: Outputs | Digests;
  readonly bytes?: number;
}

export type Outputs = Readonly<Record<string, readonly number[]>>;
export type Digests = Readonly<Record<string, number>>;

/** No single answer takes longer, except one that never comes. */
const PATIENCE_MS = 15 * 60_000;

/** The system does not run on this machine. */
export class UnavailableError extends Error {
  override name = 'UnavailableError';
}

/** A system in a process of its own, which answers one line of JSON for each that it is sent. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';
  #hello: Hello = { version: '' };

  private constructor({ file, args, env }: Launch) {
    this.#child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error(`${file}: no pipes to the process`);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    // A worker that died is found by the line that does not come.
    this.#child.stdin?.on('error', () => {});
  }

  /** @throws UnavailableError, with the reason, if the system does not run here. */
  static async start(launch: Launch): Promise<Worker> {
    const worker = new Worker(launch);
    const failed = new Promise<never>((_, reject) => worker.#child.once('error', reject));
    try {
      const hello = await Promise.race([worker.#read<Hello & { unavailable?: string }>(), failed]);
      if (hello.unavailable !== undefined) throw new Error(hello.unavailable);
      worker.#hello = hello;
      return worker;
    } catch (error) {
      worker.stop();
      const reason = error instanceof Error ? error.message : String(error);
      throw new UnavailableError(firstLine(reason), { cause: error });
    }
  }

  get hello(): Hello {
    return this.#hello;
  }

  /** @throws Error if the system has no way to do the task. */
  async prepare(task: Task | RaceTask, arrays: string): Promise<void> {
    await this.#ask({ do: 'prepare', task, arrays });
  }

  /** Milliseconds of each of `times` runs of the prepared task. */
  async run(times: number): Promise<readonly number[]> {
    const { ms } = await this.#ask({ do: 'run', times });
    return ms ?? [];
  }

  /** All results of the last run. */
  async outputs(): Promise<Outputs> {
    return (await this.#ask({ do: 'outputs' })).outputs as Outputs;
  }

  /** A number for each result of the last run. */
  async digests(): Promise<Digests> {
    return (await this.#ask({ do: 'digests' })).outputs as Digests;
  }

  /** The most memory that the process has held at once. */
  async peakMemoryBytes(): Promise<number> {
    return (await this.#ask({ do: 'memory' })).bytes ?? NaN;
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  async #ask(message: object): Promise<Reply> {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
    const reply = await this.#read<Reply>();
    if (reply.error !== undefined) throw new Error(firstLine(reply.error));
    return reply;
  }

  async #read<T>(): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) throw new Error(lastLine(this.#stderr) || 'the process ended without a word');
      return JSON.parse(value) as T;
    } finally {
      clearTimeout(timer);
    }
  }
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';
