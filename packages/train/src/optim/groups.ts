import {
  type CompleteOptions,
  ConfigError,
  DTypeError,
  type OptionRules,
  type Parameter,
} from '@unfold/core';
import { atLeast0, checkOption, completeOptions, valueText } from '@unfold/core/internal';
import { isTrainable, requireParameters } from '../arguments.js';

/** Options that every optimiser has. */
export interface OptimizerOptions {
  /** The learning rate, at least 0. */
  readonly lr?: number;
}

/** Parameters, and the options in which they differ from the optimiser's. */
export type GroupOptions<Options> = Partial<Options> & { readonly params: Iterable<Parameter> };

/**
 * Parameters that are updated with the same options. Every option has its value, and may be set at
 * any time; setting one to what it cannot be is a ConfigError and changes nothing.
 */
export type ParameterGroup<Options> = CompleteOptions<Options> & {
  /** The parameters that the group updates. */
  readonly params: readonly Parameter[];
  /** The learning rate that schedules start from; there is none before the first schedule. */
  initialLr?: number;
};

/** The parameters that an optimiser takes: with the same options, or in groups of them. */
export type OptimizerParameters<Options> = Iterable<Parameter> | Iterable<GroupOptions<Options>>;

/** The rules of a kind of optimiser for its options. */
export interface OptionsDefinition<Options> {
  /** The optimiser's name, in messages and in saved states. */
  readonly name: string;
  readonly rules: OptionRules<Options>;
  readonly defaults: Partial<Options>;
  /** Says what is wrong with options that are each for themselves right. */
  conflict?(options: CompleteOptions<Options>): string | null;
}

/** The group itself, for reading in a loop, and what users see of it, which checks what is set. */
export interface CheckedGroup<Options> {
  readonly group: ParameterGroup<Options>;
  readonly guarded: ParameterGroup<Options>;
}

/**
 * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
 * two groups; DTypeError for what is no parameter.
 */
export function makeGroups<Options extends object>(
  definition: OptionsDefinition<Options>,
  parameters: OptimizerParameters<Options>,
  options: Partial<Options>,
): CheckedGroup<Options>[] {
  const { name } = definition;
  const common = complete(definition, definition.defaults, options);
  requireParameters(name, parameters);
  const lone: Parameter[] = [];
  const given: GroupOptions<Options>[] = [];
  for (const item of parameters) {
    if (isTrainable(item)) lone.push(item);
    else if (isGroup<Options>(item)) given.push(item);
    else {
      throw new DTypeError(
        `${name}: expected Parameters, got ${valueText(item)} among them; pass model.parameters()`,
      );
    }
  }
  if (lone.length > 0 && given.length > 0) {
    throw new ConfigError(`${name}: got parameters beside groups; put them into a group`);
  }
  if (given.length === 0) {
    if (lone.length === 0) {
      throw new ConfigError(`${name}: got no parameters; pass model.parameters()`);
    }
    return [guard(definition, { ...common, params: [...new Set(lone)] })];
  }
  const groupOf = new Map<Parameter, number>();
  return given.map(({ params, ...own }, index) => {
    const unique = [...new Set(params)];
    if (unique.length === 0) {
      throw new ConfigError(`${name}: group ${index} has no parameters; leave it out`);
    }
    for (const parameter of unique) {
      if (!isTrainable(parameter)) {
        throw new DTypeError(
          `${name}: expected Parameters in group ${index}, got ${valueText(parameter)} among them; ` +
            'pass model.parameters()',
        );
      }
      const other = groupOf.get(parameter);
      if (other !== undefined) {
        throw new ConfigError(
          `${name}: a parameter ${parameter.describe()} is in group ${other} and in group ` +
            `${index}; each belongs to one`,
        );
      }
      groupOf.set(parameter, index);
    }
    // What is left of a group without its parameters are options, which `complete` checks.
    const settings = complete(definition, common, own as Partial<Options>);
    return guard(definition, { ...settings, params: unique });
  });
}

const INITIAL_LR = { initialLr: atLeast0 };

function isGroup<Options>(item: unknown): item is GroupOptions<Options> {
  if (typeof item !== 'object' || item === null || !('params' in item)) return false;
  const { params } = item;
  return typeof params === 'object' && params !== null && Symbol.iterator in params;
}

/** @throws ConfigError for options that are wrong, each for itself or together. */
function complete<Options extends object>(
  definition: OptionsDefinition<Options>,
  defaults: Partial<Options>,
  own: Partial<Options>,
): CompleteOptions<Options> {
  const options = completeOptions(definition.name, definition.rules, defaults, own);
  checkConflict(definition, options);
  return options;
}

function checkConflict<Options>(
  { name, conflict }: OptionsDefinition<Options>,
  options: CompleteOptions<Options>,
): void {
  const problem = conflict?.(options);
  if (problem) throw new ConfigError(`${name}: ${problem}`);
}

/** @throws ConfigError, later, where a group is set to what it cannot be. */
function guard<Options extends object>(
  definition: OptionsDefinition<Options>,
  group: ParameterGroup<Options>,
): CheckedGroup<Options> {
  const guarded = new Proxy(group, {
    set(target, option, value: unknown): boolean {
      checkSetting(definition, target, String(option), value);
      return Reflect.set(target, option, value);
    },
  });
  return { group, guarded };
}

/** @throws ConfigError unless the group's option may be set to this value. */
function checkSetting<Options extends object>(
  definition: OptionsDefinition<Options>,
  group: ParameterGroup<Options>,
  option: string,
  value: unknown,
): void {
  const { name, rules } = definition;
  if (option === 'params') {
    throw new ConfigError(
      `${name}: a group's parameters cannot be changed; make another optimiser`,
    );
  }
  if (option === 'initialLr') {
    checkOption(name, INITIAL_LR, option, value);
    return;
  }
  checkOption(name, rules, option, value);
  checkConflict(definition, { ...group, [option]: value });
}

/** A group's options as plain JSON, without its parameters. */
export function optionsOf<Options>(group: ParameterGroup<Options>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(group).filter(([name]) => name !== 'params'));
}

/**
 * Checks a group's options as they were saved.
 * @returns What sets them.
 * @throws ConfigError for an option that is unknown, missing or out of range.
 */
export function savedOptions<Options extends object>(
  definition: OptionsDefinition<Options>,
  { group }: CheckedGroup<Options>,
  saved: Readonly<Record<string, unknown>>,
): () => void {
  const { initialLr, ...own } = saved;
  if (initialLr !== undefined) checkSetting(definition, group, 'initialLr', initialLr);
  // They come from a file: `complete` checks every one of them.
  const options = complete(definition, {}, own as Partial<Options>);
  return () => {
    delete group.initialLr;
    Object.assign(group, options, initialLr === undefined ? {} : { initialLr });
  };
}
