import { nextWord } from '../../xoshiro.js';
import type { MaskOptions } from '../contract.js';
import { maskThresholds } from '../mask-thresholds.js';

export function drawMask(mask: Uint8Array, state: Int32Array, { p }: MaskOptions): void {
  const { below, threshold } = maskThresholds(p);
  let word = 0;
  for (let i = 0; i < mask.length; i++) {
    if (i % 4 === 0) word = nextWord(state, 0);
    const byte = word & 255;
    word >>>= 8;
    mask[i] = byte < below ? 1 : 0;
    if (byte === below && nextWord(state, 0) < threshold) mask[i] = 1;
  }
}
