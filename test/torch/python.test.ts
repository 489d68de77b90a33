import { describe, expect, it } from 'vitest';
import {
  atom,
  call,
  float,
  index,
  infix,
  isIdentifier,
  list,
  literal,
  method,
  prefix,
  property,
  statement,
  tuple,
  type Expression,
} from '../../packages/torch/src/python.js';

const [a, b, c] = [atom('a'), atom('b'), atom('c')];
const texts = (cases: Readonly<Record<string, Expression>>): void => {
  expect(Object.values(cases).map(({ text }) => text)).toEqual(Object.keys(cases));
};

describe('an expression', () => {
  it('has brackets where operators bind otherwise', () => {
    texts({
      'a + b * c': infix('+', a, infix('*', b, c)),
      '(a + b) * c': infix('*', infix('+', a, b), c),
      'a - b - c': infix('-', infix('-', a, b), c),
      'a - (b - c)': infix('-', a, infix('-', b, c)),
      'a // (b % c)': infix('//', a, infix('%', b, c)),
      '(a < b) == c': infix('==', infix('<', a, b), c),
      'a & (b > 0)': infix('&', a, infix('>', b, 0)),
      'a | b & c': infix('|', a, infix('&', b, c)),
      '~(a | b)': prefix('~', infix('|', a, b)),
      '-a * b': infix('*', prefix('-', a), b),
      '-(a * b)': prefix('-', infix('*', a, b)),
      'a - -2': infix('-', a, -2),
    });
  });

  it('writes powers as ruff does, close where both sides are names or numbers', () => {
    texts({
      'a**2': infix('**', a, 2),
      '2**a.b': infix('**', 2, property(a, 'b')),
      'a**-0.5': infix('**', a, -0.5),
      '(-a) ** 2': infix('**', prefix('-', a), 2),
      '-(a**2)': prefix('-', infix('**', a, 2)),
      'a ** f(b)': infix('**', a, call('f', [b])),
      '(a**b) ** c': infix('**', infix('**', a, b), c),
      'a**b**c': infix('**', a, infix('**', b, c)),
    });
  });

  it('calls, names and picks', () => {
    texts({
      'f()': call('f'),
      'f(a, 2, dim=(0,), end=None)': call('f', [a, 2], {
        dim: tuple([0]),
        no: undefined,
        end: null,
      }),
      '(a + b).mean(dim=1)': method(infix('+', a, b), 'mean', [], { dim: 1 }),
      'a.f().b': property(method(a, 'f'), 'b'),
      '(-a)[:, 0]': index(prefix('-', a), atom(':'), 0),
      '[a, (), (b, 1)]': list([a, tuple([]), tuple([b, 1])]),
    });
  });

  it('writes data as Python does', () => {
    texts({
      None: literal(null),
      '[True, \'a"b\', {"c": 1}]': literal([true, 'a"b', { c: 1 }]),
      'float("nan")': literal(NaN),
      'float("-inf")': literal(-Infinity),
      '-0.0': literal(-0),
      '1e-5': literal(0.00001),
      '1.5e-7': literal(1.5e-7),
      '0.25': literal(0.25),
      '1e21': literal(1e21),
      '(-1).a': property(literal(-1), 'a'),
      '2.0': float(2),
      '-2.0': float(-2),
      '0.5': float(0.5),
    });
  });
});

it('tells names from words of Python', () => {
  expect(['x', '_x1', 'größe'].every(isIdentifier)).toBe(true);
  expect(['', '1x', 'a.b', 'class', 'None'].some(isIdentifier)).toBe(false);
});

describe('a statement', () => {
  const long = (letter: string): Expression => atom(letter.repeat(40));
  const [x, y, z] = [long('x'), long('y'), long('z')];

  it('stays on one line of 100 characters', () => {
    const line = statement('r = ', call('f', [x, y], { a: 123 }), { indent: 4 });
    expect(line).toEqual([`    r = f(${x.text}, ${y.text}, a=123)`]);
    expect(line[0]).toHaveLength(100);
  });

  it('puts what is between the outermost brackets on a line of its own', () => {
    expect(statement('r = ', call('f', [x, y], { a: 1234 }), { indent: 4 })).toEqual([
      '    r = f(',
      `        ${x.text}, ${y.text}, a=1234`,
      '    )',
    ]);
  });

  it('gives each argument a line where they need more, and breaks it in turn', () => {
    const inner = call('g', [x, y, z]);
    expect(statement('return ', call('f', [a], { of: inner }), { after: ':' })).toEqual([
      'return f(',
      '    a,',
      '    of=g(',
      `        ${x.text},`,
      `        ${y.text},`,
      `        ${z.text},`,
      '    ),',
      '):',
    ]);
  });

  it('is as long as it is without brackets to break', () => {
    const sum = infix('+', infix('+', x, y), z);
    expect(statement('r = ', sum)).toEqual([`r = ${sum.text}`]);
    expect(statement('r = ', call(z.text.repeat(3)))).toEqual([`r = ${z.text.repeat(3)}()`]);
  });
});
