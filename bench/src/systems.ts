import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a worker is started. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const SYSTEM_NAMES = [
  'unfold',
  'unfold-compiled',
  'unfold-reference',
  'pytorch',
  'pytorch-channels-last',
  'onnxruntime',
  'onnxruntime-web',
  'tfjs-node',
  'tfjs-cpu',
  'tfjs-wasm',
  'jax-js',
] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** Ours as it is now, in each way to run it. Peers stand beside all, goals take the fastest. */
const OURS: readonly SystemName[] = ['unfold', 'unfold-compiled'];

const SLOW: readonly SystemName[] = ['unfold-reference', 'tfjs-cpu', 'tfjs-wasm', 'jax-js'];

/** Bits of our vectors. */
export type SimdWidth = 128 | 256;

/** A system in one of its settings. */
export interface System {
  /**
   * `unfold-before` is the commit that `--against` names. `peak` is no system but the limit of ours:
   * multiply-adds in registers, fused or not.
   */
  readonly name: SystemName | 'unfold-before' | 'peak' | 'peak-unfused';
  readonly threads: number;
  /** null where that is not ours to say. */
  readonly simd: SimdWidth | null;
  readonly launch: Launch;
}

/** What `workers/unfold.js` is started with: the engine that it asks for, and must get. */
export interface UnfoldOptions {
  readonly kernels: 'wasm' | 'reference';
  readonly threads: number;
  readonly simd: SimdWidth | null;
  /** Whether what a run does is compiled to a program, which the runs behind the first then are. */
  readonly compiled: boolean;
}

/** What `workers/tfjs.js` is started with. */
export interface TfjsOptions {
  readonly backend: 'node' | 'cpu' | 'wasm';
}

/** What `workers/pytorch.py` is started with. */
interface PytorchOptions {
  readonly threads: number;
  /** Whether images and filters lie channels last, which is PyTorch's faster way on many CPUs. */
  readonly channelsLast: boolean;
}

/** What `workers/onnxruntime-native.py` and `workers/onnxruntime-web.js` are started with. */
export interface OnnxOptions {
  readonly threads: number;
}

/** What `workers/peak.js` is started with. */
export interface PeakOptions {
  readonly threads: number;
  readonly simd: SimdWidth;
  readonly fused: boolean;
}

export interface NodeBinary {
  readonly path: string;
  readonly major: number;
  /** `v20.19.0` */
  readonly version: string;
}

export const THIS_NODE: NodeBinary = {
  path: process.execPath,
  major: Number(process.versions.node.split('.')[0]),
  version: process.version,
};

/** From this one on V8 can make 256-bit instructions of pairs of 128-bit ones. */
const FIRST_WIDE_NODE = 24;

const widthsOf = ({ major }: NodeBinary): SimdWidth[] =>
  major >= FIRST_WIDE_NODE ? [256, 128] : [128];

const WORKERS = fileURLToPath(new URL('../workers', import.meta.url));

interface NodeLaunch {
  readonly flags?: readonly string[];
  readonly env?: Launch['env'];
  /** The folder of the script. */
  readonly workers?: string;
}

function nodeLaunch(
  node: NodeBinary,
  script: string,
  options: object,
  { flags = [], env = {}, workers = WORKERS }: NodeLaunch = {},
): Launch {
  return { file: node.path, args: [...flags, join(workers, script), JSON.stringify(options)], env };
}

/** @param workers The folder of the worker, which says what state of ours it is. */
function unfold(
  name: 'unfold' | 'unfold-compiled' | 'unfold-before',
  node: NodeBinary,
  threads: number,
  workers = WORKERS,
): System[] {
  return widthsOf(node).map((simd) => {
    const compiled = name === 'unfold-compiled';
    const options: UnfoldOptions = { kernels: 'wasm', threads, simd, compiled };
    return { name, threads, simd, launch: nodeLaunch(node, 'unfold.js', options, { workers }) };
  });
}

/** The reference kernels: what all others are compared with. */
export function unfoldReference(node: NodeBinary): System {
  const options: UnfoldOptions = {
    kernels: 'reference',
    threads: 1,
    simd: null,
    compiled: false,
  };
  const launch = nodeLaunch(node, 'unfold.js', options);
  return { name: 'unfold-reference', threads: 1, simd: null, launch };
}

function pythonLaunch(script: string, options: object): Launch {
  const python = process.env['PYTHON'] ?? 'python3';
  return { file: python, args: [join(WORKERS, script), JSON.stringify(options)] };
}

function pytorch(threads: number): System[] {
  return [false, true].map((channelsLast) => {
    const options: PytorchOptions = { threads, channelsLast };
    const launch = pythonLaunch('pytorch.py', options);
    return {
      name: channelsLast ? 'pytorch-channels-last' : 'pytorch',
      threads,
      simd: null,
      launch,
    };
  });
}

function onnxRuntimes(threads: number): System[] {
  const options: OnnxOptions = { threads };
  const native = pythonLaunch('onnxruntime-native.py', options);
  const web = nodeLaunch(THIS_NODE, 'onnxruntime-web.js', options);
  return [
    { name: 'onnxruntime', threads, simd: null, launch: native },
    { name: 'onnxruntime-web', threads, simd: null, launch: web },
  ];
}

function tfjs(name: SystemName, backend: TfjsOptions['backend'], threads: number): System {
  // Only TensorFlow's own library looks at these.
  const env = { TF_NUM_INTRAOP_THREADS: `${threads}`, TF_NUM_INTEROP_THREADS: '1' };
  const options: TfjsOptions = { backend };
  const launch = nodeLaunch(THIS_NODE, 'tfjs.js', options, { env });
  return { name, threads, simd: null, launch };
}

function jaxJs(): System {
  return { name: 'jax-js', threads: 1, simd: null, launch: nodeLaunch(THIS_NODE, 'jax.js', {}) };
}

/**
 * Every system in every setting: ours on `node`, the others on the Node that runs this. Those that
 * know threads come once with each number of them.
 * @param workersBefore The workers' folder of an earlier state of ours, if that runs, too.
 */
export function allSystems(
  node: NodeBinary,
  threadCounts: readonly number[],
  isQuick: boolean,
  workersBefore?: string,
): System[] {
  const systems = [
    ...threadCounts.flatMap((threads) => [
      ...unfold('unfold', node, threads),
      ...unfold('unfold-compiled', node, threads),
      ...(workersBefore === undefined ? [] : unfold('unfold-before', node, threads, workersBefore)),
    ]),
    unfoldReference(node),
    ...threadCounts.flatMap(pytorch),
    ...threadCounts.flatMap(onnxRuntimes),
    ...threadCounts.map((threads) => tfjs('tfjs-node', 'node', threads)),
    tfjs('tfjs-cpu', 'cpu', 1),
    tfjs('tfjs-wasm', 'wasm', 1),
    jaxJs(),
  ];
  return isQuick ? systems.filter((system) => !isSlow(system)) : systems;
}

/** Whether it takes seconds for what others do in milliseconds; `--quick` leaves it out. */
export const isSlow = ({ name }: System) => SLOW.some((slow) => slow === name);

/** Whether it is ours as it is now. */
export const isOurs = ({ name }: System) => OURS.some((our) => our === name);

export const isPeak = ({ name }: System) => name === 'peak' || name === 'peak-unfused';

/** The register peaks that belong to our settings. */
export function allPeaks(node: NodeBinary, threadCounts: readonly number[]): System[] {
  return threadCounts.flatMap((threads) =>
    widthsOf(node).flatMap((simd) =>
      [true, false].map((fused) => peak(node, { threads, simd, fused })),
    ),
  );
}

function peak(node: NodeBinary, options: PeakOptions): System {
  const { threads, simd, fused } = options;
  const flags = [
    ...(node.major < 22 ? ['--experimental-wasm-relaxed-simd'] : []),
    ...(simd === 256 ? ['--experimental-wasm-revectorize'] : []),
  ];
  const launch = nodeLaunch(node, 'peak.js', options, { flags });
  return { name: fused ? 'peak' : 'peak-unfused', threads, simd, launch };
}

/** `unfold · 2 threads · 256-bit`. */
export function labelOf({ name, threads, simd }: Omit<System, 'launch'>): string {
  return [name, `${threads} thread${threads === 1 ? '' : 's'}`, simd === null ? '' : `${simd}-bit`]
    .filter(Boolean)
    .join(' · ');
}
