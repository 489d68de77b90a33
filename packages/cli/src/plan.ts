import { ConfigError, FileFormatError } from '@unfold/core';
import { EarlyStopping } from '@unfold/train';
import {
  AUGMENTS,
  isModelName,
  plainRecipe,
  type PresetName,
  rateFor,
  PRESETS,
  type Recipe,
  SCHEDULES,
} from '@unfold/train/internal';
import { isObject } from '@unfold/io/internal';
import type { TrainMnistOptions } from './options.js';

/** All that decides, with the images and the engine's rounding, what a run's bits will be. */
export interface Plan {
  /** Null where a network was named, and no preset. */
  readonly preset: PresetName | null;
  readonly recipe: Recipe;
  readonly seed: number;
  /** Train on the first images only; null for all. */
  readonly limit: number | null;
  /** Epochs without progress that are borne; null to go on to the end. */
  readonly earlyStopping: number | null;
}

/** The recipe of the preset or the network, changed as the other options say. */
export function planOf(options: TrainMnistOptions): Plan {
  const { model, preset = model === undefined ? 'default' : undefined } = options;
  const recipe = preset === undefined ? plainRecipe(model ?? 'lenet') : { ...PRESETS[preset] };
  return {
    preset: preset ?? null,
    recipe: { ...recipe, ...givenOf(options, recipe) },
    seed: options.seed ?? 1,
    limit: options.limit ?? null,
    earlyStopping: options.earlyStopping ?? null,
  };
}

/**
 * The plan for so many training images: where nobody named a rate, a short run gets a smaller one.
 */
export function planFor(plan: Plan, { lr }: TrainMnistOptions, images: number): Plan {
  if (lr !== undefined) return plan;
  const { recipe } = plan;
  return { ...plan, recipe: { ...recipe, lr: rateFor(recipe, images * recipe.epochs) } };
}

/** The options that make a plan, by their names, as few as will do. */
export function optionsOf({
  preset,
  recipe,
  seed,
  limit,
  earlyStopping,
}: Plan): [string, string][] {
  const base: Recipe = preset === null ? plainRecipe(recipe.model) : PRESETS[preset];
  const usual: Readonly<Record<string, unknown>> = { ...base };
  const changes = Object.entries(recipe).filter(([key, value]) => value !== usual[key]);
  const settings: [string, unknown][] = [
    preset === null ? ['model', recipe.model] : ['preset', preset],
    ...changes,
    ['seed', seed],
    ['limit', limit],
    ['earlyStopping', earlyStopping],
  ];
  return settings.flatMap(([key, value]) =>
    value === null ? [] : [[optionName(key), String(value)]],
  );
}

/** The options that are of the recipe and were given. */
function givenOf(options: TrainMnistOptions, recipe: Recipe): Partial<Recipe> {
  const given: Readonly<Record<string, unknown>> = { ...options };
  return Object.fromEntries(
    Object.keys(recipe).flatMap((key) => (given[key] === undefined ? [] : [[key, given[key]]])),
  );
}

/** The callback that ends a run which gets no better; none where the plan has no such. */
export function earlyStoppingOf({ earlyStopping }: Plan): EarlyStopping[] {
  if (earlyStopping === null) return [];
  return [new EarlyStopping({ monitor: 'accuracy', mode: 'max', patience: earlyStopping })];
}

/** Writes the plan as a text for a checkpoint's metadata. */
export function planToText(plan: Plan): string {
  return JSON.stringify(plan);
}

/**
 * The plan of the run that a checkpoint holds. Options may be given again, but not changed.
 * @param text What `planToText` gave; undefined if the file has none.
 * @throws FileFormatError if it is none; ConfigError that names the options which differ.
 */
export function resumedPlan(
  file: string,
  text: string | undefined,
  options: TrainMnistOptions,
): Plan {
  const saved = parsePlan(file, text);
  const { preset, seed, limit, earlyStopping } = options;
  const asked = { preset, seed, limit, earlyStopping, ...givenOf(options, saved.recipe) };
  const running: Readonly<Record<string, unknown>> = { ...saved.recipe, ...saved };
  const changes = Object.entries(asked).flatMap(([key, value]) => {
    if (value === undefined || value === running[key]) return [];
    return [
      `${optionName(key)} is ${String(running[key] ?? 'not set')} there, ${String(value)} here`,
    ];
  });
  if (changes.length === 0) return saved;
  throw new ConfigError(
    `--resume: ${file} holds another run: ${changes.join('; ')}; leave these options out to go on ` +
      'with it, or --resume to begin anew',
  );
}

/** `batchSize` → `--batch-size`. */
function optionName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function parsePlan(file: string, text: string | undefined): Plan {
  const plan = text === undefined ? null : asPlan(parseJson(text));
  if (plan) return plan;
  throw new FileFormatError(
    `${file}: expected the plan of a run of train:mnist in its metadata, got ${String(text)}; only ` +
      'such a run can go on with --resume',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Null for anything else than a plan with a recipe of the right kinds of values. */
function asPlan(value: unknown): Plan | null {
  if (!isObject(value) || !isObject(value['recipe'])) return null;
  const { preset, recipe, seed, limit, earlyStopping } = value;
  const isOptional = (number: unknown): number is number | null =>
    number === null || Number.isSafeInteger(number);
  if (!isRecipe(recipe) || !isPreset(preset)) return null;
  if (typeof seed !== 'number' || !isOptional(limit) || !isOptional(earlyStopping)) return null;
  return { preset, recipe, seed, limit, earlyStopping };
}

function isPreset(value: unknown): value is PresetName | null {
  return value === null || (typeof value === 'string' && Object.hasOwn(PRESETS, value));
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

/** Whether it has a recipe's keys with values of their types. */
function isRecipe(value: unknown): value is Recipe {
  if (!isObject(value)) return false;
  const { model } = value;
  const sample: Readonly<Record<string, unknown>> = { ...plainRecipe('lenet') };
  const keys = Object.keys(sample);
  return (
    typeof model === 'string' &&
    isModelName(model) &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => typeof value[key] === typeof sample[key]) &&
    SCHEDULES.some((name) => name === value['schedule']) &&
    AUGMENTS.some((name) => name === value['augment']) &&
    isShare(value['labelSmoothing']) &&
    isShare(value['ema'])
  );
}
