import { formatShape, sizeOf, type Shape } from '@unfold/core';
import {
  brief,
  type Fail,
  failIn,
  isCounts,
  isObject,
  MAX_DIMENSIONS,
  quote,
  raise,
} from '@unfold/io/internal';
import type { TfjsLimits } from './limits.js';

/** How a weight is packed: numbers q that stand for q·scale + min, or half-precision floats. */
export type Quantization =
  | { readonly dtype: 'uint8' | 'uint16'; readonly scale: number; readonly min: number }
  | { readonly dtype: 'float16' };

/** A weight's entry in the manifest, checked. */
export interface StoredWeight {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly quantization: Quantization | null;
  /** State of the optimiser, which predictions have no use for. */
  readonly isOptimizer: boolean;
  /** Its length in the file. */
  readonly bytes: number;
}

/** Weights that lie one after another in files that follow each other. */
export interface WeightGroup {
  /** Relative to the folder of the model.json, and inside it. */
  readonly paths: readonly string[];
  readonly weights: readonly StoredWeight[];
}

const MEND = 'save the model again';
/** The most letters of a file's path, as systems have it. */
const MAX_PATH = 4096;
const BYTES = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

/**
 * @param manifest `weightsManifest` of a model.json; undefined for a model without weights
 * @throws FileFormatError that names file and tensor, also if they are more than the limits say.
 */
export function groupsOf(manifest: unknown, limits: TfjsLimits, file: string): WeightGroup[] {
  const reader = new ManifestReader(limits, failIn(file));
  if (manifest === undefined) return [];
  if (!Array.isArray(manifest)) {
    throw reader.fail(`weightsManifest must be a list of groups, got ${brief(manifest)}; ${MEND}`);
  }
  return manifest.map((group: unknown) => reader.group(group));
}

class ManifestReader {
  /** Makes errors that name the file. */
  readonly fail: Fail;
  readonly #limits: TfjsLimits;
  readonly #names = new Set<string>();
  readonly #paths = new Set<string>();
  /** The bytes of all weights so far, unpacked. */
  #bytes = 0;

  constructor(limits: TfjsLimits, fail: Fail) {
    this.#limits = limits;
    this.fail = fail;
  }

  group(value: unknown): WeightGroup {
    const { paths, weights } = isObject(value) ? value : {};
    if (!Array.isArray(paths) || !Array.isArray(weights)) {
      throw this.fail(
        `a group of weightsManifest must hold lists named paths and weights, got ` +
          `${brief(value)}; ${MEND}`,
      );
    }
    return {
      paths: paths.map((path: unknown) => this.#path(path)),
      weights: weights.map((weight: unknown) => this.#weight(weight)),
    };
  }

  #path(path: unknown): string {
    // A backslash separates folders on Windows only; a colon ends a drive or a protocol.
    const isInside =
      typeof path === 'string' &&
      path.length <= MAX_PATH &&
      /^[^/\\:\0][^:\0]*$/.test(path) &&
      !path.split(/[/\\]/).includes('..');
    if (!isInside) {
      throw this.fail(
        `weightsManifest names the file ${brief(path)}; expected a path inside the folder of the ` +
          'model.json: put the weights there and name them without ..',
      );
    }
    // A file has many spellings, and must not be read for each of them.
    const plain = path
      .split(/[/\\]/)
      .filter((part) => part !== '' && part !== '.')
      .join('/');
    if (this.#paths.has(plain))
      throw this.fail(`weightsManifest names the file ${quote(path)} twice; ${MEND}`);
    this.#paths.add(plain);
    return path;
  }

  #weight(value: unknown): StoredWeight {
    const entry = isObject(value) ? value : {};
    const { name, shape, dtype } = entry;
    if (typeof name !== 'string') {
      throw this.fail(
        `weightsManifest holds a tensor without a name, got ${brief(value)}; ${MEND}`,
      );
    }
    const fail: Fail = (problem) => this.fail(`tensor ${quote(name)} ${problem}`);
    if (this.#names.has(name)) throw fail(`is there twice; ${MEND}`);
    this.#names.add(name);
    const { maxTensors, maxBytes } = this.#limits;
    if (this.#names.size > maxTensors) {
      throw this.fail(
        `weightsManifest holds more than ${maxTensors} tensors; ${raise('maxTensors', 2 * maxTensors)}`,
      );
    }
    if (!isCounts(shape) || shape.length > MAX_DIMENSIONS) {
      throw fail(
        `has shape ${brief(shape)}; expected a list of at most ${MAX_DIMENSIONS} integers from 0 to ` +
          `2^53 - 1; ${MEND}`,
      );
    }
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
      throw fail(
        `has dtype ${brief(dtype)}; Unfold reads float32, int32 and bool: cast it and save again`,
      );
    }
    const quantization = quantizationOf(entry['quantization'], dtype, fail);
    const bytes = sizeOf(shape) * BYTES[quantization?.dtype ?? dtype];
    if (!Number.isSafeInteger(bytes)) {
      throw fail(
        `${formatShape(shape)} of ${dtype} claims ${bytes} bytes, more than a file can hold; ${MEND}`,
      );
    }
    this.#bytes += sizeOf(shape) * BYTES[dtype];
    if (this.#bytes > maxBytes) {
      throw fail(
        `${formatShape(shape)} and those before it take ${this.#bytes} bytes, expected at most ` +
          `${maxBytes}; save the model again, or, ${raise('maxBytes', this.#bytes)}`,
      );
    }
    return { name, shape, dtype, quantization, isOptimizer: entry['group'] === 'optimizer', bytes };
  }
}

function quantizationOf(
  value: unknown,
  original: StoredWeight['dtype'],
  fail: Fail,
): Quantization | null {
  if (value === undefined) return null;
  const { dtype, scale, min } = isObject(value) ? value : {};
  if (dtype === 'float16' && original === 'float32') return { dtype };
  if ((dtype === 'uint8' || dtype === 'uint16') && original !== 'bool') {
    if (isFinite(scale) && isFinite(min)) return { dtype, scale, min };
    throw fail(
      `is quantised to ${dtype}; expected numbers scale and min, got ${brief(value)}; ${MEND}`,
    );
  }
  throw fail(
    `of ${original} has quantization ${brief(value)}; expected dtype float16 (of float32), uint8 ` +
      `or uint16 (of float32 and int32): ${MEND}`,
  );
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
