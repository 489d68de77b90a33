import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { ConfigError } from '@unfold/core';
import { isOptions, valueText } from '@unfold/core/internal';
import { reasonOf } from '@unfold/io/internal';

/** An epoch's figures; null where it was not measured, NaN for a loss that was no finite number. */
export interface RunEpoch {
  readonly epoch: number;
  readonly trainLoss: number;
  readonly valLoss: number | null;
  readonly valAccuracy: number | null;
  readonly seconds: number;
}

/** What `--metrics` tells of a run, as far as a page shows it. */
export interface Run {
  /** The file's name, or its path where others have the same name. */
  readonly name: string;
  readonly parameters: number;
  readonly epochs: readonly RunEpoch[];
  /** Null where the run was not tested, as where it diverged. */
  readonly test: RunTest | null;
  /** The message of the error that ended the run; null if none did. */
  readonly error: string | null;
  readonly seconds: number;
  readonly weightsSha256: string;
  /** What was set, by its name in the file. */
  readonly settings: ReadonlyMap<string, string | number | boolean | null>;
}

/** On the test images. */
export interface RunTest {
  /** `correct ÷ total`, 0…1. */
  readonly accuracy: number;
  readonly correct: number;
  readonly total: number;
}

/** At least one. */
export type Runs = readonly [Run, ...Run[]];

/** @throws ConfigError for a file that can't be read, or that `--metrics` did not write. */
export async function readRuns(files: readonly string[]): Promise<Runs> {
  const names = files.map((file) => basename(file).replace(/\.json$/, ''));
  const runs = await Promise.all(
    files.map(async (file, i) => {
      const name = names[i] ?? file;
      const isAlone = names.filter((other) => other === name).length === 1;
      return runOf(file, isAlone ? name : file, await readJson(file));
    }),
  );
  const [first, ...others] = runs;
  if (!first) throw new ConfigError('--metrics: expected at least one file');
  return [first, ...others];
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`--metrics: cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`--metrics: ${file} is no JSON: ${reasonOf(error)}`, { cause: error });
  }
}

/** Reads fields of an object in a file, and says which is wrong. */
class Fields {
  readonly #where: string;
  readonly #object: object;

  constructor(where: string, value: unknown) {
    if (!isOptions(value)) {
      throw new ConfigError(
        `${where}: expected the JSON that train mnist writes by --metrics, got ${valueText(value)}`,
      );
    }
    this.#where = where;
    this.#object = value;
  }

  get(name: string): unknown {
    return Reflect.get(this.#object, name);
  }

  number(name: string): number {
    const value = this.get(name);
    if (typeof value === 'number') return value;
    throw this.wrong(name, 'a number', value);
  }

  /** A number, or null where there was none. */
  measured(name: string): number | null {
    return this.get(name) === null ? null : this.number(name);
  }

  wrong(name: string, expected: string, value: unknown): ConfigError {
    return new ConfigError(
      `${this.#where}: ${name}: expected ${expected}, got ${valueText(value)}; give what train ` +
        'mnist wrote by --metrics',
    );
  }
}

function runOf(file: string, name: string, value: unknown): Run {
  const where = `--metrics: ${file}`;
  const fields = new Fields(where, value);
  const epochs = fields.get('epochs');
  if (!Array.isArray(epochs)) throw fields.wrong('epochs', 'a list', epochs);
  const weightsSha256 = fields.get('weightsSha256');
  if (typeof weightsSha256 !== 'string')
    throw fields.wrong('weightsSha256', 'a text', weightsSha256);
  return {
    name,
    parameters: fields.number('parameters'),
    epochs: epochs.map((epoch: unknown, i) => epochOf(`${where}: epochs[${i}]`, epoch)),
    test: testOf(fields),
    error: errorOf(fields),
    seconds: fields.number('seconds'),
    weightsSha256,
    settings: settingsOf(fields),
  };
}

function epochOf(where: string, value: unknown): RunEpoch {
  const fields = new Fields(where, value);
  const epoch = fields.number('epoch');
  const valLoss = fields.measured('valLoss');
  const valAccuracy = fields.measured('valAccuracy');
  return {
    epoch,
    // Every epoch has a training loss, and a validation loss where it has an accuracy: as JSON has no
    // NaN, null stands for it there.
    trainLoss: fields.measured('trainLoss') ?? NaN,
    valLoss: valAccuracy === null ? valLoss : (valLoss ?? NaN),
    valAccuracy,
    seconds: fields.number('seconds'),
  };
}

function testOf(fields: Fields): RunTest | null {
  const accuracy = fields.measured('testAccuracy');
  if (accuracy === null) return null;
  return { accuracy, correct: fields.number('testCorrect'), total: fields.number('testTotal') };
}

/** Earlier files tell of no error. */
function errorOf(fields: Fields): string | null {
  const error = fields.get('error') ?? null;
  if (error === null) return null;
  const message = isOptions(error) ? Reflect.get(error, 'message') : undefined;
  if (typeof message === 'string') return message;
  throw fields.wrong('error', 'null, or { name, message }', error);
}

/** The run's own settings, and those of its recipe. Earlier files tell of fewer. */
function settingsOf(fields: Fields): Run['settings'] {
  const recipe = fields.get('recipe');
  const settings = new Map<string, string | number | boolean | null>();
  const add = (name: string, value: unknown): void => {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
      settings.set(name, value as string | number | boolean | null);
    }
  };
  for (const name of BEFORE_RECIPE) add(name, fields.get(name));
  if (isOptions(recipe)) for (const [name, value] of Object.entries(recipe)) add(name, value);
  for (const name of BEHIND_RECIPE) add(name, fields.get(name));
  return settings;
}

const BEFORE_RECIPE = ['model', 'preset', 'seed', 'trainingImages'];
const BEHIND_RECIPE = ['earlyStopping', 'data', 'loader', 'kernels', 'engine', 'stopped'];
