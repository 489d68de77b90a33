import { ConfigError, generator, Generator, type OptionRules } from '@unfold/core';
import { checkedInUse, generatorRule } from '@unfold/core/internal';

/** Where a random order comes from. */
export interface GeneratorOptions {
  /** Draws the random order. Default: the global stream `'shuffle'`. */
  readonly generator?: Generator;
  /** Instead of a generator: the seed of a new one. */
  readonly seed?: number;
}

export const GENERATOR_OPTIONS: OptionRules<GeneratorOptions> = {
  generator: generatorRule,
  seed: checkedInUse,
};

/**
 * The generator that options ask for, as a function: the global one may be seeded anew at any time.
 * @throws ConfigError if both a generator and a seed are given, or the seed is no seed.
 */
export function chooseGenerator(
  operation: string,
  { generator: given, seed }: GeneratorOptions,
): () => Generator {
  if (given !== undefined && seed !== undefined) {
    throw new ConfigError(
      `${operation}: expected a generator or a seed, got both; leave one of them out`,
    );
  }
  if (seed !== undefined) {
    const own = new Generator(seed, 'shuffle');
    return () => own;
  }
  return given === undefined ? () => generator('shuffle') : () => given;
}
