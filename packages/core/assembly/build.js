import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toText } from '../src/engine/binary-text.js';
import { JOBS } from '../src/kernels/table/layout.js';
import { MORE_JOBS } from '../src/kernels/table/more-layout.js';
import { dispatchSource, parametersSource } from './dispatch.js';
import { withExports } from './exports.js';
import { tilesSource } from './tiles.js';

/*
 * Compiles the kernels: a binary of those that every network needs and one of the others, which is
 * loaded when one of them is wanted; each twice, with fused multiply-add and without, for memory that
 * threads share (rewrite.ts makes the ones for memory that they don't). `node packages/core/assembly/build.js` does so if a
 * source, this script or the compiler changed since the last time; nothing else has to know.
 */

const SOURCES = fileURLToPath(new URL('.', import.meta.url));
const TABLE = fileURLToPath(new URL('../src/kernels/table/', import.meta.url));
const TEXT = fileURLToPath(new URL('../src/engine/binary-text.js', import.meta.url));
const BUILD = join(SOURCES, 'build');
const RECORD = join(BUILD, 'record.json');
const LOCK = join(BUILD, 'lock');
/** A build takes seconds: a lock that is minutes old was left behind. */
const STALE_LOCK_MS = 120_000;

/**
 * The binaries by their names: the file that exports what is in them, which of that JavaScript calls (of
 * the first, what `WasmExports` has), where their constants lie in the memory that they share, and the
 * module that holds them as text for bundles.
 */
const BINARIES = {
  unfold: {
    entry: 'index.ts',
    called:
      /^(staticEnd|table|setTileWidth|controlBytes|serve|run(Parts|Job|Launches)|(await|abandon)Job|fail|failures|stop|pauses|(conv2d|matmul)\w*(Bytes|Parts|Prepare|CanPool|Plan|Slab))$/,
    constantsAt: 1024,
    text: 'kernels.js',
  },
  'unfold-more': {
    entry: 'more-index.ts',
    called: /^(staticEnd|runPart)$/,
    constantsAt: 32768,
    text: 'more-kernels.js',
  },
};
/** The two of each, and whether their multiply-add rounds once. */
const VARIANTS = { 'shared-plain': false, 'shared-fused': true };
/** The one that bundles carry. */
const BUNDLED = 'shared-fused';

/**
 * The version of the installed compiler, or undefined if there is none.
 * @returns {string | undefined}
 */
function compilerVersion() {
  try {
    const manifest = createRequire(import.meta.url).resolve('assemblyscript/package.json');
    return JSON.parse(readFileSync(manifest, 'utf8')).version;
  } catch {
    return undefined;
  }
}

/**
 * The SHA-256 of everything that the binaries are made from: this folder, the kernel table, and how
 * bundles hold them as text.
 */
function sourcesHash() {
  const hash = createHash('sha256');
  for (const folder of [SOURCES, TABLE]) {
    for (const name of readdirSync(folder).sort()) {
      if (!/\.(ts|js)$/.test(name)) continue;
      hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
    }
  }
  return hash.update(readFileSync(TEXT)).digest('hex');
}

/**
 * Whether the binaries are missing or older than their sources. Without a compiler its version is
 * not asked: binaries that fit their sources are good.
 */
export function isStale() {
  try {
    const record = JSON.parse(readFileSync(RECORD, 'utf8'));
    const compiler = compilerVersion() ?? record.compiler;
    return record.sources !== sourcesHash() || record.compiler !== compiler;
  } catch {
    return true;
  }
}

/**
 * Makes the binaries if they are stale. Any number of processes may call it at once: one compiles,
 * the others wait.
 * @throws {Error} if the compiler is missing or refuses the sources.
 */
export async function build() {
  mkdirSync(BUILD, { recursive: true });
  while (isStale()) {
    if (!takeLock()) {
      await sleep(50);
      continue;
    }
    try {
      if (isStale()) await compileAll();
    } finally {
      rmSync(LOCK, { recursive: true, force: true });
    }
  }
}

/**
 * Takes the lock, or removes one whose holder is gone. The lock only saves work: should two
 * processes ever compile at once, they write the same bytes, and each file appears whole.
 * @returns {boolean} whether this process holds it now
 */
function takeLock() {
  try {
    mkdirSync(LOCK);
    writeFileSync(join(LOCK, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (isAbandoned()) {
    const aside = `${LOCK}-${process.pid}`;
    try {
      renameSync(LOCK, aside);
      rmSync(aside, { recursive: true, force: true });
    } catch (error) {
      // Another process was quicker.
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
  return false;
}

/** Whether the lock's holder died, or holds it for longer than any build takes. */
function isAbandoned() {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > STALE_LOCK_MS) return true;
    const pid = Number(readFileSync(join(LOCK, 'pid'), 'utf8'));
    // Between its two steps of taking the lock, the holder has not written its number yet.
    if (!(pid > 0)) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

/** @param {unknown} error */
function errorCode(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function compileAll() {
  const compiler = compilerVersion();
  if (compiler === undefined) {
    throw new Error(
      'build: the WebAssembly kernels must be compiled, and the compiler is not installed; ' +
        "run 'npm ci' in the repository's root (it installs assemblyscript)",
    );
  }
  const sources = sourcesHash();
  const start = performance.now();
  replaceFile(join(BUILD, 'tiles.ts'), tilesSource());
  replaceFile(join(BUILD, 'parameters.ts'), parametersSource());
  replaceFile(join(BUILD, 'dispatch.ts'), dispatchSource(JOBS, 0, true));
  replaceFile(join(BUILD, 'more-dispatch.ts'), dispatchSource(MORE_JOBS, JOBS.length, false));
  for (const [name, binary] of Object.entries(BINARIES)) {
    for (const [variant, fused] of Object.entries(VARIANTS)) {
      await compile(`${name}-${variant}`, binary, fused);
    }
    const bundled = toText(readFileSync(join(BUILD, `${name}-${BUNDLED}.wasm`)));
    replaceFile(join(BUILD, binary.text), `export const kernels = '${bundled}';\n`);
  }
  // The record comes last: who sees it finds the binaries in place.
  replaceFile(RECORD, JSON.stringify({ sources, compiler }));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.error(`compiled the WebAssembly kernels in ${seconds} s`);
}

/**
 * @param {string} name
 * @param {typeof BINARIES[keyof typeof BINARIES]} binary
 * @param {boolean} fused
 */
async function compile(name, { entry, called, constantsAt }, fused) {
  const { default: asc } = await import('assemblyscript/asc');
  const output = `build/${name}.${process.pid}.tmp`;
  const options = [
    '-O3 --runtime stub --importMemory --initialMemory 2 --maximumMemory 65536',
    `--memoryBase ${constantsAt}`,
    // Through the table, a binary's functions are called by the other.
    ...(entry === 'index.ts' ? ['--exportTable'] : []),
    // Nothing here can throw, so nothing needs the runtime's abort.
    `--use abort= --use UNFOLD_FUSED=${fused ? 1 : 0}`,
    // Atomics work on any memory; only what waits needs a shared one.
    `--sharedMemory --enable simd,threads${fused ? ',relaxed-simd' : ''}`,
  ];
  const { error, stderr } = await asc.main([
    entry,
    '--baseDir',
    SOURCES,
    '--outFile',
    output,
    ...options.join(' ').split(' '),
  ]);
  // A warning counts: the sources have none.
  if (error || stderr.toString() !== '') {
    throw new Error(`build: ${name} does not compile\n${stderr.toString()}`, { cause: error });
  }
  replaceFile(
    join(BUILD, `${name}.wasm`),
    withExports(readFileSync(join(SOURCES, output)), called),
  );
  rmSync(join(SOURCES, output));
}

/**
 * Writes a file so that nobody ever sees half of it.
 * @param {string} path
 * @param {string | Uint8Array} content
 */
function replaceFile(path, content) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
