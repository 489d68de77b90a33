import { givenText } from '../layers/construction.js';
import { statement } from '../python.js';
import type { InitLine, PythonClass } from './classes.js';

/** How far a method's body stands in. */
const INDENT = 8;

/** The text of model.py, the model's own class last. */
export function fileText(
  classes: readonly PythonClass[],
  { hasConstants }: { readonly hasConstants: boolean },
): string {
  const body = classes.map(classText).join('\n\n\n');
  // Behind a dot or a quotation mark it is a member's name.
  const uses = (text: string): boolean => new RegExp(`(?<![."\\w])${text}`).test(body);
  const standard = [
    ...(uses('OrderedDict\\(') ? ['from collections import OrderedDict'] : []),
    ...(hasConstants ? ['from pathlib import Path'] : []),
  ];
  const others = [
    ...(uses('torch\\.') ? ['import torch'] : []),
    ...(uses('F\\.') ? ['import torch.nn.functional as F'] : []),
    ...(hasConstants ? ['from safetensors.torch import load_file'] : []),
    `from torch import ${uses('Tensor\\b') ? 'Tensor, ' : ''}nn`,
  ];
  const constants = hasConstants
    ? ['CONSTANTS = load_file(Path(__file__).with_name("constants.safetensors"))']
    : [];
  const name = classes.at(-1)?.name ?? 'Model';
  const head = [
    `"""The model ${name}, ejected from Unfold."""`,
    ...[standard, others, constants].flatMap((lines) =>
      lines.length > 0 ? [lines.join('\n')] : [],
    ),
  ];
  return `${head.join('\n\n')}\n\n\n${body}\n`;
}

function classText({ name, base, parameters, lines, forward }: PythonClass): string {
  const parent = base?.callee ?? 'nn.Module';
  const first = base
    ? statement('', givenText({ ...base, callee: 'super().__init__' }), { indent: INDENT })
    : [`${' '.repeat(INDENT)}super().__init__()`];
  const own = lines.flatMap(lineText);
  const given = parameters.map((one) => `, ${one.name}${one.type === null ? '' : `: ${one.type}`}`);
  const init = [`    def __init__(self${given.join('')}) -> None:`, ...first, ...own].join('\n');
  const methods = [
    ...(base || own.length > 0 ? [init] : []),
    ...(forward === null ? [] : [forward]),
  ];
  const inside = methods.length > 0 ? methods : ['    """Holds nothing."""'];
  return `class ${name}(${parent}):\n${inside.join('\n\n')}`;
}

function lineText(line: InitLine): string[] {
  return line.kind === 'member'
    ? statement(`${line.target} = `, givenText(line.construction), { indent: INDENT })
    : statement(line.before, line.expression, { indent: INDENT });
}
