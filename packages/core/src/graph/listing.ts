import { formatShape } from '../shape.js';
import { isList, type JsonData } from './attributes.js';
import type { GraphNode, Slot } from './node.js';
import { Value } from './value.js';

/** How many numbers of a constant are shown. */
const SHOWN = 8;

/** The parts of a graph that a listing shows. */
export interface Listed {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly constants: readonly Value[];
  readonly nodes: readonly GraphNode[];
  /** The function's result, with values in the place of tensors. */
  readonly returned: unknown;
}

/**
 * A graph for people, a node a line: what it gives, the call, and behind a # the module that ran it.
 *
 * ```text
 * Net(x: float32 [4,3]) {
 *   %0: float32 [4,2] = linear(x, fc.weight, fc.bias)  # fc
 *   return %0
 * }
 * ```
 */
export function listing({ name, inputs, constants, nodes, returned }: Listed): string {
  const given = nodes.map(({ outputs }) => outputs.map(typed).join(', '));
  const fixed = constants.map(typed);
  const width = Math.max(0, ...[...fixed, ...given].map(({ length }) => length));
  // A node that gives nothing, such as an update, stands alone.
  const line = (left: string, right: string): string =>
    left === '' ? `  ${right}` : `  ${left.padEnd(width)} = ${right}`;
  return [
    `${name}(${inputs.map(typed).join(', ')}) {`,
    ...constants.map((constant, i) => line(fixed[i], numbers(constant))),
    ...nodes.map((node, i) => line(given[i], callText(node) + comment(node))),
    `  return ${resultText(returned)}`,
    '}',
  ].join('\n');
}

/** `x: float32 [1,1,28,28]`. */
function typed({ name, dtype, shape }: Value): string {
  return `${name}: ${dtype} ${formatShape(shape)}`;
}

/** The numbers of a small constant as a tensor shows them, shortened. */
function numbers({ few, shape }: Value): string {
  if (!few) return '…';
  const short = few.slice(0, SHOWN).map((number) => Number(number.toPrecision(5)));
  if (shape.length === 0) return dataText(short[0]);
  return `[${short.map(dataText).join(', ')}${few.length > SHOWN ? ', …' : ''}]`;
}

function comment({ module }: GraphNode): string {
  return module ? `  # ${module}` : '';
}

/** `conv2d(x, conv1.weight, conv1.bias, stride=1)`. */
function callText(node: GraphNode): string {
  return `${node.op}(${node.slots.flatMap((slot) => argumentTexts(node, slot)).join(', ')})`;
}

function argumentTexts(node: GraphNode, slot: Slot): string[] {
  if (typeof slot === 'object') {
    if ('list' in slot) {
      return [`[${slot.list.map((name) => node.input(name)?.name).join(', ')}]`];
    }
    return slot.options.map((name) => `${name}=${node.input(name)?.name ?? attribute(node, name)}`);
  }
  const value = node.input(slot);
  if (value) return [value.name];
  if (!(slot in node.attributes)) return [];
  const text = attribute(node, slot);
  // The operands of arithmetic, whose places say what they are.
  return [slot === 'a' || slot === 'b' ? text : `${slot}=${text}`];
}

function attribute(node: GraphNode, name: string): string {
  return dataText(node.attributes[name]);
}

/** `[5, 5]`, `'same'`, `{ left: 1 }`. */
function dataText(data: JsonData): string {
  if (typeof data === 'string') return `'${data}'`;
  if (typeof data !== 'object' || data === null) return Object.is(data, -0) ? '-0' : String(data);
  return isList(data) ? `[${data.map(dataText).join(', ')}]` : recordText(data, dataText);
}

function recordText<T>(record: Readonly<Record<string, T>>, text: (value: T) => string): string {
  const entries = Object.entries(record).map(([name, value]) => `${name}: ${text(value)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** The values' names, in the arrays and objects that they are returned in. */
function resultText(returned: unknown): string {
  if (returned instanceof Value) return returned.name;
  if (typeof returned === 'string') return dataText(returned);
  if (Array.isArray(returned)) return `[${returned.map(resultText).join(', ')}]`;
  if (typeof returned === 'object' && returned !== null) {
    return recordText({ ...returned } as Record<string, unknown>, resultText);
  }
  return String(returned);
}
