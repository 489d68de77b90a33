import type { BroadcastGeometry, Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { JOB, type Jobs } from './jobs.js';
import { isShared, runShared } from './run.js';
import { writeWalk } from './walk.js';

type F = Float32Array;

/** Elementwise operations on two broadcast inputs. */
export function broadcastKernels(wasm: WasmExports, frame: Frame, jobs: Jobs) {
  const binary =
    <Out extends F | Uint8Array>(run: WasmExports['add']) =>
    (out: Out, a: F, b: F, { shape, aStrides, bStrides }: BroadcastGeometry) => {
      frame.enter(1, out, a, b);
      try {
        writeWalk(frame, shape, aStrides, bStrides);
        run(frame.first, frame.second, frame.third, frame.blockAddress, shape.length);
      } finally {
        frame.leave();
      }
    };

  /** Shared out where every operand is one run as long as `out`, or one element. */
  const floats = (kernel: number, run: WasmExports['add']) => {
    const direct = binary<F>(run);
    return (out: F, a: F, b: F, geometry: BroadcastGeometry) => {
      const { shape, aStrides, bStrides } = geometry;
      const n = shape[0] ?? 1;
      const aStep = aStrides[0] ?? 0;
      const bStep = bStrides[0] ?? 0;
      const isRun =
        shape.length === 1 && (aStep === 0 || aStep === 1) && (bStep === 0 || bStep === 1);
      if (!isRun || !isShared(jobs, n)) {
        direct(out, a, b, geometry);
        return;
      }
      frame.enter(1, out, a, b);
      try {
        runShared(jobs, frame, kernel, n, aStep, bStep);
      } finally {
        frame.leave();
      }
    };
  };

  return {
    add: floats(JOB.add, wasm.add),
    sub: floats(JOB.sub, wasm.sub),
    mul: floats(JOB.mul, wasm.mul),
    div: floats(JOB.div, wasm.div),
    pow: floats(JOB.pow, wasm.pow),
    maximum: floats(JOB.maximum, wasm.maximum),
    minimum: floats(JOB.minimum, wasm.minimum),
    eq: binary<Uint8Array>(wasm.eq),
    lt: binary<Uint8Array>(wasm.lt),
    gt: binary<Uint8Array>(wasm.gt),

    where(out, condition, a, b, { shape, conditionStrides, aStrides, bStrides }) {
      frame.enter(1, out, condition, a, b);
      try {
        writeWalk(frame, shape, conditionStrides, aStrides, bStrides);
        wasm.where(
          frame.first,
          frame.second,
          frame.third,
          frame.fourth,
          frame.blockAddress,
          shape.length,
        );
      } finally {
        frame.leave();
      }
    },
  } satisfies Partial<Kernels<F>>;
}
