import * as core from '@unfold/core';
import {
  ConfigError,
  max,
  pad,
  reshape,
  slice,
  sum,
  trace,
  zeros,
  type Tensor,
} from '@unfold/core';
import * as nn from '@unfold/nn';
import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../packages/torch/src/operations/operations.js';
import { atom } from '../../packages/torch/src/python.js';
import { thrownBy } from '../support/failure.js';
import { OPERATIONS as CALLS } from '../support/operation-calls.js';
import { pythonOf } from '../support/torch/functions.js';

it('has every operation of core and nn', () => {
  expect(Object.keys(OPERATIONS).sort()).toEqual(Object.keys(CALLS).sort());
});

const x = (...shape: number[]): Tensor => zeros(shape);
const labels = (...shape: number[]): Tensor => zeros(shape, { dtype: 'int32' });
const truths = (...shape: number[]): Tensor => zeros(shape, { dtype: 'bool' });

type Row = readonly [text: string, input: Tensor, call: (x: Tensor) => unknown];
const ROWS: readonly Row[] = [
  ['x * 2', x(3), (x) => core.mul(x, 2)],
  ['2 - x', x(3), (x) => core.sub(2, x)],
  ['1 - x.float()', truths(3), (x) => core.sub(1, x)],
  ['x / 255', x(3), (x) => core.div(x, 255)],
  ['x**2', x(3), (x) => core.pow(x, 2)],
  ['x % 2', x(3), (x) => core.remainder(x, 2)],
  ['torch.remainder(torch.tensor(2.0), x)', x(3), (x) => core.remainder(2, x)],
  ['torch.div(x, 2, rounding_mode="floor")', x(3), (x) => core.floorDivide(x, 2)],
  ['x // 2', labels(3), (x) => core.floorDivide(x, 2)],
  ['x > 0', x(3), (x) => core.gt(x, 0)],
  ['~x', truths(3), core.logicalNot],
  ['torch.where(x, 1.0, 0.0)', truths(3), (x) => core.where(x, 1, 0)],
  ['x.clamp(min=0)', x(3), (x) => core.maximum(x, 0)],
  ['x.int()', x(3), (x) => core.cast(x, 'int32')],
  ['torch.exp(x)', x(3), core.exp],
  ['F.relu(x)', x(3), core.relu],
  ['F.leaky_relu(x, negative_slope=0.3)', x(3), (x) => core.leakyRelu(x, { slope: 0.3 })],
  ['F.dropout(x)', x(3), (x) => nn.dropout(x)],
  ['x.mean(dim=(2, 3))', x(1, 2, 3, 4), (x) => core.mean(x, [2, 3])],
  ['x.sum(dim=1, keepdim=True)', x(2, 3), (x) => sum(x, 1, { keepdim: true })],
  ['x.sum(dtype=torch.int32)', labels(3), (x) => sum(x)],
  ['x.max(dim=1).values', x(2, 3), (x) => max(x, 1)],
  ['x.amax(dim=(0, 1))', x(2, 3), (x) => max(x, [0, 1])],
  ['x.argmax(dim=1).int()', x(2, 3), (x) => core.argmax(x, 1)],
  ['x.var(dim=0, correction=0)', x(2, 3), (x) => core.variance(x, 0, { correction: 0 })],
  ['torch.linalg.vector_norm(x, ord=1, dim=1)', x(2, 3), (x) => core.norm(x, 1, { p: 1 })],
  ['F.softmax(x, dim=-1)', x(2, 3), (x) => core.softmax(x)],
  ['x.flatten(1)', x(2, 3, 4), (x) => reshape(x, [2, -1])],
  ['x.flatten()', x(2, 3), (x) => reshape(x, [-1])],
  ['x.reshape(3, 2)', x(2, 3), (x) => reshape(x, [3, 2])],
  ['x.reshape(0, 5)', x(0, 2, 3), (x) => reshape(x, [0, 5])],
  ['x.transpose(-2, -1)', x(2, 3), (x) => core.transpose(x)],
  ['x[:, 1:]', x(2, 3, 4), (x) => slice(x, [null, [1, null], null])],
  ['x[:-1:2]', x(5), (x) => slice(x, [[0, -1, 2]])],
  ['x.flip(1)', x(2, 3), (x) => slice(x, [null, [null, null, -1]])],
  ['x.flip(0)[1:-1:2]', x(5), (x) => slice(x, [[-2, 0, -2]])],
  ['x[:, -1]', x(2, 3), (x) => core.select(x, 1, -1)],
  ['torch.cat([x, x], dim=1)', x(2, 3), (x) => core.concat([x, x], 1)],
  ['x.chunk(2)', x(4), (x) => core.chunk(x, 2)],
  ['x.split(3)[0]', x(3), (x) => core.split(x, 3)],
  ['x.sort(descending=True, stable=True)', x(3), (x) => core.sort(x, -1, { descending: true })],
  ['F.one_hot(x.long(), 4).int()', labels(3), (x) => core.oneHot(x, 4)],
  ['x @ x.T', x(2, 3), (x) => core.matmul(x, x, { transposeB: true })],
  ['x.mT @ x', x(2, 3, 4), (x) => core.matmul(x, x, { transposeA: true })],
  ['torch.einsum("ii", x)', x(3, 3), (x) => core.einsum('ii', x)],
  ['F.max_pool2d(x, 2)', x(1, 1, 4, 4), (x) => nn.maxPool2d(x, 2)],
  ['F.avg_pool2d(x, 3, stride=2)', x(1, 1, 5, 5), (x) => nn.avgPool2d(x, 3, { stride: 2 })],
  ['F.layer_norm(x, (3,), eps=1e-6)', x(2, 3), (x) => nn.layerNorm(x, 3, { eps: 1e-6 })],
  ['F.layer_norm(x, (3,), bias=x)', x(3), (x) => nn.layerNorm(x, 3, { bias: x })],
  ['F.mse_loss(x, x, reduction="sum")', x(3), (x) => nn.mseLoss(x, x, { reduction: 'sum' })],
];

describe('in PyTorch', () => {
  it.each(ROWS)('is %s', (text, input, call) => {
    expect(pythonOf(trace(call, input))).toBe(text);
  });

  const padded =
    (padding: readonly core.Padding[], mode: core.PadMode) =>
    (x: Tensor): Tensor =>
      pad(x, padding, { mode });
  const none = [0, 0] as const;
  const one = [1, 2] as const;

  it('pads from the last axis on, and has an axis more where a mode wants it', () => {
    const texts = [
      [[2, 3, 4], padded([none, [1, 0], one], 'constant')],
      [[2, 3], padded([none, one], 'reflect')],
      [[2, 3], padded([one, none], 'circular')],
      [[2, 3, 4, 5], padded([none, none, none, one], 'replicate')],
    ] as const;
    expect(texts.map(([shape, call]) => pythonOf(trace(call, zeros(shape))))).toEqual([
      'F.pad(x, (1, 2, 1, 0))',
      'F.pad(x, (1, 2), mode="reflect")',
      'F.pad(x.unsqueeze(0), (0, 0, 1, 2), mode="circular").squeeze(0)',
      'F.pad(x, (1, 2, 0, 0), mode="replicate")',
    ]);
  });

  it('trains as the module around it does, if it did not in the trace', () => {
    const training = atom('self.training');
    const drop = (x: Tensor): Tensor => nn.dropout(x, { p: 0.1, training: false });
    expect(pythonOf(trace(drop, x(3)), training)).toBe(
      'F.dropout(x, p=0.1, training=self.training)',
    );
    expect(pythonOf(trace(drop, x(3)))).toBe('F.dropout(x, p=0.1, training=False)');
    const statistics = [x(3), x(3)] as const;
    expect(pythonOf(trace(nn.batchNorm, x(2, 3), ...statistics), training)).toBe(
      'F.batch_norm(x0, x1, x2, training=self.training)',
    );
    expect(
      pythonOf(
        trace((x) => nn.dropout(x, { p: 0.1 }), x(3)),
        training,
      ),
    ).toBe('F.dropout(x, p=0.1)');
  });

  it('is refused where PyTorch has no such thing', () => {
    const refused = (call: (x: Tensor) => unknown, ...shape: number[]): unknown =>
      thrownBy(() => pythonOf(trace(call, zeros(shape))));
    const error = (message: string): unknown => ({ kind: ConfigError, message });
    expect(refused(padded([one, none, none, none], 'reflect'), 3, 3, 3, 3)).toEqual(
      error("eject: pad: PyTorch pads at most 3 axes with mode 'reflect'"),
    );
    expect(refused((x) => sum(x, []), 2)).toEqual(
      error('eject: sum: PyTorch takes an empty list of axes for all of them'),
    );
    const layer = new nn.BatchNorm1d(3, { momentum: null });
    expect(thrownBy(() => pythonOf(trace(layer, x(2, 3))))).toEqual(
      error("eject: batchNorm: PyTorch's function has no momentum null; nn.BatchNorm2d has"),
    );
  });
});
