/**
 * Regression on a table: reads a CSV file, and predicts one of its columns from the others. Any table of
 * numbers will do.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/regression.ts [FILE COLUMN]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { manualSeed } from '@unfold/core';
import { Linear, MSELoss, ReLU, Sequential } from '@unfold/nn';
import {
  AdamW,
  DataLoader,
  Dataset,
  EarlyStopping,
  evaluate,
  fit,
  meanAbsoluteError,
  normalizationOf,
  predict,
  randomSplit,
  rSquared,
} from '@unfold/train';

const [file = join(import.meta.dirname, 'data', 'diabetes.csv'), target = 'progression'] =
  process.argv.slice(2);

/** The rows of a table of numbers, by the names in its first line. */
function readTable(file: string): Record<string, number>[] {
  const rows: Record<string, string>[] = parse(readFileSync(file), { columns: true, bom: true });
  return rows.map((row, i) =>
    Object.fromEntries(
      Object.entries(row).map(([name, text]) => {
        const value = Number(text);
        if (text.trim() !== '' && Number.isFinite(value)) return [name, value];
        throw new Error(`${file}: row ${i + 1}: ${name}: expected a number, got '${text}'`);
      }),
    ),
  );
}

const table = readTable(file);
const columns = Object.keys(table[0] ?? {}).filter((name) => name !== target);
const inputsOf = (rows: typeof table) => rows.map((row) => columns.map((name) => row[name] ?? NaN));
const dataset = Dataset.fromArrays({
  inputs: inputsOf(table), // [N, columns]
  targets: table.map((row) => [row[target] ?? NaN]), // [N, 1]
});

manualSeed(1);
const [train, validation, test] = randomSplit(dataset, [0.7, 0.15, 0.15]);
if (!train || !validation || !test) throw new Error('there are three parts');
const normalization = normalizationOf(train); // Of the training part alone.
const batches = (part: typeof train, shuffle = false) =>
  new DataLoader(part, { batchSize: 32, shuffle, normalization });

const model = new Sequential(new Linear(columns.length, 16), new ReLU(), new Linear(16, 1));
const loss = new MSELoss();
const metrics = { mae: meanAbsoluteError, r2: rSquared() };
const { history } = await fit(model, {
  train: batches(train, true),
  validation: batches(validation),
  epochs: 300,
  optimizer: new AdamW(model.parameters(), { lr: 0.01 }),
  loss,
  metrics,
  callbacks: [new EarlyStopping({ monitor: 'loss', patience: 30 })],
});
const { mae, r2 } = await evaluate(model, batches(test), { loss, metrics });
console.log(`${target} from ${columns.join(', ')}: ${history.length} epochs`);
console.log(
  `of ${test.length} rows that it never saw: mean error ${mae.toFixed(1)}, R² ${r2.toFixed(2)}`,
);

// A row that nobody knows the answer to.
const unknown = Dataset.fromArrays({ inputs: inputsOf(table.slice(0, 1)) });
const answer = await predict(model, new DataLoader(unknown, { normalization }));
console.log(`the first row, without its answer: ${answer.item().toFixed(0)}`);
