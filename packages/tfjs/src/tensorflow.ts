import { ConfigError, type NumericArray } from '@unfold/core';
import { type PackageRequire, reasonOf } from '@unfold/io/internal';
import { requiresFrom } from '@unfold/train/internal';

/** As much of a TensorFlow.js tensor as is used. */
export interface TfTensor {
  dataSync(): ArrayLike<number>;
  dispose(): void;
}

/**
 * The part of TensorFlow.js that every use needs. Its own types ask for the browser's, and don't pass
 * a strict type check without them.
 */
export interface TensorFlow {
  tensor(values: NumericArray, shape: number[], dtype: string): TfTensor;
  ready(): Promise<void>;
  env(): { getBool(flag: string): boolean; set(flag: string, value: boolean): void };
}

export const TFJS_NODE = '@tensorflow/tfjs-node';
export const TFJS = '@tensorflow/tfjs';
/** The native library of tfjs-node, where it looks for it on all versions of Node that Unfold runs on. */
const LIBRARY = `${TFJS_NODE}/lib/napi-v8/tfjs_binding.node`;

export interface TensorFlowSearch<T> {
  /** Who looks for it, for errors. */
  readonly operation: string;
  /** The packages that are tried, in this order. */
  readonly packages: readonly string[];
  /** Folders from which packages are looked up. Default: Unfold's and the working one. */
  readonly roots?: readonly string[] | undefined;
  /** Whether what was loaded has all that the caller uses. */
  readonly isKnown: (value: unknown) => value is T;
  /** Loads what is used of a package. Default: all of it. */
  readonly load?: (name: string, from: PackageRequire) => unknown;
}

export interface TensorFlowFound<T> {
  /** Undefined where none loads. */
  readonly tf: T | undefined;
  /** The package that it is. */
  readonly name: string;
  /** The errors of the packages that were tried before it. */
  readonly failures: readonly string[];
}

/**
 * Loads the first package that is there and complete. One that can't load is not tried, where that
 * shows: the attempt takes time and leaves parts of TensorFlow.js loaded, which a second
 * copy then quarrels with.
 * @throws ConfigError in a browser.
 */
export function findTensorFlow<T>(search: TensorFlowSearch<T>): TensorFlowFound<T> {
  const { load = (name, from) => from(name) } = search;
  const failures = new Set<string>();
  for (const name of search.packages) {
    for (const from of requiresFrom(search.operation, search.roots)) {
      try {
        if (name === TFJS_NODE && lacksLibrary(from)) {
          failures.add(`${name}: installed without its native library`);
          continue;
        }
        const tf = quietly(() => load(name, from));
        if (search.isKnown(tf)) return { tf, name, failures: [...failures] };
        failures.add(`${name}: not a version that Unfold knows`);
      } catch (error) {
        failures.add(`${name}: ${firstLine(error)}`);
      }
    }
  }
  return { tf: undefined, name: '', failures: [...failures] };
}

/** Whether tfjs-node is there, but not what its install step could not get. */
function lacksLibrary(from: PackageRequire): boolean {
  return isThere(from, `${TFJS_NODE}/package.json`) && !isThere(from, LIBRARY);
}

function isThere(from: PackageRequire, file: string): boolean {
  try {
    from.resolve(file);
    return true;
  } catch {
    return false;
  }
}

/** The error of an operation for which no package loads. */
export function missingTensorFlow(
  operation: string,
  failures: readonly string[],
  mend: string,
): ConfigError {
  return new ConfigError(
    `${operation}: expected TensorFlow.js, got none (${failures.join('; ')}); ${mend}`,
  );
}

/**
 * Runs `load` with the native library told to report warnings and errors only: it reads the
 * variable once, when it is loaded. What the user set is left alone.
 */
function quietly<T>(load: () => T): T {
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] !== undefined) return load();
  process.env['TF_CPP_MIN_LOG_LEVEL'] = '1';
  try {
    return load();
  } finally {
    delete process.env['TF_CPP_MIN_LOG_LEVEL'];
  }
}

function firstLine(error: unknown): string {
  return reasonOf(error).split('\n', 1).join('');
}

export function isTensorFlow(value: unknown): value is TensorFlow {
  return hasFunctions(value, ['tensor', 'ready', 'env']);
}

/** Whether `value` is an object, or a class, with functions of all these names. */
export function hasFunctions(value: unknown, names: readonly string[]): value is object {
  const isObject = typeof value === 'function' || (typeof value === 'object' && value !== null);
  return isObject && names.every((name) => typeof Reflect.get(value, name) === 'function');
}

/**
 * The cpu backend greets the first tensor with an advertisement on the console. Its own production
 * flag keeps it silent; the flag is as before afterwards.
 */
export function silenceBanner(tf: TensorFlow): void {
  const env = tf.env();
  const before = env.getBool('PROD');
  env.set('PROD', true);
  try {
    tf.tensor(new Float32Array(1), [1], 'float32').dispose();
  } finally {
    env.set('PROD', before);
  }
}
