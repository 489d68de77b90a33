import { ConfigError, tensor, type JsonData, type Parameter, type Tensor } from '@unfold/core';
import { isList, valueText } from '@unfold/core/internal';
import { Adagrad, Adam, AdamW, type Optimizer, RMSprop, SGD } from '@unfold/train';
import { defaultsOf, type ScheduleDescription } from '@unfold/train/internal';
import { atom, call, dict, float, list, literal, tuple, type Argument } from '../python.js';
import { pythonName } from '../names.js';
import { statementAt } from './template.js';

// A class that is derived from one of them may step in another way.
const KNOWN = [SGD, Adam, AdamW, RMSprop, Adagrad];

/** Options by Unfold's names. */
type Options = Readonly<Record<string, unknown>>;

/** @throws ConfigError for an optimiser that PyTorch doesn't have, or of parameters that are not the model's. */
export function checkOptimizer(optimizer: Optimizer, names: ReadonlyMap<Parameter, string>): void {
  if (!KNOWN.some((Kind) => optimizer.constructor === Kind)) {
    throw new ConfigError(
      `eject: optimizer: expected ${KNOWN.map(({ name }) => name).join(', ')}, got ${valueText(optimizer)}`,
    );
  }
  const stranger = parametersOf(optimizer).find((parameter) => !names.has(parameter));
  if (!stranger) return;
  throw new ConfigError(
    `eject: optimizer: expected parameters of the model only, got ${stranger.describe()} among them`,
  );
}

const parametersOf = (optimizer: Optimizer): readonly Parameter[] =>
  optimizer.groups.flatMap(({ params }) => params);

/** The lines of a Python function that makes the optimiser of `model`, as it was when it was made. */
export function optimizerLines(
  optimizer: Optimizer,
  names: ReadonlyMap<Parameter, string>,
  schedules: readonly ScheduleDescription[],
): string[] {
  const { optimizer: kind, groups } = optimizer.stateDict().json;
  const defaults: Options = defaultsOf(optimizer);
  const options = groups.map((group, i) => startOf(group, schedules, i));
  const optionNames = ['lr', ...Object.keys(options[0] ?? {}).filter((name) => name !== 'lr')];
  const isShared = (name: string): boolean =>
    options.every((own) => String(own[name]) === String(options[0]?.[name]));
  const isDefault = (name: string): boolean =>
    String(options[0]?.[name]) === String(defaults[name]);
  const shared = optionNames.filter((name) => isShared(name) && !isDefault(name));
  const own = optionNames.filter((name) => !isShared(name));
  const { lines, expressions } = groupsOf(optimizer, names);
  const given =
    expressions.length === 1
      ? atom(expressions[0] ?? '')
      : list(
          expressions.map((params, i) =>
            dict([['params', atom(params)], ...pythonOptions(options[i], own)]),
          ),
        );
  const keywords = Object.fromEntries(pythonOptions(options[0], shared));
  return [...lines, ...statementAt(4, 'return ', call(`torch.optim.${kind}`, [given], keywords))];
}

function pythonOptions(
  options: Options = {},
  chosen: readonly string[],
): (readonly [name: string, value: Argument])[] {
  return chosen.map((name) => {
    const value = options[name] as JsonData;
    // The betas, which PyTorch takes as floats only.
    return [pythonName(name), isList(value) ? tuple((value as number[]).map(float)) : value];
  });
}

/**
 * A group's options before schedules changed them. OneCycleLR replaces the rate and the momentum that the
 * optimiser was made with, by what stands in its own options.
 */
function startOf(group: Options, schedules: readonly ScheduleDescription[], i: number): Options {
  const { initialLr, ...options } = group;
  const cycle = schedules.find(({ name }) => name === 'OneCycleLR')?.options;
  if (!cycle) return { ...options, lr: initialLr ?? options['lr'] };
  const own = (name: string): unknown => [cycle[name]].flat()[i] ?? cycle[name];
  const momentum = cycle['cycleMomentum'] === true ? own('maxMomentum') : null;
  const { betas } = options;
  return {
    ...options,
    lr: own('maxLr'),
    ...(momentum !== null &&
      (Array.isArray(betas) ? { betas: [momentum, betas[1]] } : { momentum })),
  };
}

/** The lists of the groups' parameters, and the lines that they need before. */
function groupsOf(
  { groups }: Optimizer,
  names: ReadonlyMap<Parameter, string>,
): { readonly lines: readonly string[]; readonly expressions: readonly string[] } {
  const sets = groups.map(({ params }) => new Set(params));
  const all = [...names.keys()];
  const outside = all.filter((parameter) => !sets.some((set) => set.has(parameter)));
  // model.py freezes the others.
  const frozen = outside.filter(({ requiresGrad }) => requiresGrad);
  const lists = (given: readonly Parameter[]): string[] => given.map((one) => names.get(one) ?? '');
  const byName = 'parameters = dict(model.named_parameters(remove_duplicate=False))';
  const lines =
    frozen.length === 0
      ? []
      : [
          byName,
          ...statementAt(4, 'frozen = ', literal(lists(frozen))),
          'for name in frozen:',
          '    parameters[name].requires_grad_(False)',
        ];
  if (sets.length === 1 && outside.length === 0)
    return { lines, expressions: ['model.parameters()'] };
  // What is frozen may be the optimiser's even so.
  const isTrained = all.every((one) => outside.includes(one) || one.requiresGrad);
  if (sets.length === 1 && isTrained) {
    const trained = '[parameter for parameter in model.parameters() if parameter.requires_grad]';
    return { lines, expressions: [trained] };
  }
  const isWide = ({ ndim }: Parameter): boolean => ndim > 1;
  const [first = new Set(), second = new Set()] = sets;
  if (
    sets.length === 2 &&
    outside.length === 0 &&
    all.every((one) => (isWide(one) ? first : second).has(one))
  ) {
    return {
      lines: [
        'weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]',
        'others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]',
      ],
      expressions: ['weights', 'others'],
    };
  }
  const groupLines = groups.flatMap(({ params }, i) => [
    ...statementAt(4, `names_${i + 1} = `, literal(lists([...params]))),
    `group_${i + 1} = [parameters[name] for name in names_${i + 1}]`,
  ]);
  return {
    lines: [...(frozen.length === 0 ? [byName] : lines), ...groupLines],
    expressions: groups.map((_, i) => `group_${i + 1}`),
  };
}

/** What the optimiser remembers, by PyTorch's names: `conv1.weight.exp_avg`. They belong to the open scope. */
export function optimizerTensors(
  optimizer: Optimizer,
  names: ReadonlyMap<Parameter, string>,
): Map<string, Tensor> {
  const { tensors, json } = optimizer.stateDict();
  const all = parametersOf(optimizer);
  const named = new Map<string, Tensor>();
  json.parameters.forEach(({ step, buffers }, i) => {
    const name = names.get(all[i] as Parameter) ?? '';
    for (const buffer of buffers) {
      const own = tensors.get(`${i}.${buffer}`);
      if (own) named.set(`${name}.${pythonName(buffer)}`, own);
    }
    // PyTorch's SGD doesn't count.
    if (step > 0 && json.optimizer !== 'SGD') named.set(`${name}.step`, tensor(step));
  });
  return named;
}

/** The options of the groups as they are now, by PyTorch's names. */
export const groupsNow = (optimizer: Optimizer): readonly Options[] =>
  optimizer
    .stateDict()
    .json.groups.map((group) =>
      Object.fromEntries(Object.entries(group).map(([name, value]) => [pythonName(name), value])),
    );
