import { ConfigError, type Graph, type GraphNode } from '@unfold/core';
import { refusal } from '../operations/step.js';

/**
 * Makes sure that a model does the same operations in training as in evaluation, apart from what their mode
 * changes in dropout and batch norm: the one forward that is written down has to stand for both.
 * @throws ConfigError that names the first operation which differs.
 */
export function requireSameInTraining(evaluation: Graph, training: Graph): void {
  const count = Math.max(evaluation.nodes.length, training.nodes.length);
  for (let i = 0; i < count; i++) {
    const [one, other] = [evaluation.nodes[i], training.nodes[i]];
    if (one && other && textOf(one) === textOf(other)) continue;
    const node = other ?? one;
    if (!node) return;
    throw refusal(
      node,
      'expected the same operations in training and in evaluation, got others from here on',
      'choose by layers that know their mode, such as Dropout',
    );
  }
  const [one, other] = [evaluation, training].map(({ outputs }) => outputs.map(String).join(', '));
  if (one === other) return;
  throw new ConfigError(
    `eject: expected a model that gives the same in training and in evaluation, got ${other} and ${one}`,
  );
}

/** An operation without its mode. */
function textOf({ op, inputs, operands, attributes, module }: GraphNode): string {
  const { training: _, ...others } = attributes;
  return JSON.stringify([op, inputs.map(String), operands, others, module]);
}
