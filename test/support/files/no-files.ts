import { COLOUR, pngOf } from './png.js';

/** A PNG of two grey pixels. */
export const TWO_PIXELS: readonly number[] = [
  ...pngOf({ width: 2, height: 1, depth: 8, colour: COLOUR.grey, rows: [[0, 51, 255]] }),
];

const INSTEAD: Readonly<Record<string, string>> = {
  checkWritable: 'offer the bytes as a download',
  loadCheckpoint: 'fetch the bytes and give them to decodeSafetensors',
  loadWeights:
    'fetch the bytes, give them to decodeSafetensors or decodeNpz, and the tensors to loadStateDict',
  lockFile: 'keep other pages off by navigator.locks',
  readIdx:
    "fetch the bytes, unpack what is .gz by new DecompressionStream('gzip'), and give them to parseIdx",
  saveCheckpoint: 'offer the bytes as a download: encodeSafetensors makes them',
  saveWeights: 'offer the bytes as a download: encodeSafetensors or encodeNpz makes them',
  weightsSha256: "hash the bytes by crypto.subtle.digest('SHA-256', bytes)",
  CheckpointFile: 'keep what point.state() gives by a callback of your own with onSavePoint',
  loadRun: 'give fit as resume what a callback of your own kept of point.state()',
  loadTrainedModel:
    'fetch the bytes, give them to decodeSafetensors, and the tensors to loadStateDict of one of MODELS',
  loadModel: 'fetch the bytes and give them to decodeModel',
  saveModel: 'offer the bytes as a download: encodeModel makes them',
  mnist: 'fetch the four files, read them by parseIdx and give them to Dataset.fromArrays',
};

/** What is said where there are no files, by the functions that need them. */
export const REFUSALS: Readonly<Record<string, string>> = refusalsOf(INSTEAD);

/** By the names of functions, of what there is instead of them. */
export function refusalsOf(
  instead: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(instead).map(([name, mend]) => [
      name,
      `ConfigError: ${name}: expected a system with files, such as Node, got a browser; ${mend}`,
    ]),
  );
}

/** What the decoders read. */
export const DECODED = {
  idx: [7, 9],
  npz: [1, 2],
  png: [Math.fround(0.2), 1],
  safetensors: [1, 2],
};
