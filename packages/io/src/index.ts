export { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
export type { Checkpoint, CheckpointMetadata, LoadCheckpointOptions } from './checkpoint.js';
export { FileLock, lockFile } from './files/file-lock.js';
export type { LockFileOptions } from './files/file-lock.js';
export { checkWritable } from './files/write.js';
export { parseIdx } from './idx.js';
export type { IdxArray, IdxOptions, ParseIdxOptions } from './idx.js';
export type { IdxLimits, Limits, PngLimits, WeightsLimits } from './limits.js';
export type { Picture } from './png/picture.js';
export { readPng } from './png/png.js';
export type { ReadPngOptions } from './png/png.js';
export { readIdx } from './read-idx.js';
export type { ReadIdxOptions } from './read-idx.js';
export type { LoadReport } from './weights/assign.js';
export type { VerifyOptions } from './weights/checksums.js';
export { decodeNpy, encodeNpy } from './weights/npy.js';
export { decodeNpz, encodeNpz } from './weights/npz.js';
export type { WeightsMetadata } from './weights/safetensors-header.js';
export { decodeSafetensors, encodeSafetensors } from './weights/safetensors.js';
export type {
  DecodeOptions,
  DecodeSafetensorsOptions,
  Safetensors,
} from './weights/safetensors.js';
export { loadWeights, saveWeights } from './weights/save-load.js';
export type { LoadWeightsOptions, SaveWeightsOptions } from './weights/save-load.js';
export { weightsSha256 } from './weights/sha256.js';
