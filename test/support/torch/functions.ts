import type { Graph, Value } from '@unfold/core';
import { isList } from '@unfold/core/internal';
import { OPERATIONS } from '../../../packages/torch/src/operations/operations.js';
import { Step } from '../../../packages/torch/src/operations/step.js';
import {
  atom,
  call,
  literal,
  statement,
  tuple,
  type Expression,
} from '../../../packages/torch/src/python.js';

/** What stands above the functions. */
export const HEADER = ['import torch', 'import torch.nn.functional as F'];

/**
 * A graph as a Python function: a line for each operation, whose results are `h0`, `h1`, ….
 * @param training What stands for the mode of the module around it.
 */
export function pythonFunction(name: string, graph: Graph, training = literal(false)): string[] {
  const names = new Map<Value, Expression>(graph.inputs.map((x) => [x, atom(x.name)]));
  for (const constant of graph.constants) {
    const dtype = atom(`torch.${constant.dtype}`);
    names.set(constant, call('torch.tensor', [constant.tensor?.toArray() ?? null], { dtype }));
  }
  const expressionOf = (value: Value): Expression =>
    names.get(value) ?? atom(`unknown ${value.name}`);
  const used = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs]);
  let made = 0;
  const body = graph.nodes.flatMap((node) => {
    const translate = OPERATIONS[node.op];
    if (!translate) throw new Error(`no translation of ${node.op}`);
    const sizeAt = (attribute: string, at: number): Expression => {
      const sizes = node.attributes[attribute] ?? null;
      return literal((isList(sizes) ? sizes[at] : sizes) ?? null);
    };
    const written = translate(new Step(node, { expressionOf, sizeAt, training }));
    const results = node.outputs.map((value) => {
      const result = atom(`${used.has(value) ? '' : '_'}h${made++}`);
      names.set(value, result);
      return result.text;
    });
    return statement(`${results.join(', ')} = `, written, { indent: 4 });
  });
  const returned = graph.outputs.map(expressionOf);
  const [only] = returned;
  const result = returned.length === 1 && only ? only : tuple(returned);
  return [
    `def ${name}(${graph.inputs.map((x) => x.name).join(', ')}):`,
    ...body,
    ...statement('return ', result, { indent: 4 }),
  ];
}

/** The one line that an operation becomes. */
export function pythonOf(graph: Graph, training = literal(false)): string {
  return pythonFunction('f', graph, training)
    .slice(1, -1)
    .map((line) => line.trim().replace(/^_?h[^=]* = /, ''))
    .join(' ');
}
