import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  classify,
  type Dataset,
  digitFromImage,
  loadTrainedModel,
  mnist,
  type TrainedModel,
} from '@unfold/train';
import { readPng } from '@unfold/io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainMnist } from '../support/runs/unfold.js';
import { evaluateMnist } from '../support/runs/cli-trained.js';
import {
  darkOnLight,
  drawingOf,
  enlarge,
  hard,
  lightOnDark,
  oneBit,
  onGreyPaper,
  onNothing,
  placed,
  strokes,
  type Drawing,
  type Point,
} from '../support/files/pictures.js';

/** A LeNet after one epoch: 98 % of the test images. */
let folder = '';
let checkpoint = '';
let trained: TrainedModel;
let test: Dataset;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unfold-predict-slow-'));
  checkpoint = join(folder, 'lenet.safetensors');
  const args = ['--epochs', '1', '--loader', 'own', '--quiet', '--weights', checkpoint];
  expect(await trainMnist(...args)).toMatchObject({ code: 0 });
  trained = await loadTrainedModel(checkpoint);
  ({ test } = await mnist());
});
afterAll(() => rm(folder, { recursive: true }));

function predictionOf(png: Uint8Array): number | undefined {
  return classify(trained, [digitFromImage(readPng(png))])[0]?.digit;
}

describe('pictures of MNIST’s digits', () => {
  const IMAGES = 100;

  it.each<[string, (drawing: Drawing) => Uint8Array, number]>([
    ['as they are', lightOnDark, 0.96],
    ['dark on light', darkOnLight, 0.96],
    ['enlarged, light on dark', (d) => lightOnDark(enlarge(d, 6.3)), 0.95],
    ['made smaller', (d) => darkOnLight(enlarge(d, 0.6)), 0.94],
    ['on grey paper, with noise and a shadow', (d) => onGreyPaper(enlarge(d, 6)), 0.95],
    ['on nothing, in red', (d) => onNothing(enlarge(d, 4), [230, 20, 20]), 0.95],
    ['in two colours of one bit', (d) => oneBit(enlarge(d, 5)), 0.95],
    [
      'in a corner of a sheet',
      (d) => onGreyPaper(placed(enlarge(d, 3), { width: 400, height: 300, x: 10, y: 200 })),
      0.95,
    ],
    ['drawn thick', (d) => darkOnLight(hard(enlarge(d, 6), 0.15)), 0.94],
    // So thin that some strokes break.
    ['drawn thin', (d) => darkOnLight(hard(enlarge(d, 6), 0.85)), 0.82],
  ])('are taken for what they are: %s', (_, picture, least) => {
    const right = Array.from({ length: IMAGES }, (__, i) => {
      const png = picture(drawingOf(test.image(i)));
      return predictionOf(png) === test.label(i) ? 1 : 0;
    }).reduce<number>((a, b) => a + b, 0);
    expect(right / IMAGES).toBeGreaterThanOrEqual(least);
  });
});

describe('digits drawn by hand', () => {
  /** Part of an ellipse, from one angle to another, in degrees clockwise from the right. */
  const arc = ([x, y]: Point, [rx, ry]: Point, [from, to]: readonly [number, number]): Point[] =>
    Array.from({ length: 17 }, (_, i) => {
      const angle = ((from + ((to - from) * i) / 16) * Math.PI) / 180;
      return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
    });
  const digits: readonly (readonly [number, readonly (readonly Point[])[]])[] = [
    [0, [arc([150, 200], [70, 110], [0, 360])]],
    [
      1,
      [
        [
          [150, 80],
          [145, 320],
        ],
      ],
    ],
    [2, [[...arc([150, 140], [65, 60], [190, 380]), [80, 310], [230, 310]]]],
    [3, [[...arc([145, 140], [60, 55], [200, 450]), ...arc([145, 255], [70, 60], [270, 510])]]],
    [
      4,
      [
        [
          [180, 320],
          [190, 90],
          [80, 240],
          [240, 235],
        ],
      ],
    ],
    // In two strokes that don't touch.
    [
      5,
      [
        [[110, 90], [100, 190], ...arc([145, 245], [70, 65], [240, 500])],
        [
          [125, 70],
          [220, 65],
        ],
      ],
    ],
    [
      7,
      [
        [
          [80, 90],
          [220, 90],
          [130, 310],
        ],
      ],
    ],
    [9, [[...arc([150, 150], [60, 60], [0, 360]), [200, 320]]]],
  ];

  it.each([6, 16, 30, 44])('with a pen of %i pixels', (pen) => {
    for (const [digit, lines] of digits) {
      const drawing = strokes({ width: 300, height: 400, pen }, lines);
      for (const png of [darkOnLight(drawing), onGreyPaper(drawing), lightOnDark(drawing)]) {
        expect([digit, predictionOf(png)]).toEqual([digit, digit]);
      }
    }
  });
});

it('evaluate finds what training said', async () => {
  const { code, stdout } = await evaluateMnist('--checkpoint', checkpoint, '--mistakes', '3');
  expect(code).toBe(0);
  const [, accuracy] = /^test accuracy (\d+\.\d\d) %/m.exec(stdout) ?? [];
  expect(Number(accuracy)).toBeGreaterThan(97);
});
