import * as u from '@unfold/core';
import { tensor, type Tensor } from '@unfold/core';
import { normal, row, unaryCases, type OpCase } from './op-case.js';

/** Joins several results, each times a number of its own, so that none passes for another. */
export function joined(parts: readonly Tensor[], axis = 0): Tensor {
  return u.concat(
    parts.map((part, i) => u.mul(part, i + 1)),
    axis,
  );
}

/** The same, of results that differ in shape. */
export const joinedFlat = (parts: readonly Tensor[]): Tensor =>
  joined(parts.map((part) => u.reshape(part, [part.size])));

const mask = tensor([true, false, true, true, false, false], [2, 3]).keep();
const row3 = tensor([false, true, true]).keep();

/** What puts elements elsewhere, repeats them or leaves them out, without a look at them. */
export const SHAPE_CASES: readonly OpCase[] = [
  row('squeeze', 'every axis of size 1', [normal(1, 3, 1, 2)], (x) => u.squeeze(x)),
  row('squeeze', 'one axis', [normal(1, 3, 1, 2)], (x) => u.squeeze(x, -2)),
  row('squeeze', 'of two axes one', [normal(1, 3, 1, 2)], (x) => u.squeeze(x, [0, 1])),
  row('squeeze', 'to a scalar', [normal(1)], (x) => u.squeeze(x)),
  row('unsqueeze', 'in front', [normal(3, 2)], (x) => u.unsqueeze(x, 0)),
  row('unsqueeze', 'last', [normal(3, 2)], (x) => u.unsqueeze(x, -1)),
  row('unsqueeze', 'a scalar', [normal()], (x) => u.unsqueeze(x, 0)),

  row('expand', 'axes of size 1 and new ones', [normal(3, 1)], (x) => u.expand(x, [2, -1, 5])),
  row('expand', 'a scalar', [normal()], (x) => u.expand(x, [2, 3])),
  row('expand', 'as it is', [normal(2, 3)], (x) => u.expand(x, [-1, 3])),
  row('expand', 'to nothing', [normal(1, 3)], (x) => u.expand(x, [0, 3])),
  row('broadcastTo', 'axes of size 1 and new ones', [normal(1, 3, 1)], (x) =>
    u.broadcastTo(x, [4, 2, 3, 5]),
  ),
  row('repeat', 'as many numbers as axes', [normal(2, 3)], (x) => u.repeat(x, [3, 2])),
  row('repeat', 'more numbers than axes', [normal(2, 3)], (x) => u.repeat(x, [4, 1, 2])),
  row('repeat', 'never', [normal(2, 3)], (x) => u.repeat(x, [1, 0])),
  row('repeat', 'a scalar', [normal()], (x) => u.repeat(x, [3])),
  row('tile', 'fewer numbers than axes', [normal(2, 3, 2)], (x) => u.tile(x, [2])),
  row('tile', 'more numbers than axes', [normal(3)], (x) => u.tile(x, [2, 3])),

  row('stack', 'in front', [normal(2, 3), normal(2, 3), normal(2, 3)], (...xs) => u.stack(xs)),
  row('stack', 'in the middle', [normal(2, 3), normal(2, 3)], (...xs) => u.stack(xs, 1)),
  row('stack', 'last', [normal(2, 3), normal(2, 3)], (...xs) => u.stack(xs, -1)),
  row('stack', 'scalars', [normal(), normal()], (...xs) => u.stack(xs)),
  row('stack', 'a tensor twice', [normal(4)], (x) => u.stack([x, x], 1)),

  row('split', 'with a rest', [normal(7, 2)], (x) => joined(u.split(x, 3))),
  row('split', 'by sizes', [normal(2, 6, 3)], (x) => joined(u.split(x, [1, 3, 0, 2], 1), 1)),
  row('split', 'larger than the axis', [normal(2, 3)], (x) => joined(u.split(x, 9, -1))),
  row('split', 'one of the pieces', [normal(5, 3)], (x) => u.split(x, 2)[1] as Tensor),
  row('split', 'of nothing', [normal(0, 3)], (x) => joined(u.split(x, 2))),
  row('chunk', 'with a rest', [normal(2, 7)], (x) => joined(u.chunk(x, 3, 1), 1)),
  row('chunk', 'fewer than asked for', [normal(5)], (x) => joined(u.chunk(x, 4))),
  row('unbind', 'in front', [normal(4, 3)], (x) => joined(u.unbind(x))),
  row('unbind', 'in the middle', [normal(2, 3, 4)], (x) => joined(u.unbind(x, 1), -1)),
  row('unbind', 'of a vector', [normal(3)], (x) => u.mul(...firstTwo(u.unbind(x)))),
  row('select', 'in front', [normal(4, 3)], (x) => u.select(x, 0, 2)),
  row('select', 'from the back, last', [normal(2, 3, 4)], (x) => u.select(x, -1, -3)),
  row('select', 'of a vector', [normal(3)], (x) => u.select(x, 0, 1)),

  ...unaryCases('flip', (x) => u.flip(x), normal),
  row('flip', 'one axis', [normal(3, 4)], (x) => u.flip(x, -1)),
  row('flip', 'two axes of three', [normal(2, 3, 4)], (x) => u.flip(x, [2, 0])),
  row('roll', 'along an axis', [normal(3, 5)], (x) => u.roll(x, 2, 1)),
  row('roll', 'along two, one backwards', [normal(3, 5)], (x) => u.roll(x, [4, -7], [0, 1])),
  row('roll', 'in row-major order', [normal(2, 3)], (x) => u.roll(x, -2)),
  row('roll', 'by nothing', [normal(2, 3)], (x) => u.roll(x, 6, 1)),
  row('roll', 'of nothing', [normal(2, 0)], (x) => u.roll(x, 1, 1)),

  ...[u.tril, u.triu].flatMap((fn) => [
    row(fn.name, 'of a matrix', [normal(4, 5)], (x) => fn(x)),
    row(fn.name, 'above the diagonal', [normal(5, 4)], (x) => fn(x, 2)),
    row(fn.name, 'below the diagonal, a batch', [normal(2, 3, 3)], (x) => fn(x, -1)),
    row(fn.name, 'of nothing', [normal(0, 3)], (x) => fn(x)),
  ]),
  row('maskedFill', 'a number', [normal(2, 3)], (x) => u.maskedFill(x, mask, -2)),
  row('maskedFill', 'a scalar', [normal(2, 3), normal()], (x, v) => u.maskedFill(x, mask, v)),
  row('maskedFill', 'mask stretched', [normal(2, 3)], (x) => u.maskedFill(x, row3, 0.5)),
  row('maskedFill', 'x stretched', [normal(3)], (x) => u.maskedFill(x, mask, 7)),
];

function firstTwo([a, b]: readonly Tensor[]): [Tensor, Tensor] {
  return [a as Tensor, b as Tensor];
}
