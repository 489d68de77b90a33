import type { Conv2dGeometry, Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';
import { writeWindow } from './windows.js';

type F = Float32Array;

/** Words of the block, as the fields of Conv in assembly/conv2d.ts. */
const WINDOW = 3;
const OUT = 16;
const SHARED = 20;
const TURNED = 21;

/** What one of the three kernels is made of in the binary: jobs, and what they need. */
interface ConvJob {
  readonly number: number;
  /** Another job before, which packs the weights, or after, which adds up what parts summed. */
  readonly before?: { readonly number: number; readonly parts: WasmExports['conv2dForwardParts'] };
  readonly after?: { readonly number: number; readonly parts: WasmExports['conv2dForwardParts'] };
  readonly parts: WasmExports['conv2dForwardParts'];
  readonly sharedBytes: WasmExports['conv2dForwardSharedBytes'];
  readonly scratchBytes: WasmExports['conv2dForwardScratchBytes'];
  readonly prepare: WasmExports['conv2dForwardPrepare'];
}

/** Convolutions of a whole batch that never store the unfold. */
export function conv2dKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const forward: ConvJob = {
    number: JOB.conv2dForward,
    before: { number: JOB.conv2dForwardPack, parts: wasm.conv2dForwardPackParts },
    parts: wasm.conv2dForwardParts,
    sharedBytes: wasm.conv2dForwardSharedBytes,
    scratchBytes: wasm.conv2dForwardScratchBytes,
    prepare: wasm.conv2dForwardPrepare,
  };
  const backwardInput: ConvJob = {
    number: JOB.conv2dBackwardInput,
    before: { number: JOB.conv2dBackwardInputPack, parts: wasm.conv2dBackwardInputPackParts },
    parts: wasm.conv2dBackwardInputParts,
    sharedBytes: wasm.conv2dBackwardInputSharedBytes,
    scratchBytes: wasm.conv2dBackwardInputScratchBytes,
    prepare: wasm.conv2dBackwardInputPrepare,
  };
  const backwardWeight: ConvJob = {
    number: JOB.conv2dBackwardWeight,
    after: { number: JOB.conv2dBackwardWeightFinish, parts: wasm.conv2dBackwardWeightFinishParts },
    parts: wasm.conv2dBackwardWeightParts,
    sharedBytes: wasm.conv2dBackwardWeightSharedBytes,
    scratchBytes: wasm.conv2dBackwardWeightScratchBytes,
    prepare: wasm.conv2dBackwardWeightPrepare,
  };

  /** All parts of a kernel, whose arrays the frame has found. */
  const run = (
    job: ConvJob,
    { N, OC, groups, window }: Conv2dGeometry,
    out: number,
    x: number,
    weight: number,
    bias: number,
  ) => {
    const address = frame.blockAddress;
    const { block } = frame;
    block[0] = N;
    block[1] = OC;
    block[2] = groups;
    writeWindow(block, window, WINDOW);
    block[OUT] = out;
    block[OUT + 1] = x;
    block[OUT + 2] = weight;
    block[OUT + 3] = bias;
    const shared = jobs.workspace(job.sharedBytes(address));
    // That may have grown the heap.
    frame.renew();
    frame.block[SHARED] = shared;
    frame.block[TURNED] = 0;
    job.prepare(address);
    const { before, after } = job;
    const scratchBytes = job.scratchBytes(address);
    if (before) jobs.run(before.number, address, before.parts(address), scratchBytes);
    jobs.run(job.number, address, job.parts(address), scratchBytes);
    if (after) jobs.run(after.number, address, after.parts(address));
  };

  return {
    conv2d(out, x, weight, bias, geometry) {
      frame.enter(1, out, x, weight, bias ?? weight);
      try {
        const { first, second, third, fourth } = frame;
        run(forward, geometry, first, second, third, bias ? fourth : 0);
      } finally {
        frame.leave();
      }
    },

    conv2dBackwardInput(dX, dOut, weight, geometry) {
      frame.enter(1, dX, dOut, weight);
      try {
        run(backwardInput, geometry, frame.second, frame.first, frame.third, 0);
      } finally {
        frame.leave();
      }
    },

    conv2dBackwardWeight(dWeight, dBias, x, dOut, geometry) {
      frame.enter(2, dWeight, dBias ?? dWeight, x, dOut);
      try {
        const { first, second, third, fourth } = frame;
        run(backwardWeight, geometry, fourth, third, first, dBias ? second : 0);
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
