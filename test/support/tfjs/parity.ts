import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatShape, permute, Scope, tensor } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { afterAll, beforeAll, expect } from 'vitest';
import { expectClose } from '../compare.js';
import {
  normals,
  randomise,
  saveModel,
  tf,
  type SaveOptions,
  type TfLayer,
  type TfModel,
} from './models.js';

let root = '';
let saved = 0;

/** To be called once in a file of tests. */
export function makeFolder(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unfold-tfjs-layers-'));
  });
  afterAll(() => rm(root, { recursive: true }));
}

/** Where a model may be saved, a new one at each call. */
export function newFolder(): string {
  return join(root, String(saved++));
}

interface Options extends SaveOptions {
  /** Whether images are NCHW in TensorFlow.js as well. */
  readonly channelsFirst?: boolean;
}

/** Saves the model with random weights, loads it, and compares predictions within 1e-5. */
export async function expectSamePredictions(
  model: TfModel,
  inputShape: readonly number[],
  { channelsFirst = false, ...options }: Options = {},
): Promise<void> {
  randomise(model, 1);
  const shape = [2, ...inputShape];
  const values = normals(
    shape.reduce((a, b) => a * b, 1),
    7,
  );
  const expected = tf.tidy(() => {
    const out = model.predict(tf.tensor(values, shape));
    return { shape: out.shape, data: out.dataSync() };
  });
  const loaded = await loadTfjsLayersModel(await saveModel(model, newFolder(), options));
  using _scope = new Scope();
  const x = tensor(values, shape);
  const isNHWC = (ndim: number): boolean => ndim === 4 && !channelsFirst;
  const out = loaded.forward(isNHWC(x.ndim) ? permute(x, [0, 3, 1, 2]) : x);
  const open = loaded.outputShape.map((size, axis) => size ?? out.shape[axis] ?? 0);
  expect(formatShape(out.shape)).toBe(formatShape(open));
  const theirs = isNHWC(out.ndim) ? permute(out, [0, 2, 3, 1]) : out;
  expect(theirs.shape).toEqual(expected.shape);
  expectClose(theirs.data, expected.data, { atol: 1e-5, rtol: 0 });
  expect(loaded.training).toBe(false);
  loaded.dispose();
}

export function sequential(...layers: TfLayer[]): TfModel {
  return tf.sequential({ layers });
}
