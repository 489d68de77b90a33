import { isFloat } from '@unfold/core/internal';
import { torchDtype } from '../names.js';
import {
  atom,
  call,
  infix,
  literal,
  method,
  property,
  tuple,
  type Argument,
  type Expression,
} from '../python.js';
import { cast, functional, methodical } from './call.js';
import type { Step, Translate, Translations } from './step.js';

type Keywords = Readonly<Record<string, Argument | undefined>>;

/**
 * The axes that are reduced, as given.
 * @throws ConfigError for an empty list.
 */
function axesOf(step: Step): readonly number[] | null {
  const { axis = null } = step.attributes;
  const axes = axis === null ? null : step.list('axis');
  if (axes?.length === 0) throw step.refusal('PyTorch takes an empty list of axes for all of them');
  return axes;
}

const everyAxis = (step: Step): number[] => step.value('x').shape.map((_, axis) => axis);

const dimsOf = (axes: readonly number[]): Expression =>
  axes.length === 1 ? literal(axes[0] ?? 0) : tuple(axes);

/** `dim=(2, 3), keepdim=True`; axes that stay have to be named. */
function axisKeywords(step: Step): Keywords {
  const keepdim = step.flag('keepdim');
  const axes = axesOf(step) ?? (keepdim ? everyAxis(step) : null);
  return { dim: axes ? dimsOf(axes) : undefined, keepdim: keepdim || undefined };
}

/** What PyTorch would make int64 is int32 here. */
const int32Keywords = (step: Step): Keywords =>
  isFloat(step.out.dtype) ? {} : { dtype: atom(torchDtype('int32')) };

const reduction =
  (name: string, more: (step: Step) => Keywords = () => ({})): Translate =>
  (step) =>
    method(step.in('x'), name, [], { ...axisKeywords(step), ...more(step) });

/** Truth of uint8 is uint8 in PyTorch. */
const ofTruths =
  (name: string): Translate =>
  (step) => {
    const isByte = step.value('x').dtype === 'uint8';
    const x = isByte ? cast(step.in('x'), 'bool') : step.in('x');
    return method(x, name, [], axisKeywords(step));
  };

/** Along one axis by the function whose gradient goes to the first of equals. */
const extreme =
  (name: 'max' | 'min'): Translate =>
  (step) => {
    const axes = axesOf(step);
    const keywords = axisKeywords(step);
    const x = step.in('x');
    if (axes?.length === 1) return property(method(x, name, [], keywords), 'values');
    return method(x, keywords['dim'] === undefined ? name : `a${name}`, [], keywords);
  };

/** Along one axis, or of all elements. */
const position =
  (name: string): Translate =>
  (step) => {
    const axes = axesOf(step);
    const dim = axes?.length === 1 ? axes[0] : undefined;
    const keepdim = step.flag('keepdim') || undefined;
    return cast(method(step.in('x'), name, [], { dim, keepdim }), 'int32');
  };

/** PyTorch multiplies along one axis at a time: the last ones first, so that the others stay. */
const prod: Translate = (step) => {
  const keywords = axisKeywords(step);
  const { shape } = step.value('x');
  if (keywords['dim'] === undefined) return reduction('prod', int32Keywords)(step);
  const axes = (axesOf(step) ?? everyAxis(step)).map((axis) =>
    axis < 0 ? axis + shape.length : axis,
  );
  return axes
    .sort((a, b) => b - a)
    .reduce(
      (x, dim) => method(x, 'prod', [], { ...keywords, dim, ...int32Keywords(step) }),
      step.in('x'),
    );
};

const spread = (name: string): Translate =>
  reduction(name, (step) => {
    const correction = step.number('correction');
    return { correction: correction === 1 ? undefined : correction };
  });

const scan =
  (name: string): Translate =>
  (step) =>
    method(step.in('x'), name, [], { dim: step.number('axis'), ...int32Keywords(step) });

/** In an order that leaves equals in theirs, which PyTorch promises only when it is asked to. */
const ordered =
  (name: string): Translate =>
  (step) => {
    const dim = step.number('axis');
    return method(step.in('x'), name, [], {
      dim: dim === -1 ? undefined : dim,
      descending: step.flag('descending') || undefined,
      stable: true,
    });
  };

/**
 * Functions of the elements along axes. The positions that `sort` and `topk` give beside the values are
 * int64, as PyTorch has them: what takes positions here takes those.
 */
export const REDUCTIONS: Translations = {
  sum: reduction('sum', int32Keywords),
  prod,
  mean: (step) => {
    const { dtype } = step.value('x');
    const x = isFloat(dtype) ? step.in('x') : cast(step.in('x'), 'float32');
    return method(x, 'mean', [], axisKeywords(step));
  },
  max: extreme('max'),
  min: extreme('min'),
  any: ofTruths('any'),
  all: ofTruths('all'),
  countNonzero: (step) =>
    method(infix('!=', step.in('x'), 0), 'sum', [], {
      ...axisKeywords(step),
      ...int32Keywords(step),
    }),
  variance: spread('var'),
  std: spread('std'),
  norm: (step) => {
    const p = step.number('p');
    return call('torch.linalg.vector_norm', [step.in('x')], {
      ord: p === 2 ? undefined : p,
      ...axisKeywords(step),
    });
  },
  logSumExp: (step) =>
    method(step.in('x'), 'logsumexp', [], {
      ...axisKeywords(step),
      dim: dimsOf(axesOf(step) ?? everyAxis(step)),
    }),
  argmax: position('argmax'),
  argmin: position('argmin'),
  softmax: functional('F.softmax', ['x'], { axis: null }),
  logSoftmax: functional('F.log_softmax', ['x'], { axis: null }),
  cumsum: scan('cumsum'),
  cumprod: scan('cumprod'),
  sort: ordered('sort'),
  argsort: (step) => cast(ordered('argsort')(step), 'int32'),
  topk: methodical('topk', ['k'], { axis: -1, largest: true }),
};
