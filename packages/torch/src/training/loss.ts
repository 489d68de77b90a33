import { ConfigError, type Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { CrossEntropyLoss, Module, NLLLoss } from '@unfold/nn';
import { construct, givenText, type Given } from '../layers/construction.js';
import { formOf } from '../layers/layers.js';
import { torchDtype } from '../names.js';
import type { Expression } from '../python.js';

/** Those that take the labels of images. */
const KNOWN: ReadonlySet<unknown> = new Set([CrossEntropyLoss, NLLLoss]);

/**
 * A loss as Python constructs it, with the weights of classes that it has.
 * @throws ConfigError for what is no loss of labels, or no mean over a batch.
 */
export function lossExpression(loss: unknown): Expression {
  const isKnown = loss instanceof Module && KNOWN.has(loss.constructor);
  const made = isKnown ? formOf(loss)?.construct(loss) : undefined;
  if (!made || !(loss instanceof Module)) {
    throw new ConfigError(
      'eject: training: loss: expected a loss of integer labels, new CrossEntropyLoss() or new NLLLoss(), got ' +
        valueText(loss),
    );
  }
  if (Object.hasOwn(loss, 'forward')) {
    throw new ConfigError(
      `eject: training: loss: expected a ${loss.constructor.name} as it is, got one with a forward of its own or ` +
        "a hook, which Python doesn't know; remove it",
    );
  }
  const { reduction = 'mean' } = optionsIn(loss);
  if (reduction !== 'mean') {
    throw new ConfigError(
      `eject: training: loss: expected the mean over a batch, got reduction ${valueText(reduction)}; ` +
        'leave it out, and give the learning rate that fits a mean',
    );
  }
  const weights = [...loss.namedBuffers()].map(([, tensor]) => tensor);
  let next = 0;
  const args = made.args.map((argument) => {
    const isTensor = isZeros(argument.value);
    const tensor = isTensor ? weights[next++] : undefined;
    return tensor ? { ...argument, value: numbersOf(tensor) } : argument;
  });
  return givenText({ ...made, args });
}

interface LabelOptions {
  readonly reduction?: string;
  readonly weight?: Tensor;
  readonly ignoreIndex?: number;
}

const optionsIn = (loss: Module): LabelOptions =>
  (loss as Module & { constructedWith(): LabelOptions }).constructedWith();

/** Whether not all labels count alike in a loss, by weights of classes or one that is ignored. */
export function isUneven(loss: Module): boolean {
  const { weight, ignoreIndex = -100 } = optionsIn(loss);
  return weight !== undefined || ignoreIndex !== -100;
}

const isZeros = (value: Given): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'callee' in value &&
  value.callee === 'torch.zeros';

const numbersOf = (tensor: Tensor): Given =>
  // Whole numbers would make a tensor of integers.
  construct(
    'torch.tensor',
    { data: tensor.toArray() },
    { dtype: { parameter: torchDtype(tensor.dtype) } },
  );
