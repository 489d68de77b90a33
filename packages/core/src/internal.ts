// As in index.ts: declarations of what is exported name Symbol.dispose.
/// <reference lib="esnext.disposable" preserve="true" />

/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it.
 */
export { checkWindow } from './kernels/check-geometry.js';
export { fitsConv2d, type Conv2dKernel } from './kernels/conv2d-workspace.js';
export { alignColumns } from './columns.js';
export { isFloat } from './dtype.js';
export { bytesPerElement } from './dtype.js';
export { defineGradient } from './autograd/function.js';
export { leavesOf } from './autograd/tape.js';
export { guardsOf, propertyGuards, type Guard, type Guarded } from './program/guards.js';
export {
  fills,
  hostAction,
  hostCall,
  hostDecision,
  isRecording,
  refuseRecording,
  reliesOn,
  reads,
  updates,
  withOptions,
} from './host-call.js';
export { offersKernel, servesPage } from './engine/engine.js';
export { isList } from './graph/attributes.js';
export { operationsOf } from './graph/trace.js';
export { traceParts, type TraceParts } from './graph/trace-parts.js';
export { tracer } from './graph/tracer.js';
export { Value } from './graph/value.js';
export {
  atLeast0,
  checkedInUse,
  checkOption,
  checkOptions,
  checkValue,
  completeOptions,
  count,
  finite,
  flag,
  functionRule,
  isOptions,
  nearest,
  oneOf,
  optional,
  pairBelow1,
  plainObject,
  perGroup,
  positive,
  positiveCount,
  positiveShare,
  requireFunction,
  requireList,
  requireNoArguments,
  share,
  shareBelow1,
  text,
  valueText,
} from './options.js';
export { sliceAlong } from './ops/movement.js';
export { curvedSlope, pieceSlope } from './ops/slopes.js';
export { bytesOf, composed, doublesOf, flat, int32Of, requireFloat, unary } from './ops/support.js';
export { pauses, withPauses } from './pause.js';
export { generatorRule, stateOf } from './random.js';
export {
  broadcastShapes,
  checkShape,
  normalizeAxis,
  reduceGeometry,
  sameShape,
  withDim,
} from './shape.js';
export { noTensor, requireTensor } from './tensor.js';
export { warnOnce } from './warnings.js';
