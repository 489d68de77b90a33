import { afterEach, describe, expect, it, vi } from 'vitest';
import { heapStats, manualSeed, ones, Scope, type Tensor } from '@unfold/core';
import { weightsSha256 } from '@unfold/io';
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
  type Layer,
} from '@unfold/nn';
import { DataLoader, EMA, evaluate, fit, type Loss, SGD } from '@unfold/train';
import { CLASSES, stripes } from '../support/runs/stripes.js';
import { collectGarbage } from '../support/garbage.js';

const surroundings = vi.hoisted(() => ({ isPage: false }));
vi.mock('@unfold/core/internal', async (original) => ({
  ...(await original<object>()),
  servesPage: () => surroundings.isPage,
}));

afterEach(() => {
  surroundings.isPage = false;
  vi.restoreAllMocks();
});

/** A clock by which everything takes long, so that programs hand the thread back after each launch. */
function slowly(): void {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
}

function onAPage(): void {
  surroundings.isPage = true;
  slowly();
}

/** What else a page does: it makes tensors in each turn, until it is stopped. */
function otherWork(): { readonly made: Tensor[]; stop(): void } {
  const made: Tensor[] = [];
  let isStopped = false;
  const work = (): void => {
    if (isStopped) return;
    made.push(ones([3]));
    Scope.run(() => void ones([1000]));
    setImmediate(work);
  };
  setImmediate(work);
  return {
    made,
    stop() {
      isStopped = true;
    },
  };
}

function makeModel(): Layer {
  manualSeed(3);
  return new Sequential(
    new Conv2d(1, 8, 3, { padding: 1 }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(0.2),
    new Linear(72, CLASSES),
  );
}

/** A run, in words that hold its bits. */
async function train(model: Layer, compile: boolean): Promise<string> {
  manualSeed(11);
  using loader = new DataLoader(stripes(50), { batchSize: 20, shuffle: true });
  using validation = new DataLoader(stripes(30), { batchSize: 20 });
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const ema = new EMA(model);
  const options = {
    train: loader,
    validation,
    epochs: 4,
    optimizer,
    ema,
    compile,
    clipGradNorm: 1,
  };
  const { history } = await fit(model, options);
  const { loss, confusion } = await evaluate(model, validation, { compile });
  const losses = history.map(({ train, validation }) => [train.loss, validation?.loss]);
  return `${losses.join()} ${loss} ${confusion.join()} ${weightsSha256(model.stateDict())}`;
}

/** The tensors that are alive at the end of each of three epochs. */
async function liveAtEpochEnds(loss?: Loss): Promise<readonly number[]> {
  using loader = new DataLoader(stripes(100), { batchSize: 20 });
  const model = makeModel();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const counts: number[] = [];
  await collectGarbage();
  await fit(model, {
    train: loader,
    epochs: 3,
    optimizer,
    ...(loss && { loss }),
    callbacks: [{ onEpochEnd: () => void counts.push(heapStats().liveTensors) }],
  });
  return counts;
}

describe('on a page', () => {
  it('fit and evaluate give the bits of any other run, and hand the thread back', async () => {
    const expected = await train(makeModel(), false);
    slowly();
    const isolated = otherWork();
    expect(await train(makeModel(), true)).toBe(expected);
    isolated.stop();
    const turns = isolated.made.length;
    onAPage();
    const { made, stop } = otherWork();
    expect(await train(makeModel(), true)).toBe(expected);
    stop();
    // Several launches in each of the steps that run as programs.
    expect(made.length).toBeGreaterThan(turns + 50);
    // What others make meanwhile is theirs.
    expect(made.filter(({ isDisposed }) => isDisposed)).toEqual([]);
    for (const tensor of [...made, ...isolated.made]) tensor.dispose();
  });

  it('fit keeps memory flat', async () => {
    onAPage();
    const counts = await liveAtEpochEnds();
    expect(counts[2]).toBe(counts[1]);
  });

  it('fit goes on uncompiled where it has to, and leaves nothing behind', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onAPage();
    const counts = await liveAtEpochEnds((output, { labels }) => {
      void output.toTypedArray();
      return crossEntropy(output, labels);
    });
    expect(counts[2]).toBe(counts[1]);
  });
});
