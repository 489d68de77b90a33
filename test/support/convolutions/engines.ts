import { configureEngine } from '@unfold/core';
import { afterAll, beforeAll, describe } from 'vitest';
import { VARIANTS } from '../fixtures/fixtures.js';

export type Variant = (typeof VARIANTS)[number];

/** Runs `body` as a suite for float32 on both kernel sets, and for float64 on the reference. */
export function onEveryEngine(name: string, body: (variant: Variant) => void): void {
  describe.each(VARIANTS)(`${name}, $dtype on $kernels`, (variant) => {
    beforeAll(async () => {
      await configureEngine({ kernels: variant.kernels });
    });
    afterAll(async () => {
      await configureEngine({ kernels: 'wasm' });
    });
    body(variant);
  });
}
