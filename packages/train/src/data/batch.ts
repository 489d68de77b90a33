import { ConfigError, Tensor } from '@unfold/core';
import { isOptions, positiveCount, valueText } from '@unfold/core/internal';

/**
 * One batch of a loader. Where the loader lends it, it is valid until the next is asked for: reading
 * it after that throws a DisposedError.
 */
export interface Batch {
  /** float32 `[B, C, H, W]` */
  readonly images: Tensor;
  /** int32 `[B]` */
  readonly labels: Tensor;
  /** B: the images in this batch. */
  readonly size: number;
}

/** A tensor, or lists and plain objects of such, one in another as they please. */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [name: string]: TensorTree };

/**
 * One batch of anything: what the model is given, and what its output is compared with. The first axis
 * of each tensor goes over the examples.
 */
export interface BatchOf<Inputs = TensorTree, Targets = TensorTree | undefined> {
  /** The one argument of the model's `forward`. */
  readonly inputs: Inputs;
  /** What the output is compared with, by the loss and the metrics. */
  readonly targets: Targets;
  /** B: the examples in this batch. */
  readonly size: number;
}

/**
 * What a source of batches may give: labelled images, or inputs and targets of any form, without targets
 * where the target is the input. The size is the length of the first tensor's first axis unless it is
 * said.
 */
export type AnyBatch =
  | { readonly images: Tensor; readonly labels: Tensor; readonly size?: number }
  | { readonly inputs: unknown; readonly targets?: unknown; readonly size?: number };

/** A batch as losses, metrics and callbacks see it: whole, with its size. */
export type WholeBatch<B> = B & {
  /** B: the examples in this batch. */
  readonly size: number;
};

/** What a model is given of a batch. */
export function inputsOf(batch: AnyBatch): unknown {
  return 'inputs' in batch ? batch.inputs : batch.images;
}

/** What a model's output for a batch is compared with; undefined where it has no such part. */
export function targetsOf(batch: AnyBatch): unknown {
  return 'inputs' in batch ? batch.targets : batch.labels;
}

const FORMS =
  'expected batches { inputs, targets } of tensors, or lists and plain objects of tensors, or ' +
  '{ images, labels } as a DataLoader over images gives them';

/**
 * The batch with its size: itself where it has one.
 * @throws ConfigError unless `value` is a batch, naming the key that is wrong.
 */
export function wholeBatch<B extends AnyBatch>(where: string, value: B): WholeBatch<B> {
  const given: unknown = value;
  if (typeof given !== 'object' || given === null || given instanceof Tensor) {
    throw new ConfigError(`${where}: ${FORMS}, got ${valueText(given)}`);
  }
  const isOfImages = !('inputs' in given) && ('images' in given || 'labels' in given);
  const keys = isOfImages ? ['images', 'labels'] : ['inputs', 'targets'];
  if (!isOfImages && !('inputs' in given)) {
    throw new ConfigError(`${where}: ${FORMS}, got ${valueText(given)} without inputs`);
  }
  for (const key of keys) {
    const part: unknown = Reflect.get(given, key);
    if (part === undefined && key === 'targets') continue;
    const wrong = isOfImages ? wrongTensor(part, key) : wrongPart(part, key);
    if (wrong !== null) throw new ConfigError(`${where}: ${FORMS}; got ${wrong}`);
  }
  const [first] = tensorsIn(inputsOf(value));
  const { size } = value as { readonly size?: unknown };
  if (size === undefined) {
    const counted = first?.shape[0];
    if (counted === undefined) {
      throw new ConfigError(
        `${where}: ${keys[0]}: expected a tensor whose first axis goes over the examples, got ` +
          `${first ? first.describe() : 'no tensor'}; give the batch a size`,
      );
    }
    return { ...value, size: counted };
  }
  if (!positiveCount.accepts(size)) {
    throw new ConfigError(
      `${where}: size: expected ${positiveCount.expected}, got ${valueText(size)}`,
    );
  }
  return value as WholeBatch<B>;
}

/** What is wrong with a part that has to be a tensor; null if nothing is. */
function wrongTensor(part: unknown, key: string): string | null {
  if (part instanceof Tensor) return null;
  const isData = typeof part === 'number' || Array.isArray(part) || ArrayBuffer.isView(part);
  return `${valueText(part)} for ${key}${isData ? '; tensor(data) makes a tensor' : ''}`;
}

/** The same of lists and plain objects of tensors, which may not be empty. */
function wrongPart(part: unknown, key: string): string | null {
  if (!Array.isArray(part) && !isOptions(part)) return wrongTensor(part, key);
  const entries = Object.entries(part);
  if (entries.length === 0) return `nothing for ${key}`;
  for (const [name, inner] of entries) {
    const wrong = wrongPart(inner, Array.isArray(part) ? `${key}[${name}]` : `${key}.${name}`);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** All tensors of a tree, in their order. */
export function tensorsIn(tree: unknown): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (!Array.isArray(tree) && !isOptions(tree)) return [];
  return Object.values(tree).flatMap(tensorsIn);
}
