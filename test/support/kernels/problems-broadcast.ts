import fc from 'fast-check';
import type { BroadcastGeometry } from '../../../packages/core/src/kernels/contract.js';
import {
  type Closeness,
  type Data,
  integer,
  problem,
  type Problem,
  problems,
  TINY,
  U,
} from './problem.js';
import type { KernelLike } from './kernels.js';

interface BroadcastSpec {
  /** Length of each axis, and which operands are broadcast along it. */
  readonly axes: readonly { readonly n: number; readonly once: readonly boolean[] }[];
}

const broadcastSpec: fc.Arbitrary<BroadcastSpec> = fc
  .tuple(
    fc.array(integer(0, 5), { maxLength: 3 }),
    fc.option(fc.oneof(integer(1, 40), integer(41, 300)), { freq: 8, nil: undefined }),
    fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), { minLength: 4, maxLength: 4 }),
    fc.constantFrom('mixed', 'none', 'none'),
  )
  .map(([outer, last, once, broadcast]) => ({
    axes: [...outer, ...(last === undefined ? [] : [last])].map((n, axis) => ({
      n,
      once: broadcast === 'none' ? [false, false, false] : (once[axis] ?? []),
    })),
  }));

/** Strides and length of an operand with the axes of `spec`, some of them broadcast. */
function operand({ axes }: BroadcastSpec, which: number): { strides: number[]; size: number } {
  const strides: number[] = [];
  let size = 1;
  for (const { n, once } of [...axes].reverse()) {
    strides.unshift(once[which] ? 0 : size);
    if (!once[which]) size *= n;
  }
  return { strides, size };
}

function broadcastGeometry(spec: BroadcastSpec) {
  const a = operand(spec, 0);
  const b = operand(spec, 1);
  const shape = spec.axes.map(({ n }) => n);
  const size = shape.reduce((product, n) => product * n, 1);
  const geometry: BroadcastGeometry = { shape, aStrides: a.strides, bStrides: b.strides };
  return { geometry, size, aSize: a.size, bSize: b.size };
}

function binary(
  name: KernelLike<'add'> | KernelLike<'atan2'>,
  closeness: Closeness = {},
  a = (data: Data, n: number) => data.floats(n),
): fc.Arbitrary<Problem> {
  return problems(broadcastSpec, (spec, data) => {
    const { geometry, size, aSize, bSize } = broadcastGeometry(spec);
    return problem({
      arrays: { out: data.junk(size), a: a(data, aSize), b: data.floats(bSize) },
      writes: ['out'],
      aliases: [
        ...(aSize === size ? [['out', 'a'] as const] : []),
        ...(bSize === size ? [['out', 'b'] as const] : []),
      ],
      call: (kernels, { out, a, b }) => kernels[name](out, a, b, geometry),
      ...closeness,
    });
  });
}

function comparison(name: KernelLike<'eq'> | KernelLike<'ne'>): fc.Arbitrary<Problem> {
  return problems(broadcastSpec, (spec, data) => {
    const { geometry, size, aSize, bSize } = broadcastGeometry(spec);
    return problem({
      arrays: { out: data.bytes(size), a: data.ties(aSize), b: data.ties(bSize) },
      writes: ['out'],
      call: (kernels, { out, a, b }) => kernels[name](out, a, b, geometry),
    });
  });
}

function logic(name: KernelLike<'logicalAnd'>): fc.Arbitrary<Problem> {
  return problems(broadcastSpec, (spec, data) => {
    const { geometry, size, aSize, bSize } = broadcastGeometry(spec);
    return problem({
      arrays: { out: data.bytes(size), a: data.bytes(aSize), b: data.bytes(bSize) },
      writes: ['out'],
      call: (kernels, { out, a, b }) => kernels[name](out, a, b, geometry),
    });
  });
}

export const BROADCAST_PROBLEMS = {
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  pow: binary('pow', { rtol: 2 * U, atol: TINY }, (data, n) =>
    data.below(2) ? data.positive(n) : data.ties(n),
  ),
  atan2: binary('atan2', { rtol: 4 * U, atol: TINY }, (data, n) =>
    data.below(2) ? data.floats(n) : data.ties(n),
  ),
  remainder: binary('remainder', { rtol: U }, (data, n) => data.quotients(n)),
  floorDivide: binary('floorDivide', { rtol: 2 * U }, (data, n) => data.quotients(n)),
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  eq: comparison('eq'),
  lt: comparison('lt'),
  gt: comparison('gt'),
  ne: comparison('ne'),
  ge: comparison('ge'),
  logicalAnd: logic('logicalAnd'),
  logicalOr: logic('logicalOr'),
  logicalXor: logic('logicalXor'),
  where: problems(broadcastSpec, (spec, data) => {
    const { geometry, size, aSize, bSize } = broadcastGeometry(spec);
    const condition = operand(spec, 2);
    const whereGeometry = { ...geometry, conditionStrides: condition.strides };
    return problem({
      arrays: {
        out: data.junk(size),
        condition: data.bytes(condition.size),
        a: data.floats(aSize),
        b: data.floats(bSize),
      },
      writes: ['out'],
      aliases: [
        ...(aSize === size ? [['out', 'a'] as const] : []),
        ...(bSize === size ? [['out', 'b'] as const] : []),
      ],
      call: (kernels, { out, condition, a, b }) =>
        kernels.where(out, condition, a, b, whereGeometry),
    });
  }),
};
