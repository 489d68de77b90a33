import { ConfigError, type Tensor } from '@unfold/core';
import { valueText } from '@unfold/core/internal';
import { Module } from '@unfold/nn';
import { construct, givenText, type Given } from '../layers/construction.js';
import { formOf } from '../layers/layers.js';
import type { Expression } from '../python.js';

/**
 * A loss as Python constructs it, with the weights of classes that it has.
 * @throws ConfigError for what is no loss of `@unfold/nn`.
 */
export function lossExpression(loss: unknown): Expression {
  const made = loss instanceof Module ? formOf(loss)?.construct(loss) : undefined;
  // Not by the name of its class, which a bundler may shorten.
  if (!made?.callee.endsWith('Loss') || !(loss instanceof Module)) {
    throw new ConfigError(
      `eject: training: loss: expected a loss class of @unfold/nn, such as new CrossEntropyLoss(), got ` +
        valueText(loss),
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

const isZeros = (value: Given): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'callee' in value &&
  value.callee === 'torch.zeros';

const numbersOf = (tensor: Tensor): Given => construct('torch.tensor', { data: tensor.toArray() });
