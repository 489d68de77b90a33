import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  manualSeed,
  Parameter,
  rand,
  Tape,
  tensor,
  zeros,
  type Tensor,
} from '@unfold/core';
import { Conv2d, crossEntropy, Flatten, Linear, Module, Sequential } from '@unfold/nn';
import { Cnn, LeNet } from '@unfold/train';
import { tensorBoard } from '@unfold/monitor';
import { decode } from 'fast-png';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Callback } from '../../packages/train/src/fit/callback.js';
import { filterGrid } from '../../packages/monitor/src/tensorboard/filters.js';
import { readEvent, readRecords, shownIn, type ReadEvent } from '../support/runs/tensorboard.js';
import { lossAt, play, trainAt, validationAt, type Play } from '../support/runs/tensorboard-run.js';

let root = '';
let folder = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unfold-tensorboard-run-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  manualSeed(3);
  folder = join(root, String(folders++));
});

const train = (): string => join(folder, 'train');
const validation = (): string => join(folder, 'validation');

/** Steps and values of a curve. */
function curve(events: readonly ReadEvent[], tag: string): [number, number][] {
  return events.flatMap((event) => {
    return event.tag === tag ? [[event.step, event.scalar ?? NaN] as [number, number]] : [];
  });
}
const tags = (events: readonly ReadEvent[]): string[] =>
  [...new Set(events.flatMap(({ tag }) => tag ?? []))].sort();
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const small = { epochs: 2, stepsPerEpoch: 3 };

describe('a run', () => {
  it('has loss, learning rate and norm of every step, in the run train', async () => {
    await play(tensorBoard(folder), { model: new LeNet(), ...small, gradNorm: true });
    const events = await shownIn(train());
    const steps = upTo(6);
    expect(curve(events, 'step/loss')).toEqual(steps.map((s) => [s, Math.fround(lossAt(s))]));
    expect(curve(events, 'step/lr')).toEqual(steps.map((s) => [s, Math.fround(0.1 / s)]));
    expect(curve(events, 'step/gradNorm')).toEqual(steps.map((s) => [s, s / 4]));
  });

  it('has no curve of a norm that is not computed', async () => {
    await play(tensorBoard(folder), { model: new LeNet(), ...small });
    expect(tags(await shownIn(train()))).not.toContain('step/gradNorm');
  });

  it('has the scores of each epoch, of both runs under one name', async () => {
    await play(tensorBoard(folder), { model: new LeNet(), ...small });
    const [trained, validated] = [await shownIn(train()), await shownIn(validation())];
    for (const score of ['loss', 'accuracy'] as const) {
      const at = (scores: typeof trainAt) =>
        upTo(2).map((epoch) => [3 * epoch, Math.fround(scores(epoch)[score])]);
      expect(curve(trained, `epoch/${score}`)).toEqual(at(trainAt));
      expect(curve(validated, `epoch/${score}`)).toEqual(at(validationAt));
    }
    expect(tags(validated)).toEqual(['epoch/accuracy', 'epoch/loss']);
  });

  it('without validation images has no such run', async () => {
    await play(tensorBoard(folder), { model: new LeNet(), ...small, validation: false });
    expect(await readdir(folder)).toEqual(['train']);
  });

  it('has weights and gradients as histograms after each epoch', async () => {
    const model = new LeNet();
    await play(tensorBoard(folder), { model, ...small });
    const histograms = (await shownIn(train())).filter(({ histogram }) => histogram);
    expect(histograms.length).toBe(2 * 2 * 6);
    const of = (tag: string) => histograms.filter((event) => event.tag === tag);
    expect(of('weights/conv2.weight').map(({ step }) => step)).toEqual([3, 6]);
    expect(of('weights/conv2.weight')[0]?.histogram?.num).toBe(16 * 8 * 25);
    const last = of('weights/fc.bias')[1]?.histogram;
    const values = [...(model.fc.bias as Parameter).data];
    expect(last).toMatchObject({ num: 10, min: Math.min(...values), max: Math.max(...values) });
    // The gradients of step s are all s / 1000 in this run.
    expect(of('gradients/conv1.weight').map(({ step }) => step)).toEqual([3, 6]);
    expect(of('gradients/conv1.weight').map(({ histogram }) => histogram?.max)).toEqual([
      Math.fround(0.003),
      Math.fround(0.006),
    ]);
  });

  it('given to two runs at once is the first one’s', async () => {
    const callback = tensorBoard(folder);
    let refusal: unknown;
    const both: Callback = {
      ...callback,
      async onEpochEnd(report, run) {
        await callback.onEpochEnd?.(report, run);
        const model = new LeNet();
        refusal = await play(callback, { model, ...small }).catch((error: unknown) => error);
        const other = { ...run };
        await callback.onError?.(refusal, other);
      },
    };
    await play(both, { model: new LeNet(), ...small });
    expect(refusal).toEqual(
      new ConfigError(
        `tensorBoard: ${folder} is written by another run of this callback; wait for its end, or give ` +
          'each run a folder of its own',
      ),
    );
    expect(curve(await shownIn(train()), 'step/loss')).toHaveLength(6);
    await play(callback, { model: new LeNet(), ...small });
  });

  it('passes by what has no gradient and what is empty', async () => {
    class Odd extends Module {
      readonly none = new Parameter(zeros([0, 2]));
      readonly some = new Parameter(tensor([1, 2]));
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const callback = tensorBoard(folder);
    const model = new Odd();
    await play(
      { ...callback, onGradients: (run) => (model.zeroGrad(), callback.onGradients?.(run)) },
      { model, epochs: 1, stepsPerEpoch: 1 },
    );
    const shown = tags(await shownIn(train()));
    expect(shown).toEqual(['epoch/accuracy', 'epoch/loss', 'step/loss', 'step/lr', 'weights/some']);
  });

  it('has a picture of the filters of the first convolution', async () => {
    const model = new Sequential(new Sequential(new Conv2d(3, 4, 2), new Conv2d(4, 2, 3)));
    await play(tensorBoard(folder), { model, ...small });
    const pictures = (await shownIn(train())).filter(({ image }) => image);
    expect(pictures.map(({ tag, step }) => [tag, step])).toEqual([
      ['filters/0.0', 3],
      ['filters/0.0', 6],
    ]);
    const { image } = pictures[1] as { image: { png: Uint8Array } };
    const weight = (model.stateDict().get('0.0.weight') as Tensor).toTypedArray();
    const { pixels, shape } = filterGrid(weight, [4, 3, 2, 2]);
    const png = decode(image.png);
    expect([png.channels, png.height, png.width]).toEqual(shape);
    const red = png.data.filter((_, i) => i % 3 === 0);
    expect(Array.from(red)).toEqual(Array.from(pixels.subarray(0, red.length)));
  });

  it('without a convolution has no picture', async () => {
    const model = new Sequential(new Flatten(), new Linear(4, 2));
    await play(tensorBoard(folder), { model, ...small });
    expect((await shownIn(train())).filter(({ image }) => image)).toEqual([]);
  });

  it('shows its configuration, nothing of which is Markdown', async () => {
    const configuration = {
      lr: 0.1,
      file: 'a_b|c\n*d*',
      betas: [0.9, 1],
      off: undefined,
      no: null,
    };
    await play(tensorBoard(folder, { configuration }), { model: new LeNet(), ...small });
    const shown = (await shownIn(train())).find(({ tag }) => tag === 'configuration');
    expect(shown?.text?.split('\n')).toEqual([
      '| name | value |',
      '| --- | --- |',
      '| lr | 0.1 |',
      '| file | a&#95;b&#124;c &#42;d&#42; |',
      '| betas | &#91;0.9,1&#93; |',
      '| no | null |',
    ]);
    expect(shown?.step).toBe(0);
  });

  it('shows one of everySteps steps, by default at most 10,000 of a run', async () => {
    const model = new Sequential(new Linear(1, 1));
    await play(tensorBoard(folder, { everySteps: 4 }), { model, epochs: 2, stepsPerEpoch: 5 });
    const steps = async () => curve(await shownIn(train()), 'step/loss').map(([step]) => step);
    expect(await steps()).toEqual([4, 8]);
    for (const [epochs, every] of [
      [5, 1],
      [6, 2],
      [11, 3],
    ] as const) {
      folder = join(root, String(folders++));
      const run = { model, epochs, stepsPerEpoch: 2000, fails: 7 };
      await expect(play(tensorBoard(folder), run)).rejects.toThrow('the run failed');
      expect(await steps()).toEqual(upTo(7).filter((step) => step % every === 0));
    }
  });

  it.each([0, -1, 1.5, NaN])('refuses everySteps: %d', (everySteps) => {
    expect(() => tensorBoard(folder, { everySteps })).toThrow(
      `tensorBoard: everySteps must be an integer from 1, got ${everySteps}`,
    );
  });
});

describe('a run that is resumed', () => {
  it('goes on in new files, and what the first process did beyond is gone', async () => {
    const model = new LeNet();
    const run = { model, epochs: 3, stepsPerEpoch: 10, gradNorm: true };
    // It ends two epochs; its last state is that of step 10.
    await play(tensorBoard(folder), { ...run, epochs: 2 });
    const failing = { ...run, from: 10, fails: 13 };
    await expect(play(tensorBoard(folder), failing)).rejects.toThrow('the run failed');

    const half = await shownIn(train());
    expect(curve(half, 'step/loss').map(([step]) => step)).toEqual(upTo(13));
    for (const tag of ['epoch/loss', 'weights/fc.bias', 'gradients/fc.bias', 'filters/conv1']) {
      expect([tag, curve(half, tag).map(([step]) => step)]).toEqual([tag, [10]]);
    }
    // Also where nothing new came yet.
    expect(curve(await shownIn(validation()), 'epoch/loss').map(([step]) => step)).toEqual([10]);

    await play(tensorBoard(folder), { ...run, from: 10 });
    const whole = await shownIn(train());
    expect(curve(whole, 'step/loss').map(([step]) => step)).toEqual(upTo(30));
    for (const part of [train(), validation()]) {
      expect(curve(await shownIn(part), 'epoch/loss').map(([step]) => step)).toEqual([10, 20, 30]);
      expect((await readdir(part)).length).toBe(3);
    }
  });

  it('from the start, takes the place of another run in the folder', async () => {
    const configuration = { run: 'first' };
    const model = new LeNet();
    await play(tensorBoard(folder, { configuration }), { model, epochs: 3, stepsPerEpoch: 4 });
    await play(tensorBoard(folder), { model, ...small, validation: false });
    expect(curve(await shownIn(train()), 'step/loss').map(([step]) => step)).toEqual(upTo(6));
    expect(tags(await shownIn(train()))).not.toContain('configuration');
    expect(await shownIn(validation())).toEqual([]);
  });
});

describe('errors', () => {
  it('a folder that cannot be made is told before the first step', async () => {
    await writeFile(folder, 'a file');
    const run = { model: new LeNet(), ...small };
    await expect(play(tensorBoard(folder), run)).rejects.toThrow(ConfigError);
    await expect(play(tensorBoard(folder), run)).rejects.toThrow(/^cannot write .*train: ENOTDIR/);
  });

  it('a file that can no longer be written ends the run', async () => {
    const callback = tensorBoard(folder);
    const removing: Callback = {
      ...callback,
      async onStepEnd(report, run) {
        if (report.step === 2) await rm(folder, { recursive: true });
        await callback.onStepEnd?.(report, run);
      },
    };
    await expect(play(removing, { model: new LeNet(), ...small })).rejects.toThrow(
      /^cannot write .*events\.out\.tfevents\..*: it was deleted while it was being written/,
    );
  });

  it('a file that can no longer be written is told once, where somebody listens, and the run goes on', async () => {
    const failures: string[] = [];
    const callback = tensorBoard(folder, { onFailure: ({ message }) => failures.push(message) });
    const steps: number[] = [];
    const removing: Callback = {
      ...callback,
      async onStepEnd(report, run) {
        steps.push(report.step);
        if (report.step === 2) await rm(folder, { recursive: true });
        await callback.onStepEnd?.(report, run);
      },
    };
    const run = { model: new LeNet(), ...small };
    await play(removing, run);
    expect(failures).toEqual([
      expect.stringMatching(/^cannot write .*: it was deleted while it was being written/),
    ]);
    expect(steps.at(-1)).toBeGreaterThan(2);
  });

  it('being called outside of a run is one', async () => {
    const callback = tensorBoard(folder);
    const late: Callback = {
      ...callback,
      async onTrainEnd(result, run) {
        await callback.onTrainEnd?.(result, run);
        callback.onGradients?.(run);
      },
    };
    await expect(play(late, { model: new LeNet(), ...small })).rejects.toThrow(
      'tensorBoard: the run has not begun, or has ended',
    );
  });

  it('a weight that is no number is named', async () => {
    const model = new LeNet();
    model.conv2.weight.update((data) => (data[7] = NaN));
    await expect(play(tensorBoard(folder), { model, ...small })).rejects.toThrow(
      'addHistogram: weights/conv2.weight: expected finite values, got NaN at index 7 of 3200',
    );
  });

  it('an error of the run closes the files: all is there', async () => {
    const run = { model: new LeNet(), ...small, fails: 2 };
    await expect(play(tensorBoard(folder), run)).rejects.toThrow('the run failed');
    expect(curve(await shownIn(train()), 'step/loss').length).toBe(2);
  });

  it('a folder of files that are none of ours is no obstacle', async () => {
    await mkdir(train(), { recursive: true });
    await writeFile(join(train(), 'notes.txt'), '');
    await play(tensorBoard(folder), { model: new LeNet(), ...small });
    expect((await readdir(train())).length).toBe(2);
  });
});

describe('filterGrid', () => {
  it('one channel: tiles in a square, each scaled to its own range, enlarged', () => {
    // Three filters of 1×2: the third is constant.
    const { pixels, shape } = filterGrid([-1, 1, 10, 12.5, 3, 3], [3, 1, 1, 2]);
    // 16-fold: tiles of 16×32, with a frame and gaps of 2.
    expect(shape).toEqual([1, 2 + 2 * 18, 2 + 2 * 34]);
    const at = (y: number, x: number): number | undefined => pixels[y * 70 + x];
    expect([at(1, 2), at(2, 1), at(2, 2), at(17, 17)]).toEqual([0, 0, 0, 0]);
    expect([at(2, 18), at(2, 33), at(17, 18), at(18, 18), at(2, 34)]).toEqual([
      255, 255, 255, 0, 0,
    ]);
    expect([at(2, 36), at(2, 52)]).toEqual([0, 255]);
    expect([at(20, 2), at(35, 33), at(36, 2)]).toEqual([128, 128, 0]);
    expect([at(20, 36), at(20, 60)]).toEqual([0, 0]);
  });

  it('three channels: colours with a range in common', () => {
    const { pixels, shape } = filterGrid([0, 0.5, 1, 0.25, 0.1, 0.9], [1, 3, 2, 1]);
    expect(shape).toEqual([3, 2 + 34, 2 + 18]);
    const at = (c: number, y: number): number | undefined => pixels[(c * 36 + y) * 20 + 2];
    expect([at(0, 2), at(0, 18), at(1, 2), at(1, 18), at(2, 2), at(2, 33)]).toEqual([
      0, 128, 255, 64, 26, 230,
    ]);
  });

  it('other channels: a row is a filter; at most 64 filters of 16 channels', () => {
    const { pixels, shape } = filterGrid([0, 4, 1, 2], [2, 2, 1, 1]);
    expect(shape).toEqual([1, 70, 70]);
    const at = (y: number, x: number): number | undefined => pixels[y * 70 + x];
    expect([at(2, 2), at(2, 36), at(36, 2), at(36, 36)]).toEqual([0, 255, 0, 255]);
    const many = filterGrid(new Float32Array(65 * 17 * 33 * 35), [65, 17, 33, 35]);
    expect(many.shape).toEqual([1, 2 + 64 * 35, 2 + 16 * 37]);
  });
});

describe('docs/tensorboard.md', () => {
  const page = readFileSync(new URL('../../docs/tensorboard.md', import.meta.url), 'utf8');
  const documented = (row: RegExp): number => Number(row.exec(page)?.[1]);

  /** Bytes in the file of the run `train`, by the beginning of their tags. */
  async function sizes(run: Play): Promise<Record<string, number>> {
    folder = join(root, String(folders++));
    await play(tensorBoard(folder), run);
    const [file = ''] = await readdir(train());
    const bytes: Record<string, number> = {};
    for (const record of readRecords(await readFile(join(train(), file)))) {
      const kind = readEvent(record).tag?.split('/')[0] ?? 'head';
      bytes[kind] = (bytes[kind] ?? 0) + record.length + 16;
    }
    return bytes;
  }

  it('has the size of a step', async () => {
    const model = new Sequential(new Linear(1, 1));
    const { step = NaN } = await sizes({ model, epochs: 1, stepsPerEpoch: 938, gradNorm: true });
    expect(documented(/^\| a step +\| (\d+) bytes/m)).toBe(Math.round(step / 938));
  });

  it.each([
    ['lenet', () => new LeNet()],
    ['cnn', () => new Cnn()],
  ])('has about the size of an epoch of %s', async (name, make) => {
    const model = make();
    const gradients = (): void => {
      using tape = new Tape();
      model.zeroGrad();
      const labels = tensor(new Int32Array([3, 1, 4, 1, 5, 9, 2, 6]));
      tape.backward(crossEntropy(model.forward(rand([8, 1, 28, 28])), labels));
    };
    const {
      step: _,
      head: __,
      ...rest
    } = await sizes({ model, epochs: 1, stepsPerEpoch: 1, gradients });
    const bytes = Object.values(rest).reduce((a, b) => a + b);
    const row = new RegExp(`^\\| an epoch of \`${name}\` +\\| (\\d+) kB`, 'm');
    const ratio = bytes / 1000 / documented(row);
    expect(ratio, `${bytes} bytes`).toBeGreaterThan(0.8);
    expect(ratio, `${bytes} bytes`).toBeLessThan(1.25);
  });

  it('has code that runs', async () => {
    const blocks = page.matchAll(/^```ts\n([\s\S]*?)^```$/gm);
    const code = [...blocks].map(([, text = '']) => text).find((text) => text.includes('Writer'));
    if (code === undefined) throw new Error('no block with a SummaryWriter');
    expect(code).toContain("'runs/mine'");
    const { stderr } = spawnSync(
      process.execPath,
      [
        ...['--conditions=unfold-source', '--import=tsx', '--input-type=module', '--eval'],
        code.replace("'runs/mine'", JSON.stringify(folder)),
      ],
      { cwd: new URL('../..', import.meta.url), encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(tags(await shownIn(folder))).toEqual(['activations', 'input', 'note', 'speed']);
  });
});
