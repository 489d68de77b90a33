/**
 * How Unfold's time grows with batch, image, channels and threads, and where the time of a training
 * step goes, kernel by kernel. Unfold alone; docs/performance.md holds its tables.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { ArrayFiles } from './arrays.js';
import { startAll } from './lineup.js';
import { milliseconds, percent } from './numbers.js';
import { buildPackages, nodeOfMajor } from './prepare.js';
import { timeTask, type Effort, type RunningSystem } from './rounds.js';
import { allPeaks, allSystems, labelOf, THIS_NODE, type NodeBinary } from './systems.js';
import { alignColumns } from './table.js';
import { convTask, flopsOf, netTask, type NetName, type Task } from './tasks.js';

const THREADS = [1, 2];
const EFFORT: Effort = { rounds: 8, turnMs: 120, warmMs: 200, budgetMs: 8_000 };
const NETS: readonly NetName[] = ['lenet', 'cnn'];
const PROFILE = fileURLToPath(new URL('../workers/profile.js', import.meta.url));

/** One table: a task for each value of what grows. */
interface Series {
  readonly title: string;
  readonly grows: string;
  readonly images: (value: number) => number;
  readonly values: readonly number[];
  readonly task: (value: number) => Task;
}

const powers = (from: number, to: number) =>
  Array.from({ length: Math.log2(to / from) + 1 }, (_, i) => from * 2 ** i);

const LAYER_BATCH = 16;

const microseconds = (us: number) => (us >= 100 ? us.toFixed(0) : us.toPrecision(3));

const SERIES: readonly Series[] = [
  ...NETS.map((net) => ({
    title: `${net} step`,
    grows: 'batch',
    images: (batch: number) => batch,
    values: powers(1, 512),
    task: (batch: number) => netTask('step', net, batch),
  })),
  {
    title: 'convolution 32→32, 3×3, batch 16, forward and backward',
    grows: 'image',
    images: () => LAYER_BATCH,
    values: [7, 14, 28, 56, 112],
    task: (size) => convTask('image', LAYER_BATCH, { inChannels: 32, size }),
  },
  {
    title: 'convolution C→C, 3×3 on 14×14, batch 16, forward and backward',
    grows: 'C',
    images: () => LAYER_BATCH,
    values: powers(4, 256),
    task: (inChannels) => convTask('channels', LAYER_BATCH, { inChannels, size: 14 }),
  },
];

/** The best of many runs counts: what grows is looked for here, not what else the machine does. */
async function measure(series: Series, running: readonly RunningSystem[]): Promise<string> {
  using files = new ArrayFiles();
  const rows: string[][] = [];
  for (const value of series.values) {
    const task = series.task(value);
    const { timings, failures } = await timeTask(task, files.write(task), running, EFFORT);
    for (const { system, reason } of failures) console.error(`${labelOf(system)}: ${reason}`);
    const best = timings.map(({ samples }) => Math.min(...samples));
    rows.push([
      String(value),
      ...best.flatMap((ms) => [
        milliseconds(ms),
        microseconds((1000 * ms) / series.images(value)),
        (flopsOf(task) / ms / 1e6).toPrecision(3),
      ]),
      ((best[0] ?? NaN) / (best.at(-1) ?? NaN)).toFixed(2),
    ]);
  }
  const columns = running.flatMap(({ system: { threads } }) => [
    `ms on ${threads}`,
    'µs an image',
    'GFLOP/s',
  ]);
  return `${series.title}\n${alignColumns([[series.grows, ...columns, 'gain'], ...rows])}\n`;
}

/** The register peak of one thread with the widest vectors, in GFLOP/s. */
async function measurePeak(node: NodeBinary): Promise<number> {
  const [peak] = await startAll(allPeaks(node, [1]).slice(0, 1));
  if (!peak) throw new Error('the register peak cannot be measured');
  try {
    const task = netTask('step', 'lenet', 1);
    using files = new ArrayFiles();
    const { timings } = await timeTask(task, files.write(task), [peak], EFFORT);
    const best = Math.min(...timings.flatMap(({ samples }) => samples));
    return (peak.worker.hello.flopsPerRun ?? NaN) / best / 1e6;
  } finally {
    peak.worker.stop();
  }
}

/** What `workers/profile.js` prints. */
interface ProfiledRow {
  readonly name: string;
  readonly ms: number;
  readonly gflops: number | null;
  readonly gigabytes: number;
}

/** Each kernel's best time in a step of batch 64, on one thread. */
function describeKernels(node: NodeBinary, what: string, peak: number): string {
  const output = execFileSync(node.path, [PROFILE, what], { encoding: 'utf8' });
  const rows = JSON.parse(output) as ProfiledRow[];
  const cells = rows.map(({ name, ms, gflops, gigabytes }) => [
    name,
    ms.toPrecision(3),
    gflops === null ? '' : gflops.toPrecision(3),
    gflops === null ? '' : percent(gflops / peak),
    gigabytes.toPrecision(3),
  ]);
  const header = [what, 'ms', 'GFLOP/s', 'of peak', 'GB/s'];
  return `${alignColumns([header, ...cells])}\n`;
}

const options = new Command('growth')
  .description('Times Unfold alone: each kernel, and growing batches, images and channels.')
  .addOption(
    new Option('--node <major>', 'run Unfold on this Node, got from npm').choices([
      '20',
      '22',
      '24',
      '26',
    ]),
  )
  .allowExcessArguments(false)
  .showHelpAfterError('(--help lists the options)')
  .parse()
  .opts<{ readonly node?: string }>();
buildPackages();
const node = options.node === undefined ? THIS_NODE : nodeOfMajor(Number(options.node));
const peak = await measurePeak(node);
console.log(`register peak, one thread: ${peak.toPrecision(3)} GFLOP/s\n`);
for (const what of [...NETS, 'copy']) console.log(describeKernels(node, what, peak));

const systems = allSystems(node, THREADS, true).filter(({ name }) => name === 'unfold');
const widest = Math.max(...systems.map(({ simd }) => simd ?? 0));
const running = await startAll(systems.filter(({ simd }) => simd === widest));
try {
  for (const series of SERIES) console.log(await measure(series, running));
} finally {
  for (const { worker } of running) worker.stop();
}
