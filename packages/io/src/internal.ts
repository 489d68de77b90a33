/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it.
 */
export { requireFile, requireModule, textList } from './arguments.js';
export { readCheckpoint } from './checkpoint.js';
export { crc32Of } from './crc32.js';
export { atEnd } from './files/at-end.js';
export type { FileInfo, Files, PackageRequire } from './files/files.js';
export { filesFor } from './files/files-for.js';
export { GENERATOR, PAGE, WEIGHTS, jsonWith, refusal, refuseOtherKind } from './files/overwrite.js';
export type { FileKind } from './files/overwrite.js';
export { extensionOf, folderOf } from './files/paths.js';
export { openFile, reading, readWhole, statOf } from './files/read.js';
export { SIGNALS } from './files/signals.js';
export { cannotWrite, checkFolder, putFolder, replaceFile } from './files/write.js';
export { SAFETENSORS_LIMITS, completeLimits, raise } from './limits.js';
export { brief, failIn, listNames, quote, reasonOf } from './messages.js';
export type { Fail } from './messages.js';
export { RUN_FORMAT } from './run-format.js';
export { isObject, parseStrictJson } from './strict-json.js';
export { assignWeights } from './weights/assign.js';
export { MAX_DIMENSIONS, isCounts } from './weights/encodings.js';
export { bfloat16ToFloat32, float16ToFloat32 } from './weights/float16.js';
export { withSafetensors } from './weights/safetensors-file.js';
export type { WeightsFile } from './weights/safetensors-file.js';
export { weightsFormat } from './weights/save-load.js';
