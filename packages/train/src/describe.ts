import type { CompleteOptions } from '@unfold/core';
import type { DataLoaderOptions } from './data/loader-options.js';
import type { DataLoader } from './data/loader.js';
import type { EMA, EMAOptions } from './optim/ema.js';
import type { OptimizerOptions } from './optim/groups.js';
import type { Optimizer } from './optim/optimizer.js';

/*
 * What the parts of a run were made with, for a package that makes the like of them elsewhere.
 */

/** A loader's options, as they were given. */
export const describeLoader = <B, Source extends { readonly length: number }>(
  loader: DataLoader<B, Source>,
): Readonly<DataLoaderOptions<never, unknown, unknown>> => loader.options;

/** The options of an average of weights. */
export const describeEMA = (ema: EMA): Readonly<CompleteOptions<EMAOptions>> => ema.options;

/** An optimiser's options where nothing else is said. */
export const defaultsOf = (optimizer: Optimizer): Partial<OptimizerOptions> => optimizer.defaults;
