import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { SYSTEM_NAMES, type SystemName } from './systems.js';
import { TASKS, type Task } from './tasks.js';

export interface BenchOptions {
  readonly only: readonly Task[];
  readonly systems: readonly SystemName[];
  /** Numbers of threads, for the systems that know them. */
  readonly threads: readonly number[];
  readonly quick: boolean;
  /** The major version of Node that runs us; without it, the one that runs the benchmark. */
  readonly node?: number;
  /** A commit whose build is timed beside the working tree's. */
  readonly against?: string;
  /** Whether starts and memory are measured too. */
  readonly footprint: boolean;
  /** An absolute path. */
  readonly json?: string;
}

const words = (text: string) => text.split(',').map((word) => word.trim());

function systemNames(text: string): SystemName[] {
  return words(text).map((word) => {
    const name = SYSTEM_NAMES.find((known) => known === word);
    if (!name) throw new InvalidArgumentError(`Expected some of ${SYSTEM_NAMES.join(', ')}.`);
    return name;
  });
}

function tasks(text: string): Task[] {
  const names = words(text);
  const unknown = names.find((word) => !TASKS.some(({ name }) => name.startsWith(word)));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      `'${unknown}' begins none of ${TASKS.map(({ name }) => name).join(', ')}.`,
    );
  }
  // A task's whole name means that task alone: `lenet-step` is not `lenet-step-8`.
  const isMeant = (name: string) => (word: string) =>
    TASKS.some((task) => task.name === word) ? name === word : name.startsWith(word);
  return TASKS.filter(({ name }) => names.some(isMeant(name)));
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('Expected a whole number from 1.');
  }
  return value;
}

const counts = (text: string) => words(text).map(count);

/** As many threads as the bars ask for, where the machine has so many cores. */
const defaultThreads = () => [1, 2].filter((count) => count <= availableParallelism());

/** A path as seen from where npm was called. */
function file(text: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', text);
}

function nodeMajor(text: string): number {
  const major = Number(text);
  if (!NODES.includes(major))
    throw new InvalidArgumentError(`Expected one of ${NODES.join(', ')}.`);
  return major;
}

const NODES = [20, 22, 24, 26];

function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--node <major>', 'run Unfold on this Node, got from npm', nodeMajor)
    .option('--json <file>', 'write the results there', file)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists the options)');
}

/** Parses the arguments; prints help, or what is wrong, and ends the process then. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const program = command('bench', 'Times Unfold and what else trains networks here, in turns.')
    .addOption(
      new Option('--only <tasks>', 'tasks, or beginnings of their names: lenet,cnn-step,matmul')
        .argParser(tasks)
        .default(TASKS, 'all'),
    )
    .addOption(
      new Option('--systems <names>', `systems to measure: ${SYSTEM_NAMES.join(',')}`)
        .argParser(systemNames)
        .default(SYSTEM_NAMES, 'all'),
    )
    .option(
      '--threads <counts>',
      'numbers of threads, for the systems that know them',
      counts,
      defaultThreads(),
    )
    .option('--against <ref>', 'time that commit, too, as unfold-before')
    .option('--quick', 'few rounds, no slow systems, no start-up times and memory', false)
    .option('--no-footprint', 'without start-up times and memory');
  const options = program.parse(args, { from: 'user' }).opts<BenchOptions>();
  if (options.against !== undefined && !options.systems.includes('unfold')) {
    program.error(
      `--against: expected unfold among --systems, got ${options.systems.join(',')}; a commit is ` +
        'compared with unfold as it is now',
    );
  }
  return options;
}

export interface RaceOptions {
  readonly threads: number;
  /** Each from other weights, with the images in another order. */
  readonly races: number;
  readonly node?: number;
  /** An absolute path. */
  readonly json?: string;
}

/** As `parseOptions`. */
export function parseRaceOptions(args: readonly string[]): RaceOptions {
  return command('race', 'Trains lenet on MNIST to 98.5 %: Unfold, PyTorch and tfjs-node.')
    .option('--races <count>', 'how often, each with another seed', count, 3)
    .option('--threads <count>', 'threads of each', count, Math.max(...defaultThreads()))
    .parse(args, { from: 'user' })
    .opts<RaceOptions>();
}
