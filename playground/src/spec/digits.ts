/*
 * The digits that the page trains and tests with: the first ones of MNIST, so that other programs can take the
 * same.
 */
export const TRAINING_DIGITS = 5000;
export const TEST_DIGITS = 2000;

/** Pixels of a digit. */
export const PIXELS = 28 * 28;

/** A digit as the network sees it. */
export interface Digit {
  /** `[28, 28]`, 0…255, light on black. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** What it shows, where that is known. */
  readonly label: number | null;
}

/**
 * How pixels are normalised before a network sees them: by mean and deviation of the 55,000 digits that
 * `train:mnist` learns from, so that weights from there work here, and those from here work there.
 */
export const NORMALIZATION: {
  readonly mean: readonly [number];
  readonly std: readonly [number];
} = { mean: [0.13071675060933466], std: [0.3081966416527278] };

/**
 * How far `affine` turns (degrees), moves (parts of the size), scales and shears (degrees) at most; as the
 * presets of `train:mnist` have it.
 */
export const AFFINE = { degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 } as const;
