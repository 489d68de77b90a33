import { Generator, manualSeed, Scope, tensor } from '@unfold/core';
import { crossEntropy } from '@unfold/nn';
import { DataLoader, Dataset, EMA, type LoaderOptions, randomAffine, SGD } from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { accuracy } from '../../packages/train/src/metrics/accuracy.js';
import { MODELS } from '../../packages/train/src/models.js';
import { prepareRun } from '../../packages/train/src/recipe/prepare.js';
import { plainRecipe, PRESETS, type Recipe } from '../../packages/train/src/recipe/recipe.js';

const dataset = (n: number): Dataset =>
  Dataset.fromArrays({
    images: Uint8Array.from({ length: n * 784 }, (_, i) => (i * 37) % 256),
    shape: [1, 28, 28],
    labels: Array.from({ length: n }, (_, i) => i % 10),
  });

const TRAIN = dataset(640);
const VALIDATION = dataset(20);
const normalization = { mean: [0.25], std: [0.5] };

/** The run of a recipe, and which loaders were asked for. */
async function prepare(recipe: Recipe) {
  manualSeed(3);
  const asked: [Dataset, LoaderOptions][] = [];
  const { model, options } = await prepareRun(recipe, {
    train: TRAIN,
    validation: VALIDATION,
    normalization,
    makeLoader: (data, loaderOptions) => {
      asked.push([data, loaderOptions]);
      return new DataLoader(data, loaderOptions);
    },
  });
  const { optimizer, scheduler, ema, loss } = options;
  const schedule = scheduler?.step;
  if (!(optimizer instanceof SGD) || !schedule || !loss) throw new Error('expected SGD');
  return { model, options, asked, optimizer, schedule, ema, loss };
}

const RECIPES: [string, Recipe][] = [
  ...Object.entries(PRESETS),
  ['a plain recipe', plainRecipe('cnn')],
];

describe.each(RECIPES)('what fit gets of %s', (_, recipe) => {
  it('is the model, so many epochs, and accuracy', async () => {
    const { model, options } = await prepare(recipe);
    expect(model.constructor).toBe(MODELS[recipe.model]().constructor);
    expect(options.epochs).toBe(recipe.epochs);
    expect(options.metrics).toEqual({ accuracy });
  });

  it('are shuffled, normalised batches to train on, and the validation images as they are', async () => {
    const { asked, options } = await prepare(recipe);
    const { batchSize, augment } = recipe;
    const changed = augment === 'none' ? {} : { augment: expect.anything() as unknown };
    expect(asked).toEqual([
      [TRAIN, { batchSize, shuffle: true, normalization, ...changed }],
      [VALIDATION, { batchSize: 250, normalization }],
    ]);
    expect(options.train).toHaveLength(640 / batchSize);
    expect(options.validation).toHaveLength(1);
  });

  it('is Nesterov momentum, and weight decay of weights alone', async () => {
    const { model, optimizer } = await prepare(recipe);
    const held = optimizer.groups.flatMap(({ params }) => params);
    expect(new Set(held)).toEqual(new Set(model.parameters()));
    expect(held).toHaveLength([...model.parameters()].length);
    for (const group of optimizer.groups) {
      const decays = group.params.map(({ ndim }) => (ndim > 1 ? recipe.weightDecay : 0));
      expect(decays).toEqual(group.params.map(() => group.weightDecay));
      expect(group).toMatchObject({ nesterov: true, dampening: 0 });
    }
    expect(recipe.weightDecay).toBeGreaterThan(0);
  });

  it('is a rate that goes its way once in all steps of all epochs', async () => {
    const { optimizer, schedule } = await prepare(recipe);
    const seen = () => optimizer.groups.map(({ lr, momentum }) => ({ lr, momentum }));
    const steps = recipe.epochs * (640 / recipe.batchSize);
    const rates = [seen()];
    for (let step = 1; step <= steps; step++) {
      schedule.step();
      rates.push(seen());
    }
    const { lr, momentum } = recipe;
    const both = (value: object) => [value, value];
    if (recipe.schedule === 'linear') {
      rates.forEach((rate, step) => {
        const right = { lr: expect.closeTo(lr * (1 - step / steps), 12) as number, momentum };
        expect(rate).toEqual(both(right));
      });
      return;
    }
    const about = (value: number) => expect.closeTo(value, 8) as number;
    expect(rates[0]).toEqual(both({ lr: about(lr / 25), momentum: about(momentum + 0.05) }));
    expect(rates[steps - 1]).toEqual(
      both({ lr: about(lr / 25e4), momentum: about(momentum + 0.05) }),
    );
    const [highest, least] = [
      Math.max(...rates.flat().map((rate) => rate.lr)),
      Math.min(...rates.flat().map((rate) => rate.momentum)),
    ];
    expect(highest).toBeCloseTo(lr, 8);
    expect(least).toBeCloseTo(momentum - 0.05, 8);
    expect(() => {
      schedule.step();
    }).toThrow('step once after each batch');
  });

  it('is cross entropy, with smoothed labels in training only', async () => {
    const { model, loss, options } = await prepare(recipe);
    using _scope = new Scope();
    const logits = tensor([2, -1, 0.5, 0, 3, 1], [2, 3]);
    const labels = tensor([0, 2], [2], { dtype: 'int32' });
    for await (const batch of options.train) {
      const given = { ...batch, labels };
      const expected = (labelSmoothing: number) =>
        crossEntropy(logits, labels, { labelSmoothing }).item();
      expect(loss(logits, given).item()).toBe(expected(recipe.labelSmoothing));
      model.eval();
      expect(loss(logits, given).item()).toBe(expected(0));
      break;
    }
  });

  it('is an average of weights and of buffers, or none', async () => {
    const { model, ema } = await prepare(recipe);
    if (recipe.ema === 0) {
      expect(ema).toBeUndefined();
      return;
    }
    if (!(ema instanceof EMA)) throw new Error('expected an EMA');
    const own = [...model.stateDict()].filter(([, { dtype }]) => dtype === 'float32');
    expect(own.some(([name]) => /running/.test(name))).toBe(true);
    const set = (value: number) => {
      for (const [, held] of own) held.update((data) => data.fill(value));
    };
    set(1);
    ema.update();
    set(3);
    ema.update();
    for (const [name] of own) {
      const average = ema.stateDict().tensors.get(name)?.toTypedArray()[0];
      expect(average, name).toBeCloseTo(1 + (1 - recipe.ema) * 2, 6);
    }
  });
});

describe('a recipe', () => {
  it('with augmentation turns, moves, scales and shears a little', async () => {
    const { asked } = await prepare({ ...PRESETS.quick, augment: 'affine' });
    const shape = [1, 28, 28] as const;
    const image = () => Float64Array.from({ length: 784 }, (_, i) => (i % 29) / 29);
    const right = randomAffine({ degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 });
    const [ours, theirs] = [image(), image()];
    asked[0]?.[1].augment?.apply({ data: ours, shape }, new Generator(5));
    right.apply({ data: theirs, shape }, new Generator(5));
    expect(ours).toEqual(theirs);
    expect(ours).not.toEqual(image());
  });

  it.each([
    { momentum: 0, from: 0, to: 0, nesterov: false },
    { momentum: 0.02, from: 0.03, to: 0.01, nesterov: true },
    { momentum: 0.97, from: 0.99, to: 0.92, nesterov: true },
  ])('keeps momentum $momentum in bounds', async ({ momentum, from, to, nesterov }) => {
    const { optimizer, schedule } = await prepare({ ...PRESETS.default, momentum });
    const [group] = optimizer.groups;
    expect(group?.nesterov).toBe(nesterov);
    const seen = [group?.momentum ?? NaN];
    for (let step = 1; step < 40; step++) {
      schedule.step();
      seen.push(group?.momentum ?? NaN);
    }
    expect(Math.max(...seen)).toBeCloseTo(from, 10);
    expect(Math.min(...seen)).toBeCloseTo(to, 10);
  });

  it('is what README.md measured', () => {
    const cycle = { batchSize: 64, lr: 0.1, momentum: 0.9, weightDecay: 5e-4 };
    const plain = { ...cycle, schedule: 'one-cycle', augment: 'none', labelSmoothing: 0, ema: 0 };
    const guarded = { ...plain, augment: 'affine', labelSmoothing: 0.05, ema: 0.999 };
    expect(PRESETS).toEqual({
      quick: { ...plain, model: 'lenet', epochs: 1 },
      default: { ...plain, model: 'lenet-bn', epochs: 4 },
      strong: { ...guarded, model: 'cnn-bn', epochs: 10 },
      best: { ...guarded, model: 'wide-cnn-bn', epochs: 20 },
    });
    const linear = { ...plain, lr: 0.05, schedule: 'linear', epochs: 4 };
    expect(plainRecipe('lenet')).toEqual({ ...linear, model: 'lenet' });
  });
});
