import { FileFormatError } from '@unfold/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  double,
  float,
  integer,
  many,
  message,
  one,
  optional,
  text,
} from '../../packages/onnx/src/model/wire.js';

const INNER = message({ numbers: many(1, integer), flag: one(3, integer, 0) });
const OUTER = message({
  whole: one(1, integer, 0),
  word: optional(2, text),
  inner: optional(3, INNER),
  floats: many(4, float),
  doubles: many(5, double),
  raw: one(6, bytes, new Uint8Array()),
  words: many(7, text),
});
const NOTHING = OUTER.decode(new Uint8Array());
const read = (...given: readonly number[]): object => OUTER.decode(Uint8Array.from(given));

describe('the encoding of protobuf', () => {
  it("is that of its documentation's examples", () => {
    expect([...OUTER.encode({ whole: 150 })]).toEqual([0x08, 0x96, 0x01]);
    expect([...OUTER.encode({ word: 'testing' })]).toEqual([
      0x12,
      0x07,
      ...new TextEncoder().encode('testing'),
    ]);
    expect([...OUTER.encode({ inner: { numbers: [150] } })]).toEqual([0x1a, 3, 0x08, 0x96, 0x01]);
    expect([...OUTER.encode({ whole: -2 })]).toEqual([
      0x08,
      0xfe,
      ...Array.from({ length: 8 }, () => 0xff),
      0x01,
    ]);
    expect(INNER.decode(Uint8Array.of(0x0a, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05))).toEqual({
      numbers: [3, 270, 86942],
      flag: 0,
    });
  });

  it('gives back what was written', () => {
    const whole = fc.maxSafeInteger();
    const raw = fc.uint8Array();
    fc.assert(
      fc.property(
        fc.record({
          whole,
          word: fc.option(fc.string({ unit: 'binary' })),
          inner: fc.option(fc.record({ numbers: fc.array(whole), flag: whole })),
          floats: fc.array(fc.float()),
          doubles: fc.array(fc.double()),
          raw,
          words: fc.array(fc.string({ unit: 'binary' })),
        }),
        (value) => {
          expect(OUTER.decode(OUTER.encode(value))).toEqual(value);
        },
      ),
    );
  });

  it('leaves out what is as by default, and keeps an empty value apart from none', () => {
    expect([...OUTER.encode({ whole: 0, word: null, floats: [] })]).toEqual([]);
    expect(OUTER.decode(OUTER.encode({ word: '', inner: {} }))).toEqual({
      ...NOTHING,
      word: '',
      inner: { numbers: [], flag: 0 },
    });
  });

  it('passes by fields that it does not know', () => {
    const unknown = [
      ...[0x40, 0x96, 0x01],
      ...[0x41, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0x42, 2, 9, 9],
      ...[0x45, 1, 2, 3, 4],
    ];
    expect(read(...unknown, 0x08, 5)).toEqual({ ...NOTHING, whole: 5 });
  });

  it.each([
    ['a length beyond the end', [0x12, 5, 97]],
    ['a length below 0', [0x12, ...Array.from({ length: 9 }, () => 0xff), 1]],
    ['a message that ends within a number', [0x1a, 2, 0x08, 0x80]],
    ['an end within a float', [0x25, 0, 0]],
    ['a number of more than 64 bits', [0x08, ...Array.from({ length: 10 }, () => 0xff), 1]],
    ['a number where a text belongs', [0x10, 1]],
    ['a text where a number belongs', [0x0a, 1, 49]],
    ['a double in a list of floats', [0x21, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a field without a number', [0x00, 1]],
    ['a group', [0x43]],
  ])('refuses %s', (_, given) => {
    expect(() => read(...given)).toThrow(FileFormatError);
  });

  it('refuses texts that are not UTF-8', () => {
    expect(() => read(0x12, 1, 0xff)).toThrow();
  });
});
