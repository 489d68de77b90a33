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
import { checkTraining } from './check.js';
import { dataScript, type BatchFacts } from './data-script.js';
import type { LiveRun, Position, ProjectFacts } from './facts.js';
import { checkOptimizer, groupsNow, optimizerLines, optimizerTensors } from './optimizer.js';
import { parityScript, parityTensors } from './parity-script.js';
import { GITIGNORE, PYPROJECT, requirements } from './project-files.js';
import { readme } from './readme.js';
import { scheduleExpression, scheduleState } from './schedules.js';
import type { TrainFacts } from './train-facts.js';
import { trainScript } from './train-script.js';

/** A run that has not begun. */
const BEGINNING: Position = { epoch: 1, batch: 0, step: 0 };

/**
 * All files of a project in PyTorch but model.py and what belongs to it, by their names.
 * @throws ConfigError for a part of the run that PyTorch has no like of.
 */
export function trainingFiles(
  given: LiveRun,
  project: ProjectFacts,
): Map<string, string | Uint8Array<ArrayBuffer>> {
  checkTraining(given, project.model);
  const training = { ...given, position: placeOf(given) };
  const names = new Map<Parameter, string>();
  for (const [name, parameter] of project.model.namedParameters()) names.set(parameter, name);
  checkOptimizer(training.optimizer, names);
  const batches = batchFacts(training);
  const reason = differenceOf(training, project, batches);
  const run = { ...training, losses: reason === null ? (training.losses ?? []) : [] };
  const parts = { run, project, names, batches, schedules: schedulesOf(training) };
  return Scope.run(() => new Map([...textFiles(parts, reason), ...tensorFiles(parts)]));
}

/** Where a run stands; one that was stopped is at its end. */
function placeOf({ position = BEGINNING, epochs }: LiveRun): Position {
  return position.isStopped === true ? { ...position, epoch: epochs + 1, batch: 0 } : position;
}

/** Why the next losses can't be Unfold's; null if they can. */
function differenceOf(
  { position = BEGINNING, epochs }: LiveRun,
  { isRandom }: ProjectFacts,
  { augment }: BatchFacts,
): string | null {
  if (position.epoch > epochs) return 'the run had finished in Unfold';
  if (augment) return 'images are changed by other random numbers than in Unfold';
  return isRandom ? 'the model draws other random numbers than in Unfold' : null;
}

interface Schedules {
  readonly step: ScheduleDescription | null;
  readonly epoch: ScheduleDescription | null;
}

function schedulesOf({ scheduler, validation }: LiveRun): Schedules {
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

/** A file by its name. */
type ProjectFile = [name: string, content: string | Uint8Array<ArrayBuffer>];

/** What the files are made from. */
interface Parts {
  readonly run: LiveRun & { readonly losses: readonly number[] };
  readonly project: ProjectFacts;
  readonly names: ReadonlyMap<Parameter, string>;
  readonly batches: BatchFacts;
  readonly schedules: Schedules;
}

/** @param reason Why there are no losses to compare; null where there may be. */
function textFiles(parts: Parts, reason: string | null): ProjectFile[] {
  const { run, project, batches, schedules } = parts;
  const { epochs, position = BEGINNING, ema, losses } = run;
  const { className, isRandom } = project;
  const hasAugmentation = batches.augment !== null;
  return [
    ['train.py', trainScript(trainFacts(parts))],
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
        className,
        epochs,
        position,
        hasAugmentation,
        hasEMA: ema !== undefined,
        hasBatchNorm: buffersOf(project).some((name) => name.endsWith('running_mean')),
        hasOneCycle: descriptionsOf(schedules).some(({ name }) => name === 'OneCycleLR'),
        hasLosses: losses.length > 0,
        isRandom,
      }),
    ],
  ];
}

function trainFacts({ run, project, names, batches, schedules }: Parts): TrainFacts {
  const { optimizer, epochs, position = BEGINNING, accumulate = 1, train, ema } = run;
  const { step, epoch } = schedules;
  const steps = epochs * Math.ceil(train.length / accumulate);
  return {
    className: project.className,
    loss: project.loss,
    optimizer: optimizerLines(optimizer, names, descriptionsOf(schedules)),
    stepSchedule: step && scheduleExpression(step, { name: 'steps', steps }),
    epochSchedule: epoch && scheduleExpression(epoch, { name: 'epochs', steps: epochs }),
    isWatching: epoch?.name === 'ReduceLROnPlateau',
    epochs,
    position,
    order: batches.shuffle ? orderOf(run) : null,
    accumulate,
    clipGradNorm: run.clipGradNorm ?? null,
    ema: ema ? describeEMA(ema) : null,
    hasValidation: run.validation !== undefined,
    hasTest: run.test !== undefined,
    hasBuffers: buffersOf(project).length > 0,
    isRandom: project.isRandom || batches.augment !== null,
    isUneven: batches.isUneven,
    ownState: project.ownState ?? [],
    ...metadataFacts(project.saved, batches.normalization),
  };
}

const descriptionsOf = ({ step, epoch }: Schedules): ScheduleDescription[] =>
  [step, epoch].flatMap((schedule) => schedule ?? []);

const buffersOf = ({ model }: ProjectFacts): string[] =>
  Array.from(model.namedBuffers(), ([name]) => name);

/** The words of the generator from which the order of the epoch in hand is drawn. */
function orderOf({ generator, train }: LiveRun): readonly number[] {
  const { now, epoch } = generator ?? { now: train.generator.state(), epoch: null };
  return (epoch ?? now).words;
}

/** The texts beside the trained weights, in Python. */
function metadataFacts(
  saved: SaveModelOptions,
  normalization: Normalization | null,
): Pick<TrainFacts, 'metadata' | 'isNormalized'> {
  const own = JSON.stringify(normalization);
  const json = (expression: Expression): Expression => call('json.dumps', [expression]);
  const texts = metadataOf('eject', { ...(normalization && { normalization }), ...saved });
  const isNormalized = normalization !== null && texts['normalization'] === own;
  const metadata = Object.entries(texts).map(([name, text]): [string, Expression] => {
    const { classes } = saved;
    if (name === 'classes' && classes) return [name, json(list(classes))];
    if (name !== 'normalization' || !isNormalized) return [name, literal(text)];
    return [name, json(atom('{"mean": MEAN, "std": STD}'))];
  });
  return { metadata, isNormalized };
}

function tensorFiles(parts: Parts): ProjectFile[] {
  const { run, project, names } = parts;
  const { optimizer, ema, losses } = run;
  const compared: [string, Tensor][] =
    losses.length > 0 ? [['losses', tensor(losses, [losses.length], { dtype: 'float64' })]] : [];
  const averages = ema && encodeSafetensors(new Map(ema.stateDict().tensors));
  const metadata = { run: JSON.stringify(runState(parts)) };
  return [
    ['data.safetensors', encodeSafetensors(dataTensors(run))],
    ['optimizer.safetensors', encodeSafetensors(optimizerTensors(optimizer, names), metadata)],
    ...(averages ? [['ema.safetensors', averages] satisfies ProjectFile] : []),
    [
      'parity.safetensors',
      encodeSafetensors(new Map([...parityTensors(project.parity), ...compared])),
    ],
  ];
}

/** What of the run's state is no tensor, in PyTorch's form. */
function runState({ run, schedules: { step, epoch } }: Parts): object {
  const { scheduler, optimizer, ema } = run;
  return {
    groups: groupsNow(optimizer),
    schedules: {
      ...(step && { step: scheduleState(step, scheduler?.step?.stateDict() ?? {}) }),
      ...(epoch && { epoch: scheduleState(epoch, scheduler?.epoch?.stateDict() ?? {}) }),
    },
    ...(ema && { averages: ema.stateDict().json.updates }),
  };
}
