import * as u from '@unfold/core';
import { tensor, type Shape, type Tensor } from '@unfold/core';
import {
  awayFrom0,
  between,
  distinct,
  int32,
  normal,
  row,
  unaryCases,
  type CaseInput,
  type OpCase,
} from './op-case.js';
import { binaryCases, reductionCases } from './op-case-kinds.js';
import { CONTRACTION_CASES } from './op-cases-contract.js';
import { ELEMENTWISE_CASES } from './op-cases-elementwise.js';
import { INDEX_CASES } from './op-cases-index.js';
import { ORDER_CASES } from './op-cases-order.js';
import { REDUCTION_CASES } from './op-cases-reductions.js';
import { SHAPE_CASES } from './op-cases-shape.js';

export { makeInputs, type OpCase } from './op-case.js';

/**
 * maximum and minimum. Random numbers are not near one another; single ones are near the middle, so
 * that they win against some elements only. Two single elements are left out: one of them wins, and
 * the other has no derivative to check.
 */
function extremeCases(
  op: string,
  fn: (a: Tensor | number, b: Tensor | number) => Tensor,
): OpCase[] {
  const input = (...shape: number[]): CaseInput =>
    shape.length === 0 ? between(1.4, 1.6) : between(0, 3, ...shape);
  return binaryCases(op, fn, input).filter(
    ({ about }) => !['scalars', 'axes of size 1', 'number right of a scalar'].includes(about),
  );
}

const TRANSPOSES = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

/** Every pair of batches with every pair of transposes. */
function matmulCases(): OpCase[] {
  const [M, N, K] = [3, 5, 4];
  const batches: readonly (readonly [about: string, a: Shape, b: Shape])[] = [
    ['matrices', [], []],
    ['one batch', [2], [2]],
    ['batch times matrix', [2, 3], []],
    ['matrix times batch', [], [3]],
    ['batch stretched on one side', [2, 3], [3]],
    ['batch stretched on both sides', [2, 1], [1, 3]],
    ['batch of size 1', [1], [2]],
  ];
  return [
    ...batches.flatMap(([about, aBatch, bBatch]) =>
      TRANSPOSES.map((flags) => {
        const a = flags.transposeA ? [K, M] : [M, K];
        const b = flags.transposeB ? [N, K] : [K, N];
        return row(
          'matmul',
          `${about}, transposes ${flags.transposeA} ${flags.transposeB}`,
          [normal(...aBatch, ...a), normal(...bBatch, ...b)],
          (x, y) => u.matmul(x, y, flags),
        );
      }),
    ),
    row('matmul', 'a row times a column', [normal(1, 7), normal(7, 1)], (a, b) => u.matmul(a, b)),
    row('matmul', 'outer product', [normal(7, 1), normal(1, 3)], (a, b) => u.matmul(a, b)),
    row('matmul', 'beyond one tile', [normal(9, 11), normal(11, 17)], (a, b) => u.matmul(a, b)),
    row('matmul', 'a with itself', [normal(4, 4)], (a) => u.matmul(a, a, { transposeB: true })),
    row('matmul', 'no rows', [normal(0, 3), normal(3, 2)], (a, b) => u.matmul(a, b)),
    row('matmul', 'an empty sum', [normal(2, 0), normal(0, 3)], (a, b) => u.matmul(a, b)),
  ];
}

/** The modes in which `pad` takes elements of x itself, up to as many as there are. */
function padCases(): OpCase[] {
  const most = { reflect: [3, 4], replicate: [5, 6], circular: [4, 5] } as const;
  return (['reflect', 'replicate', 'circular'] as const).flatMap((mode) => {
    const [rows, columns] = most[mode];
    const cases: readonly (readonly [about: string, padding: readonly u.Padding[]])[] = [
      ['both sides', [0, 1, 2].map((axis): u.Padding => [axis, axis + 1])],
      [
        'as many as there are',
        [
          [0, 0],
          [rows, rows],
          [columns, columns],
        ],
      ],
      [
        'one side',
        [
          [0, 0],
          [1, 0],
          [0, 2],
        ],
      ],
      ['nothing', [0, 0, 0].map((n): u.Padding => [n, n])],
    ];
    return cases.map(([about, padding]) =>
      row('pad', `${mode}, ${about}`, [normal(2, 4, 5)], (x) => u.pad(x, padding, { mode })),
    );
  });
}

function movementCases(): OpCase[] {
  return [
    row('clone', 'copies', [normal(2, 3, 5)], (x) => u.clone(x)),
    row('reshape', 'joins axes', [normal(2, 3, 5)], (x) => u.reshape(x, [6, 5])),
    row('reshape', 'fills in -1', [normal(2, 3, 5)], (x) => u.reshape(x, [5, -1, 2])),
    row('reshape', 'to a scalar', [normal(1, 1)], (x) => u.reshape(x, [])),
    row('reshape', 'of nothing', [normal(0, 3)], (x) => u.reshape(x, [-1, 2, 3])),

    row('permute', 'all axes', [normal(2, 3, 4, 5)], (x) => u.permute(x, [3, 1, 0, 2])),
    row('permute', 'a cycle', [normal(2, 3, 4)], (x) => u.permute(x, [-1, 0, 1])),
    row('permute', 'nothing moves', [normal(2, 3)], (x) => u.permute(x, [0, 1])),
    row('permute', 'axes of size 1', [normal(1, 3, 1, 2)], (x) => u.permute(x, [2, 3, 0, 1])),
    row('permute', 'rows, fewer together in x', [normal(2, 5, 3, 2)], (x) =>
      u.permute(x, [2, 0, 1, 3]),
    ),
    row('permute', 'rows, fewer together in the result', [normal(2, 3, 5, 2)], (x) =>
      u.permute(x, [0, 2, 1, 3]),
    ),
    row('permute', 'scalar', [normal()], (x) => u.permute(x, [])),
    row('transpose', 'the last two', [normal(2, 3, 5)], (x) => u.transpose(x)),
    row('transpose', 'the outer two', [normal(2, 3, 5)], (x) => u.transpose(x, 0, -1)),

    row('slice', 'front and back', [normal(5, 7)], (x) =>
      u.slice(x, [
        [1, 4],
        [2, -1],
      ]),
    ),
    row('slice', 'steps that leave a rest', [normal(7, 8)], (x) =>
      u.slice(x, [
        [0, 7, 2],
        [1, 8, 3],
      ]),
    ),
    row('slice', 'a whole axis between', [normal(3, 4, 5)], (x) =>
      u.slice(x, [[-2, 3], null, [0, 5, 4]]),
    ),
    row('slice', 'ends outside are cut', [normal(4, 3)], (x) =>
      u.slice(x, [
        [-9, 2],
        [1, 99],
      ]),
    ),
    row('slice', 'fewer ranges than axes', [normal(4, 3)], (x) => u.slice(x, [[1, 3]])),
    row('slice', 'nothing left', [normal(4, 3)], (x) => u.slice(x, [[3, 1]])),
    row('slice', 'backwards', [normal(4, 7)], (x) =>
      u.slice(x, [
        [null, null, -1],
        [5, 0, -2],
      ]),
    ),
    row('slice', 'backwards from the back', [normal(5, 2)], (x) => u.slice(x, [[-2, -9, -3]])),
    row('slice', 'nothing left backwards', [normal(4, 3)], (x) => u.slice(x, [[1, 3, -1]])),

    row('concat', 'first axis', [normal(2, 3), normal(1, 3), normal(4, 3)], (...xs) =>
      u.concat(xs),
    ),
    row('concat', 'middle axis', [normal(2, 1, 3), normal(2, 4, 3)], (...xs) => u.concat(xs, 1)),
    row('concat', 'last axis', [normal(2, 3), normal(2, 2)], (...xs) => u.concat(xs, -1)),
    row('concat', 'one tensor', [normal(2, 3)], (x) => u.concat([x], 1)),
    row('concat', 'a tensor twice', [normal(2, 3)], (x) => u.concat([x, x], 1)),
    row('concat', 'an empty part', [normal(2, 0), normal(2, 3)], (...xs) => u.concat(xs, 1)),

    row('pad', 'uneven', [normal(2, 3)], (x) =>
      u.pad(x, [
        [1, 2],
        [0, 3],
      ]),
    ),
    row('pad', 'with a value', [normal(3, 2, 2)], (x) =>
      u.pad(
        x,
        [
          [0, 0],
          [2, 0],
          [1, 1],
        ],
        0.5,
      ),
    ),
    ...padCases(),
    row('pad', 'by nothing', [normal(3)], (x) => u.pad(x, [[0, 0]])),
    row('pad', 'around nothing', [normal(2, 0)], (x) =>
      u.pad(x, [
        [1, 0],
        [1, 1],
      ]),
    ),

    row('indexSelect', 'first axis, repeats', [normal(4, 3)], (x) =>
      u.indexSelect(x, 0, int32(2, 0, 2, 2, 3)),
    ),
    row('indexSelect', 'middle axis', [normal(2, 5, 3)], (x) =>
      u.indexSelect(x, 1, int32(4, 4, 0)),
    ),
    row('indexSelect', 'last axis', [normal(2, 5)], (x) => u.indexSelect(x, -1, int32(1, 3, 1))),
    row('indexSelect', 'no position', [normal(2, 5)], (x) => u.indexSelect(x, 0, int32())),

    row('cast', 'to its own dtype', [normal(2, 3)], (x) => u.cast(x, x.dtype)),
    row('cast', 'there and back', [normal(2, 3)], (x) => u.cast(u.cast(x, 'float64'), x.dtype)),
    row('cast', 'to int32', [between(-300, 300, 13)], (x) => u.cast(x, 'int32'), {
      differentiable: false,
    }),
    row('cast', 'to uint8', [between(0, 256, 13)], (x) => u.cast(x, 'uint8'), {
      differentiable: false,
    }),
    row('cast', 'to bool', [normal(5)], (x) => u.cast(u.relu(x), 'bool'), {
      differentiable: false,
    }),
  ];
}

function whereCases(): OpCase[] {
  const mask = tensor([true, false, true, true, false, false], [2, 3]).keep();
  const column = tensor([true, false], [2, 1]).keep();
  const scalar = tensor(true).keep();
  return [
    row('where', 'one shape', [normal(2, 3), normal(2, 3)], (a, b) => u.where(mask, a, b)),
    row('where', 'condition stretched', [normal(2, 3), normal(2, 3)], (a, b) =>
      u.where(column, a, b),
    ),
    row('where', 'operands stretched', [normal(3), normal(4, 1, 1)], (a, b) => u.where(mask, a, b)),
    row('where', 'everything stretched', [normal(1, 3), normal(4, 1, 1)], (a, b) =>
      u.where(column, a, b),
    ),
    row('where', 'scalar condition', [normal(2, 3)], (a) => u.where(scalar, a, 1.5)),
    row('where', 'number left', [normal(2, 3)], (b) => u.where(mask, -2, b)),
    row('where', 'number right', [normal(2, 3)], (a) => u.where(mask, a, 0)),
  ];
}

function powCases(): OpCase[] {
  const exponents = [2, 3, 1, 0.5, -1, -1.5, 0.25];
  const signed = [2, 3, -2, 1];
  return [
    // A negative base has no real power but the integer ones, so the bases are positive.
    ...binaryCases('pow', u.pow, (...shape) => between(0.3, 2, ...shape), normal),
    ...exponents.map((n) =>
      row('pow', `exponent ${n}`, [between(0.3, 2, 2, 3)], (x) => u.pow(x, n)),
    ),
    ...signed.map((n) => row('pow', `any base, exponent ${n}`, [awayFrom0(7)], (x) => u.pow(x, n))),
  ];
}

/** Every operation of core, in every way that it can be called. */
export const OP_CASES: readonly OpCase[] = [
  ...binaryCases('add', u.add, normal),
  ...binaryCases('sub', u.sub, normal),
  ...binaryCases('mul', u.mul, normal),
  ...binaryCases('div', u.div, normal, awayFrom0),
  ...powCases(),
  row('add', 'a tensor with itself', [normal(2, 3)], (x) => u.add(x, x)),
  row('sub', 'a row from its matrix', [normal(1, 3)], (x) => u.sub(u.mul(x, 3), x)),
  row('mul', 'a tensor with itself', [normal(2, 3)], (x) => u.mul(x, x)),
  row('div', 'by its own sum', [between(0.5, 2, 2, 3)], (x) => u.div(x, u.sum(x))),

  ...extremeCases('maximum', u.maximum),
  ...extremeCases('minimum', u.minimum),

  ...unaryCases('neg', u.neg, normal),
  ...unaryCases('exp', u.exp, normal),
  ...unaryCases('log', u.log, (...shape) => between(0.2, 3, ...shape)),
  ...unaryCases('sqrt', u.sqrt, (...shape) => between(0.2, 3, ...shape)),
  ...unaryCases('abs', u.abs, awayFrom0),
  ...unaryCases('relu', u.relu, awayFrom0),
  ...unaryCases('leakyRelu', (x) => u.leakyRelu(x), awayFrom0),
  row('leakyRelu', 'slope 0.3', [awayFrom0(11)], (x) => u.leakyRelu(x, { slope: 0.3 })),
  row('leakyRelu', 'slope 0', [awayFrom0(11)], (x) => u.leakyRelu(x, { slope: 0 })),
  ...unaryCases('sigmoid', u.sigmoid, normal),
  ...unaryCases('tanh', u.tanh, normal),
  ...unaryCases('silu', u.silu, normal),
  ...unaryCases('gelu', (x) => u.gelu(x), normal),
  row('sigmoid', 'far from 0', [between(-9, 9, 23)], u.sigmoid),
  row('silu', 'far from 0', [between(-9, 9, 23)], u.silu),
  row('gelu', 'far from 0', [between(-6, 6, 23)], (x) => u.gelu(x)),
  row('gelu', 'by tanh', [normal(2, 3, 1, 5)], (x) => u.gelu(x, { approximate: 'tanh' })),
  row('gelu', 'by tanh, far from 0', [between(-6, 6, 23)], (x) =>
    u.gelu(x, { approximate: 'tanh' }),
  ),
  ...unaryCases('clamp', (x) => u.clamp(x, { min: -0.6, max: 0.7 }), normal),
  row('clamp', 'below only', [normal(13)], (x) => u.clamp(x, { min: 0.1 })),
  row('clamp', 'above only', [normal(13)], (x) => u.clamp(x, { max: 0.1 })),

  ...matmulCases(),
  ...reductionCases('sum', u.sum, normal),
  ...reductionCases('mean', u.mean, normal),
  ...reductionCases('max', u.max, distinct),
  ...reductionCases('min', u.min, distinct),
  row('sum', 'over no element', [normal(0, 3)], (x) => u.sum(x, { axis: 0 })),
  ...movementCases(),
  ...SHAPE_CASES,
  ...INDEX_CASES,
  ...CONTRACTION_CASES,
  ...ORDER_CASES,
  ...whereCases(),

  ...[u.softmax, u.logSoftmax].flatMap((fn) => [
    row(fn.name, 'last axis', [normal(3, 7)], (x) => fn(x)),
    row(fn.name, 'first axis', [normal(5, 3)], (x) => fn(x, 0)),
    row(fn.name, 'middle axis', [normal(2, 5, 3)], (x) => fn(x, -2)),
    row(fn.name, 'a vector', [between(-4, 4, 6)], (x) => fn(x)),
    row(fn.name, 'no rows', [normal(0, 4)], (x) => fn(x)),
  ]),

  ...[u.eq, u.lt, u.gt].flatMap((fn) => binaryCases(fn.name, fn, normal, normal, false)),
  row('eq', 'equals', [normal(2, 3)], (x) => u.eq(x, u.clamp(x, { min: 0 })), {
    differentiable: false,
  }),
  ...[undefined, 0, 1, -1].flatMap((axis) =>
    [false, true].map((keepdim) =>
      row(
        'argmax',
        `axis ${axis}, keepdim ${keepdim}`,
        [distinct(3, 4, 5)],
        (x) => u.argmax(x, { ...(axis === undefined ? {} : { axis }), keepdim }),
        { differentiable: false },
      ),
    ),
  ),
  ...ELEMENTWISE_CASES,
  ...REDUCTION_CASES,
];
