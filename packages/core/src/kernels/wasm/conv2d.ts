import type { Heap } from '../../memory/heap.js';
import { noteWrite, type DeviceBuffer } from '../buffer.js';
import type { Conv2dGeometry, Kernels } from '../contract.js';
import type { Conv2dKernel } from '../conv2d-workspace.js';
import { KERNELS, PARAMETERS } from '../table/kernels.js';
import { FIRST_PARAMETER, JOB, placesOf } from '../table/layout.js';
import type { ConvJob, ConvSideJob, WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes } from './operands.js';
import { writeWindow } from './parameters.js';
import type { Call, Plan } from './plans.js';

const at = placesOf(PARAMETERS.conv2d);

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

/** The words of a block that hold the addresses of out, x, weight and bias. */
export const CONV2D_ADDRESSES = [at.out, at.x, at.weight, at.bias];

/** Writes the arguments into the frame's block; backward, `out` is dOut. */
export function writeConv2d(
  { block }: Frame,
  { N, OC, groups, window }: Conv2dGeometry,
  out: DeviceBuffer,
  x: DeviceBuffer,
  weight: DeviceBuffer,
  bias: DeviceBuffer | null,
): void {
  block[at.N] = N;
  block[at.OC] = OC;
  block[at.groups] = groups;
  writeWindow(block, window, at);
  block[at.out] = out.address;
  block[at.x] = x.address;
  block[at.weight] = weight.address;
  block[at.bias] = bias === null ? 0 : bias.address;
  block[at.turned] = 0;
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
    const { blockAddress, parametersAddress } = frame;
    prepareConv2d(frame, job, jobs.workspace(job.sharedBytes(parametersAddress)));
    const { before, after } = job;
    const scratchBytes = job.scratchBytes(parametersAddress);
    if (before) {
      jobs.run(before.number, blockAddress, before.parts(parametersAddress), scratchBytes);
    }
    jobs.run(job.number, blockAddress, job.parts(parametersAddress), scratchBytes);
    if (after) jobs.run(after.number, blockAddress, after.parts(parametersAddress));
  };

  /** What `run` does up to the product, in memory of its own; null if there is no room. */
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

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      checkTypes('conv2dBackwardInput', dX, dOut, weight);
      noteWrite(dX);
      run(backwardInput, geometry, dOut, dX, weight, null);
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      checkTypes('conv2dBackwardWeight', dWeight, dBias, x, dOut);
      noteWrite(dWeight);
      if (dBias !== null) noteWrite(dBias);
      run(backwardWeight, geometry, dOut, x, dWeight, dBias);
    },
  } satisfies Partial<Kernels>;
}

/** @throws DTypeError unless all operands are float32. */
function checkTypes(kernel: Conv2dKernel, ...operands: (DeviceBuffer | null)[]): void {
  for (const operand of operands) {
    if (operand !== null && operand.dtype !== 'float32') {
      refuseTypes(kernel, KERNELS[kernel], operands);
    }
  }
}
