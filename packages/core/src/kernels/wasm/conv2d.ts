import type { DeviceBuffer } from '../buffer.js';
import type { Conv2dGeometry, Kernels } from '../contract.js';
import type { Conv2dKernel } from '../conv2d-workspace.js';
import { KERNELS, PARAMETERS } from '../table/kernels.js';
import { JOB, placesOf } from '../table/layout.js';
import type { ConvJob, ConvSideJob, WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { refuseTypes } from './operands.js';
import { writeWindow } from './parameters.js';

const at = placesOf(PARAMETERS.conv2d);

/** Another job of a kernel, and how many parts it has. */
interface SideJob {
  readonly number: number;
  readonly parts: (parameters: number) => number;
}

/** Convolutions of a whole batch that never store the unfold. */
export function conv2dKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  /**
   * What one of the three kernels is made of in the binary: jobs, and what they need. A job before
   * packs the weights, one after adds up what parts summed.
   */
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

  const forward = stage('conv2dForward', side('conv2dForwardPack'), null);
  const backwardInput = stage('conv2dBackwardInput', side('conv2dBackwardInputPack'), null);
  const backwardWeight = stage('conv2dBackwardWeight', null, side('conv2dBackwardWeightFinish'));

  /** All parts of a kernel. */
  const run = (
    job: ReturnType<typeof stage>,
    { N, OC, groups, window }: Conv2dGeometry,
    out: DeviceBuffer,
    x: DeviceBuffer,
    weight: DeviceBuffer,
    bias: DeviceBuffer | null,
  ) => {
    const { blockAddress, parametersAddress, block } = frame;
    block[at.N] = N;
    block[at.OC] = OC;
    block[at.groups] = groups;
    writeWindow(block, window, at);
    block[at.out] = out.address;
    block[at.x] = x.address;
    block[at.weight] = weight.address;
    block[at.bias] = bias === null ? 0 : bias.address;
    const shared = jobs.workspace(job.sharedBytes(parametersAddress));
    frame.block[at.shared] = shared;
    frame.block[at.turned] = 0;
    job.prepare(parametersAddress);
    const { before, after } = job;
    const scratchBytes = job.scratchBytes(parametersAddress);
    if (before) {
      jobs.run(before.number, blockAddress, before.parts(parametersAddress), scratchBytes);
    }
    jobs.run(job.number, blockAddress, job.parts(parametersAddress), scratchBytes);
    if (after) jobs.run(after.number, blockAddress, after.parts(parametersAddress));
  };

  return {
    conv2d(out, x, weight, bias, geometry) {
      checkTypes('conv2d', out, x, weight, bias);
      run(forward, geometry, out, x, weight, bias);
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      checkTypes('conv2dBackwardInput', dX, dOut, weight);
      run(backwardInput, geometry, dOut, dX, weight, null);
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      checkTypes('conv2dBackwardWeight', dWeight, dBias, x, dOut);
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
