import { fromText } from './binary-text.js';
import { withoutFusing, withOwnMemory } from './rewrite.js';

/**
 * The binary of a name, made of the text of the one that most JavaScript engines run: for shared memory,
 * with fused multiply-add.
 */
export function variantOfText(text: string, name: string): Uint8Array {
  let binary = fromText(text);
  // Safari has no relaxed SIMD yet; Chromium has since 114, Firefox since 146.
  if (name.endsWith('plain')) binary = withoutFusing(binary);
  return name.includes('-local-') ? withOwnMemory(binary) : binary;
}
