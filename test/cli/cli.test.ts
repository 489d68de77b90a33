import { existsSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zeros } from '@unfold/core';
import { printable } from '@unfold/monitor/internal';
import type { StateDict } from '@unfold/nn';
import { DataLoader, evaluate, LeNet, loadRun, mnist, type Normalization } from '@unfold/train';
import {
  decodeSafetensors,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
  weightsSha256,
} from '@unfold/io';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../packages/cli/src/options.js';
import { optionsOf, planOf } from '../../packages/cli/src/plan.js';
import { PAGE, refuseOtherKind } from '../../packages/io/src/files/overwrite.js';
import { plainRecipe, PRESETS } from '../../packages/train/src/recipe/recipe.js';
import {
  fromSource,
  start,
  writePatternFolder,
  type Outcome,
  type Running,
} from '../support/runs/cli.js';
import { TRAIN_MNIST, trainMnist, unfoldCommand } from '../support/runs/unfold.js';

/** Processes that start, load TensorFlow.js or train: seconds each on a busy machine. */
const TIMEOUT = 60_000;
/** 320 images are left to train on. */
const TRAIN_IMAGES = 5320;
const TEST_IMAGES = 300;

let root = '';
let digits = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-cli-'));
  digits = join(root, 'digits');
  await writePatternFolder(digits, { train: TRAIN_IMAGES, test: TEST_IMAGES });
});
afterAll(() => rm(root, { recursive: true }));

async function newFolder(): Promise<string> {
  const folder = join(root, String(folders++));
  await mkdir(folder);
  return folder;
}

/** Runs the command on the small digits. */
async function train(...args: readonly string[]): Promise<Outcome> {
  return trainMnist('--data-dir', digits, ...args);
}

/** A checkpoint's tensors under a prefix, without it. */
function weightsIn(state: StateDict, prefix: string): StateDict {
  const own = [...state].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

function stepOf(position: unknown): unknown {
  return typeof position === 'object' && position !== null && 'step' in position
    ? position.step
    : undefined;
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
}

describe.concurrent('arguments', () => {
  it('--help lists every option', { timeout: TIMEOUT }, async () => {
    const { code, stdout, stderr } = await trainMnist('--help');
    expect([code, stderr]).toEqual([0, '']);
    const listed = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
    expect(listed).toEqual([
      '--version',
      '--preset',
      '--model',
      '--epochs',
      '--batch-size',
      '--lr',
      '--momentum',
      '--weight-decay',
      '--schedule',
      '--augment',
      '--label-smoothing',
      '--ema',
      '--early-stopping',
      '--seed',
      '--limit',
      '--kernels',
      '--threads',
      '--simd',
      '--strict',
      '--loader',
      '--data-dir',
      '--checkpoint',
      '--resume',
      '--force-lock',
      '--weights',
      '--metrics',
      '--report',
      '--tensorboard',
      '--json-lines',
      '--no-prefetch',
      '--no-compile',
      '--profile',
      '--quiet',
      '--help',
    ]);
    expect(stdout).toMatch(
      /--preset <name> [^-]*choices:\s+"quick",\s+"default",\s+"strong",\s+"best"/,
    );
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('--version is the package’s', { timeout: TIMEOUT }, async () => {
    const { version } = await readJson('packages/cli/package.json');
    // The one run as in a checkout, where each source is transformed as it is loaded.
    const args = [...fromSource('packages/cli/src/main.ts'), 'train', 'mnist', '--version'];
    expect(await start(process.execPath, args).outcome).toMatchObject({
      code: 0,
      stdout: `${String(version)}\n`,
    });
  });

  it.each<[string, string]>([
    ['--epoch 3', "error: unknown option '--epoch'\n(Did you mean --epochs?)"],
    [
      '--epochs -1',
      "error: option '--epochs <n>' argument '-1' is invalid. Expected a whole number of at least 1.",
    ],
  ])('%s ends the command with status 1', { timeout: TIMEOUT }, async (args, message) => {
    const outcome = await trainMnist(...args.split(' '));
    expect(outcome).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: `${message}\n(--help lists the options)\n`,
    });
  });
});

describe('wrong arguments', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each<[string, string]>([
    ['--nonsense', "error: unknown option '--nonsense'"],
    ['digits', "error: 'digits' belongs to no option"],
    ['--epochs 3 digits', "error: 'digits' belongs to no option"],
    [
      '--checkpoint c --resume c',
      "error: 'c' belongs to no option; --resume takes no value: go on with the run of --checkpoint, if that is there",
    ],
    ['--lr', "error: option '--lr <x>' argument missing"],
    [
      '--epochs 1.5',
      "error: option '--epochs <n>' argument '1.5' is invalid. Expected a whole number of at least 1.",
    ],
    [
      '--batch-size 0',
      "error: option '--batch-size <n>' argument '0' is invalid. Expected a whole number of at least 1.",
    ],
    [
      '--limit 0',
      "error: option '--limit <n>' argument '0' is invalid. Expected a whole number of at least 1.",
    ],
    [
      '--seed -1',
      "error: option '--seed <n>' argument '-1' is invalid. Expected a whole number of at least 0.",
    ],
    [
      '--seed 1e300',
      "error: option '--seed <n>' argument '1e300' is invalid. Expected a whole number of at least 0.",
    ],
    [
      '--lr abc',
      "error: option '--lr <x>' argument 'abc' is invalid. Expected a finite number above 0.",
    ],
    [
      '--lr -0.1',
      "error: option '--lr <x>' argument '-0.1' is invalid. Expected a finite number above 0.",
    ],
    [
      '--lr Infinity',
      "error: option '--lr <x>' argument 'Infinity' is invalid. Expected a finite number above 0.",
    ],
    [
      '--lr 0',
      "error: option '--lr <x>' argument '0' is invalid. Expected a finite number above 0.",
    ],
    [
      '--momentum 1',
      "error: option '--momentum <x>' argument '1' is invalid. Expected a number of at least 0 and below 1.",
    ],
    [
      '--weight-decay NaN',
      "error: option '--weight-decay <x>' argument 'NaN' is invalid. Expected a number of at least 0.",
    ],
    [
      '--model resnet',
      "error: option '--model <name>' argument 'resnet' is invalid. Allowed choices are lenet, cnn, lenet-bn, cnn-bn, wide-cnn-bn.",
    ],
    [
      '--kernels gpu',
      "error: option '--kernels <set>' argument 'gpu' is invalid. Allowed choices are wasm, reference.",
    ],
    [
      '--loader csv',
      "error: option '--loader <kind>' argument 'csv' is invalid. Allowed choices are tfjs, own.",
    ],
  ])('%s', (args, message) => {
    let written = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${String(code)}`);
    });
    expect(() => parseOptions(args.split(' '), '0.0.0')).toThrow('exit 1');
    expect(written).toBe(`${message}\n(--help lists the options)\n`);
  });

  it('none: the default preset, seed 1', () => {
    const options = parseOptions([], '0.0.0');
    expect(options).toEqual({ prefetch: true, compile: true });
    expect(planOf(options)).toEqual({
      preset: 'default',
      recipe: PRESETS.default,
      seed: 1,
      limit: null,
      earlyStopping: null,
    });
  });

  it('change single figures of a preset, or of the plain recipe of a named network', () => {
    const plan = (args: string) => planOf(parseOptions(args.split(' '), '0.0.0'));
    expect(plan('--preset quick --lr 0.2 --seed 5')).toMatchObject({
      preset: 'quick',
      recipe: { ...PRESETS.quick, lr: 0.2 },
      seed: 5,
    });
    expect(plan('--model cnn --ema 0.5 --limit 9')).toMatchObject({
      preset: null,
      recipe: { ...plainRecipe('cnn'), ema: 0.5 },
      limit: 9,
    });
    expect(plan('--model cnn --preset quick').recipe).toEqual({ ...PRESETS.quick, model: 'cnn' });
    for (const args of [
      '--preset quick --lr 0.2 --seed 5',
      '--model cnn --batch-size 32 --label-smoothing 0.5 --ema 0.25 --seed 1 --limit 9',
      '--preset strong --epochs 3 --augment none --seed 2 --early-stopping 0',
    ]) {
      const again = optionsOf(plan(args)).flat().join(' ');
      expect(plan(again)).toEqual(plan(args));
      expect(again.split(' ').sort()).toEqual(args.split(' ').sort());
    }
  });
});

describe.concurrent('what is found out before training begins', () => {
  it.each<[string, (folder: string) => string[], RegExp]>([
    [
      'a checkpoint in a missing folder',
      (folder) => ['--checkpoint', join(folder, 'missing', 'c')],
      /^error: cannot write \S+\/missing\/c: ENOENT: no such file or directory; choose another path, or see that the folder \S+\/missing exists and has room and can be written to\n$/,
    ],
    [
      'metrics in a missing folder',
      (folder) => ['--metrics', join(folder, 'missing', 'm')],
      /^error: cannot write \S+\/missing\/m: ENOENT: .*\n$/,
    ],
    [
      'weights in a missing folder',
      (folder) => ['--weights', join(folder, 'missing', 'w.npz')],
      /^error: cannot write \S+\/missing\/w\.npz: ENOENT: .*\n$/,
    ],
    [
      'weights of an unknown kind',
      (folder) => ['--weights', join(folder, 'w.pt')],
      /^error: --weights: expected a name that ends in \.safetensors or \.npz, got \S+\/w\.pt; .*\n$/,
    ],
    [
      'a lock that is of no file',
      () => ['--force-lock'],
      /^error: --force-lock: name the file of the run with --checkpoint FILE\n$/,
    ],
    [
      'checkpoint and weights in one file',
      (folder) => [`--checkpoint=${join(folder, 'x.npz')}`, `--weights=${join(folder, 'x.npz')}`],
      /^error: --checkpoint and --weights are both \S+; name two files\n$/,
    ],
    [
      'checkpoint and metrics in one file',
      (folder) => ['--checkpoint', join(folder, 'x'), '--metrics', join(folder, '.', 'x')],
      /^error: --checkpoint and --metrics are both \S+; name two files\n$/,
    ],
  ])('%s', { timeout: TIMEOUT }, async (_, args, message) => {
    const folder = await newFolder();
    const { code, stdout, stderr } = await train(...args(folder));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it('a file under two names, and a folder that is none', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'a.npz'), '');
    await symlink(join(folder, 'a.npz'), join(folder, 'b.npz'));
    const [twice, none] = await Promise.all([
      train(`--checkpoint=${join(folder, 'a.npz')}`, `--weights=${join(folder, 'b.npz')}`),
      train(`--tensorboard=${join(folder, 'a.npz')}`),
    ]);
    expect(twice).toMatchObject({ code: 1, stdout: '' });
    expect(twice.stderr).toMatch(
      /^error: --checkpoint and --weights are both \S+; name two files\n$/,
    );
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toMatch(
      /^error: --tensorboard: expected a folder, \S+ is a file; name another\n$/,
    );
  });

  it('a file of another kind, which an output would replace', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const name = '{"name":"mine","version":"1.0.0"}';
    const contents: [string, string, string, string][] = [
      ['--metrics', 'package.json', name, 'a JSON file of --metrics'],
      ['--report', 'index.html', '<!doctype html><title>mine</title>', 'a page that Unfold wrote'],
      ['--weights', 'w.safetensors', 'Dear diary', 'a safetensors file of weights'],
      ['--weights', 'w.npz', 'PK\x03\x04, but a document', 'a .npz file'],
    ];
    await Promise.all(
      contents.map(async ([option, base, content, what]) => {
        const file = join(folder, base);
        await writeFile(file, content);
        const { code, stdout, stderr } = await train(`${option}=${file}`);
        expect([code, stdout, stderr]).toEqual([
          1,
          '',
          `error: ${file} would be replaced, and it is not ${what}, or damaged. Name another file, or ` +
            'move or delete that one\n',
        ]);
        expect(await readFile(file, 'utf8')).toBe(content);
      }),
    );
  });

  it('a folder without digits', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const { code, stderr } = await trainMnist('--data-dir', folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: mnist: \S+: expected the four MNIST files, got 0 of them; .*\n$/,
    );
  });

  it('too few images to hold 5,000 back', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    await writePatternFolder(folder, { train: 12, test: 7 });
    const { code, stderr } = await trainMnist('--data-dir', folder);
    expect([code, stderr]).toEqual([
      1,
      'error: the training part has 12 images, of which the last 5,000 are for validation; nothing is left to train on\n',
    ]);
  });
});

describe('a run', () => {
  const SETTINGS = '--model lenet --epochs 3 --batch-size 32 --seed 7 --loader own'.split(' ');
  let folder = '';
  let outcome: Outcome;
  let metrics: Record<string, unknown>;

  beforeAll(async () => {
    folder = await newFolder();
    outcome = await train(
      ...SETTINGS,
      `--checkpoint=${join(folder, 'c.safetensors')}`,
      `--weights=${join(folder, 'w.safetensors')}`,
      `--metrics=${join(folder, 'm.json')}`,
    );
    metrics = await readJson(join(folder, 'm.json'));
  }, TIMEOUT);

  it('prints plain lines where there is no terminal', () => {
    expect(outcome.stderr).toBe('');
    const number = '\\d+(\\.\\d+)?(e-\\d+)?';
    const patterns = [
      'engine: wasm simd (128|256)-bit.*',
      `data: folder ${digits}`,
      'images: 320 to train on, 5,000 to validate with',
      'model: lenet, 5,994 parameters; seed 7',
      ...[1, 2, 3].map(
        (epoch) =>
          `epoch ${epoch}/3 · loss ${number}, validation ${number} · accuracy ${number} % · lr .*`,
      ),
      'best: .*',
      `test accuracy ${number} % \\(\\d+ of 300\\) after ${number} s`,
      `metrics: ${join(folder, 'm.json')}`,
      `checkpoint: ${join(folder, 'c.safetensors')}`,
      `weights: ${join(folder, 'w.safetensors')}`,
    ];
    const lines = outcome.stdout.trimEnd().split('\n');
    expect(lines.length).toBe(patterns.length);
    for (const [i, pattern] of patterns.entries()) {
      expect(lines[i]).toMatch(new RegExp(`^${pattern}$`));
    }
    expect(outcome.code).toBe(0);
  });

  it('writes its figures, all of them and no others', () => {
    const figure = expect.any(Number);
    expect(metrics).toEqual({
      model: 'lenet',
      preset: null,
      recipe: { ...plainRecipe('lenet'), epochs: 3, batchSize: 32 },
      seed: 7,
      trainingImages: 320,
      earlyStopping: null,
      data: `folder ${digits}`,
      kernels: 'wasm',
      engine: expect.stringMatching(/^wasm simd (128|256)-bit/),
      loader: 'own',
      batchSize: 32,
      parameters: 5994,
      epochs: [1, 2, 3].map((epoch) => ({
        epoch,
        trainLoss: figure,
        valLoss: figure,
        valAccuracy: figure,
        seconds: figure,
      })),
      stopped: null,
      warnings: [],
      error: null,
      testAccuracy: Number(metrics['testCorrect']) / TEST_IMAGES,
      testCorrect: figure,
      testTotal: TEST_IMAGES,
      stepMsMedian: figure,
      seconds: figure,
      peakRssBytes: figure,
      weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(metrics['testAccuracy']).toBeGreaterThan(0.9);
    expect(metrics['stepMsMedian']).toBeGreaterThan(0.1);
    expect(metrics['seconds']).toBeLessThan(TIMEOUT / 1000);
    // At least Node itself, at most what the machine of a test may have.
    expect(metrics['peakRssBytes']).toBeGreaterThan(50e6);
    expect(metrics['peakRssBytes']).toBeLessThan(2e9);
  });

  it('tests the model that the checkpoint holds, normalisation included', async () => {
    const { state, metadata } = await loadCheckpoint(join(folder, 'c.safetensors'));
    const weights = weightsIn(state, 'model.');
    expect(weightsSha256(weights)).toBe(metrics['weightsSha256']);
    expect(metadata).toEqual({
      format: 'unfold-checkpoint-2',
      model: 'lenet',
      normalization: expect.any(String),
      weightsPrefix: 'model.',
      plan: expect.any(String),
      data: expect.stringMatching(/^[0-9a-f]{64}$/),
      engine: expect.stringMatching(/^\{"kernels":"wasm","fused":(true|false)\}$/),
      state: expect.any(String),
    });
    const model = new LeNet();
    model.loadStateDict(weights);
    const normalization = JSON.parse(metadata['normalization'] ?? '') as Normalization;
    const { test } = await mnist({ dataDir: digits });
    const { correct } = await evaluate(
      model,
      new DataLoader(test, { batchSize: 100, normalization }),
    );
    expect(correct).toBe(metrics['testCorrect']);
    expect((await readdir(folder)).sort()).toEqual(['c.safetensors', 'm.json', 'w.safetensors']);
  });

  it('writes the weights of the last step, with what their images need', async () => {
    const file = join(folder, 'w.safetensors');
    const model = new LeNet();
    expect(await loadWeights(model, file)).toEqual({ missing: [], unexpected: [] });
    expect(weightsSha256(model.stateDict())).toBe(metrics['weightsSha256']);
    const { metadata } = decodeSafetensors(await readFile(file));
    const checkpoint = await loadCheckpoint(join(folder, 'c.safetensors'));
    expect(metadata).toEqual({
      model: 'lenet',
      normalization: checkpoint.metadata['normalization'],
    });
  });

  it(
    'gives the same weights again, also through the TensorFlow.js door; another seed others',
    { timeout: TIMEOUT },
    async () => {
      const hashOf = async (...args: string[]): Promise<unknown> => {
        const file = join(await newFolder(), 'm.json');
        await train(...SETTINGS, '--metrics', file, ...args);
        return (await readJson(file))['weightsSha256'];
      };
      const [again, door, other] = await Promise.all([
        hashOf('--quiet'),
        hashOf('--loader', 'tfjs'),
        hashOf('--seed', '8'),
      ]);
      expect(again).toBe(metrics['weightsSha256']);
      expect(door).toBe(metrics['weightsSha256']);
      expect(other).toMatch(/^[0-9a-f]{64}$/);
      expect(other).not.toBe(metrics['weightsSha256']);
    },
  );

  it('gives the same weights whether images are augmented ahead or not', async () => {
    const [ahead, inTurn] = await Promise.all(
      ['--loader=own', '--no-prefetch'].map(async (option) => {
        const file = join(await newFolder(), 'm.json');
        const args = ['--augment=affine', '--loader=own', option, '--metrics', file];
        const { code, stderr } = await train(...SETTINGS, ...args);
        expect([code, stderr]).toEqual([0, '']);
        return (await readJson(file))['weightsSha256'];
      }),
    );
    expect(ahead).toMatch(/^[0-9a-f]{64}$/);
    expect(inTurn).toBe(ahead);
    expect(ahead).not.toBe(metrics['weightsSha256']);
  });

  it('an older run is not lost where --resume was forgotten', { timeout: TIMEOUT }, async () => {
    const file = join(folder, 'c.safetensors');
    const before = await readFile(file);
    const { code, stderr } = await train('--epochs=1', `--checkpoint=${file}`);
    expect([code, stderr]).toEqual([
      1,
      `error: --checkpoint: ${file} holds a run already; go on with it by --resume, name another file, ` +
        'or delete it to begin anew\n',
    ]);
    expect(await readFile(file)).toEqual(before);
  });

  it(
    'nothing else is lost either: a text, weights, a run that is damaged',
    { timeout: TIMEOUT },
    async () => {
      const out = await newFolder();
      const run = await readFile(join(folder, 'c.safetensors'));
      const contents: [Uint8Array, RegExp][] = [
        [Buffer.from('Dear diary'), /it is no checkpoint, or a damaged one: /],
        [await readFile(join(folder, 'w.safetensors')), /it holds tensors of something else\. /],
        [run.subarray(0, -5), /it is no checkpoint, or a damaged one: .*truncated/],
      ];
      await Promise.all(
        contents.map(async ([content, reason], i) => {
          const file = join(out, String(i));
          await writeFile(file, content);
          const { code, stdout, stderr } = await train('--epochs=1', `--checkpoint=${file}`);
          expect([code, stdout.includes('epoch 1')]).toEqual([1, false]);
          expect(stderr).toMatch(/^error: --checkpoint: \S+ would be replaced, and /);
          expect(stderr).toMatch(reason);
          expect(stderr).toMatch(/Name another file, or move or delete that one\n$/);
          expect(await readFile(file)).toEqual(Buffer.from(content));
        }),
      );
      expect((await readdir(out)).sort()).toEqual(['0', '1', '2']);
    },
  );

  it('what was finished stays so, other options are refused', { timeout: TIMEOUT }, async () => {
    const args = [`--checkpoint=${join(folder, 'c.safetensors')}`, '--resume'];
    const file = join(await newFolder(), 'm.json');
    // Figures of an older run are replaced.
    await copyFile(join(folder, 'm.json'), file);
    const again = await train(...args, `--metrics=${file}`);
    const other = await train(...args, '--lr=0.5', '--limit=7');
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect((await readJson(file))['weightsSha256']).toBe(metrics['weightsSha256']);
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(
      /^error: --resume: \S+ holds another run: --limit is not set there, 7 here; --lr is 0.05 there, 0.5 here; leave these options out/,
    );
  });

  it(
    '--json-lines tells programs everything, and people nothing',
    { timeout: TIMEOUT },
    async () => {
      const { code, stdout, stderr } = await train('--epochs=1', '--limit=128', '--json-lines');
      expect([code, stderr]).toEqual([0, '']);
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string });
      expect(lines.map(({ type }) => type)).toEqual([
        'begin',
        'step',
        'step',
        'epoch',
        'end',
        'test',
      ]);
      expect(lines.at(-1)).toMatchObject({ total: TEST_IMAGES });
    },
  );

  it('--report and --tensorboard write what they are named for', { timeout: TIMEOUT }, async () => {
    const out = await newFolder();
    const args = [`--report=${join(out, 'r.html')}`, `--tensorboard=${join(out, 'tb')}`];
    const { code, stderr } = await train('--epochs=1', '--limit=128', '--seed=3', ...args);
    expect([code, stderr]).toEqual([0, '']);
    // Behind the tags that keep an option and its value on one line.
    const text = (await readFile(join(out, 'r.html'), 'utf8')).replaceAll(/<[^>]*>/g, '');
    expect(text).toContain(
      `npm run train:mnist -- --preset default --epochs 1 --lr 0.033 --seed 3 --limit 128 --data-dir ${digits}`,
    );
    for (const part of ['train', 'validation']) {
      expect(await readdir(join(out, 'tb', part))).toEqual([expect.stringMatching(/tfevents/)]);
    }
    // A page of its own kind is replaced.
    await refuseOtherKind(join(out, 'r.html'), PAGE);
  });

  it('--quiet prints the result only', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const file = join(folder, 'c');
    const weights = join(folder, 'w.npz');
    const { stdout, stderr } = await train(
      '--model=lenet',
      '--epochs=1',
      '--limit=64',
      '--quiet',
      `--checkpoint=${file}`,
      `--weights=${weights}`,
    );
    const model = new LeNet();
    await loadWeights(model, weights);
    expect(weightsSha256(model.stateDict())).toBe(
      weightsSha256(weightsIn((await loadCheckpoint(file)).state, 'model.')),
    );
    expect(stdout).toMatch(/^test accuracy \d+\.\d\d % \(\d+ of 300\) after \d+\.\d s\n$/);
    expect(stderr).toBe('');
  });
});

describe.concurrent('where TensorFlow.js is not installed', () => {
  /** A run to whose process no package of TensorFlow.js is there. */
  function trainWithout(...args: readonly string[]): Promise<Outcome> {
    const hook =
      "import M from 'node:module'; const find = M._resolveFilename; M._resolveFilename = " +
      "function (name, ...rest) { if (name.startsWith('@tensorflow/')) throw new Error('none'); " +
      'return find.call(this, name, ...rest); };';
    const own = [`--data-dir=${digits}`, '--model=lenet', '--epochs=1', ...args];
    const hooked = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
    return start(process.execPath, [...hooked, ...TRAIN_MNIST, ...own]).outcome;
  }

  it('a line says so, and our own loader feeds the run', { timeout: TIMEOUT }, async () => {
    const file = join(await newFolder(), 'm.json');
    const { code, stdout, stderr } = await trainWithout(`--metrics=${file}`);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^.*TensorFlow.*$/gm)).toEqual([
      "loader: our own, for TensorFlow.js doesn't load here; the batches are the same",
    ]);
    expect(await readJson(file)).toMatchObject({ loader: 'own' });
  });

  it('--loader tfjs is refused', { timeout: TIMEOUT }, async () => {
    const { code, stderr } = await trainWithout('--loader=tfjs');
    expect([code, stderr]).toEqual([
      1,
      'error: tfjsDataLoader: expected TensorFlow.js, got none (@tensorflow/tfjs-node: none; ' +
        '@tensorflow/tfjs: none); npm install @tensorflow/tfjs, or use DataLoader (on the command ' +
        'line: --loader own)\n',
    ]);
  });
});

describe.concurrent('names that hold terminal escapes are shown, not obeyed', () => {
  const NASTY = 'x\u001b[2J\u009b31m\u202e\ny';
  const SHOWN = String.raw`x\u001b[2J\u009b31m\u202e\ny`;
  const isShown = (text: string): boolean =>
    text.split('\n').every((line) => printable(line) === line);

  it.each<[string, readonly string[]]>([
    ['a folder', [`--data-dir=/${NASTY}`]],
    ['a checkpoint', ['--resume', `--checkpoint=/${NASTY}/c`]],
    ['a file of weights', [`--weights=/${NASTY}/w.npz`]],
  ])('%s', { timeout: TIMEOUT }, async (_, args) => {
    const { code, stdout, stderr } = await trainMnist('--loader=own', ...args);
    expect(code).toBe(1);
    expect(stderr).toContain(SHOWN);
    expect(isShown(stdout + stderr)).toBe(true);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it('an option, and a command', { timeout: TIMEOUT }, async () => {
    for (const args of [[`--${NASTY}`], [`--epochs=${NASTY}`]]) {
      const { stderr } = await trainMnist(...args);
      expect(stderr).toContain(String.raw`x\u001b[2J\u009b31m\u202e`);
      expect(isShown(stderr)).toBe(true);
    }
    const { stderr } = await start(process.execPath, unfoldCommand(NASTY)).outcome;
    expect(stderr).toContain(`error: expected a command, got '${SHOWN}'\n`);
  });

  it('a tensor and metadata of a file', { timeout: TIMEOUT }, async () => {
    const file = join(await newFolder(), 'w.safetensors');
    const state = new Map([[NASTY, zeros([1])]]);
    await writeFile(file, encodeSafetensors(state, { model: NASTY }));
    const { code, stderr } = await start(process.execPath, [
      ...unfoldCommand('evaluate'),
      `--checkpoint=${file}`,
    ]).outcome;
    expect(code).toBe(1);
    expect(stderr).toContain('x\\u001b[2J');
    expect(isShown(stderr)).toBe(true);
  });
});

describe.concurrent('a run that ends early', () => {
  function startTraining(...args: readonly string[]): Running {
    const own = [`--data-dir=${digits}`, '--model=lenet', '--loader=own', ...args];
    return start(process.execPath, [...TRAIN_MNIST, ...own]);
  }

  it('by Ctrl-C: after the step in hand, with a checkpoint', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const file = join(folder, 'c.safetensors');
    const running = startTraining(
      '--epochs=500',
      `--checkpoint=${file}`,
      `--metrics=${join(folder, 'm.json')}`,
    );
    await running.seen(/^epoch 1\/500/m);
    running.child.kill('SIGINT');
    const { code, signal, stdout, stderr } = await running.outcome;
    expect([code, signal]).toEqual([130, null]);
    expect(stdout).not.toContain('test accuracy');
    const [, done] = /^interrupted after step (\d+) of 2,500; the run is in /.exec(stderr) ?? [];
    expect(stderr).toContain(
      `the run is in ${file}, and goes on with --resume; --metrics is written at its end only\n`,
    );
    const saved = await loadRun(file);
    expect(saved?.state.json['position']).toMatchObject({ step: Number(done) });
    expect(await readdir(folder)).toEqual(['c.safetensors']);
  });

  /** Training with a checkpoint in `file`, whose files come to their names when `late` is over. */
  function startLate(file: string, late: string): Running {
    const slow = `
      import fs from 'node:fs/promises';
      import { syncBuiltinESMExports } from 'node:module';
      const { rename } = fs;
      fs.rename = async (from, to) => {
        process.stdout.write('saving\\n');
        await new Promise((resolve) => ${late});
        return rename(from, to);
      };
      syncBuiltinESMExports();`;
    const hooked = ['--import', `data:text/javascript,${encodeURIComponent(slow)}`];
    const args = ['--epochs=500', '--loader=own', `--data-dir=${digits}`, `--checkpoint=${file}`];
    return start(process.execPath, [...hooked, ...TRAIN_MNIST, ...args]);
  }

  it('by a Ctrl-C that npm sends once more: as by one', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const file = join(folder, 'c');
    const running = startLate(file, 'setTimeout(resolve, 500)');
    await running.seen(/^saving$/m);
    running.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 20));
    running.child.kill('SIGINT');
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(stderr).toContain(`the run is in ${file}, and goes on with --resume\n`);
    expect(await readdir(folder)).toEqual(['c']);
  });

  it('by a second Ctrl-C, a second later: at once', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const running = startLate(join(folder, 'c'), 'setInterval(() => {}, 1000)');
    await running.seen(/^saving$/m);
    running.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await readdir(folder)).toContain('c.lock');
    running.child.kill('SIGINT');
    expect((await running.outcome).signal).toBe('SIGINT');
    expect(await readdir(folder)).toEqual([]);
  });

  it('by a window that is closed: with a checkpoint', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const file = join(folder, 'c');
    const args = ['--epochs=500', '--batch-size=160', '--loader=own', `--data-dir=${digits}`];
    const command = [process.execPath, ...TRAIN_MNIST, ...args, `--checkpoint=${file}`].join(' ');
    const scripted = ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'];
    const running = start('script', scripted, { TERM: 'xterm' });
    // Steps are only drawn where they take their time; this always is.
    await running.seen(/epoch \d+\/500 \S+ validating/);
    running.child.kill('SIGKILL');
    // The command hears of it by a signal, and by its output that cannot be written.
    await vi.waitFor(() => expect(existsSync(`${file}.lock`)).toBe(false), TIMEOUT / 2);
    expect(await readdir(folder)).toEqual(['c']);
    expect(stepOf((await loadRun(file))?.state.json['position'])).toBeGreaterThan(0);
  });

  it('by a terminal that is closed: with a checkpoint', { timeout: TIMEOUT }, async () => {
    const file = join(await newFolder(), 'c.safetensors');
    const running = startTraining('--epochs=500', `--checkpoint=${file}`);
    await running.seen(/^epoch 1\/500/m);
    running.child.kill('SIGHUP');
    const { code, stderr } = await running.outcome;
    expect(code).toBe(129);
    const [, done] = /^interrupted after step (\d+) of 2,500; the run is in /.exec(stderr) ?? [];
    expect((await loadRun(file))?.state.json['position']).toMatchObject({ step: Number(done) });
  });

  it.each([['lines for people'], ['--json-lines']])(
    'by a reader who leaves: without a word, with a checkpoint (%s)',
    { timeout: TIMEOUT },
    async (kind) => {
      const file = join(await newFolder(), 'c.safetensors');
      const kinds = kind.startsWith('--') ? [kind] : [];
      const running = startTraining('--epochs=500', `--checkpoint=${file}`, ...kinds);
      await running.seen(kinds.length > 0 ? /"type":"epoch"/ : /^epoch 1\/500/m);
      running.child.stdout?.destroy();
      const { code, stderr } = await running.outcome;
      expect([code, stderr]).toEqual([141, '']);
      const saved = await loadRun(file);
      // It was saved after the first epoch, and again as it ended.
      expect(stepOf(saved?.state.json['position'])).toBeGreaterThan(5);
    },
  );

  it(
    'files that cannot be written at the end are told after the test',
    { timeout: TIMEOUT },
    async () => {
      const [lost, kept] = [await newFolder(), await newFolder()];
      const metrics = join(kept, 'm.json');
      const running = startTraining(
        '--epochs=8',
        `--weights=${join(lost, 'w.npz')}`,
        `--report=${join(lost, 'r.html')}`,
        `--metrics=${metrics}`,
      );
      await running.seen(/^epoch 1\/8/m);
      await rm(lost, { recursive: true });
      const { code, stdout, stderr } = await running.outcome;
      expect(code).toBe(1);
      expect(stdout).toMatch(/^test accuracy /m);
      expect(stderr).toMatch(
        /^error: cannot write \S+w\.npz: ENOENT.*\nerror: cannot write \S+r\.html: ENOENT.*\n$/,
      );
      expect(await readJson(metrics)).toHaveProperty('testAccuracy');
    },
  );

  it('at once where a file would have to be a folder too', { timeout: TIMEOUT }, async () => {
    const file = join(await newFolder(), 'both');
    for (const dir of [file, join(file, 'below')]) {
      const { code, stderr } = await train(`--metrics=${file}`, `--tensorboard=${dir}`);
      expect([code, stderr]).toEqual([
        1,
        `error: --tensorboard and --metrics: ${file} can't be a file and a folder; name another\n`,
      ]);
    }
  });

  it(
    'by Ctrl-C while the weights are written: they are whole, and --resume tests them',
    { timeout: 2 * TIMEOUT },
    async () => {
      const folder = await newFolder();
      const [file, weights] = [join(folder, 'c'), join(folder, 'w.safetensors')];
      // The signal comes before the temporary file has its name, and is heard before the rest.
      const interrupting = `
        import fs from 'node:fs/promises';
        import { syncBuiltinESMExports } from 'node:module';
        import { setTimeout } from 'node:timers/promises';
        const { rename } = fs;
        fs.rename = async (from, to) => {
          if (to.endsWith('w.safetensors')) {
            process.kill(process.pid, 'SIGINT');
            await setTimeout(200);
          }
          return rename(from, to);
        };
        syncBuiltinESMExports();`;
      const args = ['--epochs=1', '--loader=own', `--data-dir=${digits}`, `--checkpoint=${file}`];
      const hooked = ['--import', `data:text/javascript,${encodeURIComponent(interrupting)}`];
      const outputs = [`--weights=${weights}`, `--report=${join(folder, 'r.html')}`];
      const program = [...hooked, ...TRAIN_MNIST, ...args, ...outputs];
      const { code, signal, stdout, stderr } = await start(process.execPath, program).outcome;
      expect([code, signal]).toEqual([130, null]);
      expect(stdout).toContain(`weights: ${weights}\n`);
      expect(stderr).toMatch(
        /^interrupted in the test, after all of the training; --resume tests it; --report is written at its end only$/m,
      );
      expect((await readdir(folder)).sort()).toEqual(['c', 'w.safetensors']);
      expect((await loadCheckpoint(weights)).state.size).toBeGreaterThan(0);
      const again = await train('--resume', `--checkpoint=${file}`);
      expect(again.code).toBe(0);
      expect(again.stdout).toMatch(/^test accuracy /m);
    },
  );

  it('by Ctrl-C without a checkpoint: says so', { timeout: TIMEOUT }, async () => {
    const running = startTraining('--epochs=500');
    await running.seen(/^epoch 1\/500/m);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /^interrupted after step \d+ of 2,500; nothing was saved \(--checkpoint FILE would\)\n$/,
    );
  });

  it('by a reader who leaves: without a word', { timeout: TIMEOUT }, async () => {
    const args = [`--data-dir=${digits}`, '--loader=own', '--epochs=500'];
    const piped = ['-c', '"$@" | head -n 1', 'sh', process.execPath, ...TRAIN_MNIST, ...args];
    const { stdout, stderr } = await start('sh', piped).outcome;
    expect(stdout).toMatch(/^engine: .*\n$/);
    expect(stderr).toBe('');
  });

  it('by a full disk under standard output: with a word', { timeout: TIMEOUT }, async () => {
    const args = [`--data-dir=${digits}`, '--loader=own', '--epochs=1'];
    const full = ['-c', '"$@" > /dev/full', 'sh', process.execPath, ...TRAIN_MNIST, ...args];
    const { code, stderr } = await start('sh', full).outcome;
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: cannot write to standard output: .*ENOSPC.*\n$/),
    ]);
  });

  it(
    'by a loss that is not finite: with a word, no checkpoint, and what tells of the run',
    { timeout: TIMEOUT },
    async () => {
      const folder = await newFolder();
      const file = join(folder, 'c');
      const { code, stdout, stderr } = await train(
        '--lr=1e6',
        '--loader=own',
        `--checkpoint=${file}`,
        `--metrics=${join(folder, 'm.json')}`,
        `--report=${join(folder, 'r.html')}`,
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^error: step \d+ \(epoch 1\): the (loss is (NaN|Infinity); .+ not finite|norm of the gradients is (NaN|Infinity); the first to blame is that of \w+\.\w+, .*)\. A smaller learning rate usually helps\n$/,
      );
      expect(stdout).not.toContain('test accuracy');
      expect(await readdir(folder)).toEqual(['m.json', 'r.html']);
      const message = stderr.slice('error: '.length, -1);
      expect(JSON.parse(await readFile(join(folder, 'm.json'), 'utf8'))).toMatchObject({
        epochs: [],
        error: { name: expect.stringMatching(/^NonFinite(Loss|Gradient)Error$/), message },
        testAccuracy: null,
        testCorrect: null,
        testTotal: null,
      });
      const page = await readFile(join(folder, 'r.html'), 'utf8');
      expect(page).toContain('<strong>Not tested</strong>');
      expect(page).toContain(`The run ended in an error: ${message}.`);
    },
  );

  it('by a full disk: the older checkpoint stays', { timeout: TIMEOUT }, async () => {
    const folder = await newFolder();
    const file = join(folder, 'c');
    const first = startTraining('--epochs=500', `--checkpoint=${file}`);
    await first.seen(/^epoch 1\/500/m);
    first.child.kill('SIGINT');
    await first.outcome;
    const before = await readFile(file);
    // The system lets no file grow beyond 8 KiB: it writes the first 8 KiB of the checkpoint's 24,
    // says so, and refuses the rest, as it does where a disk runs full. The signal that goes
    // with this limit, and not with a full disk, is caught.
    const limited = ['-c', 'ulimit -f 16 && exec "$@"', 'sh', process.execPath];
    const deaf = ['--import', "data:text/javascript,process.on('SIGXFSZ',()=>{})"];
    const args = ['--loader=own', '--resume', `--data-dir=${digits}`, `--checkpoint=${file}`];
    const running = start('sh', [...limited, ...deaf, ...TRAIN_MNIST, ...args]);
    const { code, stderr } = await running.outcome;
    expect(stderr).toMatch(
      /^error: cannot write \S+: EFBIG: file too large; .*has room and can be written to\n$/,
    );
    expect(code).toBe(1);
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(folder)).toEqual(['c']);
  });

  it(
    'is not disturbed by another of its checkpoint; killed, it is no obstacle',
    {
      timeout: 2 * TIMEOUT,
    },
    async () => {
      const folder = await newFolder();
      const file = join(folder, 'c');
      const first = startTraining('--epochs=500', `--checkpoint=${file}`);
      await first.seen(/^epoch 1\/500/m);
      const lock = await readFile(`${file}.lock`, 'utf8');
      const second = await train('--resume', '--force-lock', `--checkpoint=${file}`);
      expect(second).toMatchObject({ code: 1, stdout: '' });
      expect(second.stderr).toMatch(
        new RegExp(
          `^error: \\S+/c is used by process ${first.child.pid} on \\S+, since \\S+; wait for its end, or ` +
            'name another file\\n$',
        ),
      );
      first.child.kill('SIGKILL');
      await first.outcome;
      expect((await readdir(folder)).filter((name) => !name.endsWith('.tmp')).sort()).toEqual([
        'c',
        'c.lock',
      ]);
      const third = startTraining('--resume', `--checkpoint=${file}`);
      await third.seen(/^resumed after step/m);
      third.child.kill('SIGINT');
      expect((await third.outcome).code).toBe(130);
      expect(await readdir(folder)).toEqual(['c']);

      // As if that lock had been made on another computer.
      const elsewhere = lock.replace(/"host":"[^"]*"/, '"host":"elsewhere"');
      await writeFile(`${file}.lock`, elsewhere);
      const refused = await train('--resume', `--checkpoint=${file}`);
      expect(refused.stderr).toMatch(
        /^error: \S+ is used by process \d+ on elsewhere, .*; if it has ended, take it over by --force-lock, /,
      );
      const forced = startTraining('--resume', '--force-lock', `--checkpoint=${file}`);
      await forced.seen(/^resumed after step/m);
      forced.child.kill('SIGINT');
      expect((await forced.outcome).code).toBe(130);
      expect(await readdir(folder)).toEqual(['c']);
    },
  );
});
