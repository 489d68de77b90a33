import type { BroadcastGeometry, Kernels } from '../contract.js';
import type { WasmExports } from './exports.js';
import type { Frame } from './frame.js';
import { writeWalk } from './walk.js';

type F = Float32Array;

/** Elementwise operations on two broadcast inputs. */
export function broadcastKernels(wasm: WasmExports, frame: Frame) {
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

  return {
    add: binary<F>(wasm.add),
    sub: binary<F>(wasm.sub),
    mul: binary<F>(wasm.mul),
    div: binary<F>(wasm.div),
    pow: binary<F>(wasm.pow),
    maximum: binary<F>(wasm.maximum),
    minimum: binary<F>(wasm.minimum),
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
