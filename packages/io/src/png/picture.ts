/** A picture without its colours. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`: from 0, black, to 1, white. */
  readonly grey: Float32Array;
  /** `[height, width]`: from 0, transparent, to 1, opaque; null where all is opaque. */
  readonly alpha: Float32Array | null;
}
