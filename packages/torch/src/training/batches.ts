import { ConfigError, tensor, type Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { Dataset, type DataLoader } from '@unfold/train';
import { describeLoader } from '@unfold/train/internal';
import type { BatchFacts } from './data-script.js';
import type { LiveRun } from './facts.js';
import { isUneven } from './loss.js';

type Loaders = Pick<LiveRun, 'train' | 'validation' | 'test'>;
type Batches = Loaders & Pick<LiveRun, 'loss'>;

/** @throws ConfigError for data or batches that data.py doesn't know. */
export function batchFacts(loaders: Batches): BatchFacts {
  const { train, validation } = loaders;
  const options = loaderOptions('train', train);
  const { shuffle = false, dropLast = false, normalization = null, augment = null } = options;
  const isBytes = imagesAreBytes(loaders);
  if (validation) {
    const own = loaderOptions('validation', validation);
    requirePlain(own);
    const other = own.normalization ?? null;
    requireSame('normalization', JSON.stringify(normalization), JSON.stringify(other));
  }
  return {
    batchSize: train.batchSize,
    evaluationBatchSize: (validation ?? train).batchSize,
    shuffle,
    dropLast,
    normalization,
    augment,
    isBytes,
    isUneven: isUneven(loaders.loss),
  };
}

/** @throws ConfigError where other images than all of the validation set, as they are, are measured. */
function requirePlain({ shuffle, dropLast, augment }: ReturnType<typeof describeLoader>): void {
  const wrong = Object.entries({ shuffle, dropLast, augment }).find(([, value]) => value);
  if (!wrong) return;
  throw new ConfigError(
    `eject: validation: expected a loader that gives all images in order and as they are, got one with ` +
      `${wrong[0]}; leave it out`,
  );
}

function requireSame(what: string, ofTrain: string, other: string): void {
  if (ofTrain === other) return;
  throw new ConfigError(
    `eject: expected the same ${what} in all parts of the data, got ${ofTrain} in train, and ${other}`,
  );
}

function loaderOptions(name: string, loader: DataLoader): ReturnType<typeof describeLoader> {
  const options = describeLoader(loader);
  const own = options.transform ? 'transform' : options.collate ? 'collate' : null;
  if (!own) return options;
  throw new ConfigError(
    `eject: ${name}: expected a loader without ${own}, a function that Python can't call; leave it ` +
      'out, and write its like into data.py',
  );
}

function imagesAreBytes(loaders: Loaders): boolean {
  const [first, ...others] = datasetsOf(loaders).map(([, { images }]) => images.constructor.name);
  for (const other of others) requireSame('type of images', String(first), other);
  return first === Uint8Array.name;
}

/** The parts of the data. @throws ConfigError for what is no images and labels in memory. */
function datasetsOf({ train, validation, test }: Loaders): [name: string, dataset: Dataset][] {
  const parts: [string, unknown][] = [
    ['train', train.dataset],
    ['validation', validation?.dataset],
    ['test', test],
  ];
  return parts
    .filter(([, dataset]) => dataset !== undefined)
    .map(([name, dataset]) => {
      if (dataset instanceof Dataset) return [name, dataset];
      throw new ConfigError(
        `eject: ${name}: expected a Dataset of images and labels in memory, got ${valueText(dataset)}`,
      );
    });
}

/** The arrays of all parts, `train.images`, `train.labels` …: tensors of the open scope. */
export function dataTensors(loaders: Loaders): Map<string, Tensor> {
  return new Map(
    datasetsOf(loaders).flatMap(([name, dataset]): [string, Tensor][] => [
      [`${name}.images`, imagesOf(dataset)],
      [`${name}.labels`, labelsOf(dataset)],
    ]),
  );
}

function imagesOf(dataset: Dataset): Tensor {
  const { images, pixels, length, shape } = dataset;
  const own =
    images instanceof Uint8Array
      ? new Uint8Array(length * pixels)
      : new Float32Array(length * pixels);
  for (let i = 0; i < length; i++) own.set(dataset.image(i), i * pixels);
  return tensor(own, [length, ...shape]);
}

function labelsOf(dataset: Dataset): Tensor {
  const { length } = dataset;
  return tensor(
    Int32Array.from({ length }, (_, i) => dataset.label(i)),
    [length],
  );
}
