import { ConfigError } from '@unfold/core';
import { checkOptions, requireList, valueText } from '@unfold/core/internal';
import { ArrayDataset } from './array-dataset.js';
import { Dataset } from './dataset.js';
import { chooseGenerator, GENERATOR_OPTIONS, type GeneratorOptions } from './options.js';
import { noSamples } from './rows.js';
import { type MapDataset, requireSamples, SampleDataset, type SampleOf } from './samples.js';

/** A part for each length. */
export type Parts<Lengths extends readonly number[], Part> = {
  -readonly [Key in keyof Lengths]: Part;
};

/**
 * Splits a dataset at random into parts that don't overlap, as `torch.utils.data.random_split`.
 * @param lengths Counts that sum to the dataset's length, or fractions that sum to 1; with
 * fractions, each part gets the floor of its share and the rest goes one each to the first parts.
 * @throws ConfigError if the lengths don't sum, or a part would be empty.
 */
export function randomSplit<const Lengths extends readonly number[]>(
  dataset: Dataset,
  lengths: Lengths,
  options?: GeneratorOptions,
): Parts<Lengths, Dataset>;
/** Of inputs and targets of any shape. */
export function randomSplit<Inputs, Targets, const Lengths extends readonly number[]>(
  dataset: ArrayDataset<Inputs, Targets>,
  lengths: Lengths,
  options?: GeneratorOptions,
): Parts<Lengths, ArrayDataset<Inputs, Targets>>;
/** Of your own samples. */
export function randomSplit<Source extends MapDataset, const Lengths extends readonly number[]>(
  dataset: Source,
  lengths: Lengths,
  options?: GeneratorOptions,
): Parts<Lengths, SampleDataset<SampleOf<Source>>>;
export function randomSplit(
  dataset: MapDataset,
  lengths: readonly number[],
  options: GeneratorOptions = {},
): MapDataset[] {
  requireSamples('randomSplit', dataset);
  requireList('randomSplit', 'a list of lengths', lengths, '[0.9, 0.1]');
  checkOptions('randomSplit', options, GENERATOR_OPTIONS);
  const whole = isOurs(dataset) ? dataset : new SampleDataset(dataset);
  const counts = splitCounts(
    dataset.length,
    lengths,
    dataset instanceof Dataset ? 'image' : 'sample',
  );
  const order = chooseGenerator('randomSplit', options)().permutation(dataset.length);
  let start = 0;
  return counts.map((count) => whole.subset(order.subarray(start, (start += count))));
}

const isOurs = (
  dataset: MapDataset,
): dataset is Dataset | ArrayDataset<unknown, unknown> | SampleDataset<unknown> =>
  dataset instanceof Dataset || dataset instanceof ArrayDataset || dataset instanceof SampleDataset;

function splitCounts(total: number, lengths: readonly number[], thing: string): number[] {
  if (!lengths.every((length) => typeof length === 'number')) {
    throw new ConfigError(`randomSplit: expected numbers for lengths, got ${valueText(lengths)}`);
  }
  const sum = lengths.reduce((a, b) => a + b, 0);
  const fractions = Math.abs(sum - 1) < 1e-9 && lengths.every((length) => length <= 1);
  const counts = fractions ? shares(total, lengths) : [...lengths];
  const whole = counts.every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || counts.reduce((a, b) => a + b, 0) !== total) {
    throw new ConfigError(
      `randomSplit: expected counts that sum to the dataset's ${total} ${thing}s, or fractions that sum to 1, ` +
        `got [${lengths.join(', ')}], which sum to ${sum}`,
    );
  }
  const empty = counts.indexOf(0);
  if (empty >= 0)
    throw noSamples('randomSplit', thing, ` (part ${empty} of [${lengths.join(', ')}])`);
  return counts;
}

function shares(total: number, fractions: readonly number[]): number[] {
  const counts = fractions.map((fraction) => Math.floor(total * fraction));
  const rest = total - counts.reduce((a, b) => a + b, 0);
  return counts.map((count, i) => (i < rest ? count + 1 : count));
}
