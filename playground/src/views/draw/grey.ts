import type { GreyPicture } from '../../lab/protocol.js';

/** The longer side that a photo is made smaller to: enough for a digit that is a fiftieth of it. */
const LONGEST_SIDE = 1024;

/** A picture's size with sides of at most 1024 pixels, in the same ratio as nearly as whole pixels allow. */
export function fittedSize(width: number, height: number): { width: number; height: number } {
  const factor = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const fitted = (side: number): number => Math.max(1, Math.round(factor * side));
  return { width: fitted(width), height: fitted(height) };
}

/** A picture that is filled in band by band. */
export class GreyBands {
  readonly #width: number;
  readonly #height: number;
  readonly #grey: Float32Array<ArrayBuffer>;
  readonly #alpha: Float32Array<ArrayBuffer>;
  #filled = 0;
  #isOpaque = true;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#grey = new Float32Array(width * height);
    this.#alpha = new Float32Array(width * height);
  }

  /** Adds the next rows. @param rgba Four bytes a pixel, not multiplied by alpha. */
  add(rgba: Uint8ClampedArray): void {
    for (let i = 0; i < rgba.length; i += 4) {
      const [r = 0, g = 0, b = 0, a = 0] = [rgba[i], rgba[i + 1], rgba[i + 2], rgba[i + 3]];
      // Rec. 709's weights, by which io's readPng makes pictures grey, too.
      this.#grey[this.#filled] = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
      this.#alpha[this.#filled++] = a / 255;
      if (a !== 255) this.#isOpaque = false;
    }
  }

  /** What was added; its arrays are handed over. */
  picture(): GreyPicture {
    return {
      width: this.#width,
      height: this.#height,
      grey: this.#grey,
      alpha: this.#isOpaque ? null : this.#alpha,
    };
  }
}
