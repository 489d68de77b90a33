import { ConfigError, engine, findLeaks, tensor } from '@unfold/core';
import { Flatten, Linear, Sequential, summary } from '@unfold/nn';
import { Dataset, evaluate } from '@unfold/train';
import {
  featureMaps,
  type Planes,
  RunLog,
  trainingPage,
  trainingRecord,
  type TrainingRecord,
} from '@unfold/monitor';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { smooth, thin } from '../../packages/monitor/src/report/thin.js';
import {
  epochReport,
  EVALUATION,
  smallDataset,
  smallModel,
  stepReport,
  trainingRecordOf,
} from '../support/runs/training-records.js';

/** The words of a page, or of a part of it, without its programs and marks. */
const words = (html: string): string =>
  html
    .replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, ' ');

/** A part of the page, by its id. */
function part(page: string, id: string): string {
  const [, inside] = new RegExp(`<section id="${id}"[^>]*>([\\s\\S]*?)</section>`).exec(page) ?? [];
  if (inside === undefined) throw new Error(`the page has no section ${id}`);
  return inside;
}

/** The cells of the table with that label, row after row. */
function cells(page: string, label: string): string[][] {
  const [, inside = ''] =
    new RegExp(`aria-label="${label}"[^>]*>\\s*(<table[\\s\\S]*?</table>)`).exec(page) ?? [];
  return [...inside.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      words(cell).trim(),
    ),
  );
}

/** The data of the page's charts, by their titles. */
function charts(page: string): Map<string, { series: { label: string; values: number[] }[] }> {
  const found = page.matchAll(
    /<figcaption>([^<]*)<\/figcaption>\s*<div\s+class="plot"[^>]*><\/div>[\s\S]*?<script type="application\/json">(.*?)<\/script>/g,
  );
  return new Map(Array.from(found, ([, title = '', json = '']) => [title, JSON.parse(json)]));
}

const titles = (page: string): string[] => [...charts(page).keys()];

describe('points of a line', () => {
  it('are all of them where they are few', () => {
    expect(thin([3, 1, 2], 4)).toEqual([0, 1, 2]);
    expect(thin([], 4)).toEqual([]);
  });

  it('of many are the ends, and the lowest and the highest of each stretch', () => {
    const values = [5, 5, 9, 5, 1, 5, 5, 5, 5, 2, 8, 5];
    expect(thin(values, 6)).toEqual([0, 2, 4, 9, 10, 11]);
  });

  it('rise, and are no more than asked for', () => {
    const values = Float64Array.from({ length: 13_007 }, (_, i) => Math.sin(i * i));
    const places = thin(values, 2000);
    expect(places.length).toBeLessThanOrEqual(2000);
    expect(places.length).toBeGreaterThan(1900);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(places.length);
    const shown = places.map((i) => values[i] as number);
    expect(Math.max(...shown)).toBe(Math.max(...values));
    expect(Math.min(...shown)).toBe(Math.min(...values));
  });

  it('pass over what is no number', () => {
    expect(thin([1, NaN, NaN, 2, 3, Infinity, 0, NaN], 6)).toEqual([0, 3, 4, 6, 7]);
  });

  it('are smoothed by the mean of those around, of fewer at the ends', () => {
    expect(smooth([3, 6, 0, 9], 3)).toEqual([4.5, 3, 5, 4.5]);
    expect(smooth([3, 6], 1)).toEqual([3, 6]);
    expect(smooth([], 3)).toEqual([]);
  });

  it('are smoothed over the numbers among them, so that one that is none spoils no other', () => {
    expect(smooth([3, NaN, 6, 9, Infinity, NaN, NaN], 3)).toEqual([3, 4.5, 7.5, 7.5, 9, NaN, NaN]);
  });
});

describe('a record', () => {
  const options = () => ({
    title: 'T',
    model: smallModel(),
    log: new RunLog(),
    evaluation: EVALUATION,
    dataset: smallDataset(),
    seconds: 1,
    configuration: [],
  });

  it('holds what a page needs, as it was', () => {
    const given = options();
    given.log.onStepEnd(stepReport(1));
    given.log.onEpochEnd(epochReport(1));
    const record = trainingRecord(given);
    given.log.onStepEnd(stepReport(2));
    const { mistakes: _, ...evaluation } = EVALUATION;
    const { toString: __, ...layers } = summary(given.model, [1, 1, 4, 5]);
    expect(record).toMatchObject({
      title: 'T',
      parameters: 2 * 6 + 2 + 18 * 3 + 3,
      engine: engine().description,
      command: null,
      epochs: [epochReport(1)],
      evaluation,
      summary: layers,
    });
    expect([...record.steps.step]).toEqual([1]);
    const picture = { width: 5, height: 4, channels: 1 };
    expect(record.mistakes).toEqual([
      {
        ...EVALUATION.mistakes[0],
        picture: { ...picture, pixels: Uint8Array.from({ length: 20 }, (_, i) => 60 + i) },
      },
    ]);
    expect(record.example.picture).toEqual({
      ...picture,
      pixels: Uint8Array.from({ length: 20 }, (_, i) => i),
    });
    expect(record.example.label).toBe(0);
  });

  it('shows the maps of the first image as the model sees it, normalised', () => {
    const given = { ...options(), normalization: { mean: [0.25], std: [0.5] } };
    const values = Float32Array.from({ length: 20 }, (_, i) => (i / 255 - 0.25) / 0.5);
    const [expected] = featureMaps(given.model, tensor(values, [1, 1, 4, 5]));
    const [maps] = trainingRecord(given).example.layers;
    expect(maps?.values).toHaveLength(18);
    maps?.values.forEach((value, i) => expect(value).toBeCloseTo(expected?.values[i] ?? NaN, 5));
  });

  it('takes no more than 40 mistakes', () => {
    const mistakes = Array.from({ length: 50 }, (_, i) => ({
      index: i % 4,
      label: 0,
      prediction: i % 3,
      probabilities: [0, 0, 1],
    }));
    const record = trainingRecord({ ...options(), evaluation: { ...EVALUATION, mistakes } });
    expect(record.mistakes.map(({ prediction }) => prediction)).toEqual(
      Array.from({ length: 40 }, (_, i) => i % 3),
    );
  });

  it('leaves no tensor behind', async () => {
    const given = options();
    trainingRecord(given);
    expect(await findLeaks(() => void trainingRecord(given))).toEqual([]);
  });

  it('is not made of an evaluation of other images', () => {
    const given = { ...options(), dataset: smallDataset().slice(0, 2) };
    expect(() => trainingRecord(given)).toThrow(
      new ConfigError(
        'trainingRecord: the evaluation is of 4 images, the dataset has 2; give the dataset that ' +
          'was evaluated',
      ),
    );
  });

  it('of a real evaluation makes a page', async () => {
    const { model, ...given } = options();
    const batch = {
      images: tensor(Float32Array.from(given.dataset.images), [4, 1, 4, 5]),
      labels: tensor(given.dataset.labels),
      size: 4,
    };
    const evaluation = await evaluate(model, [batch], { mistakes: 40 });
    const page = trainingPage(trainingRecord({ ...given, model, evaluation }));
    expect(words(page)).toContain(`of 4 test images recognised`);
  });
});

describe('the page of a run', () => {
  const record = trainingRecordOf();
  const page = trainingPage(record);

  it('begins with what came out', () => {
    expect(words(page)).toContain(
      '75.00 % of 4 test images recognised, 1 not, with a mean loss of 0.2500, after 2 epochs (40 steps) ' +
        `and 61.3 s, by a network of 71 parameters. Engine: ${engine().description}.`,
    );
  });

  it('draws losses, epochs, learning rate and norms', () => {
    expect(titles(page)).toEqual([
      'Loss of each batch',
      'Loss of each epoch',
      'Accuracy of each epoch',
      'Learning rate',
      'Norm of the gradients',
    ]);
    expect(charts(page).get('Accuracy of each epoch')).toMatchObject({
      x: { values: [1, 2], whole: true },
      series: [
        { label: 'train', values: [87.5, 93.75] },
        { label: 'validation', values: [93.75, 96.875] },
      ],
    });
    const { series = [] } = charts(page).get('Loss of each batch') ?? {};
    const rounded = (value: number): number => Number(value.toPrecision(6));
    expect(series.map(({ label }) => label)).toEqual(['batch']);
    expect(series[0]?.values).toEqual(Array.from(record.steps.loss, rounded));
  });

  it('has the figures of the epochs', () => {
    expect(cells(page, 'The epochs')).toEqual([
      [
        'epoch',
        'loss, train',
        'accuracy, train',
        'loss, validation',
        'accuracy, validation',
        'learning rate',
        'seconds',
        'images/s',
      ],
      ['1', '0.5000', '87.50 %', '0.7500', '93.75 %', '0.1', '2.0', '1,501'],
      ['2', '0.2500', '93.75 %', '0.3750', '96.88 %', '0.05', '2.0', '1,501'],
    ]);
  });

  it('has the confusion matrix, coloured by its rows', () => {
    expect(cells(page, 'Confusion matrix')).toEqual([
      ['', 'taken for'],
      ['label', '0', '1', '2'],
      ['0', '1', '0', '0'],
      ['1', '0', '1', '1'],
      ['2', '0', '0', '1'],
    ]);
    const matrix = part(page, 'classes').replaceAll(/\s+/g, ' ');
    expect(matrix).toContain(
      '<td class="right" style="--depth:1.00" title="0 recognised: 1 of 1 (100.00 %)"',
    );
    expect(matrix).toContain(
      '<td class="right" style="--depth:0.50" title="1 recognised: 1 of 2 (50.00 %)"',
    );
    expect(matrix).toContain(
      '<td class="wrong" style="--depth:1.00" title="1 taken for 2: 1 of 2 (50.00 %)"',
    );
    expect(words(matrix)).toContain('Most often: 1 taken for 2 (1 time).');
  });

  it('has the figures of each class', () => {
    expect(cells(page, 'Figures of each class')).toEqual([
      ['class', 'images', 'precision', 'recall', 'F1'],
      ['0', '1', '100.00 %', '100.00 %', '100.00 %'],
      ['1', '2', '100.00 %', '50.00 %', '66.67 %'],
      ['2', '1', '50.00 %', '100.00 %', '66.67 %'],
      ['mean', '4', '83.33 %', '83.33 %', '77.78 %'],
    ]);
  });

  it('shows the mistakes', () => {
    const mistakes = part(page, 'mistakes');
    expect(words(mistakes)).toContain('All 1 mistake: first those');
    expect(words(mistakes)).toContain('1 taken for 2 2 75 % 1 25 % 0 < 1 %');
    expect(mistakes).toContain('alt="Test image 3, of class 1"');
    expect(mistakes).toContain('--width:24.9%');
  });

  it('shows filters, feature maps and layers', () => {
    const network = words(part(page, 'network'));
    expect(network).toContain('Filters of the first convolution, 0');
    expect(network).toContain('After 0, Conv2d');
    expect(network).toContain('After 1, ReLU 2 maps of 3 × 3 pixels.');
    // Two filters, the image, two maps of each of two layers.
    expect(part(page, 'network').match(/<img/g)).toHaveLength(2 + 1 + 4);
    expect(cells(page, 'Layers')).toEqual([
      ['layer', 'output', 'trainable', 'MACs'],
      ['Sequential', '[1,3]', '', ''],
      ['0: Conv2d', '[1,2,3,3]', '14', '108'],
      ['1: ReLU', '[1,2,3,3]', '', ''],
      ['2: Flatten', '[1,18]', '', ''],
      ['3: Linear', '[1,3]', '57', '54'],
      ['total', '', '71', '162'],
    ]);
    expect(network).toContain('No parameter is frozen.');
  });

  it('ends with the configuration and the command', () => {
    expect(words(part(page, 'configuration'))).toContain(
      'model small seed 7 The same run again: npm run train:mnist -- --seed 7',
    );
  });

  it('links to all of its parts, and asks no server for anything', () => {
    const ids = [...page.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
    const links = [...page.matchAll(/<a href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links).toEqual(ids);
    expect(ids).toHaveLength(6);
    const markup = page.replaceAll(/<script>[\s\S]*?<\/script>/g, '');
    expect(markup).not.toMatch(/(?:src|href|action)\s*=\s*(?!["']?(?:data:|#))/i);
    expect(markup).not.toMatch(/@import|url\(/i);
  });

  it('has a scope for every header, and words for every picture', () => {
    const markup = page.replaceAll(/<script[\s\S]*?<\/script>/g, '');
    expect(markup.match(/<th(?=[\s>])(?![^>]*scope=)/g)).toBeNull();
    expect(markup.match(/<img(?![^>]*alt=)/g)).toBeNull();
  });
});

it('what a run is told of goes into its page as text', () => {
  const evil = `</script><script>alert("1" + '2')</script>`;
  const page = trainingPage(
    trainingRecordOf(
      {},
      { title: evil, configuration: [[evil, evil]], command: evil, engine: evil },
    ),
  );
  expect(page).not.toContain('<script>alert');
  expect(words(page).split(evil).length - 1).toBe(6);
});

describe('a run of thousands of steps', () => {
  const record = trainingRecordOf({ steps: 13_000, epochs: 15 });
  const page = trainingPage(record);

  it('is a light page', () => {
    expect(page.length).toBeLessThan(500_000);
    for (const { series } of charts(page).values()) {
      for (const { values } of series) expect(values.length).toBeLessThanOrEqual(2000);
    }
    expect(words(page)).toMatch(/Of 13,000 steps, 1,\d\d\d are drawn: in each of equal stretches/);
  });

  it('has a line that is the mean of the losses around', () => {
    const { x, series = [] } = charts(page).get('Loss of each batch') as {
      x: { values: number[] };
      series: { label: string; values: number[] }[];
    };
    const [, mean] = series;
    expect(mean?.label).toBe('mean of 261 steps');
    const middle = x.values.findIndex((step) => step > 5000);
    const step = x.values[middle] as number;
    const around = record.steps.loss.slice(step - 1 - 130, step + 130);
    expect(around).toHaveLength(261);
    expect(mean?.values[middle]).toBeCloseTo(around.reduce((a, b) => a + b) / 261, 7);
  });

  it('folds the table of its epochs up', () => {
    expect(part(page, 'learning')).toMatch(
      /<details>\s*<summary>All 15 epochs as a table<\/summary>/,
    );
    expect(cells(page, 'The epochs')).toHaveLength(16);
  });
});

describe('a run that has nothing to show for a part says so:', () => {
  const of = (
    run: { steps?: number; epochs?: number } = {},
    changes: Partial<TrainingRecord> = {},
  ): string => trainingPage(trainingRecordOf(run, changes));
  const withSteps = (steps: Partial<TrainingRecord['steps']>): string =>
    of({}, { steps: { ...trainingRecordOf().steps, ...steps } });

  it('one epoch', () => {
    const page = of({ epochs: 1 });
    expect(titles(page)).toEqual(['Loss of each batch', 'Learning rate', 'Norm of the gradients']);
    expect(words(page)).toContain('after 1 epoch (40 steps)');
    expect(words(page)).toContain('One epoch makes no curve; these are its figures.');
    expect(cells(page, 'The epochs')).toHaveLength(2);
  });

  it('no epoch, no step', () => {
    const page = of({ steps: 0, epochs: 0 });
    expect(titles(page)).toEqual([]);
    expect(words(page)).toContain('There is no curve of the loss: the log holds no step.');
    expect(words(page)).toContain('There is no curve of the learning rate: the log holds no step.');
    expect(words(page)).toContain('The run ended before its first epoch did.');
  });

  it('one step', () => {
    const page = of({ steps: 1 });
    expect(titles(page)).toEqual(['Loss of each epoch', 'Accuracy of each epoch']);
    expect(words(page)).toContain('There is no curve of the loss: the log holds a single step.');
  });

  it('no validation', () => {
    const epochs = [1, 2].map((epoch) => epochReport(epoch, { validation: null }));
    const page = of({}, { epochs });
    expect(
      charts(page)
        .get('Loss of each epoch')
        ?.series.map(({ label }) => label),
    ).toEqual(['train']);
    // Once, wherever it is asked: with two charts, and with a table that is folded up.
    const many = Array.from({ length: 12 }, (_, i) => epochReport(i + 1, { validation: null }));
    for (const one of [page, of({}, { epochs: many })]) {
      expect(words(one).split('No images were held back for validation.')).toHaveLength(2);
    }
    expect(cells(page, 'The epochs')[1]).toEqual(['1', '0.5000', '87.50 %', '0.1', '2.0', '1,501']);
  });

  it('no metric, and one in validation only', () => {
    const one = [1, 2].map((epoch) =>
      epochReport(epoch, { train: { loss: 1 }, validation: { loss: 2 } }),
    );
    expect(titles(of({}, { epochs: one })).slice(0, 3)).toEqual([
      'Loss of each batch',
      'Loss of each epoch',
      'Learning rate',
    ]);
    const other = [1, 2].map((epoch) =>
      epochReport(epoch, { train: { loss: 1 }, validation: { loss: 2, error: 12.3456 } }),
    );
    const page = of({}, { epochs: other });
    expect(charts(page).get('Error of each epoch')?.series).toMatchObject([
      { label: 'validation', values: [12.3456, 12.3456] },
    ]);
    expect(cells(page, 'The epochs')[1]).toEqual([
      '1',
      '1.0000',
      '–',
      '2.0000',
      '12.3456',
      '0.1',
      '2.0',
      '1,501',
    ]);
  });

  it('no gradient norms', () => {
    const page = withSteps({ gradNorm: new Float64Array(40).fill(NaN) });
    expect(titles(page)).not.toContain('Norm of the gradients');
    expect(words(page)).toContain('The norm of the gradients was not measured in this run.');
  });

  it('a learning rate that stays', () => {
    const page = withSteps({ lr: new Float64Array(40).fill(0.03) });
    expect(titles(page)).not.toContain('Learning rate');
    expect(words(page)).toContain('The learning rate was 0.03 in all steps.');
  });

  it('a log that began later', () => {
    const page = withSteps({ step: Float64Array.from({ length: 40 }, (_, i) => 501 + i) });
    expect(words(page)).toContain('The log begins with step 501.');
    expect(words(page)).toContain('after 2 epochs (540 steps)');
  });

  it('no mistakes', () => {
    const { mistakes: _, ...evaluation } = EVALUATION;
    const right = {
      ...evaluation,
      correct: 4,
      accuracy: 1,
      confusion: [
        [1, 0, 0],
        [0, 2, 0],
        [0, 0, 1],
      ],
    };
    const page = of({}, { evaluation: right, mistakes: [] });
    expect(words(page)).toContain(
      '100.00 % of 4 test images recognised, without a mistake, with a mean',
    );
    expect(words(part(page, 'mistakes'))).toContain('All test images were recognised.');
    expect(part(page, 'mistakes')).not.toContain('<img');
    expect(words(part(page, 'classes'))).toContain('No image was taken for another class.');
    expect(part(page, 'classes')).not.toContain('class="wrong"');
  });

  it('mistakes that were not kept', () => {
    expect(words(part(of({}, { mistakes: [] }), 'mistakes'))).toContain(
      'There was 1 mistake; which images were mistaken was not kept.',
    );
  });

  it('losses that end in no number', () => {
    const { loss } = trainingRecordOf().steps;
    const cut = (from: number, to = loss.length): Float64Array =>
      loss.map((value, i) => (i >= from && i < to ? NaN : value));
    expect(words(withSteps({ loss: cut(30) }))).toContain(
      'From step 31 on the loss was no finite number: the run diverged.',
    );
    expect(words(withSteps({ loss: cut(30, 32) }))).toContain(
      'In step 31 and others the loss was no finite number.',
    );
    const none = withSteps({ loss: cut(0) });
    expect(titles(none)).not.toContain('Loss of each batch');
    expect(words(none)).toContain(
      'There is no curve of the loss: hardly any of them was a finite number.',
    );
    const epochs = [1, 2].map((epoch) =>
      epochReport(epoch, { train: { loss: NaN, accuracy: 0.1 }, validation: { loss: Infinity } }),
    );
    expect(cells(of({}, { epochs }), 'The epochs')[1]?.slice(0, 5)).toEqual([
      '1',
      'NaN',
      '10.00 %',
      '∞',
      '–',
    ]);
  });

  it('a test loss that is no number', () => {
    const { mistakes: _, ...evaluation } = EVALUATION;
    for (const [loss, text] of [
      [NaN, 'NaN'],
      [Infinity, '∞'],
    ] as const) {
      expect(words(of({}, { evaluation: { ...evaluation, loss } }))).toContain(
        `with a mean loss of ${text}, which is no finite number: it diverged, after 2 epochs`,
      );
    }
  });

  it('no test, as where an error ended the run', () => {
    const record = trainingRecord({
      title: 'T',
      model: smallModel(),
      log: new RunLog(),
      evaluation: null,
      failure: 'step 5 (epoch 1): the loss is NaN',
      dataset: smallDataset(),
      seconds: 1,
      configuration: [],
    });
    const page = trainingPage(record);
    expect(words(page)).toContain(
      'Not tested : the run ended after 0 epochs (0 steps) and 1.0 s, with a network of 71 parameters. ' +
        `Engine: ${engine().description}. The run ended in an error: step 5 (epoch 1): the loss is NaN.`,
    );
    expect(words(part(page, 'classes'))).toContain(
      'The run was not tested, so there is nothing to tell of its classes.',
    );
    expect(words(part(page, 'mistakes'))).toContain(
      'The run was not tested, so no mistakes are known.',
    );
    // What the network is, is known all the same.
    expect(part(page, 'network')).toContain('<img');
  });

  it('weights that are no numbers, in grey', () => {
    const { filters } = trainingRecordOf();
    if (!filters) throw new Error('no filters');
    const broken = {
      ...filters,
      values: filters.values.map((value, i) => (i === 1 ? NaN : value)),
    };
    const network = (planes: Planes): string => part(of({}, { filters: planes }), 'network');
    expect(words(network(broken))).toContain('What is grey is no number (NaN).');
    expect(words(network(filters))).not.toContain('no number');
    // The scale is that of the others: the second filter is drawn as before.
    const pictures = (text: string): string[] =>
      Array.from(text.matchAll(/<img\s+src="([^"]*)"/g), ([, address = '']) => address);
    const [before, after] = [pictures(network(filters)), pictures(network(broken))];
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    const colours = decode(
      Buffer.from((after[0] ?? '').replace('data:image/png;base64,', ''), 'base64'),
    );
    expect(colours.palette?.[colours.data[1] ?? 0]).toEqual([128, 128, 128, 254]);
  });

  it('no image taken for a class', () => {
    const { mistakes: _, ...evaluation } = EVALUATION;
    const confusion = [
      [0, 1, 0],
      [0, 2, 1],
      [0, 0, 1],
    ];
    expect(words(of({}, { evaluation: { ...evaluation, confusion } }))).toContain(
      'No image was taken for 0; the precision counts as 0 there.',
    );
  });

  it('no image of a class', () => {
    const { mistakes: _, ...evaluation } = EVALUATION;
    const confusion = [
      [0, 0, 0],
      [0, 2, 1],
      [0, 0, 1],
    ];
    const page = of({}, { evaluation: { ...evaluation, confusion } });
    expect(cells(page, 'Confusion matrix')[2]).toEqual(['0', '0', '0', '0']);
    expect(words(page)).not.toContain('NaN');
  });

  it('more classes than a matrix has room for', () => {
    const { mistakes: _, ...evaluation } = EVALUATION;
    const confusion = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 60 }, (_, j) => (i === j ? 5 : i === 58 && j === 3 ? 2 : 0)),
    );
    const classes = words(part(of({}, { evaluation: { ...evaluation, confusion } }), 'classes'));
    expect(classes).toContain('A matrix of 60 classes has no room here.');
    expect(classes).toContain('Most often: 58 taken for 3 (2 times).');
  });

  it('no convolution', () => {
    const model = new Sequential(new Flatten(), new Linear(20, 3));
    const record = trainingRecord({
      title: 'T',
      model,
      log: new RunLog(),
      evaluation: EVALUATION,
      dataset: smallDataset(),
      seconds: 1,
      configuration: [],
    });
    const page = trainingPage(record);
    const network = part(page, 'network');
    expect(words(network)).toContain(
      'The model calls no convolution, so there are no filters to see.',
    );
    expect(words(network)).toContain('No layer of the model gives feature maps.');
    expect(network).not.toContain('<img');
    // Nothing was set, and no command given.
    expect(page).not.toContain('id="configuration"');
  });

  it('more filters and maps than are shown, and filters of colours', () => {
    const record = trainingRecordOf();
    const planes = {
      path: 'features.0',
      layer: 'Conv2d',
      total: 96,
      shape: [2, 3, 2, 2],
      values: new Float32Array(24),
    } as const;
    const page = of(
      {},
      {
        filters: planes,
        example: { ...record.example, layers: [{ ...planes, shape: [4, 1, 3, 2] }] },
      },
    );
    const network = words(part(page, 'network'));
    expect(network).toContain('The first 2 of 96 filters of 2 × 2 weights: blue');
    expect(network).toContain('The 3 input channels of a filter stand side by side.');
    expect(network).toContain('The first 4 of 96 maps of 3 × 2 pixels.');
  });
});

it('a dataset of more channels shows its first', () => {
  const dataset = Dataset.fromArrays({
    images: Uint8Array.from({ length: 8 }, (_, i) => i),
    shape: [2, 1, 2],
    labels: [0, 1],
  });
  const evaluation = { ...EVALUATION, total: 2, mistakes: [] };
  const record = trainingRecord({
    title: 'T',
    model: new Sequential(new Flatten(), new Linear(4, 2)),
    log: new RunLog(),
    evaluation,
    dataset,
    seconds: 1,
    configuration: [],
  });
  expect([...record.example.picture.pixels]).toEqual([0, 1]);
});
