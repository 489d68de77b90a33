import { ConfigError, heapStats, manualSeed, profile, ShapeError, type Tensor } from '@unfold/core';
import { Flatten, Linear, Module, Sequential, type Layer } from '@unfold/nn';
import { type Batch, DataLoader, Dataset, evaluate } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../support/garbage.js';

/** Its logits are the pixels: an image is taken for the class of its brightest pixel. */
class Reader extends Module {
  readonly flatten = new Flatten();
  readonly modes: boolean[] = [];

  forward(x: Tensor): Tensor {
    this.modes.push(this.training);
    return this.flatten.forward(x);
  }
}

/** Images that `Reader` takes for the given classes, `[label, prediction]` for each. */
function answers(classes: number, pairs: readonly (readonly [number, number])[]): Dataset {
  const images = new Float32Array(pairs.length * classes);
  pairs.forEach(([, prediction], i) => {
    images[i * classes + prediction] = 2;
  });
  const labels = pairs.map(([label]) => label);
  return Dataset.fromArrays({ images, shape: [1, 1, classes], labels });
}

const of = (dataset: Dataset, batchSize = 4): DataLoader => new DataLoader(dataset, { batchSize });

describe('scores', () => {
  // Of class 2 there is no image, class 3 is never predicted, and class 4 neither.
  const pairs = [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 1],
    [1, 1],
    [1, 0],
    [1, 1],
    [3, 1],
    [3, 2],
    [0, 0],
  ] as const;

  it('are those of scikit-learn, for any batch size', async () => {
    for (const batchSize of [1, 3, 10, 64]) {
      const result = await evaluate(new Reader(), of(answers(5, pairs), batchSize));
      expect(result.confusion).toEqual([
        [4, 1, 0, 0, 0],
        [1, 2, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 0, 0, 0],
      ]);
      expect([result.correct, result.total, result.accuracy]).toEqual([6, 10, 0.6]);
      // precision_recall_fscore_support(labels, predictions, labels=range(5), zero_division=0)
      expect(result.classes).toEqual([
        { precision: 0.8, recall: 0.8, f1: 0.8, support: 5 },
        { precision: 0.5, recall: 2 / 3, f1: 4 / 7, support: 3 },
        { precision: 0, recall: 0, f1: 0, support: 0 },
        { precision: 0, recall: 0, f1: 0, support: 2 },
        { precision: 0, recall: 0, f1: 0, support: 0 },
      ]);
      expect(result.macro.precision).toBeCloseTo(0.26, 14);
      expect(result.macro.recall).toBeCloseTo((0.8 + 2 / 3) / 5, 14);
      expect(result.macro.f1).toBeCloseTo((0.8 + 4 / 7) / 5, 14);
      // -log softmax: of five logits one is 2, the others are 0.
      const all = Math.log(Math.exp(2) + 4);
      expect(result.loss).toBeCloseTo(all - 2 * 0.6, 6);
    }
  });

  it('are 1 where all is right', async () => {
    const { accuracy, macro } = await evaluate(
      new Reader(),
      of(
        answers(2, [
          [0, 0],
          [1, 1],
          [1, 1],
        ]),
      ),
    );
    expect({ accuracy, macro }).toEqual({ accuracy: 1, macro: { precision: 1, recall: 1, f1: 1 } });
  });

  it('of equal logits the first class is taken', async () => {
    const images = Float32Array.of(5, 5, 1, 5, 1, 5);
    const dataset = Dataset.fromArrays({ images, shape: [1, 1, 3], labels: [1, 0] });
    const { confusion } = await evaluate(new Reader(), of(dataset));
    expect(confusion).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
    ]);
  });
});

describe('mistakes', () => {
  /** Two-class images: `[label, value of class 0, value of class 1]`. */
  const digits = (rows: readonly (readonly [number, number, number])[]): Dataset =>
    Dataset.fromArrays({
      images: Float32Array.from(rows.flatMap(([, a, b]) => [a, b])),
      shape: [1, 1, 2],
      labels: rows.map(([label]) => label),
    });
  const rows = [
    [0, 0, 1],
    [0, 1, 0],
    [1, 3, 0],
    [0, 0, 2],
    [1, 1, 0],
    [1, 0, 9],
  ] as const;

  it('come worst first, with their places and probabilities, for any batch size', async () => {
    for (const batchSize of [1, 4, 6]) {
      const loader = of(digits(rows), batchSize);
      const { mistakes } = await evaluate(new Reader(), loader, { mistakes: 3 });
      expect(mistakes.map(({ index }) => index)).toEqual([2, 3, 0]);
      const [first] = mistakes;
      expect(first).toMatchObject({ label: 1, prediction: 0 });
      expect(first?.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
      expect(first?.probabilities[1]).toBeCloseTo(1 / (1 + Math.exp(3)), 6);
    }
  });

  it('are not kept unless asked for, and are no more than there are', async () => {
    expect((await evaluate(new Reader(), of(digits(rows)))).mistakes).toEqual([]);
    const operations = async (mistakes: number): Promise<readonly string[]> => {
      const { rows: timed } = await profile(async () => {
        await evaluate(new Reader(), of(digits(rows)), { mistakes });
      });
      return timed.map(({ op }) => op);
    };
    expect(await operations(1)).toContain('softmax');
    expect(await operations(0)).not.toContain('softmax');
    const all = await evaluate(new Reader(), of(digits(rows)), { mistakes: 40 });
    expect(all.mistakes.map(({ index }) => index)).toEqual([2, 3, 0, 4]);
    for (const mistakes of [-1, 1.5]) {
      await expect(evaluate(new Reader(), of(digits(rows)), { mistakes })).rejects.toThrow(
        new ConfigError(`evaluate: mistakes must be an integer from 0, got ${mistakes}`),
      );
    }
  });
});

describe('data', () => {
  it('may be any source of batches, also the rest of an epoch', async () => {
    const dataset = answers(2, [
      [0, 1],
      [1, 1],
      [1, 1],
    ]);
    const loader = of(dataset, 1);
    expect((await evaluate(new Reader(), loader.from(1))).accuracy).toBe(1);
    function* first(): Iterable<Batch> {
      for (const batch of loader) {
        yield batch;
        return;
      }
    }
    expect(await evaluate(new Reader(), first())).toMatchObject({ accuracy: 0, total: 1 });
  });

  it('without images is an error', async () => {
    const message =
      'evaluate: expected at least one batch, got none; nothing can be measured on them';
    const loader = of(answers(2, [[0, 1]]));
    await expect(evaluate(new Reader(), [])).rejects.toThrow(new ConfigError(message));
    const model = new Reader();
    await expect(evaluate(model, loader.from(1))).rejects.toThrow(new ConfigError(message));
    expect(model.training).toBe(true);
  });

  it('with a label that has no logit is an error', async () => {
    const dataset = answers(2, [[2, 1]]);
    await expect(evaluate(new Reader(), of(dataset))).rejects.toThrow(ShapeError);
    await expect(evaluate(new Reader(), of(dataset))).rejects.toThrow(
      'crossEntropy: label 2 at element 0 is outside 0 … 1',
    );
  });

  it('that no class comes of is an error', async () => {
    class Images extends Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    await expect(evaluate(new Images(), of(answers(2, [[0, 1]])))).rejects.toThrow(
      new ShapeError(
        'evaluate: expected logits [N, classes] for float32 tensor [1,1,1,2], ' +
          'got float32 tensor [1,1,1,2]; give evaluate a loss, metrics or both for what is no classifier',
      ),
    );
  });
});

it('every module is in evaluation mode, and as before afterwards, after an error too', async () => {
  const inner = new Reader();
  const model: Layer = new Sequential(new Flatten(), inner);
  const dataset = answers(3, [
    [0, 1],
    [1, 1],
  ]);
  for (const mode of [true, false]) {
    model.train(!mode);
    inner.train(mode);
    await evaluate(model, of(dataset, 1));
    await expect(evaluate(model, of(answers(3, [[7, 0]])))).rejects.toThrow('label 7');
    expect([model.training, inner.training, inner.flatten.training]).toEqual([!mode, mode, mode]);
  }
  expect(new Set(inner.modes)).toEqual(new Set([false]));
});

it('memory does not grow with the images', async () => {
  manualSeed(1);
  const model = new Sequential(new Flatten(), new Linear(200, 10));
  const dataset = Dataset.fromArrays({
    images: new Uint8Array(400 * 200).fill(3),
    shape: [2, 10, 10],
    labels: new Int32Array(400),
  });
  using loader = of(dataset, 20);
  await evaluate(model, loader.from(19));
  await collectGarbage();
  const { peakBytes, usedBytes, liveTensors } = heapStats();
  await evaluate(model, loader);
  expect(heapStats()).toMatchObject({ peakBytes, usedBytes, liveTensors });
});
