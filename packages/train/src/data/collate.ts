import {
  ConfigError,
  type DType,
  DTypeError,
  elementsOf,
  empty,
  type Shape,
  ShapeError,
  Tensor,
} from '@unfold/core';
import { isOptions, sameShape, valueText } from '@unfold/core/internal';
import { asTypedArray } from './array-types.js';
import { isPromise } from './samples.js';

const LEAVES = 'a tensor, a typed array, a number or a boolean';

/**
 * Stacks the leaves of samples that are alike, as PyTorch's default_collate: numbers become float32 `[B]`,
 * booleans bool, a tensor's or typed array's dtype stays.
 * @param indices Which samples of the dataset they are, for errors.
 * @throws ShapeError, DTypeError or ConfigError, naming the key and the sample, unless they are alike.
 */
export function stackSamples(
  where: string,
  samples: readonly unknown[],
  indices: ArrayLike<number>,
): object {
  for (const [b, sample] of samples.entries()) {
    if (!isSample(sample)) {
      throw new ConfigError(
        `${where}: sample ${indices[b]}: expected { inputs, targets } or { images, labels }, got ` +
          `${valueText(sample)}; collate makes a batch of other samples`,
      );
    }
    if ('size' in sample) {
      throw new ConfigError(
        `${where}: sample ${indices[b]}: expected samples without size, which is the number of samples in ` +
          'the batch',
      );
    }
  }
  return stackTree(where, '', samples, indices) as object;
}

function isSample(sample: unknown): sample is object {
  if (!isOptions(sample)) return false;
  return 'inputs' in sample || ('images' in sample && 'labels' in sample);
}

function stackTree(
  where: string,
  path: string,
  parts: readonly unknown[],
  indices: ArrayLike<number>,
): unknown {
  const [first] = parts;
  if (isList(first) || isOptions(first)) return stackFields(where, path, parts, indices);
  if (first === undefined && parts.every((part) => part === undefined)) return undefined;
  const leaves = parts.map((part, b) => leafOf(`${where}: ${path} of sample ${indices[b]}`, part));
  return stackLeaves(`${where}: ${path}`, leaves, indices);
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** Lists and plain objects: each of their fields is stacked by itself. */
function stackFields(
  where: string,
  path: string,
  parts: readonly unknown[],
  indices: ArrayLike<number>,
): unknown {
  const first = parts[0] as object;
  const keys = Object.keys(first);
  for (const [b, part] of parts.entries()) {
    const isAlike = isList(first) === isList(part) && (isList(part) || isOptions(part));
    const own = isAlike ? Object.keys(part as object) : [];
    if (isAlike && own.length === keys.length && own.every((key) => Object.hasOwn(first, key))) {
      continue;
    }
    throw new ConfigError(
      `${where}: ${path === '' ? '' : `${path}: `}expected samples that are alike, got ` +
        `${fieldsText(first)} for sample ${indices[0]} and ${fieldsText(part)} for sample ` +
        `${indices[b]}; collate makes a batch of samples that differ`,
    );
  }
  const named = (key: string): string => {
    if (isList(first)) return `${path}[${key}]`;
    return path === '' ? key : `${path}.${key}`;
  };
  const stacked = keys.map((key) => {
    const inner = parts.map((part): unknown => Reflect.get(part as object, key));
    return [key, stackTree(where, named(key), inner, indices)] as const;
  });
  return isList(first) ? stacked.map(([, value]) => value) : Object.fromEntries(stacked);
}

const fieldsText = (value: unknown): string => {
  if (isList(value)) return `a list of ${value.length}`;
  return isOptions(value) ? `{ ${Object.keys(value).join(', ')} }` : valueText(value);
};

/** One sample's numbers at a place. */
interface Leaf {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly source: Tensor | ArrayLike<number>;
}

/** @throws DTypeError unless `value` is a leaf. */
function leafOf(where: string, value: unknown): Leaf {
  if (value instanceof Tensor) {
    return { dtype: value.dtype, shape: value.shape, source: value };
  }
  if (typeof value === 'number') return { dtype: 'float32', shape: [], source: [value] };
  if (typeof value === 'boolean') return { dtype: 'bool', shape: [], source: [Number(value)] };
  const array = asTypedArray(value);
  if (array) return { dtype: array.dtype, shape: [array.data.length], source: array.data };
  const mend = isPromise(value) ? '; await it in get, which may be async' : '';
  throw new DTypeError(`${where}: expected ${LEAVES}, got ${valueText(value)}${mend}`);
}

function stackLeaves(where: string, leaves: readonly Leaf[], indices: ArrayLike<number>): Tensor {
  const { dtype, shape } = leaves[0] as Leaf;
  for (const [b, leaf] of leaves.entries()) {
    if (!sameShape(leaf.shape, shape)) {
      throw new ShapeError(
        `${where}: expected samples of one shape, got [${shape.join(', ')}] for sample ${indices[0]} and ` +
          `[${leaf.shape.join(', ')}] for sample ${indices[b]}; give the loader { collate }, which may pad ` +
          'them with padSequence',
      );
    }
    if (leaf.dtype !== dtype) {
      throw new DTypeError(
        `${where}: expected samples of one dtype, got ${dtype} for sample ${indices[0]} and ${leaf.dtype} for ` +
          `sample ${indices[b]}`,
      );
    }
  }
  const stacked = empty([leaves.length, ...shape], dtype, 'DataLoader');
  const out = elementsOf(stacked);
  const size = out.length / leaves.length;
  for (const [b, { source }] of leaves.entries()) {
    // Not before the memory was taken, which may move the heap.
    out.set(source instanceof Tensor ? elementsOf(source) : source, b * size);
  }
  return stacked;
}
