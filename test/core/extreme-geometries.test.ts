import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../packages/core/src/errors.js';
import { checkWindow } from '../../packages/core/src/kernels/check-geometry.js';
import type { Conv2dGeometry, WindowGeometry } from '../../packages/core/src/kernels/contract.js';
import {
  conv2dWorkspace,
  fitsConv2d,
  fitsPooling,
  poolingBytes,
  type Conv2dKernel,
} from '../../packages/core/src/kernels/conv2d-workspace.js';
import { PARAMETERS } from '../../packages/core/src/kernels/table/kernels.js';
import { FIRST_PARAMETER, placesOf } from '../../packages/core/src/kernels/table/layout.js';
import type { WasmExports } from '../../packages/core/src/kernels/wasm/exports.js';
import { makeExtremeCalls } from '../support/kernels/extreme-calls.js';
import { anyConvolutions } from '../support/kernels/extreme-geometries.js';
import { windowGeometry } from '../support/kernels/kernels.js';
import { WatchedKernels } from '../support/kernels/watched-heap.js';

// 5,000 of them are in extreme-geometries.slow.test.ts.
it('whatever the geometry, a kernel is right or refuses it, and writes nothing else', () => {
  makeExtremeCalls(500, 1);
});

it('a pooling whose windows lie far outside the image reads nothing beside it', () => {
  const window = windowGeometry({ image: [1, 4], kernel: [1, 1], padding: [4899, 0] });
  const geometry = { ...window, OH: 1 };
  for (const binary of ['unfold-shared-plain', 'unfold-shared-fused'] as const) {
    const { kernels } = new WatchedKernels(binary, 2 ** 20);
    const [out, indices] = [new Float32Array(4), new Int32Array(4)];
    kernels.maxPool2d(out, indices, Float32Array.of(1, 2, 3, 4), geometry);
    expect([...indices]).toEqual([-1, -1, -1, -1]);
  }
});

describe('the work space of a convolution', () => {
  /** Integers of the block that a binary's convolutions read: the mirrored one lies behind. */
  const BLOCK = 256;

  /** What a binary asks for, in bytes. */
  function askedFor(
    wasm: WasmExports,
    kernel: Conv2dKernel,
    address: number,
  ): { sharedBytes: number; scratchBytes: number } {
    const [shared, scratch] = {
      conv2d: [wasm.conv2dForwardSharedBytes, wasm.conv2dForwardScratchBytes],
      conv2dBackwardInput: [
        wasm.conv2dBackwardInputSharedBytes,
        wasm.conv2dBackwardInputScratchBytes,
      ],
      conv2dBackwardWeight: [
        wasm.conv2dBackwardWeightSharedBytes,
        wasm.conv2dBackwardWeightScratchBytes,
      ],
    }[kernel] as [WasmExports['conv2dForwardSharedBytes'], WasmExports['conv2dForwardSharedBytes']];
    return { sharedBytes: shared(address) >>> 0, scratchBytes: scratch(address) >>> 0 };
  }

  function blockOf({ N, OC, groups, window }: Conv2dGeometry): number[] {
    return [N, OC, groups, ...wordsOf(window)];
  }

  function wordsOf(w: WindowGeometry): number[] {
    const image = [w.C, w.H, w.W, w.KH, w.KW, w.OH, w.OW];
    const steps = [w.strideH, w.strideW, w.padTop, w.padLeft, w.dilationH, w.dilationW];
    return [...image, ...steps];
  }

  /** A pooling of two by two, of windows side by side. */
  function poolOver({ OH, OW }: WindowGeometry): WindowGeometry {
    return windowGeometry({ image: [OH, OW], kernel: [2, 2], stride: [2, 2] });
  }

  /** The planes of one group, where they are a copy for certain. */
  function leastPlaneBytes({ window: w }: Conv2dGeometry): number {
    const isCopied = w.padTop + w.padLeft > 0 || w.strideH * w.strideW > 1;
    const rows = w.OH + Math.floor(((w.KH - 1) * w.dilationH) / w.strideH);
    const columns = w.OW + Math.floor(((w.KW - 1) * w.dilationW) / w.strideW);
    // A window of one pixel sees an unpadded image as one row.
    return isCopied ? 4 * w.C * rows * columns : 0;
  }

  it.each(['unfold-shared-plain', 'unfold-shared-fused'] as const)(
    'is what its bound says, where the bound lets it through, for %s',
    (binary) => {
      const { instance, address, block } = roomFor(binary);
      const seen = { fitting: 0, refused: 0, pooled: 0 };
      fc.assert(
        fc.property(
          anyConvolutions,
          fc.constantFrom<Conv2dKernel[]>('conv2d', 'conv2dBackwardInput', 'conv2dBackwardWeight'),
          fc.constantFrom(8, 16),
          (geometry, kernel, columns) => {
            if (!isWindow(geometry) || !fitsConv2d(kernel, geometry)) {
              seen.refused++;
              return;
            }
            seen.fitting++;
            block.fill(0);
            block.set(blockOf(geometry));
            instance.wasm.setTileWidth(columns);
            const most = conv2dWorkspace(kernel, geometry);
            const asked = askedFor(instance.wasm, kernel, address);
            expect(asked.sharedBytes).toBeLessThanOrEqual(most.sharedBytes);
            expect(asked.scratchBytes).toBeLessThanOrEqual(most.scratchBytes);
            // Nor did it wrap round.
            if (kernel === 'conv2dBackwardInput') return;
            expect(asked.scratchBytes).toBeGreaterThanOrEqual(leastPlaneBytes(geometry));
            if (kernel !== 'conv2d') return;
            const pool = poolOver(geometry.window);
            const joined = { ...geometry, activation: 'relu', slope: 0, pool } as const;
            if (!fitsPooling(joined)) return;
            seen.pooled++;
            const at = placesOf(PARAMETERS.conv2d);
            block.set(wordsOf(pool), at.poolC - FIRST_PARAMETER);
            block[at.pooled - FIRST_PARAMETER] = address;
            const pooling = askedFor(instance.wasm, kernel, address);
            expect(pooling.sharedBytes).toBe(asked.sharedBytes);
            expect(pooling.scratchBytes).toBeGreaterThanOrEqual(asked.scratchBytes);
            expect(pooling.scratchBytes).toBeLessThanOrEqual(
              most.scratchBytes + poolingBytes(joined),
            );
          },
        ),
        { numRuns: 2000, seed: 3 },
      );
      expect(seen.fitting).toBeGreaterThan(500);
      expect(seen.refused).toBeGreaterThan(100);
      expect(seen.pooled).toBeGreaterThan(100);
    },
  );

  function roomFor(binary: 'unfold-shared-plain' | 'unfold-shared-fused') {
    const watched = new WatchedKernels(binary, 2 ** 20);
    return { instance: watched.instance, ...watched.integers(BLOCK) };
  }

  function isWindow({ window }: Conv2dGeometry): boolean {
    try {
      checkWindow('a test', window);
      return true;
    } catch {
      return false;
    }
  }

  it('takes what networks have', () => {
    const images = [
      { C: 64, image: [1024, 1024], kernel: [3, 3], padding: [1, 1] },
      { C: 256, image: [56, 56], kernel: [1, 1], stride: [2, 2] },
      { C: 3, image: [2048, 2048], kernel: [7, 7], stride: [2, 2], padding: [3, 3] },
      { C: 2048, image: [32, 32], kernel: [3, 3], padding: [24, 24], dilation: [24, 24] },
      { C: 512, image: [7, 7], kernel: [7, 7] },
    ] as const;
    for (const spec of images) {
      const geometry = { N: 4, OC: 64, groups: 1, window: windowGeometry(spec) };
      expect(fitsConv2d('conv2d', geometry)).toBe(true);
      expect(fitsConv2d('conv2dBackwardInput', geometry)).toBe(true);
      expect(fitsConv2d('conv2dBackwardWeight', geometry)).toBe(true);
    }
  });
});

it('a window that was sound is checked again once it was changed', () => {
  const window = { ...windowGeometry({ image: [5, 6], kernel: [3, 2] }) };
  checkWindow('a test', window);
  window.H = 2 ** 31;
  expect(() => checkWindow('a test', window)).toThrow(ShapeError);
  const conv = { N: 1, OC: 1, groups: 1, window: { ...window, H: 5 } };
  expect(fitsConv2d('conv2d', conv)).toBe(true);
  conv.window.dilationH = 2 ** 30;
  expect(fitsConv2d('conv2d', conv)).toBe(false);
});
