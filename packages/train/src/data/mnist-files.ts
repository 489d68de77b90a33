import type { IdxArray, ReadIdxOptions } from '@unfold/io';

/** The four files of MNIST, and what is known of the published ones. */
export type FileRole = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

/** Gives what `make` makes of each role, of one after the other. */
export async function ofEachRole<T>(
  make: (role: FileRole) => T | Promise<T>,
): Promise<Readonly<Record<FileRole, T>>> {
  return {
    trainImages: await make('trainImages'),
    trainLabels: await make('trainLabels'),
    testImages: await make('testImages'),
    testLabels: await make('testLabels'),
  };
}

export interface MnistFile {
  readonly name: string;
  /** The items in the published file. */
  readonly count: number;
  /** The axes that a file of this role has; null: any number of items. */
  readonly dims: readonly [null, 28, 28] | readonly [null];
  /** SHA-256 of the published file, not packed. */
  readonly sha256: string;
  /** The published file, packed with gzip. */
  readonly packed: { readonly bytes: number; readonly sha256: string };
}

/** A file that was read. */
export interface IdxFile {
  readonly path: string;
  readonly array: IdxArray;
}

/** Gives the checks of a file that must be exactly as it was published; packed or not, as its SHA-256. */
export function publishedOptions({ count, dims }: MnistFile, sha256: string): ReadIdxOptions {
  return { dims: [count, ...dims.slice(1)], sha256 };
}

export const FILES: Readonly<Record<FileRole, MnistFile>> = {
  trainImages: {
    name: 'train-images-idx3-ubyte',
    count: 60_000,
    dims: [null, 28, 28],
    sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    packed: {
      bytes: 9_912_422,
      sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    },
  },
  trainLabels: {
    name: 'train-labels-idx1-ubyte',
    count: 60_000,
    dims: [null],
    sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    packed: {
      bytes: 28_881,
      sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    },
  },
  testImages: {
    name: 't10k-images-idx3-ubyte',
    count: 10_000,
    dims: [null, 28, 28],
    sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    packed: {
      bytes: 1_648_877,
      sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    },
  },
  testLabels: {
    name: 't10k-labels-idx1-ubyte',
    count: 10_000,
    dims: [null],
    sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    packed: {
      bytes: 4_542,
      sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
    },
  },
};
