import {
  construct,
  type Construction,
  type GivenArgument,
  type Group,
} from '../layers/construction.js';
import type { ContainerPart } from './parts.js';

/** A container of PyTorch's with its members. */
export function containerOf(
  { kind, module, children }: ContainerPart,
  args: readonly GivenArgument[],
): Construction {
  const isOfTensors = [...children.values()].some((part) => 'tensor' in part);
  const group = (brackets: Group['brackets']): Group => ({ brackets, args });
  const isNamed = args.some(({ name }, i) => name !== String(i));
  if (kind === 'dict') {
    return construct(isOfTensors ? 'nn.ParameterDict' : 'nn.ModuleDict', { members: group('{}') });
  }
  if (kind === 'list') {
    return construct(isOfTensors ? 'nn.ParameterList' : 'nn.ModuleList', { members: group('[]') });
  }
  if (module && isNamed) {
    return construct('nn.Sequential', {
      members: construct('OrderedDict', { members: group('{}') }),
    });
  }
  return { callee: 'nn.Sequential', args };
}
