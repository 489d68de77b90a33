import {
  ConfigError,
  Scope,
  trace,
  zeros,
  type Graph,
  type OptionRules,
  Tensor,
} from '@unfold/core';
import { checkedInUse, checkOptions, valueText, withDim } from '@unfold/core/internal';
import { exampleOf, tracedOnBatches } from '@unfold/nn/internal';
import { encodeSafetensors } from '@unfold/io';
import { evaluationMode, Module } from '@unfold/nn';
import { encodeModel, type SaveModelOptions } from '@unfold/train';
import { CONSTANTS_FILE, modelFile } from './model/model-file.js';
import { layersIn, partOf } from './model/parts.js';
import { requireSameInTraining, type FollowsMode } from './model/training-mode.js';
import type { EjectTraining, Parity, ProjectFacts } from './training/facts.js';
import { lossExpression } from './training/loss.js';
import { modelFiles } from './training/model-files.js';
import { placeOf } from './training/run-state.js';
import { trainingFiles } from './training/training.js';

/** Options of `eject` and `saveProject`. */
export interface EjectOptions extends SaveModelOptions {
  /** The run that trains the model. Default: the project has the model alone. */
  readonly training?: EjectTraining;
  /**
   * The axis of the inputs along which a batch may have any size, or null for a model that takes the
   * example's sizes alone. Default 0.
   */
  readonly batchAxis?: number | null;
}

const OPTIONS: OptionRules<EjectOptions> = {
  training: checkedInUse,
  batchAxis: checkedInUse,
  name: checkedInUse,
  normalization: checkedInUse,
  classes: checkedInUse,
  metadata: checkedInUse,
};

/** A module that can be ejected. */
export interface Ejectable extends Module {
  /** What is written down: a function of tensors. */
  forward(...inputs: never[]): unknown;
}

/** The files of a project by their names. */
export type Project = ReadonlyMap<string, string | Uint8Array<ArrayBuffer>>;

/**
 * A model as a project in PyTorch: `model.py`, which a PyTorch engineer could have written, its weights, and
 * what trains them on. It is traced on an example; layers of `@unfold/nn` become PyTorch's, other modules
 * become classes of their own names.
 *
 * ```ts
 * const files = eject(model, zeros([1, 1, 28, 28]));
 * console.log(files.get('model.py'));
 * ```
 *
 * @param model A Module. It returns tensors, alone or in arrays and plain objects.
 * @param example A tensor as the model takes it, or a list of them for several inputs.
 * @returns The files by their names: texts, and bytes.
 * @throws ConfigError that names the layer, the operation or the optimiser which PyTorch has not, or what
 * depends on the size of the batch, and for a bad option; TapeError for what a graph can't hold, see
 * `trace`; what the model throws.
 */
export function eject(
  model: Ejectable,
  example: Tensor | readonly Tensor[],
  options: EjectOptions = {},
): Project {
  checkOptions('eject', options, OPTIONS);
  const { batchAxis = 0, training, ...saved } = options;
  if (!(model instanceof Module)) {
    throw new ConfigError(
      `eject: expected a Module, got ${valueText(model)}; make a class of it that extends Module`,
    );
  }
  const given = exampleOf('eject', example, batchAxis);
  return Scope.run(() => {
    const restore = evaluationMode(model);
    try {
      const run = (tensors: readonly Tensor[]): Graph => trace(model as OfTensors, ...tensors);
      const traced = tracedOnBatches('eject', run, given, batchAxis);
      const parity = parityOf(model as OfTensors, given);
      const root = partOf(model);
      const follows = followsMode(model, run, {
        example: given,
        batchAxis,
        layers: layersIn(root),
      });
      const { className, text, constants, ownState } = modelFile(model, traced, root, follows);
      const facts = { model, className, saved, parity, ownState };
      return new Map<string, string | Uint8Array<ArrayBuffer>>([
        ['model.py', text],
        ['weights.safetensors', encodeModel(model, saved)],
        ...(constants.size > 0
          ? [[CONSTANTS_FILE, encodeSafetensors(constants, {})] as const]
          : []),
        ...(training ? runFiles(training, facts, isRandom(traced.graph)) : modelFiles(facts)),
      ]);
    } finally {
      restore();
    }
  });
}

/** What the model makes of the example, in evaluation mode. */
function parityOf(model: OfTensors, inputs: readonly Tensor[]): Parity {
  const output = model.forward(...inputs);
  return { inputs, outputs: tensorsIn(output), isOne: output instanceof Tensor };
}

/** The tensors in lists and objects, one after another, as Python goes through tuples and dicts. */
function tensorsIn(output: unknown): Tensor[] {
  if (output instanceof Tensor) return [output];
  if (typeof output !== 'object' || output === null) return [];
  return Object.values(output).flatMap(tensorsIn);
}

/** The files of a model and its run. */
function runFiles(
  { state, ...parts }: EjectTraining,
  facts: Pick<ProjectFacts, 'model' | 'className' | 'saved' | 'parity'> & {
    readonly ownState: readonly string[];
  },
  isRandom: boolean,
): Map<string, string | Uint8Array<ArrayBuffer>> {
  const { inputs, isOne } = facts.parity;
  if (inputs.length !== 1 || !isOne) {
    throw new ConfigError(
      'eject: training: expected a model of images that gives logits, one tensor, got one that takes ' +
        `${inputs.length} and gives ${isOne ? 'one' : 'several'}; eject the model alone`,
    );
  }
  const run = state ? { ...parts, ...placeOf(state) } : parts;
  const { ema } = parts;
  // A run that has finished holds its averages, which are the weights then.
  const isApplied = ema?.isApplied === true;
  if (isApplied) ema.restore();
  try {
    return trainingFiles(run, { ...facts, loss: lossExpression(parts.loss), isRandom });
  } finally {
    if (isApplied) ema.apply();
  }
}

/** Whether a model draws random numbers in training, by dropout of its own or within layers. */
function isRandom({ nodes }: Graph): boolean {
  const isAbove0 = (value: unknown): boolean => typeof value === 'number' && value > 0;
  return nodes.some(
    ({ op, attributes: { p, dropout, dropoutP } }) =>
      (op.startsWith('dropout') && isAbove0(p)) || isAbove0(dropout) || isAbove0(dropoutP),
  );
}

/** See `requireSameInTraining`. Batch norm learns nothing of a batch of one. */
function followsMode(
  model: Module,
  run: (tensors: readonly Tensor[]) => Graph,
  {
    example,
    batchAxis,
    layers,
  }: {
    readonly example: readonly Tensor[];
    readonly batchAxis: number | null;
    readonly layers: ReadonlySet<string>;
  },
): FollowsMode {
  const tensors =
    batchAxis === null
      ? example
      : example.map(({ shape, dtype }) =>
          zeros(withDim(shape, batchAxis, Math.max(2, shape[batchAxis] ?? 0)), { dtype }),
        );
  const evaluation = run(tensors);
  model.train();
  for (const [path, { training }] of model.namedModules()) {
    if (training) continue;
    throw new ConfigError(
      `eject: expected modules that train() switches to training, got ${path || 'the model'} in evaluation; ` +
        "PyTorch's train() switches them all: freeze its parameters, or take it out for the ejected model",
    );
  }
  return requireSameInTraining(evaluation, run(tensors), layers);
}

interface OfTensors {
  forward(...inputs: readonly Tensor[]): unknown;
}
