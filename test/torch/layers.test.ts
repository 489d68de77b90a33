import * as nn from '@unfold/nn';
import { Conv2d, LayerNorm, Module, TransformerEncoder, TransformerEncoderLayer } from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { formOf } from '../../packages/torch/src/layers/layers.js';
import { LAYER_CASES, MASKED_CASES } from '../support/torch/layer-cases.js';
import { pythonOf } from '../support/torch/layer-call.js';
import { tensorsOf } from '../support/torch/models.js';

/** Classes that have no layer of PyTorch, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  BatchNorm: 'it is the base of two',
  Module: 'it is the base of all',
  ModuleDict: 'it holds others',
  ModuleList: 'it holds others',
  PositionalEncoding: 'PyTorch has it in its tutorials only',
  Sequential: 'it holds others',
};

describe('a layer in Python', () => {
  it.each(Object.entries(LAYER_CASES))('%s', (text, make) => {
    const one = make();
    const names = tensorsOf(one.inputs).map((_, at) => `x${at}`);
    expect(pythonOf(one)).toEqual({
      construct: text,
      call: one.call ?? `layer(${names.join(', ')})`,
    });
  });

  it.each(Object.entries(MASKED_CASES))('%s', (text, make) => {
    expect(pythonOf(make()).call).toBe(text);
  });

  it('is there for every class of nn, but for a few', () => {
    const classes = Object.entries(nn).flatMap(([name, value]) =>
      typeof value === 'function' && (value === Module || value.prototype instanceof Module)
        ? [name]
        : [],
    );
    const made = new Set(Object.values(LAYER_CASES).map((make) => make().layer.constructor.name));
    expect([...made, ...Object.keys(OTHERS)].sort()).toEqual(classes.sort());
  });

  it('is not there for a class that is derived from it', () => {
    class Scaled extends Conv2d {}
    class Normal extends LayerNorm {}
    class Encoder extends TransformerEncoder {}
    const layer = (): TransformerEncoderLayer => new TransformerEncoderLayer(4, 2);
    expect(formOf(new Scaled(1, 1, 1))).toBeUndefined();
    expect(formOf(new Encoder(layer, 1))).toBeUndefined();
    expect(formOf(new TransformerEncoder(layer, 1, { norm: new Normal(4) }))).toBeUndefined();
  });

  it('is there for an encoder of layers that are alike alone, as PyTorch copies one', () => {
    let dimFeedforward = 1;
    const layer = (): TransformerEncoderLayer =>
      new TransformerEncoderLayer(4, 2, { dimFeedforward: dimFeedforward++ });
    expect(formOf(new TransformerEncoder(layer, 2))).toBeUndefined();
  });
});
