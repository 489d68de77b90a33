import type { OptionRules } from '@unfold/core';
import { checkOptions } from '@unfold/core/internal';
import { ownOptions } from '../checks.js';
import { Module } from '../module.js';

/** What the losses as modules have in common: options, which are checked and copied at once. */
export abstract class LossModule<Options extends object> extends Module {
  readonly #options: Options;

  /** @throws ConfigError for a bad option. */
  constructor(options: Options, rules: OptionRules<Options>) {
    super();
    checkOptions(new.target.name, options, rules);
    this.#options = ownOptions(options);
  }

  /** The loss's own copy of its options. */
  protected get options(): Options {
    return this.#options;
  }

  /** @hidden */
  override constructedWith(): object {
    return this.#options;
  }

  override extraRepr(): string {
    return ''; // As PyTorch's.
  }
}
