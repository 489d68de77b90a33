import { signal } from '@preact/signals';

/** A digit as the network sees it. */
export interface Digit {
  /** `[28, 28]`, 0…255, light on black. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** What it shows, where that is known. */
  readonly label: number | null;
}

/** The digit at hand: drawn, chosen or from a photo; null before there is one. */
export const digit = signal<Digit | null>(null);
