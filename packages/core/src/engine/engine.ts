import { loadBinary } from '#binaries';
import { platform } from '#platform';
import { probe } from './probe.js';
import type { DType } from '../dtype.js';
import { EngineError } from '../errors.js';
import { checkedKernels } from '../kernels/checked.js';
import type { CoreKernels } from '../kernels/contract.js';
import type { Bindings } from '../kernels/wasm/bindings.js';
import { referenceOver } from '../kernels/reference/index.js';
import type { WasmExports } from '../kernels/wasm/exports.js';
import type { Frame } from '../kernels/wasm/frame.js';
import {
  instantiateKernels,
  supportsFused,
  type WasmInstance,
} from '../kernels/wasm/instantiate.js';
import type { Jobs } from '../kernels/wasm/jobs.js';
import { Heap } from '../memory/heap.js';
import { warnOnce } from '../warnings.js';
import { resolveSettings, type EngineOptions, type KernelSet, type Settings } from './options.js';
import { Pool } from './pool.js';
import { findFault, wideTileGain } from './verify.js';

/** The means of computing: which kernels, on how many threads, with which instructions. */
export interface Engine {
  /** `wasm`: SIMD for float32; `reference`: plain TypeScript for everything. */
  readonly kernels: KernelSet;
  /** Bits of the vectors that the kernels are laid out for; 0 for the reference. */
  readonly simd: 256 | 128 | 0;
  /** Whether multiply-add rounds once (relaxed SIMD), where the JavaScript engine offers it. */
  readonly fused: boolean;
  readonly threads: number;
  /** One line for people: `wasm simd 256-bit fma · 2 threads`. */
  readonly description: string;
  /** Says what was asked for and could not be had, and why; usually empty. */
  readonly warnings: readonly string[];
}

/** More threads than this are not taken without being asked for. */
const DEFAULT_THREADS = 8;
/** Wide tiles are some 1.3 times as fast where vectors are joined, and 0.7 times elsewhere. */
const WIDE_GAIN = 1;

/**
 * The heap of every tensor. One for the life of the program: kernels change, tensors stay. Its memory
 * is taken by the first of them, or by the engine.
 */
export const heap = new Heap({ shared: true });

/**
 * The engine that runs now. The float32 kernels stand apart, for speed and because they are not to
 * be shown.
 */
let running: Engine | undefined;
const reference = checkedKernels(referenceOver(heap), heap);
/** The kernels that are plain loops. */
const references = new WeakSet<object>([reference]);
let float32 = reference;
/** The binary that `float32` belongs to; null for the reference. */
let instance: WasmInstance | null = null;
let pool: Pool | undefined;
/** The binaries that were started, by whether they fuse; a binary that failed its check is null. */
const instances = new Map<boolean, WasmInstance | null>();
/** The gain of wide tiles with each binary that was timed; 0 if they compute wrongly. */
const gains = new WeakMap<WasmInstance, number | null>();
/** What is wrong with the second binary beside some of them. */
const faults = new WeakMap<object, string>();
/** Calls of `configureEngine` take turns. */
let turn: Promise<unknown> = Promise.resolve();

/**
 * Chooses what computes, and checks it against the reference kernels. Without a call, the first
 * operation starts WebAssembly on one thread. Tensors made before stay valid: all kernels work on
 * the same heap.
 *
 * What cannot be had here (threads without shared memory, wide vectors) is replaced by the next
 * best, and the engine's `warnings` say so. On any number of threads, the bits are the same.
 * @throws ConfigError for an unknown option or value, EngineError if the engine can't start.
 */
export async function configureEngine(options: EngineOptions = {}): Promise<Engine> {
  const settings = resolveSettings(options);
  const configured = turn.then(() => configure(settings, platform.sharingNeeds()));
  turn = configured.catch(() => {});
  return configured;
}

/** The engine that runs; starts the default one if none does. */
export function engine(): Engine {
  running ??= start(resolveSettings({}));
  return running;
}

/**
 * The kernels that compute tensors of `dtype`: the engine's for float32, the reference kernels for
 * every other type. They are those that every network needs; `moreKernelsFor` gives the others.
 */
export function kernelsFor(dtype: DType): CoreKernels {
  if (dtype === 'float32') running ??= start(resolveSettings({}));
  const kernels = dtype === 'float32' ? float32 : reference;
  return probe ? probe.kernels(kernels) : kernels;
}

/** The parts of a started binary that programs, and the second binary, are written with and run by. */
export interface ProgramParts {
  readonly wasm: WasmExports;
  readonly frame: Frame;
  readonly jobs: Jobs;
  readonly bindings: Bindings;
  readonly moreAddress: number;
}

/** The engine as a program runs on it, until another one is chosen. */
export interface ProgramEngine {
  readonly engine: Engine;
  /** Where launches are written and go; null for the reference, whose kernels are called one by one. */
  readonly wasm: ProgramParts | null;
}

/** The engine that runs, for programs. */
export function programEngine(): ProgramEngine {
  return { engine: engine(), wasm: instance };
}

/** The binary that runs float32 kernels; null for the reference. Starts the default engine if none runs. */
export function runningBinary(): ProgramParts | null {
  running ??= start(resolveSettings({}));
  return instance;
}

/** Notes kernels that are plain loops. */
export function noteReference(kernels: object): void {
  references.add(kernels);
}

/** Says of a binary, whenever it runs from here on, what is wrong with the second one beside it. */
export function noteFault(binary: ProgramParts, warning: string): void {
  warnOnce(warning);
  faults.set(binary, warning);
  if (running) running = { ...running, warnings: [...running.warnings, warning] };
}

/** Whether this thread has to answer whoever looks at a page, and must not work for long at a time. */
export function servesPage(): boolean {
  return platform.servesPage();
}

/** Whether kernels are the plain loops that JavaScript runs itself. */
export function isReference(kernels: object): boolean {
  return references.has(kernels);
}

/**
 * Whether the engine has a kernel of its own of the first table for `dtype`, besides the plain loops
 * that define it.
 */
export function offersKernel(name: keyof CoreKernels, dtype: DType): boolean {
  if (dtype !== 'float32') return false;
  running ??= start(resolveSettings({}));
  return float32[name] !== reference[name];
}

/** As `configureEngine`, saying what is missing for threads to share memory. */
export async function configure(settings: Settings, needs: string | null): Promise<Engine> {
  await closePool();
  const one = start(settings);
  running = one;
  if (one.kernels === 'reference') return one;
  const wanted = settings.threads ?? Math.min(DEFAULT_THREADS, platform.availableCores());
  if (wanted === 1) return one;
  if (needs !== null || !heap.shared) {
    const why = needs ?? `the system refuses it (${heap.refusal})`;
    const warning = `memory cannot be shared with threads here; ${why}`;
    running = { ...one, warnings: [...one.warnings, warning] };
    return running;
  }
  try {
    running = await startPool(one, wanted);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    warnOnce(error.message);
    running = { ...one, warnings: [...one.warnings, error.message] };
  }
  return running;
}

async function startPool(one: Engine, threads: number): Promise<Engine> {
  const started = instances.get(one.fused);
  if (!started) throw new EngineError('engine: its kernels are gone');
  const { module, wasm, jobs, moreAddress } = started;
  const tileWidth = one.simd === 256 ? 16 : 8;
  const threadPool = await Pool.start({
    heap,
    module,
    wasm,
    more: moreAddress,
    threads,
    tileWidth,
    onFailure() {
      jobs.threadPool = null;
      pool = undefined;
      const { warnings } = running ?? one;
      running = { ...one, warnings: [...warnings, 'a thread broke down'] };
    },
  });
  jobs.threadPool = threadPool;
  pool = threadPool;
  return describe({ ...one, threads });
}

/** Ends the threads; what runs meanwhile runs on one. */
async function closePool(): Promise<void> {
  const closing = pool;
  if (!closing) return;
  pool = undefined;
  for (const one of instances.values()) if (one) one.jobs.threadPool = null;
  await closing.close();
}

/** Starts an engine of one thread. */
function start({ kernels, simd, strict }: Settings): Engine {
  // They are laid out for the engine that made them.
  for (const one of instances.values()) one?.jobs.plans.drop();
  if (kernels === 'reference') return startReference([]);
  const warnings = [...heap.warnings];
  if (heap.memory === null) return startReference(warnings);
  const candidates = !strict && supportsFused() ? [true, false] : [false];
  for (const fused of candidates) {
    const started = instanceOf(fused, warnings);
    if (!started) continue;
    const { wasm } = started;
    const wide = takesWideTiles(started, simd, warnings);
    wasm.setTileWidth(wide ? 16 : 8);
    instance = started;
    float32 = started.kernels;
    const fault = faults.get(started);
    if (fault !== undefined) warnings.push(fault);
    return describe({
      kernels,
      simd: wide ? 256 : 128,
      fused,
      threads: 1,
      description: '',
      warnings,
    });
  }
  return startReference(warnings);
}

/** @param warnings Why, if something else was wanted. */
function startReference(warnings: readonly string[]): Engine {
  warnings.forEach((warning) => warnOnce(warning));
  instance = null;
  float32 = reference;
  return describe({
    kernels: 'reference',
    simd: 0,
    fused: false,
    threads: 1,
    description: '',
    warnings,
  });
}

function describe(engine: Engine): Engine {
  const { kernels, simd, fused, threads } = engine;
  const what =
    kernels === 'reference'
      ? 'reference kernels in plain TypeScript'
      : `wasm simd ${simd}-bit${fused ? ' fma' : ''}`;
  const description = `${what} · ${threads} thread${threads === 1 ? '' : 's'}`;
  return { ...engine, description };
}

/** A binary, started when it is first asked for; null if it gives wrong results. */
function instanceOf(fused: boolean, warnings: string[]): WasmInstance | null {
  const name = `unfold-${heap.shared ? 'shared' : 'local'}-${fused ? 'fused' : 'plain'}` as const;
  let known = instances.get(fused);
  if (known === undefined) {
    const started = instantiateKernels(loadBinary(name), heap);
    known = isSound(started, 8) ? started : null;
    instances.set(fused, known);
  }
  if (known === null) {
    warnings.push(`the kernels of ${name} disagree with the reference here and are not used`);
  }
  return known;
}

/** Whether the kernels agree with the reference with tiles of so many columns. */
function isSound({ kernels, wasm }: WasmInstance, columns: 8 | 16): boolean {
  wasm.setTileWidth(columns);
  try {
    return findFault(kernels, heap) === null;
  } catch (error) {
    // A kernel that leaves the memory is at fault, too; a full heap is another matter.
    if (error instanceof WebAssembly.RuntimeError) return false;
    throw error;
  }
}

/** Whether tiles of 16 columns are taken. */
function takesWideTiles(
  instance: WasmInstance,
  simd: Settings['simd'],
  warnings: string[],
): boolean {
  if (simd === '128') return false;
  if (simd === 'auto' && !platform.vectorsMayJoin()) return false;
  // Timed once: later, nothing tells whether the compiler has done its work.
  let gain = gains.get(instance);
  if (gain === undefined) {
    gain = isSound(instance, 16) ? wideTileGain(instance, heap) : 0;
    gains.set(instance, gain);
  }
  if (gain === 0) {
    warnings.push('the kernels for 256-bit vectors disagree with the reference here');
    return false;
  }
  // Where it stayed in doubt, the flag that was set says what to expect.
  const isFaster = gain === null ? platform.vectorsMayJoin() : gain > WIDE_GAIN;
  if (simd === '256' && !isFaster) {
    warnings.push(
      'tiles for 256-bit vectors are slower than those for 128-bit ones here: the JavaScript ' +
        'engine does not join vectors (Node 24 and later do, on x64, after enableNodeFlags() from ' +
        "'@unfold/core/node')",
    );
  }
  return simd === '256' || isFaster;
}
