import type { Heap } from '../../memory/heap.js';
import { noteWrite, type DeviceBuffer } from '../buffer.js';
import type { Conv2dGeometry, Conv2dJoinedGeometry, Kernels } from '../contract.js';
import type { Conv2dKernel } from '../conv2d-workspace.js';
import { ACTIVATIONS, KERNELS, PARAMETERS } from '../table/kernels.js';
import { FIRST_PARAMETER, JOB, placesOf } from '../table/layout.js';
import { cutOf } from './cut.js';
import type { ConvJob, ConvSideJob, WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes } from './operands.js';
import { writeWindow } from './parameters.js';
import type { Call, Plan } from './plans.js';

const at = placesOf(PARAMETERS.conv2d);
const windowAt = placesOf(PARAMETERS.window);
/** The words of a pooling behind the convolution. */
const poolAt = {
  C: at.poolC,
  H: at.poolH,
  W: at.poolW,
  KH: at.poolKH,
  KW: at.poolKW,
  OH: at.poolOH,
  OW: at.poolOW,
  strideH: at.poolStrideH,
  strideW: at.poolStrideW,
  padTop: at.poolPadTop,
  padLeft: at.poolPadLeft,
  dilationH: at.poolDilationH,
  dilationW: at.poolDilationW,
};
const cutPool = cutOf(KERNELS.maxPool2d);

/** Another job of a kernel, and how many parts it has. */
interface SideJob {
  readonly number: number;
  readonly parts: (parameters: number) => number;
}

/**
 * The three kernels as the binary has them: jobs, and what they need. A job before packs the
 * weights, one after adds up what parts summed.
 */
export function conv2dStages(wasm: WasmExports) {
  const stage = (name: ConvJob, before: SideJob | null, after: SideJob | null) => ({
    number: JOB[name],
    before,
    after,
    parts: wasm[`${name}Parts`],
    sharedBytes: wasm[`${name}SharedBytes`],
    scratchBytes: wasm[`${name}ScratchBytes`],
    prepare: wasm[`${name}Prepare`],
  });
  const side = (name: ConvSideJob): SideJob => ({
    number: JOB[name],
    parts: wasm[`${name}Parts`],
  });
  return {
    /** Words of a convolution's parameters, with what its first functions set behind them. */
    parameterWords: wasm.conv2dParametersBytes() / 4,
    /** Bytes of a block of arguments, up to a cache line. */
    blockBytes: Math.ceil((FIRST_PARAMETER * 4 + wasm.conv2dParametersBytes()) / 64) * 64,
    forward: stage('conv2dForward', side('conv2dForwardPack'), null),
    backwardInput: stage('conv2dBackwardInput', side('conv2dBackwardInputPack'), null),
    backwardWeight: stage('conv2dBackwardWeight', null, side('conv2dBackwardWeightFinish')),
  };
}

/** One of the three. */
export type Conv2dStage = ReturnType<typeof conv2dStages>['forward' | 'backwardWeight'];

/** The words of a block that hold the addresses of out, x, weight, bias, pooled, indices and saved. */
export const CONV2D_ADDRESSES = [at.out, at.x, at.weight, at.bias, at.pooled, at.indices, at.saved];

/** Writes the arguments into the frame's block; backward, `out` is dOut. */
export function writeConv2d(
  { block }: Frame,
  { N, OC, groups, window }: Conv2dGeometry,
  out: DeviceBuffer | null,
  x: DeviceBuffer,
  weight: DeviceBuffer,
  bias: DeviceBuffer | null,
): void {
  block[at.N] = N;
  block[at.OC] = OC;
  block[at.groups] = groups;
  writeWindow(block, window, at);
  block[at.out] = out === null ? 0 : out.address;
  block[at.x] = x.address;
  block[at.weight] = weight.address;
  block[at.bias] = bias === null ? 0 : bias.address;
  block[at.flipped] = 0;
  block[at.activation] = 0;
  block[at.pooled] = 0;
  block[at.indices] = 0;
  block[at.saved] = 0;
}

/** Writes what is done with the results of a convolution behind its other arguments. */
export function writeEpilogue(
  { block, floats }: Frame,
  { activation, slope, pool }: Conv2dJoinedGeometry,
  pooled: DeviceBuffer | null,
  indices: DeviceBuffer | null,
): void {
  block[at.activation] = ACTIVATIONS[activation];
  floats[at.slope] = slope;
  if (pool === null || pooled === null) return;
  writeWindow(block, pool, poolAt);
  block[at.pooled] = pooled.address;
  block[at.indices] = indices === null ? 0 : indices.address;
}

/** Writes whose relu stands before the convolution, behind its other arguments, backward to x. */
export function writeSaved({ block }: Frame, saved: DeviceBuffer): void {
  block[at.saved] = saved.address;
}

/** Says to the block in the frame where its shared area is, and has it prepared. */
export function prepareConv2d(frame: Frame, stage: Conv2dStage, shared: number): void {
  frame.block[at.shared] = shared;
  stage.prepare(frame.parametersAddress);
}

/** Convolutions of a whole batch that never store the unfold. */
export function conv2dKernels(wasm: WasmExports, heap: Heap, frame: Frame, jobs: Jobs) {
  const { plans } = jobs;
  const { blockBytes, forward, backwardInput, backwardWeight } = conv2dStages(wasm);

  /** All parts of a kernel. */
  const run = (
    job: Conv2dStage,
    geometry: Conv2dGeometry,
    out: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    bias: DeviceBuffer | null,
  ) => {
    writeConv2d(frame, geometry, out, x, weight, bias);
    runWritten(job, jobs.workspace(job.sharedBytes(frame.parametersAddress)));
  };

  /** The same of arguments that the block holds already. */
  const runWritten = (job: Conv2dStage, shared: number) => {
    const { blockAddress, parametersAddress } = frame;
    prepareConv2d(frame, job, shared);
    const { before, after } = job;
    const scratchBytes = job.scratchBytes(parametersAddress);
    if (before) {
      jobs.run(before.number, blockAddress, before.parts(parametersAddress), scratchBytes);
    }
    jobs.run(job.number, blockAddress, job.parts(parametersAddress), scratchBytes);
    if (after) jobs.run(after.number, blockAddress, after.parts(parametersAddress));
  };

  /** Does the work of `run` up to the product, in memory of its own; null if there is no room. */
  const planOf = (
    { number, before, parts, sharedBytes, scratchBytes, prepare }: typeof forward,
    geometry: Conv2dGeometry,
    ...operands: [DeviceBuffer, DeviceBuffer, DeviceBuffer, DeviceBuffer | null]
  ): Plan | null => {
    writeConv2d(frame, geometry, ...operands);
    const bytes = blockBytes + sharedBytes(frame.parametersAddress);
    const address = plans.allocate(bytes);
    if (address === null) return null;
    try {
      const { words } = heap;
      const from = frame.blockAddress / 4;
      words.copyWithin(address / 4, from, from + blockBytes / 4);
      words[address / 4 + at.shared] = address + blockBytes;
      const parameters = address + FIRST_PARAMETER * 4;
      prepare(parameters);
      const scratch = scratchBytes(parameters);
      if (before) jobs.run(before.number, address, before.parts(parameters), scratch);
      return { number, address, bytes, parts: parts(parameters), scratchBytes: scratch };
    } catch (error) {
      heap.free(address, bytes);
      throw error;
    }
  };

  /** Runs a call's plan, made now if need be; false if there is no room for one. */
  const follow = (
    call: Call,
    out: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    bias: DeviceBuffer | null,
  ): boolean => {
    call.plan ??= planOf(forward, call.geometry, out, x, weight, bias);
    const { plan } = call;
    if (plan === null) {
      call.isRefused = true;
      return false;
    }
    const { words } = heap;
    words[plan.address / 4 + at.out] = out.address;
    words[plan.address / 4 + at.x] = x.address;
    plans.running = plan;
    try {
      jobs.run(plan.number, plan.address, plan.parts, plan.scratchBytes);
    } finally {
      plans.running = null;
    }
    return true;
  };

  return {
    conv2d(out, x, weight, bias, geometry) {
      checkTypes('conv2d', out, x, weight, bias);
      noteWrite(out);
      const call = plans.recall(weight, bias, geometry);
      if (call !== null && follow(call, out, x, weight, bias)) return;
      run(forward, geometry, out, x, weight, bias);
    },

    conv2dJoined(out, pooled, indices, x, weight, bias, geometry) {
      checkJoinedTypes(out, pooled, indices, x, weight, bias);
      for (const written of [out, pooled, indices]) if (written !== null) noteWrite(written);
      writeConv2d(frame, geometry, out, x, weight, bias);
      writeEpilogue(frame, geometry, pooled, indices);
      const { pool } = geometry;
      const sharedBytes = forward.sharedBytes(frame.parametersAddress);
      const isWhole = pool === null || pooled === null;
      if (isWhole || wasm.conv2dForwardCanPool(frame.parametersAddress)) {
        runWritten(forward, jobs.workspace(sharedBytes));
        return;
      }
      // Parts hold bands of planes: the pooling is a job of its own, of planes that are laid aside if
      // nobody else needs them.
      const planes = geometry.N * geometry.OC;
      const planesBytes = out === null ? planes * pool.H * pool.W * 4 : 0;
      const placesBytes = indices === null ? planes * pool.OH * pool.OW * 4 : 0;
      const aside = jobs.workspace(planesBytes + placesBytes + sharedBytes);
      const values = out === null ? aside : out.address;
      frame.block[at.pooled] = 0;
      frame.block[at.out] = values;
      runWritten(forward, aside + planesBytes + placesBytes);
      const { block } = frame;
      block[0] = pooled.address;
      block[1] = indices === null ? aside + planesBytes : indices.address;
      block[2] = values;
      writeWindow(block, pool, windowAt);
      block[windowAt.C] = planes;
      jobs.run(JOB.maxPool2d, frame.blockAddress, cutPool(block));
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      checkTypes('conv2dBackwardInput', dX, dOut, weight);
      noteWrite(dX);
      run(backwardInput, geometry, dOut, dX, weight, null);
    },

    conv2dBackwardInputRelu(dX, dOut, weight, saved, geometry) {
      checkTypes('conv2dBackwardInputRelu', dX, dOut, weight, saved);
      noteWrite(dX);
      writeConv2d(frame, geometry, dOut, dX, weight, null);
      writeSaved(frame, saved);
      runWritten(backwardInput, jobs.workspace(backwardInput.sharedBytes(frame.parametersAddress)));
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      checkTypes('conv2dBackwardWeight', dWeight, dBias, x, dOut);
      noteWrite(dWeight);
      if (dBias !== null) noteWrite(dBias);
      run(backwardWeight, geometry, dOut, x, dWeight, dBias);
    },
  } satisfies Partial<Kernels>;
}

/** @throws DTypeError unless all operands are float32, and indices int32. */
function checkJoinedTypes(...operands: (DeviceBuffer | null)[]): void {
  const isRight = operands.every(
    (operand, i) => operand === null || operand.dtype === (i === 2 ? 'int32' : 'float32'),
  );
  if (!isRight) refuseTypes('conv2dJoined', KERNELS.conv2dJoined, operands);
}

/** @throws DTypeError unless all operands are float32. */
function checkTypes(
  kernel: Conv2dKernel | 'conv2dBackwardInputRelu',
  ...operands: (DeviceBuffer | null)[]
): void {
  for (const operand of operands) {
    if (operand !== null && operand.dtype !== 'float32') {
      refuseTypes(kernel, KERNELS[kernel], operands);
    }
  }
}
