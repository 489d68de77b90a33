import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ones } from '@unfold/core';
import { Flatten, Linear, Sequential } from '@unfold/nn';
import * as monitor from '@unfold/monitor';
import { DataLoader, type Dataset, evaluate, type Evaluation, fit, SGD } from '@unfold/train';
import { afterAll, beforeAll, describe } from 'vitest';
import { call, make, type Misuses, refuseInEveryExport, send } from '../support/misuse.js';
import { CLASSES, stripes } from '../support/runs/stripes.js';

/* Every export of monitor, called as a plain JavaScript program may call it by mistake. */

const net = (): Sequential => new Sequential(new Flatten(), new Linear(36, CLASSES));
const image = (): unknown => ones([1, 1, 6, 6]);

const model = net();
const data: Dataset = stripes(8);
let evaluation: Evaluation;
let folder = '';
let writer: monitor.SummaryWriter;
beforeAll(async () => {
  evaluation = await evaluate(model, new DataLoader(data, { batchSize: 8 }));
  folder = mkdtempSync(join(tmpdir(), 'misuse-'));
  writer = new monitor.SummaryWriter(folder);
});
afterAll(async () => {
  await writer.close();
  rmSync(folder, { recursive: true });
});

const out = { write: (_text: string, written?: () => void): void => written?.() };

/** A record in which one thing is wrong. */
const record = (changes: object): unknown =>
  call(monitor.trainingRecord, {
    title: 'Digits',
    model,
    log: new monitor.RunLog(),
    evaluation,
    dataset: data,
    seconds: 1,
    configuration: [],
    ...changes,
  });

/** One epoch with a callback. */
const runWith = (callback: unknown): unknown => {
  const learner = net();
  return call(fit, learner, {
    train: new DataLoader(data, { batchSize: 8 }),
    epochs: 1,
    optimizer: new SGD(learner.parameters(), { lr: 0.1 }),
    callbacks: [callback],
  });
};

const planes = (fn: Function): Misuses => ({
  wrong: {
    'fn(image)': () => call(fn, image()),
    'fn(image, model)': () => call(fn, image(), net()),
    'fn(model)': () => call(fn, net()),
    'fn(model, array)': () => call(fn, net(), new Float32Array(36)),
    'fn(model, dataset)': () => call(fn, net(), data),
  },
});

const rows: Readonly<Record<keyof typeof monitor, Misuses>> = {
  jsonLines: {
    withOptions: (options) => call(monitor.jsonLines, out, options),
    option: 'configuration',
    wrong: {
      'jsonLines()': () => call(monitor.jsonLines),
      "jsonLines('run.jsonl')": () => call(monitor.jsonLines, 'run.jsonl'),
      'jsonLines({ out })': () => call(monitor.jsonLines, { out }),
      'jsonLines(out, { configuration: list })': () =>
        call(monitor.jsonLines, out, { configuration: [1] }),
      'jsonLines(out, { now: 0 })': () => call(monitor.jsonLines, out, { now: 0 }),
      'a configuration with a BigInt': () =>
        runWith(call(monitor.jsonLines, out, { configuration: { seed: 1n } })),
      'jsonLines, which is not called': () => runWith(monitor.jsonLines),
    },
  },
  writeJsonLine: {
    wrong: {
      'writeJsonLine(line)': () => call(monitor.writeJsonLine, { type: 'a' }),
      'writeJsonLine(out)': () => call(monitor.writeJsonLine, out),
      "writeJsonLine(out, 'text')": () => call(monitor.writeJsonLine, out, 'text'),
      'writeJsonLine(out, { n: 1n })': () => call(monitor.writeJsonLine, out, { type: 'a', n: 1n }),
    },
  },
  terminalProgress: {
    withOptions: (options) => call(monitor.terminalProgress, options),
    option: 'charts',
    wrong: {
      'terminalProgress(process.stderr)': () => call(monitor.terminalProgress, process.stderr),
      "terminalProgress({ out: 'file' })": () => call(monitor.terminalProgress, { out: 'file' }),
      'terminalProgress({ color })': () => call(monitor.terminalProgress, { color: true }),
      "terminalProgress({ quiet: 'no' })": () => call(monitor.terminalProgress, { quiet: 'no' }),
      "terminalProgress({ best: 'accuracy' })": () =>
        call(monitor.terminalProgress, { best: 'accuracy' }),
      "terminalProgress({ best: { metric, mode: 'high' } })": () =>
        call(monitor.terminalProgress, { best: { metric: 'f1', mode: 'high' } }),
      'terminalProgress, which is not called': () => runWith(monitor.terminalProgress),
    },
  },
  tensorBoard: {
    withOptions: (options) => call(monitor.tensorBoard, folder, options),
    option: 'everySteps',
    wrong: {
      'tensorBoard()': () => call(monitor.tensorBoard),
      'tensorBoard({ dir })': () => call(monitor.tensorBoard, { dir: folder }),
      "tensorBoard(dir, { everySteps: '10' })": () =>
        call(monitor.tensorBoard, folder, { everySteps: '10' }),
      "tensorBoard(dir, { configuration: 'lr 0.1' })": () =>
        call(monitor.tensorBoard, folder, { configuration: 'lr 0.1' }),
      'tensorBoard(dir, { onFailure: true })': () =>
        call(monitor.tensorBoard, folder, { onFailure: true }),
    },
  },
  SummaryWriter: {
    withOptions: (options) => make(monitor.SummaryWriter, folder, options),
    option: 'flushSeconds',
    wrong: {
      'new SummaryWriter()': () => make(monitor.SummaryWriter),
      'new SummaryWriter({ dir })': () => make(monitor.SummaryWriter, { dir: folder }),
      "new SummaryWriter(dir, { flushSeconds: '2' })": () =>
        make(monitor.SummaryWriter, folder, { flushSeconds: '2' }),
      'new SummaryWriter(dir, { purgeStep: 1n })': () =>
        make(monitor.SummaryWriter, folder, { purgeStep: 1n }),
      "addScalar('loss', 0.5)": () => send(writer, 'addScalar', 'loss', 0.5),
      "addScalar(1, 0.5, 'loss')": () => send(writer, 'addScalar', 1, 0.5, 'loss'),
      "addScalar('loss', 1n, 1)": () => send(writer, 'addScalar', 'loss', 1n, 1),
      "addScalar('loss', '0.5', 1)": () => send(writer, 'addScalar', 'loss', '0.5', 1),
      "addScalar('loss', undefined, 1)": () => send(writer, 'addScalar', 'loss', undefined, 1),
      "addScalar('loss', loss, 1)": () => send(writer, 'addScalar', 'loss', ones([]), 1),
      "addScalar('loss', 0.5, { step: 1 })": () =>
        send(writer, 'addScalar', 'loss', 0.5, { step: 1 }),
      "addHistogram('w', tensor, 1)": () => send(writer, 'addHistogram', 'w', ones([2]), 1),
      "addHistogram('w', 3, 1)": () => send(writer, 'addHistogram', 'w', 3, 1),
      "addHistogram('w', ['1'], 1)": () => send(writer, 'addHistogram', 'w', ['1'], 1),
      "addHistogram('w', [[1], [2]], 1)": () => send(writer, 'addHistogram', 'w', [[1], [2]], 1),
      "addHistogram('w', view, 1)": () =>
        send(writer, 'addHistogram', 'w', new DataView(new ArrayBuffer(8)), 1),
      "addImage('i', tensor, shape, 1)": () =>
        send(writer, 'addImage', 'i', ones([1, 1, 1]), [1, 1, 1], 1),
      "addImage('i', pixels, 1)": () => send(writer, 'addImage', 'i', new Uint8Array(1), 1),
      "addImage('i', ['0.5'], …)": () => send(writer, 'addImage', 'i', ['0.5'], [1, 1, 1], 1),
      "addText('t', 3, 1)": () => send(writer, 'addText', 't', 3, 1),
      "addText('t', { lr }, 1)": () => send(writer, 'addText', 't', { lr: 1 }, 1),
    },
  },
  RunLog: {
    wrong: {
      'new RunLog({ everySteps })': () => make(monitor.RunLog, { everySteps: 10 }),
      "new RunLog('run.log')": () => make(monitor.RunLog, 'run.log'),
      'RunLog, which is not made': () => runWith(monitor.RunLog),
      'loadStateDict(null)': () => send(new monitor.RunLog(), 'loadStateDict', null),
      'loadStateDict({ json })': () =>
        send(new monitor.RunLog(), 'loadStateDict', { json: { steps: 0, epochs: [] } }),
      'loadStateDict({})': () => send(new monitor.RunLog(), 'loadStateDict', {}),
    },
  },
  firstLayerFilters: planes(monitor.firstLayerFilters),
  featureMaps: planes(monitor.featureMaps),
  trainingRecord: {
    withOptions: (options) => call(monitor.trainingRecord, options),
    option: 'evaluation',
    wrong: {
      'trainingRecord()': () => call(monitor.trainingRecord),
      'trainingRecord(model, log)': () => call(monitor.trainingRecord, model, new monitor.RunLog()),
      'without title': () => record({ title: undefined }),
      'model: Model': () => record({ model: Sequential }),
      'log: RunLog': () => record({ log: monitor.RunLog }),
      'log: history': () => record({ log: [] }),
      'evaluation: promise': () => record({ evaluation: Promise.resolve(evaluation) }),
      'evaluation: accuracy': () => record({ evaluation: 0.98 }),
      'dataset: loader': () => record({ dataset: new DataLoader(data) }),
      'normalization: 0.5': () => record({ normalization: 0.5 }),
      "seconds: '12'": () => record({ seconds: '12' }),
      'configuration: object': () => record({ configuration: { epochs: 3 } }),
      "configuration: [['epochs', 3]]": () => record({ configuration: [['epochs', 3]] }),
      'command: list': () => record({ command: ['npm', 'start'] }),
    },
  },
  trainingPage: {
    wrong: {
      'trainingPage()': () => call(monitor.trainingPage),
      'trainingPage({})': () => call(monitor.trainingPage, {}),
      'trainingPage(model)': () => call(monitor.trainingPage, model),
      'trainingPage({ title, model })': () => call(monitor.trainingPage, { title: 'a', model }),
      'trainingPage(evaluation)': () => call(monitor.trainingPage, evaluation),
      'trainingPage(record), half of it': () =>
        call(monitor.trainingPage, {
          steps: {},
          evaluation: {},
          example: {},
          summary: {},
          configuration: [],
        }),
    },
  },
};

describe('every export of monitor refuses what it does not understand', () => {
  refuseInEveryExport(monitor, rows);
});
