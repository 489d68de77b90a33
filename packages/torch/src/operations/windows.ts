import type { JsonData } from '@unfold/core';
import { tuples, type Expression } from '../python.js';
import { functional, type Place } from './call.js';
import type { Translate, Translations } from './step.js';

const CONV = { stride: 1, padding: 0, dilation: 1, groups: 1 };
const CONV_TRANSPOSE = { stride: 1, padding: 0, outputPadding: 0, groups: 1, dilation: 1 };
const FOLD = { dilation: 1, padding: 0, stride: 1 };

const conv = (name: string, defaults: Readonly<Record<string, JsonData>>): Translate =>
  functional(`F.${name}`, ['x', 'weight', 'bias'], defaults);

/** A pooling, whose windows lie side by side unless there is a stride. */
const pool =
  (name: string, defaults: Readonly<Record<string, JsonData>>): Translate =>
  (step) => {
    const { kernelSize = null } = step.attributes;
    const usual = { stride: kernelSize, padding: 0, ...defaults };
    return functional(`F.${name}`, ['x', 'kernelSize'], usual)(step);
  };

const MAX_POOL = { dilation: 1, ceilMode: false };
const AVG_POOL = { ceilMode: false, countIncludePad: true, divisorOverride: null };

const adaptive = (name: string): Translate => functional(`F.${name}`, ['x', 'outputSize']);

/** PyTorch takes a single size in a tuple. */
const normalizedShape: Place = (step) => tuples(step.list('normalizedShape'));

/** What slides windows over images, and what normalises. */
export const WINDOWS: Translations = {
  conv1d: conv('conv1d', CONV),
  conv2d: conv('conv2d', CONV),
  convTranspose1d: conv('conv_transpose1d', CONV_TRANSPOSE),
  convTranspose2d: conv('conv_transpose2d', CONV_TRANSPOSE),
  maxPool1d: pool('max_pool1d', MAX_POOL),
  maxPool2d: pool('max_pool2d', MAX_POOL),
  avgPool1d: pool('avg_pool1d', AVG_POOL),
  avgPool2d: pool('avg_pool2d', AVG_POOL),
  adaptiveAvgPool1d: adaptive('adaptive_avg_pool1d'),
  adaptiveAvgPool2d: adaptive('adaptive_avg_pool2d'),
  adaptiveMaxPool2d: adaptive('adaptive_max_pool2d'),
  unfold: functional('F.unfold', ['x', 'kernelSize'], FOLD),
  fold: functional('F.fold', ['columns', 'size', 'kernelSize'], FOLD),
  batchNorm: (step) => {
    if (step.has('runningMean') && step.attributes['momentum'] === null) {
      throw step.refusal("PyTorch's function has no momentum null", 'nn.BatchNorm2d has');
    }
    const running = ['runningMean', 'runningVar'].map(
      (name) => (): Expression => step.operand(name),
    );
    return functional('F.batch_norm', ['x', ...running, 'weight', 'bias'], {
      training: false,
      momentum: 0.1,
      eps: 1e-5,
    })(step);
  },
  instanceNorm: functional(
    'F.instance_norm',
    ['x', 'runningMean', 'runningVar', 'weight', 'bias'],
    { useInputStats: true, momentum: 0.1, eps: 1e-5 },
  ),
  groupNorm: functional('F.group_norm', ['x', 'numGroups', 'weight', 'bias'], { eps: 1e-5 }),
  layerNorm: functional('F.layer_norm', ['x', normalizedShape, 'weight', 'bias'], { eps: 1e-5 }),
  rmsNorm: functional('F.rms_norm', ['x', normalizedShape, 'weight'], { eps: null }),
};
