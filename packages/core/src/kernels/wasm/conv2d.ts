import type { Conv2dGeometry, Kernels } from '../contract.js';
import { PARAMETERS } from '../table/kernels.js';
import { JOB, placesOf } from '../table/layout.js';
import type { ConvJob, ConvSideJob, WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';
import { writeWindow } from './parameters.js';

type F = Float32Array;

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

  /**
   * All parts of a kernel, whose arrays the frame has found; the numbers say which of these, counted
   * from 0, are out, x, weight and bias.
   */
  const run = (
    job: ReturnType<typeof stage>,
    { N, OC, groups, window }: Conv2dGeometry,
    out: number,
    x: number,
    weight: number,
    bias: number | null,
  ) => {
    const { blockAddress, parametersAddress, block } = frame;
    block[at.N] = N;
    block[at.OC] = OC;
    block[at.groups] = groups;
    writeWindow(block, window, at);
    block[at.out] = block[out] as number;
    block[at.x] = block[x] as number;
    block[at.weight] = block[weight] as number;
    block[at.bias] = bias === null ? 0 : (block[bias] as number);
    const shared = jobs.workspace(job.sharedBytes(parametersAddress));
    // That may have grown the heap.
    frame.renew();
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
      frame.enter(1, out, x, weight, bias ?? weight);
      try {
        run(forward, geometry, 0, 1, 2, bias ? 3 : null);
      } finally {
        frame.leave();
      }
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      frame.enter(1, dX, dOut, weight);
      try {
        run(backwardInput, geometry, 1, 0, 2, null);
      } finally {
        frame.leave();
      }
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      frame.enter(2, dWeight, dBias ?? dWeight, x, dOut);
      try {
        run(backwardWeight, geometry, 3, 2, 0, dBias ? 1 : null);
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
