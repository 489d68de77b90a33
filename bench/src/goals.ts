import type { Footprint } from './footprint.js';
import type { Measurement, TaskResult } from './measurements.js';
import { percent, ratio } from './numbers.js';
import { pairsOf, widest } from './ratios.js';
import { geometricMean } from './statistics.js';
import type { SystemName } from './systems.js';
import { alignColumns } from './table.js';
import { TASKS } from './tasks.js';

/** What Unfold is meant to reach, and what it reached. */
interface Goal {
  readonly what: string;
  /** undefined where one of the sides was not measured. */
  readonly reached: Reached | undefined;
  readonly atLeast: number;
}

/** A quotient of times, or a share. */
interface Reached {
  readonly value: number;
  /** Whether it is that of the shortest runs, since a median of runs that vary much means little. */
  readonly isByMin: boolean;
}

/** On both sides, where a goal does not say otherwise. */
const THREADS = 2;

/** Runs whose `spread` is below vary little enough for their median to count. */
const STEADY = 0.2;

const PYTORCH: readonly SystemName[] = ['pytorch'];
/** In both layouts: the faster of them counts. */
const FASTER_PYTORCH: readonly SystemName[] = ['pytorch', 'pytorch-channels-last'];

const FORWARD_TASKS = TASKS.filter(({ kind }) => kind === 'forward').map(({ name }) => name);
const CONV_TASKS = TASKS.filter(({ kind }) => kind === 'conv').map(({ name }) => name);

/** The fastest of `peers` ÷ that of `ours`: by medians, if all peers and the fastest of ours are steady. */
function quotientOf(peers: readonly Measurement[], ours: readonly Measurement[]): Reached {
  const fastest = (measurements: readonly Measurement[], ms: 'medianMs' | 'minMs') =>
    measurements.reduce((best, other) => (other[ms] < best[ms] ? other : best));
  const isByMin = ![...peers, fastest(ours, 'medianMs')].every(({ spread }) => spread < STEADY);
  const ms = isByMin ? 'minMs' : 'medianMs';
  return { value: fastest(peers, ms)[ms] / fastest(ours, ms)[ms], isByMin };
}

/** What was measured, by name. */
class Findings {
  readonly #results: readonly TaskResult[];
  readonly #footprints: readonly Footprint[];

  constructor(results: readonly TaskResult[], footprints: readonly Footprint[]) {
    this.#results = results;
    this.#footprints = footprints;
  }

  /** Whether our vectors have 256 bits in this run; the goals are others then. */
  get isWide(): boolean {
    return this.#results.some(({ measurements }) =>
      measurements.some(({ system }) => system.simd === 256),
    );
  }

  /** How many times longer the fastest of the peers takes, all of which must have been measured. */
  times(task: string, peers: readonly SystemName[], threads = THREADS): Reached | undefined {
    const result = this.#results.find((candidate) => candidate.task.name === task);
    const pairs = (result ? pairsOf(result) : []).filter(
      ({ ours, peer: { system } }) =>
        ours.system.threads === threads && peers.some((name) => name === system.name),
    );
    const found = new Set(pairs.map(({ peer }) => peer));
    if (pairs.length === 0 || found.size < peers.length) return undefined;
    return quotientOf([...found], [...new Set(pairs.map(({ ours }) => ours))]);
  }

  /** The same of the task where it is least. */
  leastTimes(tasks: readonly string[], peers: readonly SystemName[]): Reached | undefined {
    const times = this.#timesOfAll(tasks, peers);
    return times?.reduce((least, other) => (other.value < least.value ? other : least));
  }

  /** The geometric mean of the same over all tasks. */
  meanTimes(tasks: readonly string[], peers: readonly SystemName[]): Reached | undefined {
    const times = this.#timesOfAll(tasks, peers);
    if (!times) return undefined;
    const isByMin = times.some((reached) => reached.isByMin);
    return { value: geometricMean(times.map(({ value }) => value)), isByMin };
  }

  /** undefined unless each was measured. */
  #timesOfAll(tasks: readonly string[], peers: readonly SystemName[]): Reached[] | undefined {
    const times = tasks.flatMap((task) => this.times(task, peers) ?? []);
    return times.length === tasks.length ? times : undefined;
  }

  /** How many times longer we take on one thread. */
  speedUp(task: string): Reached | undefined {
    const [one, more] = [this.#ours(task, 1), this.#ours(task, THREADS)];
    return one.length > 0 && more.length > 0 ? quotientOf(one, more) : undefined;
  }

  /** Our share of what multiply-adds in registers reach. */
  peakShare(task: string, threads = THREADS): Reached | undefined {
    const shares = this.#ours(task, threads).flatMap(({ peakShare, spread, medianMs, minMs }) => {
      if (peakShare === null) return [];
      const isByMin = !(spread < STEADY);
      return [{ value: isByMin ? (peakShare * medianMs) / minMs : peakShare, isByMin }];
    });
    return shares.sort((a, b) => b.value - a.value)[0];
  }

  /** Ours, with the widest vectors that there are. */
  #ours(task: string, threads: number): Measurement[] {
    const result = this.#results.find((candidate) => candidate.task.name === task);
    return widest(result?.measurements ?? []).filter(({ system }) => system.threads === threads);
  }

  /** The peer's divided by ours. */
  footprintTimes(peer: SystemName, measure: 'startMs' | 'peakBytes'): Reached | undefined {
    const [theirs, ours] = [peer, 'unfold'].map(
      (name) => this.#footprints.find(({ system }) => system.name === name)?.[measure],
    );
    return theirs && ours ? { value: theirs / ours, isByMin: false } : undefined;
  }
}

/** `cnn-step, the faster of pytorch and pytorch-channels-last ÷ Unfold` */
function beside(what: string, peers: readonly SystemName[]): string {
  const who = peers.length > 1 ? `the faster of ${peers.join(' and ')}` : peers.join();
  return `${what}, ${who} ÷ Unfold`;
}

function timesGoal(
  found: Findings,
  task: string,
  peers: readonly SystemName[],
  atLeast: number,
): Goal {
  return { what: beside(task, peers), reached: found.times(task, peers), atLeast };
}

function layersGoal(found: Findings, peers: readonly SystemName[], atLeast: number): Goal {
  const what = beside('convolution layers, geometric mean', peers);
  return { what, reached: found.meanTimes(CONV_TASKS, peers), atLeast };
}

function peakGoal(found: Findings, task: string, threads: number, atLeast: number): Goal {
  const what = `${task}, ${threads} thread${threads > 1 ? 's' : ''}, share of the register peak`;
  return { what, reached: found.peakShare(task, threads), atLeast };
}

/** With vectors of 256 bits. */
const wideGoals = (found: Findings): Goal[] => [
  {
    what: `${beside('lenet-forward-1', ['onnxruntime'])}, one thread`,
    reached: found.times('lenet-forward-1', ['onnxruntime'], 1),
    atLeast: 1.5,
  },
  timesGoal(found, 'lenet-forward-64', ['onnxruntime'], 1.3),
  timesGoal(found, 'cnn-forward-1', ['onnxruntime'], 1),
  timesGoal(found, 'cnn-forward-64', ['onnxruntime'], 1.15),
  ...FORWARD_TASKS.map((task) => timesGoal(found, task, ['onnxruntime-web'], 2)),
  timesGoal(found, 'lenet-forward-1', PYTORCH, 3),
  timesGoal(found, 'lenet-step', PYTORCH, 3.7),
  timesGoal(found, 'lenet-step', FASTER_PYTORCH, 2.8),
  peakGoal(found, 'lenet-step', THREADS, 0.6),
  timesGoal(found, 'lenet-step-1', PYTORCH, 8),
  timesGoal(found, 'lenet-step-8', PYTORCH, 7.5),
  timesGoal(found, 'lenet-step', ['tfjs-node'], 8),
  timesGoal(found, 'cnn-step', PYTORCH, 2.2),
  timesGoal(found, 'cnn-step', FASTER_PYTORCH, 1.8),
  timesGoal(found, 'gru-step', PYTORCH, 1),
  {
    what: beside('convolution layers, the least of them', PYTORCH),
    reached: found.leastTimes(CONV_TASKS, PYTORCH),
    atLeast: 1,
  },
  layersGoal(found, PYTORCH, 1.3),
  layersGoal(found, FASTER_PYTORCH, 1),
  timesGoal(found, 'transformer-step', PYTORCH, 0.8),
  timesGoal(found, 'matmul-1024', PYTORCH, 0.95),
  peakGoal(found, 'matmul-1024', THREADS, 0.88),
];

/** With vectors of 128 bits, where PyTorch takes what the processor has. */
const narrowGoals = (found: Findings): Goal[] => [
  timesGoal(found, 'lenet-forward-1', PYTORCH, 2),
  timesGoal(found, 'lenet-step', PYTORCH, 1.8),
  timesGoal(found, 'lenet-step', ['tfjs-node'], 5),
  timesGoal(found, 'cnn-step', PYTORCH, 1.2),
  layersGoal(found, PYTORCH, 0.75),
  peakGoal(found, 'matmul-1024', 1, 0.85),
];

function goalsOf(found: Findings): Goal[] {
  return [
    ...(found.isWide ? wideGoals(found) : narrowGoals(found)),
    timesGoal(found, 'lenet-step', ['tfjs-cpu'], 1000),
    {
      what: beside('peak memory of cnn steps', PYTORCH),
      reached: found.footprintTimes('pytorch', 'peakBytes'),
      atLeast: 2,
    },
    {
      what: beside('start to end of first step', PYTORCH),
      reached: found.footprintTimes('pytorch', 'startMs'),
      atLeast: 5,
    },
    {
      what: `cnn-step, one thread ÷ ${THREADS}`,
      reached: found.speedUp('cnn-step'),
      atLeast: 1.7,
    },
    {
      what: 'cnn-step, one thread, reference ÷ WebAssembly',
      reached: found.times('cnn-step', ['unfold-reference'], 1),
      atLeast: 10,
    },
  ];
}

/** The goals of which both sides were measured, for people. */
export function describeGoals(
  results: readonly TaskResult[],
  footprints: readonly Footprint[],
): string {
  const goals = goalsOf(new Findings(results, footprints));
  const rows = goals.flatMap(({ what, reached, atLeast }) => {
    if (reached === undefined) return [];
    const { value, isByMin } = reached;
    const verdict = value >= atLeast ? 'pass' : 'MISS';
    return [[`  ${what}`, ratio(value), `≥ ${atLeast}`, verdict, isByMin ? '(min)' : '']];
  });
  if (rows.length === 0) return 'No goal had both of its sides measured.';
  const table = alignColumns([['goals', 'reached', 'goal', ''], ...rows]);
  const note = `(min): by the shortest runs, since the runs of a side vary by ${percent(STEADY)} or more`;
  return rows.some(([, , , , mark]) => mark !== '') ? `${table}\n  ${note}` : table;
}
