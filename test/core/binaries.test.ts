import { readFileSync } from 'node:fs';
import { EngineError } from '@unfold/core';
import { describe, expect, it } from 'vitest';
import * as bundle from '../../packages/core/src/engine/binaries.bundle.js';
import * as moreBundle from '../../packages/core/src/engine/more-binaries.bundle.js';
import { fromText, toText } from '../../packages/core/src/engine/binary-text.js';
import * as source from '../../packages/core/src/engine/binaries.source.js';
import { Heap } from '../../packages/core/src/memory/heap.js';
import { withoutFusing, withOwnMemory } from '../../packages/core/src/engine/rewrite.js';
import { findFault } from '../../packages/core/src/engine/verify.js';
import { findMoreFault } from '../../packages/core/src/engine/verify-more.js';
import type { ArrayKernels, Kernels } from '../../packages/core/src/kernels/contract.js';
import {
  instantiateKernels,
  type BinaryName,
} from '../../packages/core/src/kernels/wasm/instantiate.js';
import { instantiateMore } from '../../packages/core/src/kernels/wasm/more.js';
import { moreNameOf } from '../support/kernels/all-kernels.js';
import { overArrays } from '../support/kernels/array-kernels.js';
import { randomSource, windowGeometry } from '../support/kernels/kernels.js';

const fused = source.loadBinary('unfold-shared-fused');
const moreFused = source.loadBinary('unfold-more-shared-fused');

interface Made {
  readonly heap: Heap;
  readonly kernels: Kernels;
  readonly ofArrays: ArrayKernels;
}

function kernelsOf(first: Uint8Array, second: Uint8Array, shared: boolean): Made {
  const heap = new Heap({ shared, maximumBytes: 2 ** 26 });
  const instance = instantiateKernels(first, heap);
  const kernels = { ...instance.kernels, ...instantiateMore(second, heap, instance) };
  return { heap, kernels, ofArrays: overArrays(kernels, heap) };
}

/**
 * What products, a convolution and a polynomial give, sums of many products each, and what a pooling
 * chooses.
 */
function results({ ofArrays: kernels }: Made): (Float32Array | Int32Array)[] {
  const random = randomSource(3);
  const floats = (n: number) => Float32Array.from({ length: n }, () => 2 * random() - 1);
  const product = new Float32Array(37 * 41);
  kernels.matmul(product, floats(37 * 301), floats(301 * 41), {
    M: 37,
    N: 41,
    K: 301,
    transposeA: false,
    transposeB: false,
    accumulate: false,
    batch: 1,
    aBatchStride: 0,
    bBatchStride: 0,
  });
  const window = windowGeometry({
    C: 5,
    image: [19, 23],
    kernel: [3, 5],
    stride: [2, 1],
    padding: [1, 2],
  });
  const geometry = { N: 3, OC: 11, groups: 1, window };
  const out = new Float32Array(3 * 11 * window.OH * window.OW);
  kernels.conv2d(out, floats(3 * 5 * 19 * 23), floats(11 * 5 * 15), floats(11), geometry);
  const dWeight = new Float32Array(11 * 5 * 15);
  const dBias = new Float32Array(11);
  kernels.conv2dBackwardWeight(dWeight, dBias, floats(3 * 5 * 19 * 23), out, geometry);
  const powers = new Float32Array(999);
  kernels.exp(powers, floats(999));
  const pooled = windowGeometry({ C: 5, image: [19, 23], kernel: [2, 2], stride: [2, 2] });
  const largest = new Float32Array(5 * pooled.OH * pooled.OW);
  const indices = new Int32Array(largest.length);
  kernels.maxPool2d(largest, indices, floats(5 * 19 * 23), pooled);
  return [product, out, dWeight, dBias, powers, largest, indices];
}

describe('the binaries that a page makes of its one', () => {
  it.each<BinaryName>([
    'unfold-local-plain',
    'unfold-local-fused',
    'unfold-shared-plain',
    'unfold-shared-fused',
  ])('%s agrees with the reference, and with the one of Node in every bit', (name) => {
    const shared = name.startsWith('unfold-shared');
    const more = moreNameOf(name);
    const made = kernelsOf(bundle.loadBinary(name), moreBundle.loadBinary(more), shared);
    expect(findFault(made.kernels, made.heap)).toBeNull();
    expect(findMoreFault(made.kernels, made.heap)).toBeNull();
    const compiled = kernelsOf(source.loadBinary(name), source.loadBinary(more), shared);
    expect(results(made)).toEqual(results(compiled));
  });

  it('those without fused multiply-add give other bits', () => {
    const plain = results(kernelsOf(withoutFusing(fused), withoutFusing(moreFused), true));
    const both = results(kernelsOf(fused, moreFused, true));
    // A product of the first binary, exponentials of the second.
    expect(plain[0]).not.toEqual(both[0]);
    expect(plain[4]).not.toEqual(both[4]);
  });
});

describe('the text of a binary', () => {
  it('holds every byte, in ASCII that no string and no page has to escape', () => {
    const random = randomSource(5);
    const bytes = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      Uint8Array.from({ length: 10_000 }, () => 256 * random() ** 3),
      Uint8Array.from(fused),
    ];
    for (const each of bytes) {
      const text = toText(each);
      expect(text).toMatch(/^[ -~]*$/);
      expect(text).not.toMatch(/['\\`$<]/);
      expect(fromText(text)).toEqual(each);
    }
  });

  it('is hardly longer than the bytes', () => {
    expect(toText(fused).length / fused.length).toBeLessThan(1.1);
  });
});

describe('withOwnMemory', () => {
  it('changes one byte, and leaves the binary that it was given', () => {
    const before = fused.slice();
    const own = withOwnMemory(fused);
    expect(fused).toEqual(before);
    expect(own.filter((byte, i) => byte !== before[i])).toHaveLength(1);
  });

  it('is an error for a module without memory', () => {
    expect(() => withOwnMemory(moduleOf([]))).toThrow(EngineError);
  });
});

describe('withoutFusing', () => {
  it('leaves nothing to replace', () => {
    const plain = withoutFusing(fused);
    expect(plain.length).toBeGreaterThan(fused.length);
    expect(withoutFusing(plain)).toEqual(plain);
  });

  it('puts the new local behind parameters and locals of every type', () => {
    // (v128 v128 v128) → v128 with two i32 and one f64: the new local is number 6.
    const module = moduleOf([0x20, 0, 0x20, 1, 0x20, 2, 0xfd, 0x85, 0x02]);
    const code = [0x20, 0, 0x20, 1, 0x20, 2, 0x21, 6, 0xfd, 0xe6, 0x01, 0x20, 6, 0xfd, 0xe4, 0x01];
    expect(withoutFusing(module)).toEqual(moduleOf(code, [1, 0x7b]));
  });

  it('is not misled by numbers that look like the instruction', () => {
    // v128.const with its bytes inside.
    const constant = [0xfd, 0x0c, 0xfd, 0x85, 0x02, ...new Array<number>(13).fill(0xfd)];
    const module = moduleOf(constant);
    expect(withoutFusing(module)).toEqual(module);
  });

  it('is an error for other relaxed instructions', () => {
    const swizzle = moduleOf([0x20, 0, 0x20, 1, 0xfd, 0x80, 0x02]);
    expect(() => withoutFusing(swizzle)).toThrow(EngineError);
    expect(() => withoutFusing(swizzle)).toThrow(/^engine: instruction 0x100 is not known/);
  });

  it('is an error for a binary that is cut off', () => {
    expect(() => withoutFusing(moduleOf([0xfd]).slice(0, -2))).toThrow('are cut off');
  });
});

/** A module with one function of three v128 and these locals, whose body is `code`. */
function moduleOf(code: readonly number[], moreLocals: readonly number[] = []): Uint8Array {
  const groups = 2 + moreLocals.length / 2;
  const body = [groups, 2, 0x7f, 1, 0x7c, ...moreLocals, ...code, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 8, 1, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, body.length + 2, 1, body.length, ...body],
  ]);
}

it.each([
  ['unfold-shared-fused', bundle.loadBinary('unfold-shared-fused')],
  ['unfold-more-shared-fused', moreBundle.loadBinary('unfold-more-shared-fused')],
])('the module in bundles holds %s of Node', (name, binary) => {
  const file = new URL(`../../packages/core/assembly/build/${name}.wasm`, import.meta.url);
  expect(binary).toEqual(new Uint8Array(readFileSync(file)));
});
