/*
 * What needs neither files nor Node's modules: in a page the whole package, in Node the half of it
 * that index.ts completes. Bundlers for browsers find this file by the condition `browser`.
 */
export type { Limits, WeightsLimits } from './limits.js';
export type { Picture } from './png/picture.js';
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
