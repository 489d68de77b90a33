import { ConfigError, Scope, tensor, type Parameter, type Tensor } from '@unfold/core';
import { encodeSafetensors } from '@unfold/io';
import { ReduceLROnPlateau, type Normalization, type SaveModelOptions } from '@unfold/train';
import {
  describeEMA,
  describeSchedule,
  metadataOf,
  type ScheduleDescription,
} from '@unfold/train/internal';
import { atom, call, list, literal, type Expression } from '../python.js';
import { batchFacts, dataTensors } from './batches.js';
import { dataScript } from './data-script.js';
import type { EjectTraining, Position, ProjectFacts } from './facts.js';
import { checkOptimizer, groupsNow, optimizerLines, optimizerTensors } from './optimizer.js';
import { parityScript, parityTensors } from './parity-script.js';
import { GITIGNORE, PYPROJECT, requirements } from './project-files.js';
import { readme } from './readme.js';
import { scheduleExpression, scheduleState } from './schedules.js';
import { trainScript } from './train-script.js';

/** A run that has not begun. */
const BEGINNING: Position = { epoch: 1, batch: 0, step: 0 };

/**
 * All files of a project in PyTorch but model.py and what belongs to it, by their names.
 * @throws ConfigError for a part of the run that PyTorch has no like of.
 */
export function trainingFiles(
  training: EjectTraining,
  project: ProjectFacts,
): Map<string, string | Uint8Array<ArrayBuffer>> {
  const names = new Map<Parameter, string>();
  for (const [name, parameter] of project.model.namedParameters()) names.set(parameter, name);
  checkOptimizer(training.optimizer, names);
  const reason = differenceOf(training, project);
  const compared = { ...training, losses: reason === null ? (training.losses ?? []) : [] };
  const schedules = schedulesOf(training);
  const texts = textFiles({ training: compared, project, names, schedules, reason });
  return Scope.run(
    () =>
      new Map<string, string | Uint8Array<ArrayBuffer>>([
        ...texts,
        ...tensorFiles({ training: compared, project, names, schedules }),
      ]),
  );
}

/** Why the next losses can't be Unfold's; null if they can. */
function differenceOf(
  { position = BEGINNING, epochs, train }: EjectTraining,
  { isRandom }: ProjectFacts,
): string | null {
  if (position.epoch > epochs) return 'the run had finished in Unfold';
  if (batchFacts({ train }).augment)
    return 'images are changed by other random numbers than in Unfold';
  return isRandom ? 'the model draws other random numbers than in Unfold' : null;
}

interface Schedules {
  readonly step: ScheduleDescription | null;
  readonly epoch: ScheduleDescription | null;
}

function schedulesOf({ scheduler, validation }: EjectTraining): Schedules {
  const { step, epoch } = scheduler ?? {};
  if (epoch instanceof ReduceLROnPlateau && !validation) {
    throw new ConfigError(
      'eject: scheduler: expected validation for ReduceLROnPlateau to watch, got none',
    );
  }
  return {
    step: step ? describeSchedule('eject: scheduler: step', step) : null,
    epoch: epoch ? describeSchedule('eject: scheduler: epoch', epoch) : null,
  };
}

/** What the files are made from. */
interface Parts {
  readonly training: EjectTraining & { readonly losses: readonly number[] };
  readonly project: ProjectFacts;
  readonly names: ReadonlyMap<Parameter, string>;
  readonly schedules: Schedules;
}

function textFiles({
  training,
  project,
  names,
  schedules: { step, epoch },
  reason,
}: Parts & { readonly reason: string | null }): [name: string, text: string][] {
  const { optimizer, epochs, position = BEGINNING, accumulate = 1, train, ema, losses } = training;
  const { className, isRandom, model } = project;
  const batches = batchFacts(training);
  const { normalization } = batches;
  const hasAugmentation = batches.augment !== null;
  const descriptions = [step, epoch].flatMap((schedule) => schedule ?? []);
  const steps = epochs * Math.ceil(train.length / accumulate);
  const buffers = [...model.namedBuffers()].map(([name]) => name);
  const about = { className, epochs, position };
  return [
    [
      'train.py',
      trainScript({
        ...about,
        loss: project.loss,
        optimizer: optimizerLines(optimizer, names, descriptions),
        stepSchedule: step && scheduleExpression(step, { name: 'steps', steps }),
        epochSchedule: epoch && scheduleExpression(epoch, { name: 'epochs', steps: epochs }),
        isWatching: epoch?.name === 'ReduceLROnPlateau',
        order: batches.shuffle ? orderOf(training) : null,
        accumulate,
        clipGradNorm: training.clipGradNorm ?? null,
        ema: ema ? describeEMA(ema) : null,
        hasValidation: training.validation !== undefined,
        hasTest: training.test !== undefined,
        hasBuffers: buffers.length > 0,
        isRandom: isRandom || hasAugmentation,
        metadata: metadataExpressions(project.saved, normalization),
      }),
    ],
    ['data.py', dataScript(batches)],
    [
      'test_parity.py',
      parityScript({
        className,
        inputs: 1,
        isOne: true,
        losses: { count: losses.length, reason: reason ?? 'none were ejected' },
      }),
    ],
    ['requirements.txt', requirements(hasAugmentation)],
    ['pyproject.toml', PYPROJECT],
    ['.gitignore', GITIGNORE],
    [
      'README.md',
      readme({
        ...about,
        hasAugmentation,
        hasEMA: ema !== undefined,
        hasBatchNorm: buffers.some((name) => name.endsWith('running_mean')),
        hasOneCycle: descriptions.some(({ name }) => name === 'OneCycleLR'),
        hasLosses: losses.length > 0,
        isRandom,
      }),
    ],
  ];
}

/** The words of the generator from which the order of the epoch in hand is drawn. */
function orderOf({ generator, train }: EjectTraining): readonly number[] {
  const { now, epoch } = generator ?? { now: train.generator.state(), epoch: null };
  return (epoch ?? now).words;
}

/** The texts beside the trained weights, in Python. */
function metadataExpressions(
  saved: SaveModelOptions,
  normalization: Normalization | null,
): (readonly [name: string, value: Expression])[] {
  const own = JSON.stringify(normalization);
  const json = (expression: Expression): Expression => call('json.dumps', [expression]);
  const texts = metadataOf('eject', { ...(normalization && { normalization }), ...saved });
  return Object.entries(texts).map(([name, text]) => {
    const { classes } = saved;
    if (name === 'classes' && classes) return [name, json(list(classes))];
    if (name !== 'normalization' || text !== own) return [name, literal(text)];
    return [name, json(atom('{"mean": MEAN, "std": STD}'))];
  });
}

function tensorFiles(parts: Parts): [name: string, bytes: Uint8Array<ArrayBuffer>][] {
  const { training, project, names } = parts;
  const { optimizer, ema, losses } = training;
  const compared: [string, Tensor][] =
    losses.length > 0 ? [['losses', tensor(losses, [losses.length], { dtype: 'float64' })]] : [];
  const parity = new Map([...parityTensors(project.parity), ...compared]);
  const run = JSON.stringify(runState(parts));
  return [
    ['data.safetensors', encodeSafetensors(dataTensors(training))],
    ['optimizer.safetensors', encodeSafetensors(optimizerTensors(optimizer, names), { run })],
    ...(ema
      ? [
          ['ema.safetensors', encodeSafetensors(new Map(ema.stateDict().tensors))] as [
            string,
            Uint8Array<ArrayBuffer>,
          ],
        ]
      : []),
    ['parity.safetensors', encodeSafetensors(parity)],
  ];
}

/** What of the run's state is no tensor, in PyTorch's form. */
function runState({ training, schedules: { step, epoch } }: Parts): object {
  const { scheduler, optimizer, ema } = training;
  return {
    groups: groupsNow(optimizer),
    schedules: {
      ...(step && { step: scheduleState(step, scheduler?.step?.stateDict() ?? {}) }),
      ...(epoch && { epoch: scheduleState(epoch, scheduler?.epoch?.stateDict() ?? {}) }),
    },
    ...(ema && { averages: ema.stateDict().json.updates }),
  };
}
