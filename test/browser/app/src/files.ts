import {
  checkWritable,
  decodeNpz,
  decodeSafetensors,
  encodeNpz,
  encodeSafetensors,
  loadCheckpoint,
  loadWeights,
  lockFile,
  parseIdx,
  readIdx,
  readPng,
  saveCheckpoint,
  saveWeights,
  weightsSha256,
} from '@unfold/io';
import { tensor } from '@unfold/core';
import { Linear } from '@unfold/nn';
import {
  CheckpointFile,
  loadModel,
  loadRun,
  loadTrainedModel,
  mnist,
  saveModel,
} from '@unfold/train';

const state = () => new Map([['a', tensor([1, 2])]]);
const NEED_FILES: Readonly<Record<string, () => unknown>> = {
  checkWritable: () => checkWritable('a'),
  loadCheckpoint: () => loadCheckpoint('a'),
  loadWeights: () => loadWeights(new Linear(1, 1), 'a.npz'),
  lockFile: () => lockFile('a'),
  readIdx: () => readIdx('a'),
  saveCheckpoint: () => saveCheckpoint('a', { state: state(), metadata: {} }),
  saveWeights: () => saveWeights(new Linear(1, 1), 'a.npz'),
  weightsSha256: () => weightsSha256(state()),
  CheckpointFile: () => new CheckpointFile('a'),
  loadRun: () => loadRun('a'),
  loadTrainedModel: () => loadTrainedModel('a.safetensors'),
  loadModel: () => loadModel(new Linear(1, 1), 'a.safetensors'),
  saveModel: () => saveModel(new Linear(1, 1), 'a.safetensors'),
  mnist: () => mnist(),
};

/** What each function that needs files says where there are none, by its name. */
export async function refusals(): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  for (const [name, use] of Object.entries(NEED_FILES)) {
    try {
      await use();
      said[name] = 'nothing';
    } catch (error) {
      said[name] = String(error);
    }
  }
  return said;
}

/** What the decoders read, a few numbers of each form. */
export function decoded(png: readonly number[]): Record<string, number[]> {
  const idx = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9);
  const safetensors = encodeSafetensors(state(), { by: 'test' });
  return {
    idx: [...parseIdx(idx, { name: 'a' }).data],
    npz: [...(decodeNpz(encodeNpz(state())).get('a')?.data ?? [])],
    png: [...readPng(Uint8Array.from(png)).grey],
    safetensors: [...(decodeSafetensors(safetensors).state.get('a')?.data ?? [])],
  };
}
