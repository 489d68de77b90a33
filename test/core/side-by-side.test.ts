import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as u from '@unfold/core';
import {
  add,
  bufferOf,
  compile,
  configureEngine,
  mul,
  profile,
  randn,
  relu,
  Scope,
  sub,
  sum,
  tanh,
  type Tensor,
} from '@unfold/core';
import { kernelsFor } from '../support/kernels/all-kernels.js';

/** Elements of so many that a call is cut into parts. */
const MANY = 40_000;
/** Elements of so few that a call is one part. */
const FEW = 20_000;

type Outputs = readonly Tensor[];

/** The bits of tensors, in short. */
function bitsOf(tensors: Outputs): string[] {
  return tensors.map((x) => createHash('sha256').update(x.toTypedArray()).digest('hex'));
}

/** x += weight·(end - x), in place, as averages of weights are kept. */
function lerp(x: Tensor, end: Tensor, weight: number): void {
  kernelsFor('float32').lerp(bufferOf(x), bufferOf(end), { weight });
}

/** A function of x and y, and of tensors of the same size that were there before. */
interface Case {
  readonly about: string;
  readonly size: number;
  readonly fn: (x: Tensor, y: Tensor, a: Tensor, b: Tensor) => Outputs;
  readonly launches: number;
  readonly joined: readonly string[];
}

const CASES: readonly Case[] = [
  {
    about: 'puts calls side by side that read the same',
    size: MANY,
    fn: (x, y) => [relu(x), tanh(y), mul(x, y)],
    launches: 1,
    joined: ['relu | tanh | mul'],
  },
  {
    about: 'puts calls of one part each side by side that are worth sharing together',
    size: FEW,
    fn: (x, y) => [relu(x), relu(y)],
    launches: 1,
    joined: ['relu × 2'],
  },
  {
    about: 'leaves small calls as they are',
    size: 1000,
    fn: (x, y) => [relu(x), relu(y)],
    launches: 2,
    joined: [],
  },
  {
    about: 'leaves a call behind the one whose result it reads',
    size: MANY,
    fn: (x) => [tanh(relu(x))],
    launches: 2,
    joined: [],
  },
  {
    about: 'begins anew where something is needed, and goes on from there',
    size: MANY,
    fn: (x, y) => {
      const [p, q] = [relu(x), tanh(y)];
      return [sub(p, q), add(p, q), mul(p, q)];
    },
    launches: 2,
    joined: ['relu | tanh', 'sub | add | mul'],
  },
  {
    about: 'leaves a call that writes behind one that reads the same, and one that reads behind it',
    size: MANY,
    fn: (x, _y, a) => {
      const before = mul(a, 2);
      lerp(a, x, 0.5);
      return [before, mul(a, 3)];
    },
    launches: 3,
    joined: [],
  },
  {
    about: 'leaves two calls that write the same one after another',
    size: MANY,
    fn: (x, y, a) => {
      lerp(a, x, 0.5);
      lerp(a, y, 0.25);
      return [];
    },
    launches: 2,
    joined: [],
  },
  {
    about: 'puts changes of several tensors side by side',
    size: MANY,
    fn: (x, y, a, b) => {
      const ends = [relu(x), relu(y)] as const;
      lerp(a, ends[0], 0.5);
      lerp(b, ends[1], 0.25);
      return [];
    },
    launches: 2,
    joined: ['relu × 2', 'lerp × 2'],
  },
  {
    about: 'leaves a call behind one that reads what lies at the same place',
    size: MANY,
    fn: (_x, _y, a, b) => [sum(relu(a)), sum(tanh(b))],
    launches: 4,
    joined: [],
  },
  {
    about: 'leaves a change behind a call that reads an input, which may be the same',
    size: MANY,
    fn: (x, _y, a, b) => {
      const twice = mul(x, 2);
      lerp(a, b, 0.5);
      return [twice];
    },
    launches: 2,
    joined: [],
  },
];

describe.each([1, 2])('a program on %d thread(s)', (threads) => {
  beforeAll(async () => {
    await configureEngine({ threads });
  });
  afterAll(async () => {
    await configureEngine({ threads: 1 });
  });

  it.each(CASES)('$about, with the bits of single calls', ({ size, fn, launches, joined }) => {
    using _scope = new Scope();
    const [a, b, x, y] = [randn([size]), randn([size]), randn([size]), randn([size])];
    const run = (given: readonly [Tensor, Tensor], compiled: boolean): string[] => {
      const [ownA, ownB] = [u.clone(a), u.clone(b)];
      const step = (p: Tensor, q: Tensor): Outputs => fn(p, q, ownA, ownB);
      const program = compiled ? compile(step) : null;
      const fast = program ?? step;
      const bits: string[] = [];
      for (let i = 0; i < 20; i++) bits.push(...bitsOf(fast(...given)), ...bitsOf([ownA, ownB]));
      if (program) expect(program.stats).toMatchObject({ launches, joined });
      program?.dispose();
      return bits;
    };
    expect(run([x, y], true)).toEqual(run([x, y], false));
  });

  it('takes calls together whose results are reused, as they are no inputs of the next run', () => {
    using _scope = new Scope();
    const [x, y] = [randn([MANY]), randn([MANY])];
    for (const reuse of [false, true]) {
      const fast = compile((p: Tensor, q: Tensor) => [relu(p), tanh(q)], { reuse });
      for (let i = 0; i < 3; i++) fast(x, y);
      expect(fast.stats?.launches).toBe(1);
      fast.dispose();
    }
  });

  it('shows calls side by side as one row of a profile', async () => {
    using _scope = new Scope();
    const [x, y] = [randn([MANY]), randn([MANY])];
    const fast = compile((p: Tensor, q: Tensor) => [relu(p), relu(q), tanh(q)]);
    for (let i = 0; i < 3; i++) fast(x, y);
    const { rows } = await profile(() => void fast(x, y));
    expect(rows.map(({ op }) => op)).toContain('program: relu × 2 | tanh');
    fast.dispose();
  });
});
