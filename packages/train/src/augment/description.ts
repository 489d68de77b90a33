import { ConfigError } from '@unfold/core';
import { isOptions, valueText } from '@unfold/core/internal';
import { RandomAffine, randomAffine, type RandomAffineOptions } from './affine.js';
import type { Augmentation } from './augmentation.js';
import { checkAugmentation, compose, Composition } from './compose.js';
import { Elastic, elastic, type ElasticOptions } from './elastic.js';
import { RandomErasing, randomErasing, type RandomErasingOptions } from './erasing.js';

/**
 * An augmentation as plain data, which can be sent to a worker: what it is, and what it was made
 * from.
 */
export type Description =
  | { readonly kind: 'randomAffine'; readonly options: RandomAffineOptions }
  | { readonly kind: 'elastic'; readonly options: ElasticOptions }
  | { readonly kind: 'randomErasing'; readonly options: RandomErasingOptions }
  | { readonly kind: 'compose'; readonly steps: readonly Description[] }
  | { readonly kind: 'module'; readonly module: string; readonly options: unknown };

/**
 * Describes an augmentation of ours, or one that names its module.
 * @throws ConfigError if it is one that nobody else can make.
 */
export function describeAugmentation(where: string, augment: Augmentation): Description {
  if (augment instanceof RandomAffine) return { kind: 'randomAffine', options: augment.options };
  if (augment instanceof Elastic) return { kind: 'elastic', options: augment.options };
  if (augment instanceof RandomErasing) return { kind: 'randomErasing', options: augment.options };
  if (augment instanceof Composition) {
    const steps = augment.steps.map((step, i) => describeAugmentation(`${where}: step ${i}`, step));
    return { kind: 'compose', steps };
  }
  return describeModule(where, augment);
}

function describeModule(where: string, { worker }: Augmentation): Description {
  if (worker === undefined) {
    throw new ConfigError(
      `${where}: expected an augmentation that a worker can make, too, got one of your own, whose ` +
        'functions cannot be sent there; give it worker: { module: import.meta.url, options }, with ' +
        'the default export of that module making it, or leave prefetch out',
    );
  }
  if (!isOptions(worker)) {
    throw new ConfigError(
      `${where}: worker: expected { module, options }, got ${valueText(worker)}`,
    );
  }
  const { module, options } = worker;
  if (!(module instanceof URL) && !(typeof module === 'string' && URL.canParse(module))) {
    throw new ConfigError(
      `${where}: worker: module: expected a whole address, such as import.meta.url, got ` +
        valueText(module),
    );
  }
  try {
    return { kind: 'module', module: String(module), options: structuredClone(options) };
  } catch (error) {
    throw new ConfigError(
      `${where}: worker: options: expected values that can be sent to a worker, got ${valueText(options)} ` +
        `(${String(error)})`,
      { cause: error },
    );
  }
}

/**
 * Makes the described augmentation.
 * @throws ConfigError if a module doesn't make one; what importing it throws.
 */
export async function augmentationOf(description: Description): Promise<Augmentation> {
  switch (description.kind) {
    case 'randomAffine':
      return randomAffine(description.options);
    case 'elastic':
      return elastic(description.options);
    case 'randomErasing':
      return randomErasing(description.options);
    case 'compose':
      return compose(await Promise.all(description.steps.map(augmentationOf)));
    case 'module':
      return fromModule(description.module, description.options);
  }
}

async function fromModule(address: string, options: unknown): Promise<Augmentation> {
  // Bundlers are not to look for it: it is the program's own, found when it runs.
  const module: unknown = await import(/* @vite-ignore */ /* webpackIgnore: true */ address);
  const make: unknown = Object(module).default;
  if (typeof make !== 'function') {
    throw new ConfigError(
      `${address}: expected a function for its default export, which makes the augmentation, got ` +
        valueText(make),
    );
  }
  const made: unknown = make(options);
  checkAugmentation(address, made);
  return made;
}
