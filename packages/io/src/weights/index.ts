/* What turns weights into bytes and back, with no need of files: for pages too. */
export { decodeNpy, encodeNpy } from './npy.js';
export { decodeNpz, encodeNpz } from './npz.js';
export { decodeSafetensors, encodeSafetensors } from './safetensors.js';
export type { VerifyOptions } from './checksums.js';
export type { DecodeOptions, DecodeSafetensorsOptions, Safetensors } from './safetensors.js';
export type { WeightsMetadata } from './safetensors-header.js';
export type { Limits, WeightsLimits } from '../limits.js';
