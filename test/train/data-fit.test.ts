import {
  concat,
  generator,
  heapStats,
  manualSeed,
  mean,
  reshape,
  tensor,
  type Tensor,
} from '@unfold/core';
import { weightsSha256 } from '@unfold/io';
import { Embedding, Linear, Module, mseLoss } from '@unfold/nn';
import {
  type BatchLoader,
  type BatchOf,
  type Callback,
  DataLoader,
  Dataset,
  evaluate,
  fit,
  normalizationOf,
  padSequence,
  SGD,
} from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { copyOf, type Saved, stateOf } from '../support/runs/saved-runs.js';
import { collectGarbage } from '../support/garbage.js';

interface Inputs {
  readonly words: Tensor;
  readonly size: Tensor;
}
type Reading = BatchOf<Inputs, Tensor>;

/** Reads words and a number, and gives a number. */
class Reader extends Module {
  readonly words = new Embedding(10, 4);
  readonly out = new Linear(5, 1);

  forward({ words, size }: Inputs): Tensor {
    return this.out.forward(
      concat([mean(this.words.forward(words), 1), reshape(size, [-1, 1])], 1),
    );
  }
}

const COUNT = 22;
const wordsOf = (i: number): Int32Array =>
  Int32Array.from({ length: 2 + (i % 3) }, (_, t) => 1 + ((i * 7 + t * 3) % 9));

/** Sentences of one length, as columns. */
const columns = Dataset.fromArrays({
  inputs: {
    words: Array.from({ length: COUNT }, (_, i) => wordsOf(3 * i)),
    size: Float32Array.from({ length: COUNT }, (_, i) => (i % 5) / 5),
  },
  targets: Array.from({ length: COUNT }, (_, i) => [(i % 7) / 7]),
});

/** The same of sentences whose lengths differ, each promised. */
const sentences = {
  length: COUNT,
  get: async (i: number) => ({ words: wordsOf(i), size: (i % 5) / 5, target: (i % 7) / 7 }),
};

const options = { batchSize: 4, shuffle: true, seed: 3 };
const makers: Readonly<Record<string, () => BatchLoader<Reading>>> = {
  columns: () => new DataLoader(columns, options),
  'columns and a transform': () =>
    new DataLoader(columns, {
      ...options,
      transform: ({ inputs, targets }, random) => ({
        inputs: { words: inputs.words, size: tensor(inputs.size.item() + 0.05 * random.normal()) },
        targets,
      }),
    }),
  'promised samples and a collate': () =>
    new DataLoader(sentences, {
      ...options,
      transform: (sample, random) => ({ ...sample, size: sample.size + 0.05 * random.normal() }),
      collate: (samples) => ({
        inputs: {
          words: padSequence(samples.map(({ words }) => words)),
          size: tensor(samples.map(({ size }) => size)),
        },
        targets: tensor(samples.map(({ target }) => [target])),
      }),
    }),
};

describe.each(Object.entries(makers))('a run over %s', (_, make) => {
  const begin = (compile = true) => {
    manualSeed(1);
    const model = new Reader();
    const optimizer = new SGD(model.parameters(), { lr: 0.02, momentum: 0.9 });
    const loss = (output: Tensor, { targets }: Reading): Tensor => mseLoss(output, targets);
    return { model, options: { train: make(), epochs: 2, optimizer, loss, compile } };
  };

  it('has the same bits as programs or not, and leaves nothing behind', async () => {
    const run = async (compile: boolean): Promise<string> => {
      const { model, options: given } = begin(compile);
      const { history } = await fit(model, { ...given, validation: make() });
      expect(history[1]?.train.loss).toBeLessThan(history[0]?.train.loss ?? 0);
      expect(history.map(({ images }) => images)).toEqual([COUNT, COUNT]);
      given.train.dispose();
      return weightsSha256(model.stateDict());
    };
    const hash = await run(true);
    await collectGarbage();
    const { liveTensors } = heapStats();
    const { model } = begin();
    const own = heapStats().liveTensors - liveTensors;
    const loader = make();
    await evaluate(model, loader, {
      loss: (output: Tensor, { targets }: Reading) => mseLoss(output, targets),
    });
    loader.dispose();
    expect(heapStats().liveTensors - liveTensors).toBe(own);
    expect(await run(false)).toBe(hash);
  });

  it('goes on in the middle of an epoch to the same bits', async () => {
    const saved: Saved[] = [];
    const saver: Callback<never, Reading> = {
      onSavePoint: (point) => void saved.push(copyOf(point.state())),
    };
    const { model, options: given } = begin();
    await fit(model, { ...given, callbacks: [saver] });
    expect(saved.length).toBeGreaterThan(12);
    for (const state of saved) {
      const again = begin();
      manualSeed(999);
      generator('shuffle').uniform();
      await fit(again.model, { ...again.options, resume: stateOf(state) });
      expect(weightsSha256(again.model.stateDict())).toBe(weightsSha256(model.stateDict()));
    }
  });
});

it('features are normalised in training as in evaluation', async () => {
  const inputs = {
    data: Float32Array.from({ length: 90 }, (_, i) => 500 + ((i * 37) % 71)),
    shape: [3],
  };
  const targets = Array.from({ length: 30 }, (_, i) => [((i * 111) % 71) / 71]);
  const dataset = Dataset.fromArrays({ inputs, targets });
  const normalization = normalizationOf(dataset);
  const model = new Linear(3, 1);
  const { history } = await fit(model, {
    train: new DataLoader(dataset, { batchSize: 10, normalization }),
    validation: new DataLoader(dataset, { batchSize: 30, normalization }),
    epochs: 60,
    optimizer: new SGD(model.parameters(), { lr: 0.1 }),
    loss: (output, batch) => mseLoss(output, batch.targets),
  });
  expect(history.at(-1)?.validation?.loss).toBeLessThan(0.005);
});
